"""What went to a model and what came back, in whichever shape an instrumentation recorded it.

A prompt is text, a list of messages, or the body of a request (`messages`, `contents`, `input`, with `system` or
`instructions` beside); an output is text, a message, or the body of a response (`choices`, `candidates`, `output`,
`generations`). Messages may be of OpenAI, Anthropic, Gemini, Bedrock, LangChain (three forms), the Vercel AI SDK,
OpenTelemetry, or items of OpenAI's Responses API, and all may stand in JSON text. They are told by shape alone.

A prompt of no known shape is an error: a row without what the model was asked is wrong. So is a conversation written as
one text (`system: …\\nuser: …`): who said what cannot be told from it. Text that came back is what the model said.

Facts: langfuse/langfuse (`worker/src/__tests__/chatml/`), langchain-ai/langsmith-sdk, Arize-ai/openinference.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.field_path import FieldPath, get_field
from ls_trajedit.traces.model import Call, Image, Message, Other, Part, Reasoning, Result, Text, Tool
from ls_trajedit.traces.places import Place, format_place
from ls_trajedit.traces.read_options import ReadOptions
from ls_trajedit.traces.readers.base import arguments_at, declared_tools, known_role, role_of
from ls_trajedit.traces.readers.blocks import block_parts, blocks_in, json_at
from ls_trajedit.traces.readers.openai_responses import are_items, response_messages
from ls_trajedit.traces.readers.turns import result_parts, turns

__all__ = ["Payload", "message_at", "prompt_at", "said_at"]

_MESSAGE_KEYS: Final = ("messages", "contents", "input", "prompt", "prompts", "items")
_SYSTEM_PATHS: Final[tuple[FieldPath, ...]] = (
    ("system",),
    ("instructions",),
    ("system_instruction",),
    ("systemInstruction",),
    ("config", "system_instruction"),
    ("config", "systemInstruction"),
)
_TOOL_PATHS: Final[tuple[FieldPath, ...]] = (
    ("tools",),
    ("functions",),
    ("config", "tools"),
    ("toolConfig", "tools"),
    ("kwargs", "tools"),
)
_REASONING_PATHS: Final[tuple[FieldPath, ...]] = (
    ("reasoning_content",),
    ("reasoning",),
    ("thinking",),
    ("additional_kwargs", "reasoning_content"),
)
_LANGCHAIN: Final = {
    "HumanMessage": "human",
    "AIMessage": "ai",
    "SystemMessage": "system",
    "ToolMessage": "tool",
    "FunctionMessage": "function",
}
_RESPONSE: Final = {"finish_reason", "finishReason", "stop_reason", "usage", "model", "kwargs"}
_CALL_KEYS: Final = {"toolCallId", "toolName"}
_TRANSCRIPT: Final = re.compile(r"\s*(system|developer|user|human|assistant|ai) ?: ", re.IGNORECASE)


class Payload(NamedTuple):
    """The messages in a prompt or an output, and the tools declared beside them."""

    messages: tuple[Message, ...] = ()
    tools: tuple[Tool, ...] = ()
    system: tuple[Message, ...] = ()
    """The instructions that a response repeats (the Responses API)."""
    follows: bool = False
    """Whether the provider kept what came before (`previous_response_id`), so that this is not all of the prompt."""


def prompt_at(value: Any, place: Place, options: ReadOptions, left_out: Counter[str]) -> Payload:
    """What the model was given. Raises ReadError for a shape that nobody knows."""
    value, place = json_at(value, place)
    if value is None or value == "":
        return Payload()
    if isinstance(value, str):
        if _TRANSCRIPT.match(value):
            raise ReadError(
                f"the prompt at {format_place(place)} is a conversation written as one text, so who said what cannot "
                "be told; record the messages themselves"
            )
        return Payload((Message("user", (Text(value, place),)),))
    if isinstance(value, list):
        return _listed(value, place, options, left_out)
    if isinstance(value, dict):
        found = _body(value, place, options, left_out)
        if found is not None:
            return found
    raise ReadError(
        f"the prompt at {format_place(place)} has no shape that is known here (messages, or the body of a request to "
        "a model)"
    )


def said_at(value: Any, place: Place, options: ReadOptions, left_out: Counter[str]) -> Payload:
    """What came back from the model: usually one message of the assistant's."""
    parsed, at = json_at(value, place)
    is_response = isinstance(parsed, dict | list) and not (parsed is not value and _is_answer_in_json(parsed))
    found = _said(parsed, at, options, left_out) if is_response else None
    if found is not None:
        return found
    if value is None or value == "":
        return Payload()
    part = Text(value, place) if isinstance(value, str) else Other(value, place)
    return Payload((Message("assistant", (part,)),))


