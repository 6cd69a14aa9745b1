"""What the `datasets` library makes of the arguments of calls when it loads JSON lines.

It gives each place in a column one type where all objects in it have the same keys: integers beside floats become
floats, strings that are all dates become times, and a string beside other values is read as JSON. Where objects differ
in their keys, it keeps JSON as it is. Found by loading with 5.2.0; `find_mixed_struct_types_field_paths` in its
`utils/json.py` says when objects count as different. The type is known only when the last row is, so it is counted here
and said at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ls_trajedit.converters.sums import Sums, numbers_in, sums_in
from ls_trajedit.converters.training.datasets_text import is_time
from ls_trajedit.traces.json_text import json_line, parse_json

__all__ = ["CallColumns", "Change", "ValueTypes"]

Change = Literal["integers_become_floats", "strings_become_times", "strings_are_parsed"]
"""What becomes of an argument's values."""

_COLUMNS = ("completion", "chosen", "rejected")
"""The columns of messages that may hold nothing but calls. In every other, users speak too, and so keys differ."""

_LARGEST = (1 << 63) - 1


@dataclass
class ValueTypes:
    """What stands in one place: kinds of values, and for objects and lists what is inside them."""

    kinds: set[str] = field(default_factory=set)
    keys: frozenset[str] | None = None
    has_other_keys: bool = False
    fields: dict[str, ValueTypes] = field(default_factory=dict)
    items: ValueTypes | None = None

    def add(self, value: Any) -> None:
        """Adds a value that stands there."""
        kind = _kind(value)
        if kind is None:
            return
        self.kinds.add(kind)
        if isinstance(value, dict):
            self._add_keys(frozenset(value))
            if not self.has_other_keys:
                for key, item in value.items():
                    self.fields.setdefault(key, ValueTypes()).add(item)
        elif isinstance(value, list):
            self.items = self.items or ValueTypes()
            for item in value:
                self.items.add(item)

    def update(self, other: ValueTypes) -> None:
        """Adds what another part of the same run found there."""
        self.kinds |= other.kinds
        if other.keys is not None:
            self._add_keys(other.keys)
        self.has_other_keys = self.has_other_keys or other.has_other_keys
        for key, types in other.fields.items():
            self.fields.setdefault(key, ValueTypes()).update(types)
        if other.items is not None:
            self.items = self.items or ValueTypes()
            self.items.update(other.items)

    def changes(self, path: str = "") -> Iterator[tuple[str, Change]]:
        """The places inside whose values are other ones after loading, each with what becomes of them.

        >>> types = ValueTypes()
        >>> types.add({"x": 0, "y": {"z": "a"}})
        >>> types.add({"x": 0.5, "y": {"z": "b"}})
        >>> list(types.changes())
        [('x', 'integers_become_floats')]
        """
        if self.kinds == {"object"}:
            if not self.has_other_keys and self.keys:
                for key, types in self.fields.items():
                    yield from types.changes(f"{path}.{key}" if path else key)
        elif self.kinds == {"list"}:
            if self.items is not None:
                yield from self.items.changes(f"{path}[]")
        elif (change := self._change()) is not None:
            yield path, change

    def places(self, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str, Sums]]:
        """What is known of this place and of each one inside, under the JSON of the way to it: names of fields, and 0
        for the items of a list. One flat level, however deeply values are nested."""
        keys = [] if self.keys is None else [_text(sorted(self.keys))]
        known: Sums = {"kinds": dict.fromkeys(sorted(self.kinds), 1), "keys": dict.fromkeys(keys, 1)}
        yield _text(path), known | ({"other_keys": 1} if self.has_other_keys else {})
        for key, types in self.fields.items():
            yield from types.places((*path, key))
        if self.items is not None:
            yield from self.items.places((*path, 0))

    def add_place(self, path: list[str | int], known: Sums) -> None:
        """Adds what `places` gave for one place, or what several of these add up to."""
        place = self
        for step in path:
            if isinstance(step, str):
                place = place.fields.setdefault(step, ValueTypes())
            else:
                place.items = place = place.items or ValueTypes()
        place.kinds.update(numbers_in(known, "kinds"))
        for keys in numbers_in(known, "keys"):
            place._add_keys(frozenset(_texts(keys)))
        place.has_other_keys = place.has_other_keys or "other_keys" in known

    def _change(self) -> Change | None:
        if self.kinds == {"time"}:
            return "strings_become_times"
        texts = self.kinds & {"text", "json_text", "time"}
        if texts:
            return "strings_are_parsed" if "json_text" in texts and self.kinds - texts else None
        is_retyped = {"integer", "float"} <= self.kinds or "large_integer" in self.kinds
        return "integers_become_floats" if is_retyped and self.kinds <= {"integer", "large_integer", "float"} else None

    def _add_keys(self, keys: frozenset[str]) -> None:
        if self.keys is None:
            self.keys = keys
        self.has_other_keys = self.has_other_keys or not keys or keys != self.keys


