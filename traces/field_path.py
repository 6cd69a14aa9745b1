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

_PATH = re.compile(r"\w+(?:\.\w+|\[\d+\])*", re.ASCII)
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
    try:
        for segment in path:
            # A string would take an index, too, but it has no fields.
            if isinstance(data, str):
                return MISSING
            data = data[segment]
    except (KeyError, IndexError, TypeError):
        return MISSING
    return data


def set_field(data: Any, path: FieldPath, value: Any) -> Any:
    """A copy of `data` with `value` at `path`; everything that is not on the way there is shared, not copied.

    `path` must lead to something in `data` (KeyError, IndexError or TypeError otherwise).
    """
    if not path:
        return value
    head, rest = path[0], path[1:]
    copy = data.copy()
    copy[head] = set_field(data[head], rest, value)
    return copy


def drop_field(data: Any, path: FieldPath) -> Any:
    """A copy of `data` without the key at `path`, which ends in a key; `data` itself where it has no such key."""
    if get_field(data, path) is MISSING:
        return data
    parent = get_field(data, path[:-1])
    return set_field(data, path[:-1], {key: value for key, value in parent.items() if key != path[-1]})


def walk(value: Any) -> Iterator[tuple[FieldPath, Any]]:
    """Every value inside `value`, itself first, with its path, in the order of the JSON text. Without recursion: JSON
    may be nested deeply."""
    stack: list[tuple[FieldPath, Any]] = [((), value)]
    while stack:
        path, item = stack.pop()
        yield path, item
        if isinstance(item, dict):
            stack.extend([((*path, key), child) for key, child in item.items()][::-1])
        elif isinstance(item, list):
            stack.extend([((*path, index), child) for index, child in enumerate(item)][::-1])
