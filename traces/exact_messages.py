"""Messages as JSON from which the very same messages are read back, for what a format has no place for.

`{"role", "parts": [{"type", …}], "agent"?, "name"?, "given"?}`. Places are not kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast, get_args

from ls_trajedit.traces.json_text import canonical_json
from ls_trajedit.traces.model import Call, Image, Message, Other, Part, Reasoning, Result, Role, Text

__all__ = ["exact_message", "parse_exact", "same_messages"]


def exact_message(message: Message) -> dict[str, Any]:
    """The message as JSON.

    >>> exact_message(Message("user", (Text("Hello"),), name="Ann"))
    {'role': 'user', 'parts': [{'type': 'text', 'text': 'Hello'}], 'name': 'Ann'}
    """
    more = {"agent": message.agent, "name": message.name, "given": message.given or None}
    return {
        "role": message.role,
        "parts": [_part(part) for part in message.parts],
        **{key: value for key, value in more.items() if value is not None},
    }


def parse_exact(value: Any) -> Message:
    """The message of which `exact_message` made `value`. Raises ValueError, KeyError, TypeError or AttributeError for
    anything else."""
    role = _text(value, "role")
    if role not in get_args(Role):
        raise ValueError(f"`{role}` is not a role")
    return Message(
        cast(Role, role),
        tuple(map(_parse_part, value["parts"])),
        agent=_text_or_none(value, "agent"),
        name=_text_or_none(value, "name"),
        given=value.get("given") is True,
    )


def same_messages(some: Iterable[Message], others: Iterable[Message]) -> bool:
    """Whether these are the same messages, wherever they stand in their sources."""
    one, other = ([exact_message(message) for message in messages] for messages in (some, others))
    return canonical_json(one) == canonical_json(other)


def _part(part: Part) -> dict[str, Any]:
    match part:
        case Text(text):
            return {"type": "text", "text": text}
        case Reasoning(text):
            return {"type": "reasoning", "text": text}
        case Call():
            return {"type": "call", "id": part.id, "name": part.name, "arguments": part.arguments}
        case Image(url):
            return {"type": "image", "url": url}
        case Other(value):
            return {"type": "other", "value": value}
        case Result():
            named = {} if part.name is None else {"name": part.name}
            return {"type": "result", "call_id": part.call_id, **named, "content": [_part(one) for one in part.content]}


def _parse_part(value: Any) -> Part:
    match value["type"]:
        case "reasoning":
            return Reasoning(_text(value, "text"))
        case "call":
            return Call(_text(value, "name"), value["arguments"], _text(value, "id"))
        case "result":
            content = tuple(map(_parse_content, value["content"]))
            return Result(content, _text(value, "call_id"), _text_or_none(value, "name"))
    return _parse_content(value)


def _parse_content(value: Any) -> Text | Image | Other:
    match value["type"]:
        case "text":
            return Text(_text(value, "text"))
        case "image":
            return Image(_text(value, "url"))
        case "other":
            return Other(value["value"])
    raise ValueError(f"`{value['type']}` is not a kind of part")


def _text(value: Any, key: str) -> str:
    text = value[key]
    if not isinstance(text, str):
        raise TypeError(f"`{key}` is not a string")
    return text


def _text_or_none(value: Any, key: str) -> str | None:
    return _text(value, key) if key in value else None