def message_at(
    item: Any, place: Place, options: ReadOptions, left_out: Counter[str], default: str | None = None
) -> list[Message]:
    """The messages in one recorded message, of whichever shape. `default` is who speaks where it does not say."""
    held, at, word, word_place = _opened(item, place)
    role = role_of(default if word is None else word, word_place, options)
    key = "parts" if "parts" in held and "content" not in held else "content"
    calls = list(_calls(held, at))
    recorded = {call.id for call in calls if call.id}
    parts: list[Part] = []
    content, content_place = held.get(key), (*at, key)
    if isinstance(content, dict) and isinstance(content.get("parts"), list):
        content, content_place = content["parts"], (*content_place, "parts")
    if role == "tool" and not _holds_results(content):
        name = held.get("name") or held.get("tool_name")
        identity = next((held[k] for k in ("tool_call_id", "toolCallId", "id") if isinstance(held.get(k), str)), "")
        heard = _heard(content, content_place, left_out)
        parts = [Result(heard, identity, name if isinstance(name, str) else None, place)]
        return list(turns(role, parts, options))
    for path in _REASONING_PATHS:
        thought = get_field(held, path)
        if isinstance(thought, str) and thought:
            parts.append(Reasoning(thought, (*at, *path)))
            break
    # LangChain repeats the calls of some providers in the content.
    repeated = (part for part in blocks_in(content, content_place, left_out))
    parts += [part for part in repeated if not (isinstance(part, Call) and part.id in recorded)]
    if isinstance(held.get("refusal"), str) and held["refusal"]:
        parts.append(Text(held["refusal"], (*at, "refusal")))
    spoken = held.get("name") if isinstance(held.get("name"), str) and held["name"] else None
    return list(turns(role, [*parts, *calls], options, name=spoken if role != "assistant" else None))


def _listed(value: list[Any], place: Place, options: ReadOptions, left_out: Counter[str]) -> Payload:
    """A list of messages or items; LangChain puts it in a list of one."""
    if len(value) == 1 and isinstance(value[0], list):
        value, place = value[0], (*place, 0)
    if value and all(isinstance(item, str) for item in value):
        if len(value) == 1:
            return prompt_at(value[0], (*place, 0), options, left_out)
        raise ReadError(f"the prompt at {format_place(place)} is {len(value)} texts, so who said what cannot be told")
    tools: list[Tool] = []
    messages: list[tuple[Any, Place]] = []
    for number, item in enumerate(value):
        declared = _declared_as_message(item)
        if declared:
            tools.extend(declared)
        else:
            messages.append((item, (*place, number)))
    if any(_is_item(item) for item, _ in messages):
        return Payload(tuple(response_messages(messages, options, left_out)), tuple(tools))
    read: list[Message] = []
    called: set[str] = set()
    for item, at in messages:
        word = item.get("role") if isinstance(item, dict) else None
        # Langfuse's LangChain handler for JavaScript gives the tool's name as the role of what the tool said.
        if isinstance(word, str) and word in called and known_role(word) is None and word not in options.roles:
            heard = _heard(item.get("content"), (*at, "content"), left_out)
            read += turns("tool", [Result(heard, "", word, at)], options)
        else:
            found = message_at(item, at, options, left_out)
            called.update(call.name for message in found for call in message.calls)
            read += found
    return Payload(tuple(read), tuple(tools))


def _body(value: dict[str, Any], place: Place, options: ReadOptions, left_out: Counter[str]) -> Payload | None:
    """The body of a request, or one message."""
    if _is_message(value):
        return Payload(tuple(message_at(value, place, options, left_out)))
    key = next((key for key in _MESSAGE_KEYS if isinstance(value.get(key), str | list | dict) and value[key]), None)
    if key is None:
        if isinstance(value.get("kwargs"), dict) and not value.get("args"):
            return _body(value["kwargs"], (*place, "kwargs"), options, left_out)
        return None
    inner = value[key]
    if isinstance(inner, dict) and not _is_message(inner) and key == "input":
        return _body(inner, (*place, key), options, left_out)
    found = prompt_at(inner, (*place, key), options, left_out)
    system = _system(value, place, left_out)
    follows = isinstance(value.get("previous_response_id"), str)
    return Payload((*system, *found.messages), (*found.tools, *_tools(value)), follows=follows)


