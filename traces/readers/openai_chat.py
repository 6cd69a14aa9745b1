"""OpenAI chat messages, under any key: `{"role", "content"}`, calls under `tool_calls`, results as role `tool`.

tau-bench, SWE-smith, DeepSeek, vLLM, Ollama and most frameworks record traces like this. What is odd:

- Content may be null, a list of parts, or missing beside calls; a refusal stands in a key or a part of its own.
- The older `function_call` and role `function` have no ids. Custom tools take text, which stands for
  `{"input": text}`; some servers write a call without the `function` around it.
- Other servers of this API add the reasoning as `reasoning_content`, `reasoning`, `thinking` or `reasoning_details`;
  where none does, a `<think>` block at the start of the text is the reasoning.
- Where a server did not parse what a model wrote, calls and results are tags in the text (see `tags`). Beside parsed
  calls such tags are left as text.
- A log of requests keeps the answer apart, under `choices`. Some data sets hold the list of messages as JSON text, and
  the system prompt beside it.

Messages with the blocks of Anthropic, Bedrock, Gemini, the Responses API or the Vercel AI SDK are left to the readers
of those; the same messages with text alone are read here. Facts: OpenAI's API reference, the documentation of vLLM,
OpenRouter and Ollama.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.field_path import get_field
from ls_trajedit.traces.json_text import parse_json
from ls_trajedit.traces.model import Call, Image, Message, Other, Part, Reasoning, Result, Text, Trace
from ls_trajedit.traces.places import JSON_TEXT, Place, Span, Under
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions
from ls_trajedit.traces.readers.base import (
    Format,
    arguments_at,
    build_trace,
    is_recording,
    is_role,
    known_role,
    role_of,
)
from ls_trajedit.traces.readers.conversations import (
    Conversation,
    answers,
    conversations,
    only_conversation,
    source_id,
)
from ls_trajedit.traces.readers.openai_responses import are_items, is_exchange
from ls_trajedit.traces.readers.speakers import is_named_group
from ls_trajedit.traces.readers.tags import spoken_parts, tool_responses
from ls_trajedit.traces.readers.turns import EMPTY_REASONING, kind_of, result_parts, text_parts, turns

__all__ = ["FORMAT", "chat_message", "content_parts"]

_REASONING: Final = ("reasoning_content", "reasoning", "thinking")
# Parts that the messages of this API do not have: other readers know these messages.
_FOREIGN_TYPES: Final = frozenset(
    {
        *("tool_use", "tool_result", "redacted_thinking", "server_tool_use", "mid_conv_system"),
        *("tool-call", "tool-result", "toolUse", "toolResult", "tool_call", "tool_call_response"),
        *("input_text", "output_text", "input_image", "reasoning"),
    }
)
_FOREIGN_KEYS: Final = frozenset({"parts", "toolInvocations", "message_type", "lc"})
_ANSWERS: Final = (("response",), ("response", "body"), ("output",), ("completion",), ("message",))
_OTHERS_REASONING: Final = "reasoning of others than the agent"


def recognize(source: Any) -> str | None:
    """Whether some list in the source holds chat messages."""
    found = next(_found(source, NO_OPTIONS), None)
    return None if found is None else f"{found.name} of messages with `role` and `content`"


def read(source: Any, options: ReadOptions) -> list[Trace]:
    """The one trace in the source."""
    found = only_conversation(_found(source, options), "messages with `role` and `content`")
    left_out: Counter[str] = Counter()
    placed = [(item, (*found.place, number)) for number, item in enumerate(found.items)]
    placed += _answer(source, found, left_out)
    messages = [message for item, place in placed for message in chat_message(item, place, options, left_out)]
    if any(_is_tagged(call) for message in messages for call in message.calls):
        messages = [heard for message in messages for heard in _tags_heard(message, options)]
    return [
        build_trace(
            source,
            FORMAT.name,
            [*_system_beside(found, messages), *messages],
            options,
            identity=source_id(source),
            tools=found.tools(source, "tools", "functions"),
            left_out=left_out,
        )
    ]


def gather(values: Sequence[Any]) -> list[Any] | None:
    """Bare messages, one a line or in one array, are one conversation."""
    return [list(values)] if len(values) > 1 and _is_ours(None, values, NO_OPTIONS) else None


def chat_message(
    item: Any, place: Place, options: ReadOptions, left_out: Counter[str] | None = None
) -> Iterator[Message]:
    """The messages in one object at that place of the source: one, but for a result that holds several in tags. What
    is left out is counted in `left_out`."""
    counted = Counter() if left_out is None else left_out
    key = options.role_key or "role"
    role = role_of(item.get(key), (*place, key), options)
    name = next((item[key] for key in ("name", "tool_name") if isinstance(item.get(key), str) and item[key]), None)
    if role == "assistant":
        yield Message(role, tuple(_spoken(item, place, counted)), name=name)
        return
    content = [*content_parts(item.get("content"), (*place, "content"))]
    if role == "tool":
        yield from _results(item, content, name, place)
        return
    counted[_OTHERS_REASONING] += any(isinstance(item.get(key), str) and item[key] for key in _REASONING)
    called = [Other(item[key], (*place, key)) for key in ("tool_calls", "function_call") if item.get(key)]
    yield Message(role, (*content, *called), name=name)


def content_parts(content: Any, place: Place) -> Iterator[Part]:
    """The parts of a message's `content`: a string, a list of parts, or nothing."""
    if not isinstance(content, list):
        yield from text_parts(content, place)
        return
    for number, part in enumerate(content):
        yield from _content_part(part, (*place, number))


