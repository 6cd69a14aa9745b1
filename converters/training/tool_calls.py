"""Actions that are tool calls, and the tools that a trace may call.

An action is a call if it is JSON in one of two shapes, or a Python call with literal arguments. It is never evaluated.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from ls_trajedit.converters.training.datasets_text import well_formed
from ls_trajedit.traces.json_text import parse_json

__all__ = [
    "Parameters",
    "Signature",
    "Tool",
    "ToolCall",
    "declared_tools",
    "inferred_tools",
    "parse_calls",
    "signatures",
    "well_formed_json",
]


@dataclass(frozen=True)
class Signature:
    """The parameters of a tool: `names` in the order in which positional arguments are given to them, then `others`,
    whose order is not known."""

    names: tuple[str, ...]
    others: frozenset[str] = frozenset()

    @property
    def in_any_order(self) -> Signature:
        """The same parameters as if their order were known."""
        return Signature((*self.names, *sorted(self.others)))


Parameters = Mapping[str, Signature]
"""The parameters of each known tool."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", re.ASCII)
_PYTHON_CALL = re.compile(r"\s*[A-Za-z_][A-Za-z0-9_.]*\s*\(.*\)\s*", re.ASCII | re.DOTALL)
# Parsing more takes longer than any call is worth, and can crash the interpreter.
_LONGEST = 100_000
_ENVELOPE = {"id", "type", "index"}
_JSON_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "boolean"),  # before int, because a bool is an int
    (int, "integer"),
    (float, "number"),
    (str, "string"),
    (list, "array"),
    (dict, "object"),
)


@dataclass(frozen=True)
class ToolCall:
    """A call: the tool's name and its arguments, which are JSON."""

    name: str
    arguments: dict[str, Any]


class Tool(TypedDict):
    """A tool as OpenAI's API takes it. `function` has a `name`, a `description` and, if known, its `parameters`."""

    type: Literal["function"]
    function: dict[str, Any]


def parse_calls(action: Any, parameters: Parameters) -> list[ToolCall] | None:
    """The calls that an action makes, or None when it is anything else, which stays text.

    `parameters` are those of the declared tools. Without them, or where it is not known which of them comes next, the
    positional arguments of a call have no names, so it stays text.

    >>> parse_calls("web_search(query='SF weather')", {})
    [ToolCall(name='web_search', arguments={'query': 'SF weather'})]
    >>> parse_calls("open_url(results[0])", {}) is None
    True
    """
    if isinstance(action, str):
        return _parse_text(action, parameters)
    return _parse_value(action)


def declared_tools(value: Any) -> list[Tool] | None:
    """The tools in what a trace holds at `tools_key`: a list, or its JSON, of functions as OpenAI's API takes them,
    with or without the `{"type": "function", "function": …}` around them. A missing description becomes an empty one.
    None when `value` is anything else."""
    if isinstance(value, str):
        try:
            value = parse_json(value.encode("utf-8", "surrogatepass"))
        except ValueError:
            return None
    if not isinstance(value, list) or not value:
        return None
    functions = [item.get("function", item) if isinstance(item, dict) else None for item in value]
    if not all(isinstance(function, dict) and isinstance(function.get("name"), str) for function in functions):
        return None
    return [_tool(well_formed_json(function)) for function in functions]


