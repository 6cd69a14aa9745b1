"""What OpenAI's files want otherwise than TRL's: arguments as JSON text, names without dots, no columns of ours."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.converters.training.turns import Message
from ls_trajedit.traces.json_text import json_line

__all__ = ["openai_message", "openai_tools"]


def openai_message(message: Message) -> Message:
    """The message as OpenAI takes it.

    >>> call = {"id": "c", "type": "function", "function": {"name": "web.search", "arguments": {"query": "SF"}}}
    >>> openai_message({"role": "assistant", "content": "", "tool_calls": [call]})["tool_calls"][0]["function"]
    {'name': 'web_search', 'arguments': '{"query":"SF"}'}
    """
    if "tool_calls" in message:
        return {**message, "tool_calls": [_call(call) for call in message["tool_calls"]]}
    return {key: value for key, value in message.items() if key != "name"}


def openai_tools(sample: Sample, messages: Iterable[Message]) -> dict[str, Any]:
    """The keys of a row that say which tools there are, and whether one of its messages makes several calls at once;
    none when there are no tools."""
    if not sample.rendering.as_tool_calls or not sample.tools:
        return {}
    tools = [{**tool, "function": _function(tool["function"])} for tool in sample.tools]
    return {"tools": tools, "parallel_tool_calls": any(len(message.get("tool_calls", ())) > 1 for message in messages)}


def _call(call: dict[str, Any]) -> dict[str, Any]:
    function = _function(call["function"])
    return {**call, "function": {**function, "arguments": json_line(function["arguments"]).decode()}}


def _function(function: dict[str, Any]) -> dict[str, Any]:
    return {**function, "name": function["name"].replace(".", "_")}
