"""A trace as chat messages of one plain form, the one that trainers and most tools read.

`{"role", "content", "reasoning_content"?, "tool_calls"?, "tool_call_id"?, "name"?}`; a call is
`{"id", "type": "function", "function": {"name", "arguments"}}` with an object as `arguments`, and `content` is a
string, or a list of parts where there are images. What is empty is left out, except `content`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal, TypedDict

from ls_trajedit.traces.json_text import json_line
from ls_trajedit.traces.model import Call, Image, Message, Other, Part, Reasoning, Result, Text

__all__ = ["ChatCall", "ChatFunction", "ChatMessage", "chat_message", "chat_messages"]


class ChatFunction(TypedDict):
    """What is called. `arguments` is an object, or the text that the model wrote where that is not one."""

    name: str
    arguments: Any


class ChatCall(TypedDict):
    """A call in a message of the assistant."""

    id: str
    type: Literal["function"]
    function: ChatFunction


class ChatMessage(TypedDict, total=False):
    """One message; `role` and `content` are always there."""

    role: str
    content: str | list[dict[str, Any]]
    reasoning_content: str
    tool_calls: list[ChatCall]
    tool_call_id: str
    name: str


def chat_messages(messages: Iterable[Message]) -> list[ChatMessage]:
    """The messages in the plain form."""
    return [chat_message(message) for message in messages]


def chat_message(message: Message) -> ChatMessage:
    """One message in the plain form.

    >>> chat_message(Message("assistant", (Text("Look."), Call("search", {"q": "SF"}, "c1"))))["tool_calls"]
    [{'id': 'c1', 'type': 'function', 'function': {'name': 'search', 'arguments': {'q': 'SF'}}}]
    """
    if message.role == "tool":
        return _result(message)
    chat: ChatMessage = {"role": message.role, "content": _content(_said(message))}
    reasoning = "\n".join(part.text for part in message.parts if isinstance(part, Reasoning))
    if reasoning:
        chat["reasoning_content"] = reasoning
    if message.calls:
        chat["tool_calls"] = [_call(call) for call in message.calls]
    if message.name:
        chat["name"] = message.name
    return chat


def _result(message: Message) -> ChatMessage:
    result = next(part for part in message.parts if isinstance(part, Result))
    chat: ChatMessage = {"role": "tool", "content": _content(result.content, "\n"), "tool_call_id": result.call_id}
    if result.name:
        chat["name"] = result.name
    return chat


def _call(call: Call) -> ChatCall:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _said(message: Message) -> Iterator[Text | Image | Other]:
    for part in message.parts:
        match part:
            case Text() | Image():
                yield part
            # What the agent is not known to have said in words is nothing to learn.
            case Other() if message.role != "assistant":
                yield part


def _content(parts: Iterable[Part], between: str = "") -> str | list[dict[str, Any]]:
    found = list(parts)
    if any(isinstance(part, Image) for part in found):
        return [content for part in found if (content := _content_part(part)) is not None]
    return between.join(text for part in found if (text := _text(part)) is not None)


def _content_part(part: Part) -> dict[str, Any] | None:
    if isinstance(part, Image):
        return {"type": "image_url", "image_url": {"url": part.url}}
    text = _text(part)
    return None if text is None else {"type": "text", "text": text}


def _text(part: Part) -> str | None:
    match part:
        case Text(text):
            return text
        case Other(value):
            return json_line(value).decode()
        case _:
            return None