def _said(value: Any, place: Place, options: ReadOptions, left_out: Counter[str]) -> Payload | None:
    """What a response or a message of a known shape says; None for any other JSON."""
    if isinstance(value, list):
        return _said_in_list(value, place, options, left_out)
    if isinstance(value.get("choices"), list) and value["choices"]:
        return _first_of(value["choices"], (*place, "choices"), options, left_out)
    if isinstance(value.get("candidates"), list) and value["candidates"]:
        return _first_of(value["candidates"], (*place, "candidates"), options, left_out)
    if isinstance(value.get("generations"), list) and value["generations"]:
        return _first_of(value["generations"], (*place, "generations"), options, left_out)
    if isinstance(value.get("output"), list):
        items = [(item, (*place, "output", number)) for number, item in enumerate(value["output"])]
        said = tuple(response_messages(items, options, left_out))
        follows = isinstance(value.get("previous_response_id"), str)
        return Payload(said, _tools(value), tuple(_system(value, place, left_out)), follows)
    if isinstance(value.get("output"), dict):
        return _said(value["output"], (*place, "output"), options, left_out)
    if isinstance(value.get("messages"), list):
        return _said_in_list(value["messages"], (*place, "messages"), options, left_out)
    if isinstance(value.get("message"), dict):
        return _said(value["message"], (*place, "message"), options, left_out)
    if isinstance(value.get("content"), dict) and isinstance(value["content"].get("parts"), list):
        return _said(value["content"], (*place, "content"), options, left_out)
    listed = any(isinstance(value.get(key), list) for key in ("content", "parts", "tool_calls"))
    if _is_message(value) or listed:
        return Payload(tuple(message_at(value, place, options, left_out, "assistant")), _tools(value))
    for key in ("text", "completion", "content", "output", "response"):
        if isinstance(value.get(key), str):
            parts: list[Part] = [Text(value[key], (*place, key))] if value[key] else []
            for name in ("toolCalls", "tool_calls"):
                parts += blocks_in(_typed(value.get(name)), (*place, name), left_out)
            return Payload((Message("assistant", tuple(parts)),), _tools(value))
    return None


def _is_answer_in_json(value: Any) -> bool:
    """Whether JSON in a text may be the answer itself, such as `{"text": "yes"}`, and no record of a response."""
    return (
        isinstance(value, dict)
        and not value.keys() & {"choices", "candidates", "generations", "role", "tool_calls", "toolCalls", *_RESPONSE}
        and not any(isinstance(value.get(key), dict | list) for key in ("output", "message", "messages", "content"))
    )


def _said_in_list(value: list[Any], place: Place, options: ReadOptions, left_out: Counter[str]) -> Payload | None:
    """Messages, choices, blocks of one message, or the calls that the Vercel AI SDK records alone."""
    objects = [item for item in value if isinstance(item, dict)]
    if not value or len(objects) != len(value):
        return None
    if all(item.keys() >= _CALL_KEYS for item in objects):
        return Payload((Message("assistant", tuple(blocks_in(_typed(value), place, left_out))),))
    if all(isinstance(item.get("message"), dict) for item in objects):
        return _first_of(value, place, options, left_out)
    if any(_is_item(item) for item in objects):
        items = [(item, (*place, number)) for number, item in enumerate(value)]
        return Payload(tuple(response_messages(items, options, left_out)))
    if all(_is_message(item) for item in objects):
        read = (message_at(item, (*place, number), options, left_out) for number, item in enumerate(value))
        return Payload(tuple(message for found in read for message in found))
    if all(isinstance(item.get("type"), str) and "role" not in item for item in objects):
        return Payload((Message("assistant", tuple(blocks_in(value, place, left_out))),))
    return None


def _first_of(value: list[Any], place: Place, options: ReadOptions, left_out: Counter[str]) -> Payload | None:
    """The first of several answers to the same prompt: the one with which the conversation goes on."""
    left_out["further answers to one prompt"] += len(value) - 1
    first, at = value[0], (*place, 0)
    if isinstance(first, list):
        return _first_of(first, at, options, left_out) if first else None
    return _said(first, at, options, left_out) if isinstance(first, dict) else None


def _opened(item: Any, place: Place) -> tuple[dict[str, Any], Place, Any, Place]:
    """What a message holds and where, who speaks and where that is said; the wrappings of LangChain are opened."""
    if not isinstance(item, dict):
        raise ReadError(f"{format_place(place)} is not a message")
    if item.get("type") == "constructor" and isinstance(item.get("kwargs"), dict):
        names = item["id"] if isinstance(item.get("id"), list) and item["id"] else [None]
        word = _LANGCHAIN.get(str(names[-1]).removesuffix("Chunk"), item["kwargs"].get("type"))
        return item["kwargs"], (*place, "kwargs"), word, (*place, "id", len(names) - 1)
    if "role" not in item and isinstance(item.get("data"), dict) and "content" in item["data"]:
        return item["data"], (*place, "data"), item.get("type"), (*place, "type")
    if "role" not in item and isinstance(item.get("message"), dict):
        return _opened(item["message"], (*place, "message"))
    if "role" in item:
        return item, place, item["role"], (*place, "role")
    named = isinstance(item.get("type"), str) and known_role(item["type"]) is not None
    return item, place, item.get("type") if named else None, (*place, "type" if named else "role")


