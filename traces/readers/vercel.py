"""UI messages of the Vercel AI SDK: `{"id", "role", "parts"}`, as `useChat` shows them and applications store them.

What is odd:

- One message of the assistant holds all that it did until the user spoke again. `step-start` parts begin its turns; in
  messages that were stored without them, words after a result do, and the step's number in version 4.
- A call and its result are one part, of the type `tool-NAME` or `dynamic-tool`; in version 4 all are `tool-invocation`.
  A call whose input was still streaming is left out.
- What the provider ran itself, data for the interface (`data-…`) and sources were not part of what the model was told,
  and are left out.

Facts: vercel/ai (`packages/ai/src/ui/ui-messages.ts`, `convert-to-model-messages.ts`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from ls_trajedit.traces.model import Call, Image, Message, Other, Part, Reasoning, Result, Trace
from ls_trajedit.traces.places import Place, Span
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions
from ls_trajedit.traces.readers.base import Format, arguments_at, build_trace, is_role, known_role, role_of
from ls_trajedit.traces.readers.conversations import Conversation, conversations, only_conversation, source_id
from ls_trajedit.traces.readers.turns import EMPTY_REASONING, HOSTED_CALL, data_uri, kind_of, text_parts, turns

__all__ = ["FORMAT"]

_STEP: Final = "step-start"
_TOOL: Final = "tool-"
_INVOCATION: Final = "tool-invocation"
_SOURCES: Final = frozenset({"source", "source-url", "source-document"})
_KINDS: Final = frozenset({"file", "dynamic-tool", "reasoning-file", "custom", _STEP, *_SOURCES})
_STREAMING: Final = ("input-streaming", "partial-call")


def recognize(source: Any) -> str | None:
    """Whether some list in the source holds UI messages."""
    found = next(_found(source, NO_OPTIONS), None)
    return None if found is None else f"{found.name} of messages with typed `parts`"


def read(source: Any, options: ReadOptions) -> list[Trace]:
    """The one trace in the source."""
    found = only_conversation(_found(source, options), "messages with typed `parts`")
    left_out: Counter[str] = Counter()
    messages = [
        message
        for number, item in enumerate(found.items)
        for message in _messages(item, (*found.place, number), options, left_out)
    ]
    system = tuple(text_parts(*found.beside("system")))
    return [
        build_trace(
            source,
            FORMAT.name,
            [*([Message("system", system)] if system else []), *messages],
            options,
            identity=source_id(source) or _chat(found.items),
            tools=found.tools(source, "tools"),
            left_out=left_out,
        )
    ]


def gather(values: Sequence[Any]) -> list[Any] | None:
    """Bare messages, one a line or in one array: one conversation, or one for each `chatId`."""
    if len(values) < 2 or not _are_messages(values, NO_OPTIONS):
        return None
    chats: dict[Any, list[Any]] = {}
    for value in values:
        chat = value.get("chatId")
        chats.setdefault(chat if isinstance(chat, str) else None, []).append(value)
    return list(chats.values())


def _chat(items: Sequence[Any]) -> str | None:
    chat = items[0].get("chatId") if items else None
    return chat if isinstance(chat, str) else None


def _messages(item: dict[str, Any], place: Place, options: ReadOptions, left_out: Counter[str]) -> Iterator[Message]:
    key = options.role_key or "role"
    role = role_of(item.get(key), (*place, key), options)
    if not isinstance(item.get("parts"), list):
        yield from turns(role, text_parts(item.get("content"), (*place, "content")), options)
        return
    parts = [(part, (*place, "parts", number)) for number, part in enumerate(item["parts"])]
    if role != "assistant":
        yield from turns(role, [found for part, at in parts for found in _said(part, at, left_out)], options)
        return
    spoken = [message for block in _turns(parts) for message in _turn(block, options, left_out)]
    yield from spoken or [Message(role, ())]


def _turns(parts: Sequence[tuple[Any, Place]]) -> Iterator[list[tuple[Any, Place]]]:
    """The parts of each of the assistant's turns."""
    marked = any(_type(part) == _STEP for part, _ in parts)
    block: list[tuple[Any, Place]] = []
    for part, place in parts:
        if block and (_type(part) == _STEP if marked else _begins_turn(part, block)):
            yield block
            block = []
        if _type(part) != _STEP:
            block.append((part, place))
    if block:
        yield block


def _begins_turn(part: Any, block: Sequence[tuple[Any, Place]]) -> bool:
    """Whether the part is of another turn than those before it, in a message without marks between turns."""
    if _type(part) in ("text", "reasoning"):
        return any(_has_result(before) for before, _ in block)
    step = _step_number(part)
    return step is not None and any(_step_number(before) not in (None, step) for before, _ in block)


def _turn(parts: Sequence[tuple[Any, Place]], options: ReadOptions, left_out: Counter[str]) -> Iterator[Message]:
    said: list[Part] = []
    results: list[Result] = []
    for part, place in parts:
        if not _is_tool(part):
            said += _said(part, place, left_out)
        elif part.get("providerExecuted") is True:
            left_out[HOSTED_CALL] += 1
        else:
            inner, at = _invocation(part, place)
            if inner.get("state") in _STREAMING:
                left_out["calls that were not finished"] += 1
                continue
            call = _call(part, inner, at)
            said.append(call)
            results += _result(inner, at, call)
    if said:
        yield from turns("assistant", (*said, *results), options)


