"""Items of OpenAI's Responses API: a request's `input`, a response's `output`, or a bare list of items.

A source is a response object, a request with its response (side by side, or as `request` and `response`), or items
under any key, as the OpenAI Agents SDK keeps them. Instructions are the system prompt. What is odd:

- One response is several items (reasoning, a message, calls), so items of the assistant that follow each other are
  one message.
- Calls that the provider runs itself (`web_search_call`, `file_search_call`, `mcp_call`, …) have no result of their own
  and are left out. The shell, the patches and the computer that the agent's own program runs are calls.
- The input of a custom tool is text, and stands for `{"input": text}`.
- The output of a local shell names the item, not the call.

Facts: OpenAI's API reference, and the types in openai/openai-python (`types/responses`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from ls_trajedit.traces.field_path import FieldPath, get_field
from ls_trajedit.traces.model import Call, Image, Message, Other, Part, Reasoning, Result, Text, Trace
from ls_trajedit.traces.places import Place, Under
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions
from ls_trajedit.traces.readers.base import (
    Format,
    arguments_at,
    build_trace,
    declared_tools,
    first_text,
    is_recording,
    is_role,
    role_of,
)
from ls_trajedit.traces.readers.conversations import conversations, only_conversation, source_id
from ls_trajedit.traces.readers.turns import EMPTY_REASONING, HOSTED_CALL, kind_of, result_parts, text_parts, turns

__all__ = ["FORMAT", "are_items", "is_exchange", "response_messages"]

# Calls of built-in tools that the agent's program runs: the name of the tool, and where the arguments stand.
_BUILT_IN: Final = {
    "local_shell_call": ("local_shell", "action"),
    "shell_call": ("shell", "action"),
    "computer_call": ("computer", "action"),
    "apply_patch_call": ("apply_patch", "operation"),
}
_OUTPUTS: Final = frozenset(
    {"function_call_output", "custom_tool_call_output", *(f"{kind}_output" for kind in _BUILT_IN)}
)
_HOSTED: Final = frozenset(
    {
        "web_search_call",
        "file_search_call",
        "code_interpreter_call",
        "image_generation_call",
        "mcp_call",
        "mcp_list_tools",
        "mcp_approval_request",
        "mcp_approval_response",
        "tool_search_call",
        "tool_search_output",
        "program",
        "program_output",
    }
)
_KEPT_FOR_THE_API: Final = frozenset({"item_reference", "compaction", "compaction_trigger", "additional_tools"})
_ITEM_TYPES: Final = frozenset(
    {"function_call", "custom_tool_call", "reasoning", *_BUILT_IN, *_OUTPUTS, *_HOSTED, *_KEPT_FOR_THE_API}
)
_TEXT_KEYS: Final = {"input_text": "text", "output_text": "text", "text": "text", "refusal": "refusal"}
_PART_TYPES: Final = frozenset({"input_text", "output_text", "input_image", "input_file", "input_audio", "refusal"})
# Where a request and its response stand.
_REQUESTS: Final[tuple[FieldPath, ...]] = ((), ("request",), ("request", "body"))
_RESPONSES: Final[tuple[FieldPath, ...]] = ((), ("response",), ("response", "body"))


def recognize(source: Any) -> str | None:
    """Whether the source is a response, a request with its response, or a list of items."""
    if is_exchange(source):
        return "an `output` of items of the Responses API"
    found = next(conversations(source, NO_OPTIONS, are_items), None)
    return None if found is None else f"{found.name} of items of the Responses API"


def read(source: Any, options: ReadOptions) -> list[Trace]:
    """The one trace in the source."""
    left_out: Counter[str] = Counter()
    if options.messages_key is None and is_exchange(source):
        messages = list(_exchange(source, options, left_out))
    else:
        found = only_conversation(
            conversations(source, options, are_items if options.messages_key is None else lambda items: True),
            "items of the Responses API",
        )
        messages = list(_system(*found.beside("instructions"), options, left_out))
        messages += response_messages(_placed(found.items, found.place), options, left_out)
    declared = (get_field(source, (*path, "tools")) for path in (*_REQUESTS, *_RESPONSES))
    return [
        build_trace(
            source,
            FORMAT.name,
            messages,
            options,
            identity=source_id(source) or first_text(source, ("response", "id"), ("response", "body", "id")),
            tools=next((tools for value in declared if (tools := declared_tools(value))), ()),
            left_out=left_out,
        )
    ]


def gather(values: Sequence[Any]) -> list[Any] | None:
    """Bare items, one a line or in one array, are one conversation."""
    return [list(values)] if len(values) > 1 and are_items(values) else None


def are_items(values: Sequence[Any]) -> bool:
    """Whether these are items, and some of them are of the Responses API alone."""
    return (
        bool(values) and all(_is_item(value) for value in values) and any(_is_responses_own(value) for value in values)
    )


def is_exchange(source: Any) -> bool:
    """Whether the source is a response of the Responses API, alone or with its request."""
    if is_recording(source):
        return False
    for path in _RESPONSES:
        response = get_field(source, path)
        output = response.get("output") if isinstance(response, dict) else None
        if isinstance(output, list) and (are_items(output) or (not output and response.get("object") == "response")):
            return True
    return False


def response_messages(
    items: Iterable[tuple[Any, Place]], options: ReadOptions, left_out: Counter[str]
) -> Iterator[Message]:
    """The messages in these items, each given with its place. What is left out is counted in `left_out`.

    Calls without any id in the items have an empty one here.
    """
    said: list[Part] = []
    spoke = False
    waiting: list[Other] = []
    ids: dict[str, str] = {}
    for item, place in items:
        kind = kind_of(item)
        if kind in _HOSTED:
            left_out[HOSTED_CALL] += 1
        elif kind in _KEPT_FOR_THE_API:
            left_out[f"{kind} items"] += 1
        elif (spoken := _spoken(item, place, options, left_out)) is not None:
            for call in spoken:
                if isinstance(call, Call) and isinstance(item.get("id"), str):
                    ids[item["id"]] = call.id
            said += (*waiting, *spoken)
            waiting = []
            # An item that holds nothing to read is not a turn of its own.
            spoke = spoke or bool(spoken) or kind != "reasoning"
        elif (heard := _heard(item, place, options, ids)) is not None:
            if spoke:
                yield Message("assistant", tuple(said))
            said, spoke = [], False
            yield from heard
        else:
            # Nobody knows whose it is, so it is not a turn, only a part of one.
            (said if spoke else waiting).append(Other(item, place))
    if spoke:
        yield Message("assistant", tuple(said))
    for other in waiting:
        left_out[f"{kind_of(other.value)} items" if kind_of(other.value) else "items without a type"] += 1


def _spoken(item: Any, place: Place, options: ReadOptions, left_out: Counter[str]) -> list[Part] | None:
    """What the assistant said in this item; None when it is not the assistant's."""
    if not isinstance(item, dict):
        return None
    kind = kind_of(item)
    call_id = next((item[key] for key in ("call_id", "id") if isinstance(item.get(key), str)), "")
    if kind == "reasoning":
        return _reasoning(item, place, left_out)
    if kind in ("function_call", "custom_tool_call") and isinstance(item.get("name"), str):
        key = "arguments" if kind == "function_call" else "input"
        if kind == "custom_tool_call" and isinstance(item.get(key), str):
            return [Call(item["name"], {key: item[key]}, call_id, (*place, "name"), (*place, key, Under(key)))]
        arguments, at = arguments_at(item.get(key), (*place, key))
        return [Call(item["name"], arguments, call_id, (*place, "name"), at if key in item else None)]
    if kind in _BUILT_IN:
        name, key = _BUILT_IN[kind]
        key = key if key in item or "actions" not in item else "actions"
        arguments, at = arguments_at(item.get(key), (*place, key))
        return [Call(name, arguments, call_id, None, at if key in item else None)]
    is_message = kind in (None, "message") and "content" in item
    if is_message and role_of(item.get("role"), (*place, "role"), options) == "assistant":
        return list(_content(item["content"], (*place, "content")))
    return None