def _spoken(item: dict[str, Any], place: Place, left_out: Counter[str]) -> Iterator[Part]:
    reasoning = list(_reasoning(item, place, left_out))
    content = [*content_parts(item.get("content"), (*place, "content"))]
    reasoning += [part for part in content if isinstance(part, Reasoning)]
    calls = list(_calls(item, place))
    yield from reasoning
    for part in content:
        if isinstance(part, Text) and part.place is not None and not calls:
            for inner in spoken_parts(part.text, part.place):
                # Where the reasoning is recorded apart, a block of it in the text repeats it or quotes it.
                if isinstance(inner, Reasoning) and reasoning:
                    yield part
                    break
                yield inner
        elif not isinstance(part, Reasoning):
            yield part
    yield from text_parts(item.get("refusal"), (*place, "refusal"))
    yield from calls


def _reasoning(item: dict[str, Any], place: Place, left_out: Counter[str]) -> Iterator[Reasoning]:
    """The reasoning under the first of the keys that has any; servers repeat it under the others."""
    keys = [key for key in _REASONING if isinstance(item.get(key), str) and item[key]]
    yield from (Reasoning(item[key], (*place, key)) for key in keys[:1])
    left_out["reasoning under a second key"] += len(keys[1:])
    details = item.get("reasoning_details")
    if not keys and isinstance(details, list):
        for number, detail in enumerate(details):
            inner = detail if isinstance(detail, dict) else {}
            found = [key for key in ("text", "summary") if isinstance(inner.get(key), str) and inner[key]]
            yield from (Reasoning(inner[key], (*place, "reasoning_details", number, key)) for key in found[:1])
            left_out[EMPTY_REASONING] += not found


def _content_part(part: Any, place: Place) -> Iterator[Part]:
    if isinstance(part, str):
        yield from text_parts(part, place)
        return
    kind = kind_of(part)
    # The texts of the Responses API occur in chat messages too.
    key = "text" if kind in ("input_text", "output_text") else kind if kind in ("text", "refusal", "thinking") else None
    if key == "thinking" and isinstance(part.get(key), list):
        # Mistral's: a list of text parts.
        for inner in content_parts(part[key], (*place, key)):
            yield Reasoning(inner.text, inner.place) if isinstance(inner, Text) else inner
    elif key in ("text", "refusal") and isinstance(part.get(key), str):
        yield from text_parts(part[key], (*place, key))
    elif kind == "image_url" and isinstance(image := part.get("image_url"), str):
        yield Image(image, (*place, "image_url"))
    elif kind == "image_url" and isinstance(image, dict) and isinstance(image.get("url"), str):
        yield Image(image["url"], (*place, "image_url", "url"))
    else:
        yield Other(part, place)


def _calls(item: dict[str, Any], place: Place) -> Iterator[Call]:
    for number, call in enumerate(item.get("tool_calls") or ()):
        yield _call(call, (*place, "tool_calls", number))
    if isinstance(function := item.get("function_call"), dict):
        yield _call(function, (*place, "function_call"))


def _call(call: Any, place: Place) -> Call:
    if not _is_call(call):
        raise ReadError(f"the call at {'.'.join(map(str, place))} names no function")
    identity = call["id"] if isinstance(call.get("id"), str) else ""
    inner = next((key for key in ("function", "custom") if isinstance(call.get(key), dict)), None)
    function, at = (call[inner], (*place, inner)) if inner else (call, place)
    key = "input" if inner == "custom" else "arguments"
    name, name_place = function["name"], (*at, "name")
    if inner == "custom" and isinstance(function.get(key), str):
        return Call(name, {key: function[key]}, identity, name_place, (*at, key, Under(key)))
    arguments, arguments_place = arguments_at(function.get(key), (*at, key))
    return Call(name, arguments, identity, name_place, arguments_place if key in function else None)


def _is_call(call: Any) -> bool:
    if not isinstance(call, dict):
        return False
    function = next((call[key] for key in ("function", "custom") if key in call), call)
    return isinstance(function, dict) and isinstance(function.get("name"), str)


def _results(item: dict[str, Any], content: Sequence[Part], name: str | None, place: Place) -> Iterator[Message]:
    call_id = item.get("tool_call_id")
    recorded = call_id if isinstance(call_id, str) else ""
    if len(content) == 1 and isinstance(text := content[0], Text) and text.place is not None and not recorded:
        tagged = list(tool_responses(text.text, text.place))
        if all(isinstance(part, Result) for part in tagged):
            yield from (Message("tool", (part,)) for part in tagged)
            return
    yield Message("tool", (Result(result_parts(content), recorded, name, place),))