def _is_message(item: Any) -> bool:
    if not isinstance(item, dict):
        return False
    if item.get("type") == "constructor" and isinstance(item.get("kwargs"), dict):
        return True
    if "role" in item:
        return bool({"content", "parts", "tool_calls", "function_call"} & item.keys())
    if known_role(item.get("type")) is not None:
        return "content" in item or (isinstance(item.get("data"), dict) and "content" in item["data"])
    return False


def _is_item(item: Any) -> bool:
    """Whether it is an item of the Responses API that is not a message."""
    return isinstance(item, dict) and "role" not in item and are_items([item])


def _holds_results(content: Any) -> bool:
    """Whether results stand in the content as blocks (OpenTelemetry, the Vercel AI SDK, Gemini)."""
    blocks = content if isinstance(content, list) else [content]
    found = (part for block in blocks if isinstance(block, dict) for part in block_parts(block, (), Counter()))
    return any(isinstance(part, Result) for part in found)


def _heard(content: Any, place: Place, left_out: Counter[str]) -> tuple[Text | Image | Other, ...]:
    if isinstance(content, str):
        return (Text(content, place),)
    return result_parts(blocks_in(content, place, left_out))


def _calls(held: dict[str, Any], place: Place) -> Iterator[Call]:
    """The calls beside the content: OpenAI's, flat ones (`name`, `arguments`), LangChain's (`args`)."""
    listed: list[tuple[Any, Place]] = []
    for key in ("tool_calls", "toolCalls", "invalid_tool_calls"):
        listed += [(call, (*place, key, number)) for number, call in enumerate(_list_at(held, (key,)))]
    if not listed:
        kept: FieldPath = ("additional_kwargs", "tool_calls")
        listed = [(call, (*place, *kept, number)) for number, call in enumerate(_list_at(held, kept))]
    for call, at in listed:
        yield _one_call(call, at)
    older: tuple[FieldPath, ...] = (("function_call",), ("additional_kwargs", "function_call"))
    for path in older:
        call = get_field(held, path)
        if isinstance(call, dict) and not listed:
            yield _one_call(call, (*place, *path))
            break


def _one_call(call: Any, place: Place) -> Call:
    inner, at = call, place
    for wrapping in ("tool_call", "function"):
        if isinstance(inner, dict) and isinstance(inner.get(wrapping), dict):
            inner, at = inner[wrapping], (*at, wrapping)
    if not isinstance(inner, dict):
        raise ReadError(f"the call at {format_place(place)} names no function")
    name_key = next((key for key in ("name", "toolName", "function") if isinstance(inner.get(key), str)), None)
    if name_key is None:
        raise ReadError(f"the call at {format_place(place)} names no function")
    key = next((key for key in ("arguments", "args", "input") if key in inner), "arguments")
    arguments, arguments_place = arguments_at(inner.get(key), (*at, key))
    ids = (holder.get(key) for holder in (call, inner) for key in ("id", "toolCallId", "tool_call_id"))
    identity = next((found for found in ids if isinstance(found, str)), "")
    return Call(inner[name_key], arguments, identity, (*at, name_key), arguments_place if key in inner else None)


def _list_at(held: dict[str, Any], path: FieldPath) -> list[Any]:
    """The list that stands at the path, or an empty one."""
    found = get_field(held, path)
    return found if isinstance(found, list) else []


def _typed(calls: Any) -> Any:
    """Calls of the Vercel AI SDK as blocks: where they stand alone they have no type."""
    if not isinstance(calls, list):
        return None
    return [{"type": "tool-call", **call} if isinstance(call, dict) else call for call in calls]


def _system(value: dict[str, Any], place: Place, left_out: Counter[str]) -> Iterator[Message]:
    for path in _SYSTEM_PATHS:
        found = get_field(value, path)
        if isinstance(found, str | list | dict) and found:
            at: Place = (*place, *path)
            if isinstance(found, dict) and isinstance(found.get("parts"), list):
                found, at = found["parts"], (*at, "parts")
            parts = tuple(blocks_in(found, at, left_out))
            if parts:
                yield Message("system", parts)
            return


def _tools(value: dict[str, Any]) -> tuple[Tool, ...]:
    for path in _TOOL_PATHS:
        found = get_field(value, path)
        if isinstance(found, list) and (tools := declared_tools(found)):
            return tools
    return ()


def _declared_as_message(item: Any) -> tuple[Tool, ...]:
    """The tool in a message that Langfuse's LangChain handler writes for each that is declared."""
    content = item.get("content") if isinstance(item, dict) and item.get("role") == "tool" else None
    if not isinstance(content, dict) or not isinstance(content.get("function"), dict):
        return ()
    return declared_tools([content]) if "parameters" in content["function"] else ()
