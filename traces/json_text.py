"""JSON in and out without changing a value.

orjson does the work. It turns integers beyond 64 bits into floats and does not support lone surrogates, both of which
occur in recorded traces, so such text goes through the standard library instead.
"""

from __future__ import annotations

import json
import math
from dataclasses import fields
from typing import Any, Final, NoReturn

import orjson

__all__ = ["JsonPart", "RawJson", "canonical_json", "json_indented", "json_line", "parse_json", "same_json"]

# A run of 19 digits may be an integer beyond 64 bits. Making all digits equal and searching for the run is ten times
# as fast as a regular expression.
_DIGITS_TO_ZERO = bytes.maketrans(b"123456789", b"000000000")
_LONG_RUN = b"0" * 19
_OPENING = b"[{"
# U+0085, U+2028 and U+2029 as UTF-8: the line ends of Unicode that JSON allows in a string. Before each, the one of
# its bytes that is rare in other text: searching for one byte takes a fiftieth of the time of searching for several.
_LINE_SEPARATORS = (
    (b"\x85", b"\xc2\x85", rb"\u0085"),
    (b"\x80", b"\xe2\x80\xa8", rb"\u2028"),
    (b"\x80", b"\xe2\x80\xa9", rb"\u2029"),
)
# Anything nested deeper could be read, but not everywhere written again.
_MAX_DEPTH = 500
_MOST_INDENT = 1_000_000
_NOT_PARSED: Final = object()


