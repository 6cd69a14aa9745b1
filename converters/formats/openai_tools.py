"""Tools and calls as OpenAI's API takes them, which is less than JSON Schema and other APIs allow.

What it refuses is known from its documentation and from its answers (400, `invalid_function_parameters` and the like):
names with characters other than letters, digits, `_` and `-` or of more than 64; two tools of one name; more than 128
tools; descriptions of more than 1024 characters; parameters that are not an object with `properties`, or that are one
of several at the top; arrays without `items`; ids of calls of more than 40 characters.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ls_trajedit.converters.training.tool_calls import Tool

__all__ = ["OpenAITools", "openai_call_id", "openai_name", "openai_tools"]

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]", re.ASCII)
_LONGEST_NAME = 64
_LONGEST_DESCRIPTION = 1024
_LONGEST_ID = 40
_MOST_TOOLS = 128
_KEYS = ("name", "description", "parameters", "strict")
_NOT_AT_THE_TOP = ("oneOf", "anyOf", "allOf", "enum", "const", "not")
_SCHEMAS = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames")
_LISTS_OF_SCHEMAS = ("anyOf", "oneOf", "allOf", "prefixItems")
_OBJECTS_OF_SCHEMAS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")


@dataclass(frozen=True)
class OpenAITools:
    """The tools of a row, and under which name each stands in it."""

    tools: list[Tool] = field(default_factory=list)
    names: Mapping[str, str] = field(default_factory=dict)

    def name(self, name: str) -> str:
        """What a tool is called in the row: like its declaration, so that calls and tools agree."""
        return self.names.get(name) or openai_name(name)


def openai_tools(tools: Iterable[Tool], called: Iterable[str] = ()) -> OpenAITools | None:
    """The tools of a row in which those of the names `called` are called. None when they cannot be told apart or made
    what OpenAI takes: two tools of one name that differ, more than 128, or parameters that are not an object.

    >>> array = {"type": "object", "properties": {"tags": {"type": "array"}}}
    >>> found = openai_tools([{"type": "function", "function": {"name": "web.search", "parameters": array}}])
    >>> found.tools[0]["function"]["name"], found.tools[0]["function"]["parameters"]["properties"]["tags"]
    ('web_search', {'type': 'array', 'items': {}})
    """
    functions: dict[str, dict[str, Any]] = {}
    for tool in tools:
        function = tool["function"]
        if functions.setdefault(function["name"], function) != function:
            return None
    if len(functions) > _MOST_TOOLS:
        return None
    names = _distinct_names([*functions, *called])
    made: list[Tool] = []
    for function in functions.values():
        allowed = _function(function, names[function["name"]])
        if allowed is None:
            return None
        made.append({"type": "function", "function": allowed})
    return OpenAITools(made, names)


def openai_name(name: str) -> str:
    """A name with what OpenAI does not allow in it as `_`, and not too long."""
    return _NOT_IN_NAMES.sub("_", name)[:_LONGEST_NAME]


def openai_call_id(identity: str) -> str:
    """An id of a call that is not too long: one that is, becomes its hash.

    >>> openai_call_id("call_1"), len(openai_call_id("x" * 41))
    ('call_1', 37)
    """
    if len(identity) <= _LONGEST_ID:
        return identity
    return "call_" + hashlib.blake2b(identity.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _distinct_names(names: Iterable[str]) -> dict[str, str]:
    """What each tool is called. Names that need no change keep it; the others get a number where it is taken."""
    distinct = list(dict.fromkeys(names))
    found = {name: name for name in distinct if openai_name(name) == name}
    taken = set(found)
    for name in distinct:
        if name not in found:
            allowed = next(candidate for candidate in _candidates(name) if candidate not in taken)
            taken.add(allowed)
            found[name] = allowed
    return found


def _candidates(name: str) -> Iterator[str]:
    base = openai_name(name)
    yield base
    number = 2
    while True:
        suffix = f"_{number}"
        yield base[: _LONGEST_NAME - len(suffix)] + suffix
        number += 1


def _function(function: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    allowed = {key: function[key] for key in _KEYS if key in function}
    allowed["name"] = name
    description = allowed.get("description", "")
    allowed["description"] = description[:_LONGEST_DESCRIPTION] if isinstance(description, str) else ""
    if not isinstance(allowed.get("strict"), bool):
        allowed.pop("strict", None)
    if allowed.get("parameters") is None:
        allowed.pop("parameters", None)
        return allowed
    parameters = _parameters(allowed["parameters"])
    if parameters is None:
        return None
    if parameters != allowed["parameters"]:
        # A schema that was completed does not say all that a strict one has to.
        allowed.pop("strict", None)
    allowed["parameters"] = parameters
    return allowed


def _parameters(schema: Any) -> dict[str, Any] | None:
    """The schema of the parameters, an object at the top; None when it can be none."""
    if not isinstance(schema, dict):
        return None
    kind = schema.get("type", "object")
    if kind != "object" and not (isinstance(kind, list) and "object" in kind):
        return None
    completed: dict[str, Any] = _schema(schema)
    properties: dict[str, Any] = {}
    for key in ("allOf", "anyOf", "oneOf"):
        for branch in _dicts(completed.get(key)):
            properties.update(_properties(branch))
    properties.update(_properties(completed))
    top = {key: value for key, value in completed.items() if key not in _NOT_AT_THE_TOP}
    if not isinstance(top.get("required", []), list):
        del top["required"]
    return {**top, "type": "object", "properties": properties}


def _properties(schema: Mapping[str, Any]) -> dict[str, Any]:
    properties = schema.get("properties")
    return properties if isinstance(properties, dict) else {}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _schema(schema: Any) -> Any:
    """The schema with `items` in every array, however deep."""
    if not isinstance(schema, dict):
        return schema
    found = dict(schema)
    for key in _SCHEMAS:
        if key in found:
            found[key] = _schema(found[key])
    for key in _LISTS_OF_SCHEMAS:
        if isinstance(found.get(key), list):
            found[key] = [_schema(item) for item in found[key]]
    for key in _OBJECTS_OF_SCHEMAS:
        if isinstance(found.get(key), dict):
            found[key] = {name: _schema(item) for name, item in found[key].items()}
    kind = found.get("type")
    is_array = kind == "array" or (isinstance(kind, list) and "array" in kind)
    if is_array and not isinstance(found.get("items"), dict):
        found["items"] = {}
    return found
