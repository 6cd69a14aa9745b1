"""OpenAI chat messages, under any key: `{"role", "content"}`, calls under `tool_calls`, results as role `tool`.

Content may be a list of parts. The older `function_call` and role `function` are read as well, and the reasoning that
other servers of this API add (`reasoning_content`, `reasoning`). tau-bench, SWE-smith, DeepSeek, vLLM and many
frameworks record traces like this.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ls_trajedit.traces.field_path import FieldPath, format_path, get_field
from ls_trajedit.traces.model import Call, Image, Message, Other, Part, Reasoning, Result, Text, Trace
from ls_trajedit.traces.places import Place
from ls_trajedit.traces.readers.base import (
    Format,
    ReadError,
    ReadOptions,
    arguments_at,
    build_trace,
    declared_tools,
    first_text,
    is_role,
    listed,
    message_lists,
    role_of,
)
from ls_trajedit.traces.readers.speakers import is_named_group

__all__ = ["FORMAT", "chat_message", "content_parts"]

_REASONING = ("reasoning_content", "reasoning")
_TEXT_TYPES = ("text", "input_text", "output_text")
# A block of Anthropic's, a part of the Vercel AI SDK's: other readers know these messages.
_FOREIGN_TYPES = ("tool_use", "tool_result", "thinking", "tool-call", "tool-result", "toolUse", "toolResult")


def recognize(source: Any) -> str | None:
    """Whether some list in the source holds chat messages."""
    found = next(_found(source, ReadOptions()), None)
    if found is None or _is_of_another(source, found[1]):
        return None
    return f"{_named(found[0])} of messages with `role` and `content`"


def read(source: Any, options: ReadOptions) -> list[Trace]:
    """The one trace in the source."""
    path, items = next(_found(source, options), (None, None))
    if path is None or items is None:
        raise ReadError("it holds no list of messages with `role` and `content`; `messages_key` names it")
    messages = [
        message for number, item in enumerate(items) for message in chat_message(item, (*path, number), options)
    ]
    holder = source if isinstance(source, dict) else {}
    return [
        build_trace(
            source,
            FORMAT.name,
            messages,
            options,
            identity=first_text(holder, ("id",), ("trace_id",), ("session_id",), ("instance_id",), ("task_id",)),
            tools=declared_tools(get_field(holder, ("tools",))) or declared_tools(get_field(holder, ("functions",))),
        )
    ]


def gather(values: Sequence[Any]) -> list[Any] | None:
    """Bare messages, one a line or in one array, are one conversation."""
    are_messages = len(values) > 1 and _are_messages(values, ReadOptions()) and not _is_of_another(None, values)
    return [list(values)] if are_messages else None


def chat_message(item: Any, place: Place, options: ReadOptions) -> Iterator[Message]:
    """The message in one object, at that place of the source."""
    key = options.role_key or "role"
    role = role_of(item.get(key), (*place, key), options)
    name = item.get("name") if isinstance(item.get("name"), str) else None
    content = tuple(content_parts(item.get("content"), (*place, "content")))
    if role == "tool":
        call_id = item.get("tool_call_id")
        answer = tuple(part for part in content if isinstance(part, Text | Image | Other))
        yield Message("tool", (Result(answer, call_id if isinstance(call_id, str) else "", name, place),))
        return
    reasoning = [
        Reasoning(item[key], (*place, key)) for key in _REASONING if isinstance(item.get(key), str) and item[key]
    ][:1]
    calls = _calls(item, place) if role == "assistant" else ()
    yield Message(role, (*reasoning, *content, *calls), name=name)


def content_parts(content: Any, place: Place) -> Iterator[Part]:
    """The parts of a message's `content`: a string, a list of parts, or nothing."""
    if isinstance(content, str):
        if content:
            yield Text(content, place)
    elif isinstance(content, list):
        for number, part in enumerate(content):
            yield _content_part(part, (*place, number))
    elif content is not None:
        yield Other(content, place)


def _content_part(part: Any, place: Place) -> Part:
    if isinstance(part, str):
        return Text(part, place)
    if isinstance(part, dict):
        if part.get("type") in _TEXT_TYPES and isinstance(part.get("text"), str):
            return Text(part["text"], (*place, "text"))
        image = part.get("image_url")
        if isinstance(image, str):
            return Image(image, (*place, "image_url"))
        if isinstance(image, dict) and isinstance(image.get("url"), str):
            return Image(image["url"], (*place, "image_url", "url"))
    return Other(part, place)


def _calls(item: dict[str, Any], place: Place) -> Iterator[Call]:
    for number, call in enumerate(listed(item.get("tool_calls"), (*place, "tool_calls"))):
        at = (*place, "tool_calls", number)
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise ReadError(f"the call at {'.'.join(map(str, at))} names no function")
        yield _call(function, (*at, "function"), call.get("id"))
    if isinstance(function := item.get("function_call"), dict) and isinstance(function.get("name"), str):
        yield _call(function, (*place, "function_call"), None)


def _call(function: dict[str, Any], place: Place, identity: Any) -> Call:
    arguments, at = arguments_at(function.get("arguments"), (*place, "arguments"))
    known = identity if isinstance(identity, str) else ""
    return Call(function["name"], arguments, known, (*place, "name"), at)


def _found(source: Any, options: ReadOptions) -> Iterator[tuple[FieldPath, list[Any]]]:
    for path, items in message_lists(source, options):
        if _are_messages(items, options):
            yield path, items


def _are_messages(items: Sequence[Any], options: ReadOptions) -> bool:
    key = options.role_key or "role"
    return all(
        isinstance(item, dict) and is_role(item.get(key), options) and _has_content(item) for item in items
    ) and any(str(item[key]).lower() not in ("system", "developer") for item in items)


def _is_of_another(source: Any, items: Sequence[Any]) -> bool:
    """Whether another reader knows more of these messages: SWE-agent's history, mini-swe-agent's file, and group chats
    in which only names tell the agents apart."""
    version = source.get("trajectory_format") if isinstance(source, dict) else None
    return (
        (isinstance(version, str) and version.startswith("mini-swe-agent"))
        or any("message_type" in item or {"thought", "action"} <= item.keys() for item in items)
        or is_named_group(items)
    )


def _has_content(item: dict[str, Any]) -> bool:
    content = item.get("content")
    if isinstance(content, list) and any(isinstance(p, dict) and p.get("type") in _FOREIGN_TYPES for p in content):
        return False
    return "content" in item or "tool_calls" in item or "function_call" in item


def _named(path: FieldPath) -> str:
    return f"a list `{format_path(path)}`" if path else "a list"


FORMAT = Format("openai-chat", "OpenAI chat messages", recognize, read, gather)