def _heard(item: Any, place: Place, options: ReadOptions, ids: dict[str, str]) -> Iterable[Message] | None:
    """What others said in this item; None when nobody knows."""
    if not isinstance(item, dict):
        return None
    kind = kind_of(item)
    if kind in _OUTPUTS:
        recorded = next((item[key] for key in ("call_id", "id") if isinstance(item.get(key), str)), "")
        name = item["name"] if isinstance(item.get("name"), str) else None
        content = result_parts(_output(item, place))
        return turns("tool", [Result(content, ids.get(recorded, recorded), name, place)], options)
    if kind in (None, "message") and "content" in item:
        role = role_of(item.get("role"), (*place, "role"), options)
        return [Message(role, tuple(_content(item["content"], (*place, "content"))))]
    return None


def _reasoning(item: dict[str, Any], place: Place, left_out: Counter[str]) -> list[Part]:
    """The texts of a reasoning, else their summaries."""
    for key in ("content", "summary"):
        listed = item.get(key)
        found: list[Part] = [
            Reasoning(entry["text"], (*place, key, number, "text"))
            for number, entry in enumerate(listed if isinstance(listed, list) else ())
            if isinstance(entry, dict) and isinstance(entry.get("text"), str) and entry["text"]
        ]
        if found:
            return found
    left_out[EMPTY_REASONING] += 1
    return []