def _is_tagged(call: Call) -> bool:
    return any(isinstance(segment, Span) for segment in call.name_place or ())


def _tags_heard(message: Message, options: ReadOptions) -> Iterator[Message]:
    """The message, or the results in tags that a user's message stands for where calls are tags too."""
    if message.role != "user" or "<tool_response>" not in message.text:
        yield message
        return
    parts = (
        inner
        for part in message.parts
        for inner in (
            tool_responses(part.text, part.place) if isinstance(part, Text) and part.place is not None else (part,)
        )
    )
    yield from turns("user", parts, options, name=message.name)


def _system_beside(found: Conversation, messages: Sequence[Message]) -> Iterator[Message]:
    """The system prompt that stands beside the messages, where they do not begin with one."""
    system, place = found.beside("system", "system_prompt")
    if isinstance(system, str) and system and not (messages and messages[0].role == "system"):
        yield Message("system", (Text(system, place),))


def _answer(source: Any, found: Conversation, left_out: Counter[str]) -> Iterator[tuple[Any, Place]]:
    """The message that a log keeps apart from those of the request: itself, or under the `choices` of the response."""
    said = list(answers(source, found, lambda value: _is_message(value, NO_OPTIONS), *_ANSWERS))
    yield from said
    if said:
        return
    for choices, place in answers(source, found, _are_choices, *((*path, "choices") for path in ((), *_ANSWERS))):
        left_out["choices other than the first"] += len(choices) - 1
        if choices[0]["message"] != found.items[-1]:
            yield choices[0]["message"], (*place, 0, "message")


def _are_choices(value: Any) -> bool:
    first = value[0] if isinstance(value, list) and value else None
    return isinstance(first, dict) and _is_message(first.get("message"), NO_OPTIONS)


def _is_answered_elsewhere(source: Any) -> bool:
    """Whether a log keeps an answer that is not a chat message: a message of Anthropic's or Bedrock's."""
    found = (get_field(source, path) for path in (*_ANSWERS, ("output", "message"), ("response", "output", "message")))
    return any(
        isinstance(value, dict) and isinstance(value.get("content"), list) and not _is_message(value, NO_OPTIONS)
        for value in found
    )


def _is_dict(value: Any) -> bool:
    return isinstance(value, dict)


def _found(source: Any, options: ReadOptions) -> Iterator[Conversation]:
    if options.messages_key is None and (is_exchange(source) or is_recording(source)):
        return
    yield from conversations(source, options, lambda items: _is_ours(source, items, options))
    if isinstance(source, dict) and options.messages_key is None:
        for key, value in source.items():
            items = _listed(value)
            if items and _is_ours(source, items, options):
                yield Conversation((key, JSON_TEXT), items, source, ())


def _listed(value: Any) -> list[Any]:
    """The list of objects in JSON text."""
    if isinstance(value, str) and value.lstrip()[:1] == "[" and '"role"' in value:
        try:
            items = parse_json(value.encode("utf-8", "backslashreplace"))
        except ValueError:
            return []
        return items if isinstance(items, list) and all(_is_dict(item) for item in items) else []
    return []


def _is_ours(source: Any, items: Sequence[Any], options: ReadOptions) -> bool:
    """Whether these are chat messages, and no other reader knows more of them: SWE-agent's history, mini-swe-agent's
    file, group chats in which only names tell the agents apart, items of the Responses API, Anthropic's system blocks.
    """
    key = options.role_key or "role"
    if not all(_is_message(item, options) for item in items):
        return False
    if all(known_role(item[key]) == "system" for item in items):
        return False
    if options.format == FORMAT.name or options.messages_key is not None:
        return True
    version, system = (
        (source.get("trajectory_format"), source.get("system")) if isinstance(source, dict) else (None, None)
    )
    return not (
        (isinstance(version, str) and version.startswith("mini-swe-agent"))
        or isinstance(system, list)
        or any({"thought", "action"} <= item.keys() for item in items)
        or is_named_group(items)
        or are_items(items)
        or _is_answered_elsewhere(source)
    )


def _is_message(item: Any, options: ReadOptions) -> bool:
    if not isinstance(item, dict) or not is_role(item.get(options.role_key or "role"), options):
        return False
    content, calls = item.get("content"), item.get("tool_calls")
    parts = content if isinstance(content, list) else []
    return (
        bool(item.keys() & {"content", "tool_calls", "function_call"})
        and not item.keys() & _FOREIGN_KEYS
        and all(isinstance(part, str) or (isinstance(part, dict) and _is_part(part)) for part in parts)
        and not (item.get("type") == "message" and parts)
        and (not calls or (isinstance(calls, list) and all(_is_call(call) for call in calls)))
    )


def _is_part(part: dict[str, Any]) -> bool:
    kind = kind_of(part)
    if kind == "thinking":
        return isinstance(part.get("thinking"), list)
    return kind is not None and kind not in _FOREIGN_TYPES and not isinstance(part.get("source"), dict)


FORMAT = Format("openai-chat", "OpenAI chat messages", recognize, read, gather)
