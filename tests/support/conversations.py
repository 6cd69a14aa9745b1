"""Conversations for tests of the page: as they were recorded, and as task data."""

from __future__ import annotations

import io
import json
from typing import Any

from ls_trajedit.label_config.chat_data import chat_data
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.read import ChatTrace, read_file

__all__ = ["BLUE_DOT", "TOOLS", "TRIP", "call", "data_of"]

BLUE_DOT = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAYAAACNMs+9AAAAFUlEQVR42mP8z8BQz0AEYBxVSF+FABJADveWkH6oAAAAAElFTkSu"
    "QmCC"
)

_FILTERS = {"type": "object", "properties": {"airlines": {"type": "array", "items": {"type": "string"}}}}

TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": "find_flight",
            "parameters": {
                "type": "object",
                "properties": {
                    "origin": {"type": "string"},
                    "limit": {"type": "integer"},
                    "filters": {
                        "type": "object",
                        "properties": {"airlines": {"type": "array", "items": {"type": "string"}}},
                    },
                },
                "required": ["origin"],
            },
        },
    },
    {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}},
]


def call(identity: str, name: str, arguments: str) -> dict[str, Any]:
    """A call in a message of the assistant."""
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}


TRIP: dict[str, Any] = {
    "id": "trip",
    "tools": TOOLS,
    "messages": [
        {"role": "system", "content": "You book flights."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "I want to fly.\n  Here is my seat:"},
                {"type": "image_url", "image_url": {"url": BLUE_DOT}},
            ],
        },
        {
            "role": "assistant",
            "content": "Two questions to the system.",
            "reasoning_content": "Both at once.",
            "tool_calls": [
                call("a", "find_flight", '{"origin": "SFO", "limit": 5}'),
                call("b", "look_up", '{"user": "u1"}'),
            ],
        },
        {"role": "tool", "tool_call_id": "b", "content": "<b>Ann</b>"},
        {"role": "tool", "tool_call_id": "a", "content": "\n".join(f"flight {number}" for number in range(60))},
        {"role": "user", "name": "critic", "content": "Which one?"},
        {"role": "assistant", "content": "\u05d8\u05d9\u05e1\u05d4 1\nor 2"},
        {"role": "user", "content": "The first one."},
    ],
}
"""Two calls at once, whose results come the other way round; an image, a system prompt, right-to-left text."""


def data_of(source: Any) -> dict[str, Any]:
    """The task data of the one conversation in `source`."""
    options = Options()
    (item,) = read_file(io.BytesIO(json.dumps(source).encode()), options).items
    assert isinstance(item, ChatTrace), item
    return chat_data(item.trace, options.read_options)