def _invocation(part: dict[str, Any], place: Place) -> tuple[dict[str, Any], Place]:
    """What holds a call and its result: the part, in version 4 an object in it."""
    inner = part.get("toolInvocation")
    return (inner, (*place, "toolInvocation")) if isinstance(inner, dict) else (part, place)


def _call(part: dict[str, Any], inner: dict[str, Any], place: Place) -> Call:
    name: str = inner["toolName"] if "toolName" in inner else part["type"].removeprefix(_TOOL)
    name_place = (*place, "toolName") if "toolName" in inner else (*place, "type", Span(len(_TOOL), len(part["type"])))
    key = next((key for key in ("input", "rawInput", "args") if inner.get(key) is not None), "input")
    arguments, at = arguments_at(inner.get(key), (*place, key))
    call_id = inner["toolCallId"] if isinstance(inner.get("toolCallId"), str) else ""
    return Call(name, arguments, call_id, name_place, at if key in inner else None)


def _result(inner: dict[str, Any], place: Place, call: Call) -> Iterator[Result]:
    answer = _answer(inner)
    if answer == "approval":
        # Nobody ran it. What the model hears then is the reason, or that it was denied.
        reason = tuple(text_parts(inner[answer].get("reason"), (*place, answer, "reason")))
        yield Result(reason or (Other(inner[answer], (*place, answer)),), call.id, None, place)
    elif answer is not None:
        yield Result(tuple(text_parts(inner[answer], (*place, answer))), call.id, None, place)


def _answer(inner: dict[str, Any]) -> str | None:
    """The key of what a call returned."""
    if inner.get("state") == "output-denied" and isinstance(inner.get("approval"), dict):
        return "approval"
    return next((key for key in ("output", "errorText", "result") if key in inner), None)


def _said(part: Any, place: Place, left_out: Counter[str]) -> Iterator[Part]:
    """What a part that is not a call holds."""
    kind = _type(part)
    if kind == "text":
        yield from text_parts(part.get("text"), (*place, "text"))
    elif kind == "reasoning":
        key = "text" if "text" in part else "reasoning"
        if part.get(key):
            yield Reasoning(part[key], (*place, key))
        else:
            left_out[EMPTY_REASONING] += 1
    elif kind == "file":
        yield _image(part, place) or Other(part, place)
    elif kind in _SOURCES or kind.startswith("data-"):
        left_out["sources" if kind in _SOURCES else "data for the interface"] += 1
    elif kind != _STEP:
        yield Other(part, place)


def _image(part: dict[str, Any], place: Place) -> Image | None:
    media_type = next((part[key] for key in ("mediaType", "mimeType") if isinstance(part.get(key), str)), "")
    if isinstance(part.get("url"), str) and media_type.startswith("image/"):
        return Image(part["url"], (*place, "url"))
    return data_uri(media_type, part.get("data"))


def _type(part: Any) -> str:
    return kind_of(part) or ""


def _is_tool(part: Any) -> bool:
    kind = _type(part)
    return kind == "dynamic-tool" or kind.startswith(_TOOL)


def _has_result(part: Any) -> bool:
    return _is_tool(part) and _answer(_invocation(part, ())[0]) is not None


def _step_number(part: Any) -> int | None:
    step = _invocation(part, ())[0].get("step") if _is_tool(part) else None
    return step if isinstance(step, int) else None


def _found(source: Any, options: ReadOptions) -> Iterator[Conversation]:
    return conversations(source, options, lambda items: _are_messages(items, options))


def _are_messages(items: Sequence[Any], options: ReadOptions) -> bool:
    return (
        all(_is_message(item, options) for item in items)
        and any(item.get("parts") for item in items)
        and any(known_role(item.get(options.role_key or "role")) != "system" for item in items)
    )


def _is_message(item: Any, options: ReadOptions) -> bool:
    if not isinstance(item, dict) or not is_role(item.get(options.role_key or "role"), options):
        return False
    parts = item.get("parts")
    if parts is None:
        return isinstance(item.get("content"), str) and not item.keys() & {
            "tool_calls",
            "tool_call_id",
            "function_call",
        }
    return isinstance(parts, list) and all(_is_part(part) for part in parts)


def _is_part(part: Any) -> bool:
    kind = _type(part)
    if kind == "text":
        return isinstance(part.get("text"), str)
    if kind == "reasoning":
        return isinstance(part.get("text", part.get("reasoning")), str)
    if kind == _INVOCATION and "toolInvocation" in part:
        inner = part["toolInvocation"]
        return isinstance(inner, dict) and isinstance(inner.get("toolName"), str)
    if kind == "dynamic-tool":
        return isinstance(part.get("toolName"), str)
    return (
        kind in _KINDS
        or (kind.startswith(_TOOL) and "toolCallId" in part and "toolName" not in part)
        or kind.startswith("data-")
    )


FORMAT = Format("vercel", "UI messages of the Vercel AI SDK", recognize, read, gather)