class RawJson:
    """JSON text as it was read, which may have been parsed already."""

    __slots__ = ("_is_checked", "_parsed", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._parsed: Any = _NOT_PARSED
        self._is_checked = False

    def parse(self) -> None:
        """Parses the text, if nobody has yet, so that `value` need not. Raises ValueError when it is not JSON."""
        if self._parsed is _NOT_PARSED:
            self._parsed = _parse(self.raw)

    def value(self) -> Any:
        """What `parse_json` returns for the text; raises what it raises."""
        if self._parsed is _NOT_PARSED:
            return parse_json(self.raw)
        if not self._is_checked:
            self._parsed = _checked(self._parsed, self.raw)
            self._is_checked = True
        return self._parsed

    def __reduce__(self) -> tuple[type[RawJson], tuple[bytes]]:
        # Only the text is sent to another process: sending the value takes longer than parsing the text there.
        return RawJson, (self.raw,)


class JsonPart:
    """Takes the place of `value` inside any number of values that `json_line` writes; its JSON is made only once.

    >>> part = JsonPart({"steps": ["a"]})
    >>> json_line({"chosen": part}), json_line([part])
    (b'{"chosen":{"steps":["a"]}}', b'[{"steps":["a"]}]')
    """

    __slots__ = ("_fragment", "_value")

    def __init__(self, value: Any) -> None:
        self._value = value
        self._fragment: orjson.Fragment | None = None

    def value(self) -> Any:
        """The value whose place it takes."""
        return self._value

    def fragment(self) -> orjson.Fragment:
        """Its JSON. Raises TypeError when orjson cannot write the value."""
        if self._fragment is None:
            self._fragment = orjson.Fragment(orjson.dumps(self._value))
        return self._fragment


def parse_json(raw: bytes) -> Any:
    """The value of the UTF-8 JSON text `raw`, with every number and every character kept.

    Raises ValueError when `raw` is not JSON (RFC 8259, so neither NaN nor Infinity), holds a number too large for a
    double, or is nested too deeply.
    """
    return _checked(_parse(raw), raw)


def _checked(value: Any, raw: bytes) -> Any:
    """`value`, which `_parse` returned for `raw`, with its long integers; raises ValueError when it is too deep."""
    # One pass shows both whether there may be such integers and how many brackets there are.
    flat = raw.translate(_DIGITS_TO_ZERO, _OPENING)
    if _LONG_RUN in flat:
        value = _parse_slowly(raw)
    # Only text with that many brackets can be nested so deeply.
    if len(raw) - len(flat) > _MAX_DEPTH and _is_deeper(value, _MAX_DEPTH):
        raise ValueError("nested too deeply")
    return value


def _parse(raw: bytes) -> Any:
    """The value of `raw`, except that integers beyond 64 bits may have become floats."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return _parse_slowly(raw)


def _parse_slowly(raw: bytes) -> Any:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 (byte {error.start})") from None
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def json_line(value: Any) -> bytes:
    """`value` as compact UTF-8 JSON without a line end. U+0085, U+2028 and U+2029 are escaped, so that a line is one
    line for every reader. A lone surrogate is written as its escape, because UTF-8 has no bytes for it. A dataclass is
    an object with those of its fields that the instance has, in their order."""
    try:
        raw = orjson.dumps(value, default=JsonPart.fragment)
    except TypeError:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_as_plain)
        raw = _encode(text)
    if not raw.isascii():
        for rare_byte, separator, escape in _LINE_SEPARATORS:
            if rare_byte in raw:
                raw = raw.replace(separator, escape)
    return raw


def json_indented(value: Any) -> str:
    """`value` as JSON with an indent of two spaces: what an editor shows for a field that is not a string. A lone
    surrogate is written as its escape. A value that is nested so deeply that its indent alone would have a million
    characters is written without."""
    is_indented = not isinstance(value, dict | list) or _indent_size(value) <= _MOST_INDENT
    try:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2 if is_indented else None).decode()
    except TypeError:
        style: dict[str, Any] = {"indent": 2} if is_indented else {"separators": (",", ":")}
        return _encode(json.dumps(value, ensure_ascii=False, allow_nan=False, **style)).decode()


def same_json(a: Any, b: Any) -> bool:
    """Whether two values are the same JSON. Unlike with `==`, `1`, `1.0` and `true` are three values; as with `==`,
    the order of an object's keys does not matter."""
    return canonical_json(a) == canonical_json(b)


def canonical_json(value: Any) -> str:
    """A text that two values share when they are the same JSON."""
    return json.dumps(value, sort_keys=True)


def typed_item(value: object, key: str, *types: type) -> Any:
    """What the JSON object `value` holds under `key`. Raises ValueError when it is missing, and TypeError when it is
    not of one of the types, exactly: true is not 1.

    >>> typed_item({"round": 2}, "round", int)
    2
    """
    if not isinstance(value, dict):
        raise TypeError(f"`{key}` is asked of something that is not an object")
    if key not in value:
        raise ValueError(f"`{key}` is missing")
    if type(value[key]) not in types:
        raise TypeError(f"`{key}` is of the wrong type")
    return value[key]


def _as_plain(value: Any) -> Any:
    """What the standard library writes for a value that only orjson knows: a part or a dataclass."""
    if isinstance(value, JsonPart):
        return value.value()
    # Like orjson: the fields that the instance has itself, without those that only its class has a default for.
    own = vars(value)
    return {field.name: own[field.name] for field in fields(value) if field.name in own}


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def _indent_size(value: dict[str, Any] | list[Any]) -> int:
    """How many spaces and line ends indent `value`; where there are more than _MOST_INDENT, some of them."""
    level: list[Any] = [value]
    depth = size = 0
    while level and size <= _MOST_INDENT:
        depth += 1
        below: list[Any] = []
        for item in level:
            below += item.values() if isinstance(item, dict) else item
        size += (2 * depth + 1) * len(below) + (2 * depth - 1) * len(level)
        level = [item for item in below if isinstance(item, dict | list)]
    return size


def _is_deeper(value: Any, depth: int) -> bool:
    level = [value]
    for _ in range(depth):
        parents = (item.values() if isinstance(item, dict) else item for item in level)
        level = [child for children in parents for child in children if isinstance(child, dict | list)]
        if not level:
            return False
    return True


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits} is larger than any double")
    return number
