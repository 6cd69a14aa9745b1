"""The tools that a trace may call: what it says of them itself, or what its calls show."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ls_trajedit.converters.training.datasets_text import well_formed
from ls_trajedit.converters.training.tool_calls import ToolCall
from ls_trajedit.traces.json_text import parse_json

__all__ = ["declared_tools", "inferred_tools", "parameter_names"]

Tool = dict[str, Any]


def declared_tools(value: Any) -> list[Tool] | None:
    """The tools in what a trace holds at `tools_key`: a list, or its JSON, of functions as OpenAI's API takes them,
    with or without the `{"type": "function", "function": …}` around. One without a description gets an empty one.
    None when it holds anything else."""
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
    return [{"type": "function", "function": _described(_well_formed(function))} for function in functions]


def parameter_names(tools: Iterable[Tool]) -> dict[str, list[str]]:
    """What the parameters of each tool are called, in the order in which it declares them."""
    found = {}
    for tool in tools:
        parameters = tool["function"].get("parameters")
        properties = parameters.get("properties") if isinstance(parameters, dict) else None
        found[tool["function"]["name"]] = list(properties) if isinstance(properties, dict) else []
    return found


def inferred_tools(corrected: Iterable[ToolCall], original: Iterable[ToolCall]) -> list[Tool]:
    """The tools that the corrected calls show, with the parameters that these have, in order of their first call.

    The original calls add only tools that no corrected one calls: what a correction took away is no parameter.

    >>> tools = inferred_tools([ToolCall("search", {"query": "x"})], [ToolCall("search", {"queyr": "x"})])
    >>> tools[0]["function"]["parameters"]["properties"]
    {'query': {'type': 'string'}}
    """
    calls = _by_name(corrected)
    for name, found in _by_name(original).items():
        calls.setdefault(name, found)
    return [{"type": "function", "function": _inferred(name, found)} for name, found in calls.items()]


def _by_name(calls: Iterable[ToolCall]) -> dict[str, list[ToolCall]]:
    found: dict[str, list[ToolCall]] = {}
    for call in calls:
        found.setdefault(call.name, []).append(call)
    return found


def _inferred(name: str, calls: list[ToolCall]) -> dict[str, Any]:
    types: dict[str, dict[str, None]] = {}
    for call in calls:
        for key, value in call.arguments.items():
            types.setdefault(key, {})[_json_type(value)] = None
    properties = {key: {"type": next(iter(found)) if len(found) == 1 else list(found)} for key, found in types.items()}
    required = [key for key in types if all(key in call.arguments for call in calls)]
    return _described({"name": name, "parameters": {"type": "object", "properties": properties, "required": required}})


def _described(function: dict[str, Any]) -> dict[str, Any]:
    """`function` with a description, which some chat templates cannot do without."""
    return {"name": function["name"], "description": "", **function}


def _json_type(value: Any) -> str:
    kinds: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (bool, "boolean"),
        (int, "integer"),
        (float, "number"),
        (str, "string"),
        (list, "array"),
        (dict, "object"),
    )
    return next((name for kind, name in kinds if isinstance(value, kind)), "null")


def _well_formed(value: Any) -> Any:
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, list):
        return [_well_formed(item) for item in value]
    if isinstance(value, dict):
        return {_well_formed(key): _well_formed(item) for key, item in value.items()}
    return value
