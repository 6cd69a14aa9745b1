"""Actions that are tool calls: JSON in one of two shapes, or a Python call with literal arguments, never evaluated."""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ls_trajedit.converters.training.datasets_text import well_formed
from ls_trajedit.traces.json_text import parse_json

__all__ = ["ToolCall", "parse_calls"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", re.ASCII)
_PYTHON_CALL = re.compile(r"\s*[A-Za-z_][A-Za-z0-9_.]*\s*\(.*\)\s*", re.ASCII | re.DOTALL)
# To parse more takes longer than anybody's call is worth, and can end the interpreter.
_LONGEST = 100_000
_ENVELOPE = {"id", "type", "index"}


@dataclass(frozen=True)
class ToolCall:
    """A call: the tool's name, and its arguments, which are JSON."""

    name: str
    arguments: dict[str, Any]


def parse_calls(action: Any, parameters: Mapping[str, Sequence[str]]) -> list[ToolCall] | None:
    """The calls that an action is, or None when it is anything else, which stays text.

    `parameters` says what the parameters of the known tools are called, in order: without it, a call with positional
    arguments cannot be told as names and values.

    >>> parse_calls("web_search(query='SF weather')", {})
    [ToolCall(name='web_search', arguments={'query': 'SF weather'})]
    >>> parse_calls("open_url(results[0])", {}) is None
    True
    """
    if isinstance(action, str):
        return _parse_text(action, parameters)
    return _parse_value(action)


def _parse_text(text: str, parameters: Mapping[str, Sequence[str]]) -> list[ToolCall] | None:
    stripped = text.strip()
    if len(stripped) > _LONGEST:
        return None
    if stripped.startswith(("{", "[")):
        try:
            return _parse_value(parse_json(stripped.encode("utf-8", "surrogatepass")))
        except ValueError:
            return None
    return _parse_python(stripped, parameters) if _PYTHON_CALL.fullmatch(stripped) else None


def _parse_value(value: Any) -> list[ToolCall] | None:
    calls = [_parse_object(item) for item in (value if isinstance(value, list) else [value])]
    known = [call for call in calls if call is not None]
    return known if known and len(known) == len(calls) else None


def _parse_object(value: Any) -> ToolCall | None:
    """A call as `{"name", "arguments"}`, or with that under `function`. What holds more than a call stays text, so
    that nothing of it is lost."""
    if not isinstance(value, dict):
        return None
    if "function" in value:
        if value.get("type", "function") != "function" or set(value) - _ENVELOPE - {"function"}:
            return None
        value = value["function"]
        if not isinstance(value, dict) or set(value) != {"name", "arguments"}:
            return None
    elif set(value) - _ENVELOPE != {"name", "arguments"}:
        return None
    arguments = value["arguments"]
    if isinstance(arguments, str):
        try:
            arguments = parse_json(arguments.encode("utf-8", "surrogatepass"))
        except ValueError:
            return None
    return _checked(value["name"], arguments)


def _parse_python(text: str, parameters: Mapping[str, Sequence[str]]) -> list[ToolCall] | None:
    try:
        with warnings.catch_warnings():
            # An escape that Python does not know, as in 'C:\build', is no concern of whoever runs this.
            warnings.simplefilter("ignore")
            node = ast.parse(text, mode="eval").body
        if not isinstance(node, ast.Call):
            return None
        name = ast.unparse(node.func)
        names = parameters.get(name, ())
        if len(node.args) > len(names):
            return None
        arguments = {name: ast.literal_eval(value) for name, value in zip(names, node.args, strict=False)}
        for keyword in node.keywords:
            if keyword.arg is None or keyword.arg in arguments:
                return None
            arguments[keyword.arg] = ast.literal_eval(keyword.value)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        return None
    call = _checked(name, arguments)
    return None if call is None else [call]


def _checked(name: Any, arguments: Any) -> ToolCall | None:
    if not isinstance(name, str) or not _NAME.fullmatch(name) or not isinstance(arguments, dict):
        return None
    try:
        return ToolCall(name, _as_json(arguments))
    except (TypeError, RecursionError):
        return None


def _as_json(value: Any) -> Any:
    """`value` as JSON that every reader takes; raises TypeError where it is none."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        # A date is left as it is: an argument with a blank behind it would be another argument.
        return well_formed(value)
    if isinstance(value, int) and -(1 << 63) <= value < 1 << 63:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, list | tuple):
        return [_as_json(item) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {well_formed(key): _as_json(item) for key, item in value.items()}
    raise TypeError(f"{type(value).__name__} is no JSON")
