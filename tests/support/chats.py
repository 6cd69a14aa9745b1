"""Conversations for tests: the same one as three formats record it, and some odd ones."""

from __future__ import annotations

from typing import Any

__all__ = ["ANTHROPIC", "OPENAI", "PICTURE", "SHAREGPT", "TOOLS", "openai_chat"]

PICTURE = "https://example.org/a.png"

TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": "find_flights",
            "description": "Finds flights.",
            "parameters": {
                "type": "object",
                "properties": {"to": {"type": "string"}, "seats": {"type": "integer"}},
                "required": ["to"],
            },
        },
    },
]


def openai_chat(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A conversation as OpenAI's API has it."""
    return {"id": "flight", "messages": list(messages), **more}


OPENAI = openai_chat(
    {"role": "system", "content": "You book flights."},
    {"role": "user", "content": "To Oslo, please."},
    {"role": "assistant", "content": "Which day?"},
    {"role": "user", "content": "Friday."},
    {
        "role": "assistant",
        "content": "I look.",
        "tool_calls": [
            {
                "id": "call_a",
                "type": "function",
                "function": {"name": "find_flights", "arguments": '{"to": "OSL", "seats": 1}'},
            },
            {"id": "call_b", "type": "function", "function": {"name": "find_flights", "arguments": '{"to": "TRF"}'}},
        ],
    },
    {"role": "tool", "tool_call_id": "call_a", "name": "find_flights", "content": "SK 1"},
    {"role": "tool", "tool_call_id": "call_b", "name": "find_flights", "content": "none"},
    {"role": "assistant", "content": "SK 1 it is."},
    tools=TOOLS,
)

ANTHROPIC: dict[str, Any] = {
    "id": "flight",
    "system": "You book flights.",
    "messages": [
        {"role": "user", "content": "To Oslo, please."},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "toolu_1", "name": "find_flights", "input": {"to": "OSL"}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "SK 1"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "SK 1 it is."}]},
    ],
}

SHAREGPT: dict[str, Any] = {
    "id": "flight",
    "conversations": [
        {"from": "human", "value": "To Oslo, please."},
        {"from": "function_call", "value": '{"name": "find_flights", "arguments": {"to": "OSL"}}'},
        {"from": "observation", "value": "SK 1"},
        {"from": "gpt", "value": "SK 1 it is."},
    ],
}