def signatures(tools: Iterable[Tool], *, knows_key_order: bool) -> dict[str, Signature]:
    """The parameters of each tool, in the order of its `properties`.

    Where that order is lost (the tools come from a PostgreSQL, which orders keys in its own way), the parameters that
    the array `required` names come first, as they do in a function's signature, and the others in no known order.
    """
    found = {}
    for tool in tools:
        parameters = tool["function"].get("parameters")
        properties = parameters.get("properties") if isinstance(parameters, dict) else None
        names = tuple(properties) if isinstance(properties, dict) else ()
        if not knows_key_order:
            required = parameters.get("required") if isinstance(parameters, dict) else None
            listed = [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
            known = tuple(dict.fromkeys(name for name in listed if name in names))
            found[tool["function"]["name"]] = Signature(known, frozenset(names) - frozenset(known))
        else:
            found[tool["function"]["name"]] = Signature(names)
    return found


def inferred_tools(corrected: Iterable[ToolCall], original: Iterable[ToolCall]) -> list[Tool]:
    """The tools that the corrected calls use, with the parameters that these calls have, in order of their first call.

    The original calls add only tools that no corrected one calls: a parameter that a correction removed is not one.

    >>> tools = inferred_tools([ToolCall("search", {"query": "x"})], [ToolCall("search", {"queyr": "x"})])
    >>> tools[0]["function"]["parameters"]["properties"]
    {'query': {'type': 'string'}}
    """
    calls = _by_name(corrected)
    for name, found in _by_name(original).items():
        calls.setdefault(name, found)
    return [_inferred(name, found) for name, found in calls.items()]


def _parse_text(text: str, parameters: Parameters) -> list[ToolCall] | None:
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
    """A call written as `{"name", "arguments"}`, or with that under `function`. Anything that holds more than a call
    stays text, so that nothing of it is lost."""
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


def _parse_python(text: str, parameters: Parameters) -> list[ToolCall] | None:
    try:
        with warnings.catch_warnings():
            # Whoever runs this cannot do anything about an escape that Python does not know, such as 'C:\build'.
            warnings.simplefilter("ignore")
            node = ast.parse(text, mode="eval").body
        if not isinstance(node, ast.Call):
            return None
        name = ast.unparse(node.func)
        names = _positional_names(parameters.get(name, Signature(())), node)
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


def _positional_names(signature: Signature, call: ast.Call) -> tuple[str, ...]:
    """The names of positional arguments. After those in a known order comes one more, if only one is left for it."""
    left = signature.others - {keyword.arg for keyword in call.keywords}
    return (*signature.names, *left) if len(left) == 1 else signature.names


def _checked(name: Any, arguments: Any) -> ToolCall | None:
    if not isinstance(name, str) or not _NAME.fullmatch(name) or not isinstance(arguments, dict):
        return None
    try:
        return ToolCall(name, _as_json(arguments))
    except (TypeError, RecursionError):
        return None


def _as_json(value: Any) -> Any:
    """`value` as JSON that every reader accepts; raises TypeError when it is not JSON."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        # A date stays as it is: with a space after it, it would be another argument.
        return well_formed(value)
    if isinstance(value, int) and -(1 << 63) <= value < 1 << 63:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, list | tuple):
        return [_as_json(item) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {well_formed(key): _as_json(item) for key, item in value.items()}
    raise TypeError(f"{type(value).__name__} is not JSON")


def _by_name(calls: Iterable[ToolCall]) -> dict[str, list[ToolCall]]:
    found: dict[str, list[ToolCall]] = {}
    for call in calls:
        found.setdefault(call.name, []).append(call)
    return found


def _inferred(name: str, calls: list[ToolCall]) -> Tool:
    types: dict[str, dict[str, None]] = {}
    for call in calls:
        for key, value in call.arguments.items():
            types.setdefault(key, {})[_json_type(value)] = None
    properties = {key: {"type": next(iter(found)) if len(found) == 1 else list(found)} for key, found in types.items()}
    required = [key for key in types if all(key in call.arguments for call in calls)]
    return _tool({"name": name, "parameters": {"type": "object", "properties": properties, "required": required}})


def _tool(function: dict[str, Any]) -> Tool:
    """The tool with a description, which some chat templates cannot do without."""
    return {"type": "function", "function": {"name": function["name"], "description": "", **function}}


def _json_type(value: Any) -> str:
    return next((name for kind, name in _JSON_TYPES if isinstance(value, kind)), "null")


def well_formed_json(value: Any) -> Any:
    """The JSON value with U+FFFD in place of each lone surrogate in a string."""
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, list):
        return [well_formed_json(item) for item in value]
    if isinstance(value, dict):
        return {well_formed_json(key): well_formed_json(item) for key, item in value.items()}
    return value
