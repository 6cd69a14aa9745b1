"""Where something stands in the source of a trace, so that a correction can be put back exactly there.

A place is a path of keys and indices. Recorded traces nest JSON in strings (the arguments of a call) and calls in text
(`<tool_call>` tags), so a path can also step into the JSON of a string and into a part of a text.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ls_trajedit.traces.json_text import parse_json

__all__ = [
    "JSON_TEXT",
    "PYTHON_TEXT",
    "JsonText",
    "Place",
    "PythonText",
    "Span",
    "Under",
    "correct_source",
    "format_place",
    "parse_python",
    "read_place",
]


@dataclass(frozen=True)
class JsonText:
    """The value is a string; the path goes on inside the JSON that it holds. A blank string stands for `{}`, as
    models write the arguments of a call without any."""


@dataclass(frozen=True)
class PythonText:
    """The value is a string; the path goes on inside the object in it, which Python wrote (`{'city': None}`)."""


@dataclass(frozen=True)
class Span:
    """The value is a string; the path goes on with its characters from `start` to `end`."""

    start: int
    end: int


@dataclass(frozen=True)
class Under:
    """The value stands for `{key: value}`: the input of a freeform tool, which takes one text and no object."""

    key: str


JSON_TEXT: Final = JsonText()
PYTHON_TEXT: Final = PythonText()

_Segment = str | int | JsonText | PythonText | Span | Under
Place = tuple[_Segment, ...]
"""`("messages", 3, "tool_calls", 0, "function", "arguments", JSON_TEXT)` is the object in the arguments of a call."""


def read_place(source: Any, place: Place) -> Any:
    """What stands at `place`. Raises ValueError, KeyError, IndexError or TypeError where nothing does."""
    for segment in place:
        match segment:
            case JsonText():
                source = _parse(source)
            case PythonText():
                source = parse_python(source)
            case Span(start, end):
                source = source[start:end]
            case Under(key):
                source = {key: source}
            case _:
                source = source[segment]
    return source


def correct_source(source: Any, corrections: Mapping[Place, Any]) -> Any:
    """A copy of `source` with another value at each of the places; all else is shared, not copied.

    A string that holds JSON is written in its own style (spaces after commas, escapes) where it has one of the usual
    ones. No place may lie inside another. Raises ValueError when a value does not fit its place.

    >>> call = {"arguments": '{"city": "SF"}'}
    >>> correct_source(call, {("arguments", JSON_TEXT, "city"): "NYC"})
    {'arguments': '{"city": "NYC"}'}
    """
    return _write(source, corrections) if corrections else source


def format_place(place: Iterable[_Segment]) -> str:
    """The place as people write it: keys and indices, without the steps into strings.

    >>> format_place(("messages", 3, "tool_calls", 0, "function", "arguments", JSON_TEXT))
    'messages[3].tool_calls[0].function.arguments'
    """
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in place if isinstance(part, str | int))
    return "".join(parts).removeprefix(".")


def parse_python(text: str) -> Any:
    """The JSON value that Python wrote as `text`. Raises ValueError when it is not a literal, or not a JSON value.

    >>> parse_python("{'city': None}")
    {'city': None}
    """
    try:
        value = ast.literal_eval(text)
        json.dumps(value, allow_nan=False)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise ValueError("it is not a value that Python wrote") from None
    if not _is_json(value):
        raise ValueError("it is not a JSON value")
    return value


def _is_json(value: Any) -> bool:
    """Whether the value is the same after JSON: no tuples, and only strings for keys."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(inner) for key, inner in value.items())
    return all(map(_is_json, value)) if isinstance(value, list) else not isinstance(value, tuple)


def _write(value: Any, corrections: Mapping[Place, Any]) -> Any:
    if () in corrections:
        return corrections[()]
    inside: dict[_Segment, dict[Place, Any]] = {}
    for place, new in corrections.items():
        inside.setdefault(place[0], {})[place[1:]] = new
    # From the end, so that what has become longer or shorter moves no span that is still to come.
    for head in sorted(inside, key=_start, reverse=True):
        value = _write_inside(value, head, inside[head])
    return value


def _start(segment: _Segment) -> int:
    return segment.start if isinstance(segment, Span) else 0


def _write_inside(value: Any, head: _Segment, corrections: Mapping[Place, Any]) -> Any:
    match head:
        case JsonText():
            return _dump_like(value, _write(_parse(value), corrections))
        case PythonText():
            return repr(_write(parse_python(value), corrections))
        case Span(start, end):
            inner = _write(value[start:end], corrections)
            if not isinstance(inner, str):
                raise ValueError("a part of a text can only become text")
            return value[:start] + inner + value[end:]
        case Under(key):
            wrapped = _write({key: value}, corrections)
            if not isinstance(wrapped, dict) or wrapped.keys() != {key} or not isinstance(wrapped[key], str):
                raise ValueError(f"it must be an object with one text, `{key}`")
            return wrapped[key]
    copy = value.copy()
    copy[head] = _write(value[head], corrections)
    return copy


def _parse(text: Any) -> Any:
    if not isinstance(text, str):
        raise ValueError("it is not a string")
    return {} if not text.strip() else parse_json(text.encode("utf-8", "backslashreplace"))


def _dump_like(text: str, value: Any) -> str:
    """`value` as JSON in the style of `text`; compact where that has none of the usual ones."""
    before = _parse(text)
    styles: tuple[dict[str, Any], ...] = ({"separators": (",", ":")}, {}, {"indent": 2}, {"indent": 4})
    for style in styles:
        for ascii_only in (False, True):
            if _dump(before, ensure_ascii=ascii_only, **style) == text:
                return _dump(value, ensure_ascii=ascii_only, **style)
    return _dump(value, ensure_ascii=False, separators=(",", ":"))


def _dump(value: Any, **style: Any) -> str:
    return json.dumps(value, allow_nan=False, **style)
