"""Where a field is inside a trace, written the way Label Studio writes it: `steps[3].args.query`.

Label Studio resolves `value="$steps[3].args.query"` in the browser (`parseValue` of its editor) and accepts only ASCII
letters, digits and `_` in a key. A trace may have other keys, but they cannot be shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

__all__ = [
    "MISSING",
    "RESERVED_KEY",
    "Draft",
    "FieldPath",
    "drop_field",
    "format_path",
    "get_field",
    "is_showable_key",
    "parse_path",
    "set_field",
    "walk",
]

FieldPath = tuple[str | int, ...]
"""`("steps", 3, "args", "query")` for `steps[3].args.query`."""


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()
"""What `get_field` returns where there is nothing."""

RESERVED_KEY: Final = "ls_trajedit"
"""The key under which task data holds our own notes. No trace may have it at its top level."""

# No list has an index of more digits; Python takes seconds to make a number of a million of them.
_PATH = re.compile(r"\w+(?:\.\w+|\[\d{1,18}\])*", re.ASCII)
_SEGMENT = re.compile(r"(\w+)|\[(\d+)\]", re.ASCII)
_KEY = re.compile(r"\w+", re.ASCII)


def parse_path(text: str) -> FieldPath:
    """The path that `text` spells; raises ValueError when Label Studio could not follow it.

    >>> parse_path("tool_calls[0].function.arguments")
    ('tool_calls', 0, 'function', 'arguments')
    """
    if not _PATH.fullmatch(text):
        raise ValueError(
            f"`{text}` is not a path that Label Studio can show: keys are ASCII letters, digits and _, "
            "joined by dots, with [0] for the first element of a list"
        )
    return tuple(key or int(index) for key, index in _SEGMENT.findall(text))


def format_path(path: FieldPath) -> str:
    """`path` as text: the inverse of `parse_path`.

    >>> format_path(("steps", 3, "action"))
    'steps[3].action'
    """
    text = "".join(f"[{segment}]" if isinstance(segment, int) else f".{segment}" for segment in path)
    return text.removeprefix(".")


def is_showable_key(key: str) -> bool:
    """Whether Label Studio can show the field `key` of an object."""
    return _KEY.fullmatch(key) is not None


def get_field(data: Any, path: FieldPath) -> Any:
    """The value at `path` in `data`, or MISSING. The empty path is `data` itself."""
    found = data
    try:
        for segment in path:
            found = found[segment]
    except (KeyError, IndexError, TypeError):
        return MISSING
    # A string would take an index, too, but it has no fields. What it would give is one character, which is rare.
    return MISSING if type(found) is str and len(found) == 1 and _is_in_text(data, path) else found


def _is_in_text(data: Any, path: FieldPath) -> bool:
    for segment in path:
        if isinstance(data, str):
            return True
        data = data[segment]
    return False


class Draft:
    """`value` is `data` with the changes made so far. `data` itself is not changed: what is on the way to a change is
    copied, each part once however many changes there are, and everything else is shared."""

    def __init__(self, data: Any) -> None:
        self._root = [data]
        # By identity, which they keep as long as they are here.
        self._copies: dict[int, Any] = {}

    @property
    def value(self) -> Any:
        """The data with the changes."""
        return self._root[0]

    def set(self, path: FieldPath, value: Any) -> None:
        """Puts `value` at `path`, which must lead to something (KeyError, IndexError, TypeError or AttributeError
        otherwise)."""
        parent, last = self._parent(path)
        parent[last]
        parent[last] = value

    def drop(self, path: FieldPath) -> None:
        """Removes the key at `path`; nothing where there is no such key. Items of lists stay: others would move up."""
        if isinstance(path[-1], str) and get_field(self.value, path) is not MISSING:
            parent, last = self._parent(path)
            del parent[last]

    def _parent(self, path: FieldPath) -> tuple[Any, str | int]:
        parent: Any = self._root
        last: str | int = 0
        for segment in path:
            child = parent[last]
            if id(child) not in self._copies:
                child = child.copy()
                self._copies[id(child)] = child
                parent[last] = child
            parent, last = child, segment
        return parent, last


def set_field(data: Any, path: FieldPath, value: Any) -> Any:
    """A copy of `data` with `value` at `path`; everything that is not on the way there is shared, not copied.

    `path` must lead to something in `data` (KeyError, IndexError, TypeError or AttributeError otherwise). A Draft is
    quicker for several changes.
    """
    draft = Draft(data)
    draft.set(path, value)
    return draft.value


def drop_field(data: Any, path: FieldPath) -> Any:
    """A copy of `data` without the key at `path`, which ends in a key; `data` itself where it has no such key."""
    draft = Draft(data)
    draft.drop(path)
    return draft.value


def walk(value: Any) -> Iterator[tuple[FieldPath, Any]]:
    """Every value inside `value`, itself first, with its path, in the order of the JSON text. Without recursion: JSON
    may be nested deeply."""
    yield (), value
    # Each path is made when its turn comes: those of a long list deep inside would fill the memory.
    below: list[tuple[FieldPath, Iterator[tuple[str | int, Any]]]] = [((), _children(value))]
    while below:
        path, children = below[-1]
        for segment, child in children:
            at = (*path, segment)
            yield at, child
            if child and isinstance(child, dict | list):
                below.append((at, _children(child)))
                break
        else:
            below.pop()


def _children(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, dict):
        return iter(value.items())
    return enumerate(value) if isinstance(value, list) else iter(())
