"""Says what each column of a training file holds, so that a Parquet file can have a type for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

__all__ = ["Kind", "column_kinds"]

Kind = Literal["text", "texts", "integer", "boolean", "booleans", "messages", "turns", "turn", "json", "json_list"]

_MESSAGE = {"role", "content"}
_TURN = {"from", "value"}


def column_kinds(rows: Iterable[dict[str, Any]], has_tool_calls: bool) -> dict[str, Kind]:
    """The kind of each column of `rows`, in the order in which they come up.

    What is no text, no message and no list of these is JSON. With `has_tool_calls`, messages are JSON, too, even where
    none of these rows holds a call: files that were made alike have the same types.

    >>> column_kinds([{"prompt": [{"role": "user", "content": "Go."}], "label": True}], has_tool_calls=False)
    {'prompt': 'messages', 'label': 'boolean'}
    >>> column_kinds([{"input": {"messages": []}, "step": 3}, {"input": {}, "tools": ["a"]}], has_tool_calls=False)
    {'input': 'json', 'step': 'integer', 'tools': 'texts'}
    """
    found: dict[str, set[Kind]] = {}
    for row in rows:
        for column, value in row.items():
            found.setdefault(column, set()).add(_kind(value))
    return {column: _common(kinds, has_tool_calls) for column, kinds in found.items()}


def _kind(value: Any) -> Kind:
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, list):
        return _kind_of_list(value)
    return "turn" if _is_of_texts(value, _TURN) else "json"


def _kind_of_list(values: list[Any]) -> Kind:
    if all(isinstance(value, str) for value in values):
        return "texts"
    if all(isinstance(value, bool) for value in values):
        return "booleans"
    if all(_is_of_texts(value, _MESSAGE) for value in values):
        return "messages"
    return "turns" if all(_is_of_texts(value, _TURN) for value in values) else "json_list"


def _is_of_texts(value: Any, keys: set[str]) -> bool:
    return isinstance(value, dict) and value.keys() == keys and all(isinstance(text, str) for text in value.values())


def _common(kinds: set[Kind], has_tool_calls: bool) -> Kind:
    lists = {"texts", "booleans", "messages", "turns", "json_list"}
    kind: Kind = kinds.pop() if len(kinds) == 1 else "json_list" if kinds <= lists else "json"
    return "json_list" if kind == "messages" and has_tool_calls else kind