@dataclass
class CallColumns:
    """The calls in the columns of one file that may hold nothing but calls."""

    messages: dict[str, set[frozenset[str]]] = field(default_factory=dict)
    arguments: dict[str, ValueTypes] = field(default_factory=dict)

    def add(self, row: Mapping[str, Any]) -> None:
        """Adds the calls of a row."""
        for column in _COLUMNS:
            messages = row.get(column)
            if isinstance(messages, list):
                shapes = self.messages.setdefault(column, set())
                for message in messages:
                    if len(shapes) > 1:
                        break
                    shapes.add(frozenset(message))
                    for call in message.get("tool_calls", ()):
                        self.arguments.setdefault(column, ValueTypes()).add(call["function"]["arguments"])

    def update(self, other: CallColumns) -> None:
        """Adds what another part of the same run found."""
        for column, shapes in other.messages.items():
            self.messages.setdefault(column, set()).update(shapes)
        for column, types in other.arguments.items():
            self.arguments.setdefault(column, ValueTypes()).update(types)

    def changes(self) -> dict[str, Change]:
        """The arguments whose values are other ones after loading, each with what becomes of them, by name."""
        found: dict[str, Change] = {}
        for column in _COLUMNS:
            if column in self.arguments and len(self.messages[column]) == 1:
                found.update(self.arguments[column].changes())
        return dict(sorted(found.items()))

    def as_sums(self) -> Sums:
        """What was found as numbers that can be added up: what is there once is there in the sum."""
        return {
            column: {
                "messages": dict.fromkeys((_text(sorted(shape)) for shape in shapes), 1),
                "places": dict(self.arguments[column].places()) if column in self.arguments else {},
            }
            for column, shapes in self.messages.items()
        }

    @classmethod
    def from_sums(cls, value: Sums) -> CallColumns:
        """What was found, given the sum of what `as_sums` gave for its parts. Raises ValueError for anything else."""
        found = cls()
        for column in value:
            columns = sums_in(value, column)
            found.messages[column] = {frozenset(_texts(shape)) for shape in numbers_in(columns, "messages")}
            for path, known in sums_in(columns, "places").items():
                if isinstance(known, int):
                    raise ValueError("a place is a number")
                found.arguments.setdefault(column, ValueTypes()).add_place(_path(path), known)
        return found


def _text(value: Any) -> str:
    return json_line(value).decode()


def _path(text: str) -> list[str | int]:
    path = parse_json(text.encode())
    if not isinstance(path, list) or not all(isinstance(step, str | int) for step in path):
        raise ValueError("not a way to a place")
    return path


def _texts(text: str) -> list[str]:
    texts = parse_json(text.encode())
    if not isinstance(texts, list) or not all(isinstance(item, str) for item in texts):
        raise ValueError("not a list of strings")
    return texts


def _kind(value: Any) -> str | None:
    """What a value is; None for null, which changes nothing."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "integer" if -_LARGEST - 1 <= value <= _LARGEST else "large_integer"
    if isinstance(value, float):
        return "float"
    if isinstance(value, str):
        return "time" if is_time(value) else "json_text" if _is_json(value) else "text"
    return "object" if isinstance(value, dict) else "list"


def _is_json(text: str) -> bool:
    try:
        parse_json(text.encode("utf-8", "surrogatepass"))
    except ValueError:
        return False
    return True
