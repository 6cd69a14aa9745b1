"""LangChain messages, as LangGraph's state and `model_dump` write them.

A message says who speaks in `type` (`human`, `ai`, `system`, `tool`), not in `role`. Three forms are written: plain
(`{"type": "ai", "content", "tool_calls"}`), `messages_to_dict` (`{"type": "ai", "data": {…}}`), and the constructor
form of `dumpd` (`{"lc": 1, "type": "constructor", "id": […, "AIMessage"], "kwargs": {…}}`).

What is odd:
- A call has `args`, an object. One whose JSON was broken stands in `invalid_tool_calls`, with `args` as the text.
- Some providers' calls are recorded only in `additional_kwargs`, in OpenAI's shape; where `tool_calls` has them as
  well, those are a copy. So are blocks such as `tool_use` in the content.
- `RemoveMessage` is LangGraph's own and left out.

Facts: langchain-core's `messages` and `load` packages, and the LangGraph runs in langfuse/langfuse
(`worker/src/__tests__/chatml/framework-traces`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.field_path import FieldPath, format_path
from ls_trajedit.traces.model import Call, Image, Message, Other, Part, Reasoning, Result, Role, Text, Trace
from ls_trajedit.traces.places import Place, format_place
from ls_trajedit.traces.read_options import ReadOptions
from ls_trajedit.traces.readers.base import (
    Format,
    arguments_at,
    build_trace,
    declared_tools,
    first_text,
    listed,
    message_lists,
    role_of,
)
from ls_trajedit.traces.readers.speakers import agents_of, turns_of

__all__ = ["FORMAT", "read", "recognize"]

_CLASSES: Final = {
    "HumanMessage": "human",
    "AIMessage": "ai",
    "SystemMessage": "system",
    "ToolMessage": "tool",
    "FunctionMessage": "function",
    "ChatMessage": "chat",
    "RemoveMessage": "remove",
}
_TYPES: Final = frozenset(_CLASSES.values())
_REMOVED: Final = "removed messages"
_COPIED_BLOCKS: Final = ("tool_use", "tool_call", "function_call", "input_json_delta", "tool_call_chunk")
_IDS: Final = (("id",), ("thread_id",), ("run_id",), ("trace_id",), ("session_id",))


def recognize(source: Any) -> str | None:
    """Whether some list in the source holds messages with LangChain's `type`, one of them of a human or a model."""
    found = next(_found(source, ReadOptions()), None)
    if found is None:
        return None
    path, items = found
    form = "constructor objects (`lc`)" if any("lc" in item for item in items) else "messages with `type` human or ai"
    return f"a list `{format_path(path)}` of {form}" if path else f"a list of {form}"


def read(source: Any, options: ReadOptions) -> list[Trace]:
    """The one trace in the source."""
    path, items = next(_found(source, options), (None, None))
    if path is None or items is None:
        raise ReadError("it holds no list of messages with `type` human, ai, system or tool; `messages_key` names it")
    left_out: Counter[str] = Counter()
    messages = [
        message for number, item in enumerate(items) for message in _message(item, (*path, number), options, left_out)
    ]
    holder = source if isinstance(source, dict) else {}
    return [
        build_trace(
            source,
            FORMAT.name,
            turns_of(messages, options),
            options,
            identity=first_text(holder, *_IDS),
            tools=declared_tools(holder.get("tools")),
            agent=options.agent if agents_of(messages) else None,
            left_out=left_out,
        )
    ]


def gather(values: Sequence[Any]) -> list[Any] | None:
    """Bare messages, one a line or in one array, are one conversation."""
    return [list(values)] if len(values) > 1 and _are_messages(values) else None


def _found(source: Any, options: ReadOptions) -> Iterator[tuple[FieldPath, list[Any]]]:
    for path, items in message_lists(source, options):
        if _are_messages(items):
            yield path, items


def _are_messages(items: Sequence[Any]) -> bool:
    kinds = [_opened(item, ())[0] for item in items]
    return all(kind in _TYPES for kind in kinds) and bool({"human", "ai"} & set(kinds))


def _opened(item: Any, place: Place) -> tuple[str | None, dict[str, Any], Place]:
    """The message's type, what it holds, and the place of that, in whichever of the three forms it is."""
    if not isinstance(item, dict) or ("role" in item and item.get("type") != "chat"):
        return None, {}, place
    if item.get("type") == "constructor" and isinstance(item.get("kwargs"), dict) and isinstance(item.get("id"), list):
        return _kind(item["id"][-1] if item["id"] else None), item["kwargs"], (*place, "kwargs")
    kind = _kind(item.get("type"))
    if isinstance(item.get("data"), dict) and "content" in item["data"]:
        return kind, item["data"], (*place, "data")
    return (kind if "content" in item or kind == "remove" else None), item, place


def _kind(word: Any) -> str | None:
    if not isinstance(word, str):
        return None
    word = word.removesuffix("Chunk")
    return word if word in _TYPES else _CLASSES.get(word)


