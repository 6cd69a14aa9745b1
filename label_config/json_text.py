"""JSON in and out without changing a value.

orjson does the work. It turns integers beyond 64 bits into floats and knows nothing of lone surrogates, both of which
occur in recorded traces, so such texts go through the standard library instead.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

import orjson

__all__ = ["json_indented", "json_line", "parse_json", "same_json"]

# A run of 19 digits may be an integer beyond 64 bits. To make all digits equal and look for the run is ten times as
# fast as a regular expression.
_DIGITS_TO_ZERO = bytes.maketrans(b"123456789", b"000000000")
_LONG_RUN = b"0" * 19
# U+0085, U+2028 and U+2029 as UTF-8: the line ends of Unicode that JSON lets stand in a string.
_LINE_SEPARATORS = ((b"\xc2\x85", rb"\u0085"), (b"\xe2\x80\xa8", rb"\u2028"), (b"\xe2\x80\xa9", rb"\u2029"))
# What is nested deeper could be read, but not everywhere be written again.
_MAX_DEPTH = 500


def parse_json(raw: bytes) -> Any:
    """The value that the UTF-8 JSON text `raw` stands for, every number and every character kept.

    Raises ValueError when `raw` is not JSON (RFC 8259, so neither NaN nor Infinity), holds a number that no double
    can hold, or is nested too deeply to be read.
    """
    value = _parse(raw)
    # Only a text with that many brackets is worth walking through.
    if raw.count(b"[") + raw.count(b"{") > _MAX_DEPTH and _is_deeper(value, _MAX_DEPTH):
        raise ValueError("nested too deeply")
    return value


def _parse(raw: bytes) -> Any:
    if _LONG_RUN not in raw.translate(_DIGITS_TO_ZERO):
        try:
            return orjson.loads(raw)
        except orjson.JSONDecodeError:
            pass
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 (byte {error.start})") from None
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def json_line(value: Any) -> bytes:
    """`value` as compact UTF-8 JSON without a line end. U+0085, U+2028 and U+2029 are escaped, so that a line stays
    one line in every reader. A lone surrogate is written as its escape, because UTF-8 has no bytes for it."""
    try:
        raw = orjson.dumps(value)
    except TypeError:
        raw = _encode(json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")))
    if not raw.isascii():
        for separator, escape in _LINE_SEPARATORS:
            raw = raw.replace(separator, escape)
    return raw


def json_indented(value: Any) -> str:
    """`value` as JSON with an indent of two spaces: what an editor shows for a field that is not a string. A lone
    surrogate is written as its escape."""
    try:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    except TypeError:
        return _encode(json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2)).decode()


def same_json(a: Any, b: Any) -> bool:
    """Whether two values are the same JSON. Unlike `==`, `1`, `1.0` and `true` are three values; as in `==`, the
    order of an object's keys does not count."""
    return _canonical(a) == _canonical(b)


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


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