def _output(item: dict[str, Any], place: Place) -> Iterator[Part]:
    output, at = item.get("output"), (*place, "output")
    if output is None:
        # A patch that went well may say no more than that.
        if isinstance(item.get("status"), str):
            yield Text(item["status"], (*place, "status"))
    elif isinstance(output, dict):
        yield _part(output, at)
    elif isinstance(output, list) and output and all(_is_part(entry) for entry in output):
        yield from _content(output, at)
    else:
        yield from text_parts(output, at)


def _content(content: Any, place: Place) -> Iterator[Part]:
    if not isinstance(content, list):
        yield from text_parts(content, place)
        return
    for number, entry in enumerate(content):
        part = _part(entry, (*place, number))
        if not isinstance(part, Text) or part.text:
            yield part


def _part(entry: Any, place: Place) -> Part:
    if isinstance(entry, dict):
        key = _TEXT_KEYS.get(kind_of(entry) or "")
        if key is not None and isinstance(entry.get(key), str):
            return Text(entry[key], (*place, key))
        if entry.get("type") in ("input_image", "computer_screenshot") and isinstance(entry.get("image_url"), str):
            return Image(entry["image_url"], (*place, "image_url"))
    return Other(entry, place)


def _exchange(source: Any, options: ReadOptions, left_out: Counter[str]) -> Iterator[Message]:
    """The messages of a request and its response: instructions, input, output."""
    for path in dict.fromkeys((*_REQUESTS, *_RESPONSES)):
        instructions = get_field(source, (*path, "instructions"))
        if isinstance(instructions, str | list) and instructions:
            yield from _system(instructions, (*path, "instructions"), options, left_out)
            break
    for path in _REQUESTS:
        given, at = get_field(source, (*path, "input")), (*path, "input")
        if isinstance(given, str):
            yield Message("user", (Text(given, at),) if given else ())
        elif isinstance(given, list):
            yield from response_messages(_placed(given, at), options, left_out)
    for path in _RESPONSES:
        output = get_field(source, (*path, "output"))
        if isinstance(output, list):
            yield from response_messages(_placed(output, (*path, "output")), options, left_out)
            return


def _system(value: Any, place: Place, options: ReadOptions, left_out: Counter[str]) -> Iterator[Message]:
    if isinstance(value, list):
        yield from response_messages(_placed(value, place), options, left_out)
    elif isinstance(value, str) and value:
        yield Message("system", (Text(value, place),))


def _placed(items: Sequence[Any], place: Place) -> Iterator[tuple[Any, Place]]:
    for number, item in enumerate(items):
        yield item, (*place, number)


def _is_item(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    kind, content = kind_of(value), value.get("content")
    if "type" in value and kind is None:
        return False
    if kind == "reasoning":
        return isinstance(value.get("summary"), list)
    if kind not in (None, "message"):
        # There will be more types of items; what wraps an item or a message is another format's line.
        return not value.keys() & {"role", "content", "payload", "message"}
    return (
        is_role(value.get("role"))
        and (isinstance(content, str) or (isinstance(content, list) and all(_is_part(entry) for entry in content)))
        and not value.keys() & {"tool_calls", "tool_call_id", "function_call"}
    )


def _is_part(entry: Any) -> bool:
    return kind_of(entry) in _PART_TYPES


def _is_responses_own(value: dict[str, Any]) -> bool:
    kind, content = kind_of(value), value.get("content")
    if kind in _ITEM_TYPES or isinstance(content, str):
        return kind is not None
    # A refusal is a part of chat messages as well.
    return isinstance(content, list) and any(kind_of(entry) not in (None, "refusal") for entry in content)


FORMAT = Format("openai-responses", "OpenAI Responses items", recognize, read, gather)