def _message(item: Any, place: Place, options: ReadOptions, left_out: Counter[str]) -> Iterator[Message]:
    kind, held, at = _opened(item, place)
    if kind == "remove":
        left_out[_REMOVED] += 1
        return
    role = _role(kind, item, held, place, at, options)
    name = held["name"] if isinstance(held.get("name"), str) and held["name"] else None
    content = tuple(_content(held.get("content"), (*at, "content"), left_out))
    if role == "tool":
        answer = tuple(part for part in content if isinstance(part, Text | Image | Other))
        yield Message("tool", (Result(answer, first_text(held, ("tool_call_id",)) or "", name, place),))
    elif role == "assistant":
        calls = tuple(_calls(held, at))
        # A call in the content is the only record of it where `tool_calls` and the like have none.
        said = content if not calls else tuple(part for part in content if not isinstance(part, Call))
        yield Message("assistant", (*_thought(held, at), *said, *calls), agent=name)
    else:
        yield Message(role, content, name=name)


def _role(kind: str | None, item: Any, held: dict[str, Any], place: Place, at: Place, options: ReadOptions) -> Role:
    if kind == "chat":
        return role_of(held.get("role"), (*at, "role"), options)
    if kind is None:
        word = item.get("type") if isinstance(item, dict) else None
        return role_of(word, (*place, "type"), options)
    return options.roles.get(kind) or role_of(kind, (*place, "type"), options)


def _thought(held: dict[str, Any], at: Place) -> Iterator[Reasoning]:
    extra = held.get("additional_kwargs")
    if isinstance(extra, dict) and isinstance(text := extra.get("reasoning_content"), str) and text:
        yield Reasoning(text, (*at, "additional_kwargs", "reasoning_content"))


def _calls(held: dict[str, Any], at: Place) -> Iterator[Call]:
    known = False
    for key in ("tool_calls", "invalid_tool_calls"):
        for number, call in enumerate(listed(held.get(key), (*at, key))):
            known = True
            yield _call(call, (*at, key, number), "args")
    extra = held.get("additional_kwargs")
    if known or not isinstance(extra, dict):
        return
    at = (*at, "additional_kwargs")
    for number, call in enumerate(listed(extra.get("tool_calls"), (*at, "tool_calls"))):
        inner = call.get("function") if isinstance(call, dict) else None
        yield _call(inner, (*at, "tool_calls", number, "function"), "arguments", first_text(call, ("id",)))
    if isinstance(extra.get("function_call"), dict):
        yield _call(extra["function_call"], (*at, "function_call"), "arguments")


def _call(call: Any, place: Place, key: str, identity: str | None = None) -> Call:
    if not isinstance(call, dict) or not isinstance(call.get("name"), str):
        raise ReadError(f"the call at {format_place(place)} has no `name`")
    arguments, at = arguments_at(call.get(key), (*place, key))
    return Call(call["name"], arguments, identity or first_text(call, ("id",)) or "", (*place, "name"), at)


def _content(content: Any, place: Place, left_out: Counter[str]) -> Iterator[Part]:
    if isinstance(content, str):
        if content:
            yield Text(content, place)
    elif isinstance(content, list):
        for number, block in enumerate(content):
            yield from _block(block, (*place, number), left_out)
    elif content is not None:
        yield Other(content, place)


def _block(block: Any, place: Place, left_out: Counter[str]) -> Iterator[Part]:
    if isinstance(block, str):
        yield Text(block, place)
        return
    kind = block.get("type") if isinstance(block, dict) else None
    if kind in ("text", "output_text", "input_text") and isinstance(block.get("text"), str):
        yield Text(block["text"], (*place, "text"))
    elif kind in ("thinking", "reasoning", "reasoning_content", "redacted_thinking"):
        yield from _reasoning(block, place, left_out)
    elif kind in _COPIED_BLOCKS:
        yield from _called(block, place)
    else:
        yield _image(block, place) or Other(block, place)


def _reasoning(block: dict[str, Any], place: Place, left_out: Counter[str]) -> Iterator[Reasoning]:
    found = [
        Reasoning(text, (*place, key))
        for key in ("thinking", "reasoning", "text")
        if isinstance(text := block.get(key), str) and text
    ]
    summary = block.get("summary")
    if not found and isinstance(summary, list):
        found = [
            Reasoning(part["text"], (*place, "summary", number, "text"))
            for number, part in enumerate(summary)
            if isinstance(part, dict) and isinstance(part.get("text"), str) and part["text"]
        ]
    if not found:
        left_out["reasoning without text"] += 1
    yield from found


def _called(block: dict[str, Any], place: Place) -> Iterator[Call]:
    key = next((key for key in ("args", "input", "arguments") if key in block), None)
    if key is not None and isinstance(block.get("name"), str):
        yield _call(block, place, key, first_text(block, ("call_id",)))


def _image(block: Any, place: Place) -> Image | None:
    if not isinstance(block, dict):
        return None
    image = block.get("image_url")
    if isinstance(image, str):
        return Image(image, (*place, "image_url"))
    if isinstance(image, dict) and isinstance(image.get("url"), str):
        return Image(image["url"], (*place, "image_url", "url"))
    if block.get("type") != "image":
        return None
    if isinstance(block.get("url"), str):
        return Image(block["url"], (*place, "url"))
    source = block["source"] if isinstance(block.get("source"), dict) else block
    data, kind = (first_text(source, ("data",), ("base64",)), first_text(source, ("media_type",), ("mime_type",)))
    # The URI is made here, so it has no place; a picture is never edited.
    return Image(f"data:{kind};base64,{data}") if data and kind else None


FORMAT = Format("langchain", "LangChain messages", recognize, read, gather)
