"""Anthropic's messages: `{"role", "content"}` whose content is a string or blocks, and `system` beside them.

The Messages API's requests look like this, and so does what its SDKs, Bedrock's InvokeModel and many agents record.
What is odd:

- Results are blocks of a user's message, `tool_result`; what the user said beside them comes after them.
- Tools that the provider runs itself (`server_tool_use` and what it returned) are left out.
- A log of requests keeps the answer apart: the message under `response`.

It is told from OpenAI's chat messages by its blocks: calls, results, thinking, images with a `source`, a `system` of
blocks, messages as the API returns them (`"type": "message"`). Where all is text there is no difference, and the reader
of chat messages takes it.

Facts: the types in anthropics/anthropic-sdk-python (`types/message_param.py`, `types/content_block.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from ls_trajedit.traces.field_path import get_field
from ls_trajedit.traces.model import Call, Image, Message, Other, Part, Reasoning, Result, Trace
from ls_trajedit.traces.places import Place
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions
from ls_trajedit.traces.readers.base import Format, arguments_at, build_trace, is_role, known_role, role_of
from ls_trajedit.traces.readers.conversations import (
    Conversation,
    answers,
    conversations,
    only_conversation,
    source_id,
)
from ls_trajedit.traces.readers.turns import (
    EMPTY_REASONING,
    HOSTED_CALL,
    data_uri,
    kind_of,
    result_parts,
    text_parts,
    turns,
)

__all__ = ["FORMAT"]

_HOSTED: Final = frozenset(
    {
        *("server_tool_use", "web_search_tool_result", "web_fetch_tool_result", "code_execution_tool_result"),
        *("bash_code_execution_tool_result", "text_editor_code_execution_tool_result", "tool_search_tool_result"),
        *("mcp_tool_use", "mcp_tool_result"),
    }
)
_WITH_SOURCE: Final = frozenset({"image", "document"})
_SHARED: Final = frozenset({"text", "search_result", "container_upload", "tool_reference"})
_FOREIGN_KEYS: Final = frozenset({"tool_calls", "tool_call_id", "function_call", "parts", "lc"})
_RESPONSES: Final = (("response",), ("response", "body"), ("output",), ("completion",))


def recognize(source: Any) -> str | None:
    """Whether some list in the source holds messages with blocks of Anthropic's."""
    found = next(_found(source, NO_OPTIONS), None)
    if found is None:
        return None
    kinds = (kind for item in found.items for block in _blocks(item) if (kind := _own_kind(block)))
    held = next((f"whose content holds `{kind}` blocks" for kind in kinds), "beside a `system` of blocks")
    return f"{found.name} of messages {held}" if not _is_returned(found.items) else f"{found.name} of `message` objects"


def read(source: Any, options: ReadOptions) -> list[Trace]:
    """The one trace in the source."""
    found = only_conversation(_found(source, options), "messages with Anthropic's blocks")
    left_out: Counter[str] = Counter()
    placed = [(item, (*found.place, number)) for number, item in enumerate(found.items)]
    placed += answers(source, found, _is_response, *_RESPONSES)
    messages = [message for item, place in placed for message in _messages(item, place, options, left_out)]
    system = tuple(_parts(*found.beside("system"), left_out))
    return [
        build_trace(
            source,
            FORMAT.name,
            [*([Message("system", system)] if system else []), *messages],
            options,
            identity=source_id(source),
            tools=found.tools(source, "tools"),
            left_out=left_out,
        )
    ]


def gather(values: Sequence[Any]) -> list[Any] | None:
    """Bare messages, one a line or in one array, are one conversation."""
    are_ours = len(values) > 1 and _are_messages(values, NO_OPTIONS) and any(_is_own(value) for value in values)
    return [list(values)] if are_ours else None


def _messages(item: dict[str, Any], place: Place, options: ReadOptions, left_out: Counter[str]) -> Iterator[Message]:
    key = options.role_key or "role"
    role = role_of(item.get(key), (*place, key), options)
    said: list[Part] = []
    for block, at in _placed_blocks(item.get("content"), (*place, "content")):
        if kind_of(block) == "mid_conv_system":
            # The system speaks in the middle of what a user said.
            yield from turns(role, said, options) if said else ()
            said = []
            yield Message("system", tuple(_parts(block.get("content"), (*at, "content"), left_out)))
        else:
            said += _block(block, at, left_out)
    if said or not _is_only_system(item):
        yield from turns(role, said, options)


def _is_only_system(item: dict[str, Any]) -> bool:
    blocks = _blocks(item)
    return bool(blocks) and kind_of(blocks[-1]) == "mid_conv_system"


def _placed_blocks(content: Any, place: Place) -> Iterator[tuple[Any, Place]]:
    if isinstance(content, list):
        yield from ((block, (*place, number)) for number, block in enumerate(content))
    elif content is not None:
        yield content, place


def _parts(content: Any, place: Place, left_out: Counter[str]) -> Iterator[Part]:
    for block, at in _placed_blocks(content, place):
        yield from _block(block, at, left_out)


def _block(block: Any, place: Place, left_out: Counter[str]) -> Iterator[Part]:
    kind = kind_of(block)
    match kind:
        case "text" if "text" in block:
            yield from text_parts(block["text"], (*place, "text"))
        case "thinking" if isinstance(block.get("thinking"), str) and block["thinking"]:
            yield Reasoning(block["thinking"], (*place, "thinking"))
        case "thinking" | "redacted_thinking":
            left_out[EMPTY_REASONING] += 1
        case "tool_use" if isinstance(block.get("name"), str):
            arguments, at = arguments_at(block.get("input"), (*place, "input"))
            yield Call(block["name"], arguments, _id(block, "id"), (*place, "name"), at if "input" in block else None)
        case "tool_result":
            heard = result_parts(_parts(block.get("content"), (*place, "content"), left_out))
            yield Result(heard, _id(block, "tool_use_id"), None, place)
        case "image":
            yield _image(block, place)
        case str() if kind in _HOSTED:
            left_out[HOSTED_CALL] += kind.endswith("_use")
        case None if not isinstance(block, dict):
            yield from text_parts(block, place)
        case _:
            yield Other(block, place)


def _image(block: dict[str, Any], place: Place) -> Part:
    source = block.get("source")
    if isinstance(source, dict):
        if isinstance(source.get("url"), str):
            return Image(source["url"], (*place, "source", "url"))
        return data_uri(source.get("media_type"), source.get("data")) or Other(block, place)
    return Other(block, place)


def _id(block: dict[str, Any], key: str) -> str:
    return block[key] if isinstance(block.get(key), str) else ""


def _found(source: Any, options: ReadOptions) -> Iterator[Conversation]:
    answered = [get_field(source, path) for path in _RESPONSES]
    for found in conversations(source, options, lambda items: _are_messages(items, options)):
        own = any(_is_own(item) for item in found.items) or isinstance(found.beside("system")[0], list)
        own = own or any(_is_response(value) and _is_own(value) for value in answered)
        if own or options.format == FORMAT.name:
            yield found


def _are_messages(items: Sequence[Any], options: ReadOptions) -> bool:
    return all(_is_message(item, options) for item in items) and any(
        known_role(item.get(options.role_key or "role")) != "system" for item in items
    )


def _is_message(item: Any, options: ReadOptions) -> bool:
    if not isinstance(item, dict) or item.keys() & _FOREIGN_KEYS or "content" not in item:
        return False
    word, content = item.get(options.role_key or "role"), item["content"]
    return (
        is_role(word, options)
        and (word in options.roles or known_role(word) != "tool")
        and (isinstance(content, str) or (isinstance(content, list) and all(_is_block(block) for block in content)))
    )


def _is_response(value: Any) -> bool:
    return _is_message(value, NO_OPTIONS) and value["role"] == "assistant" and isinstance(value["content"], list)


def _is_own(item: dict[str, Any]) -> bool:
    """Whether a message is of this API alone."""
    return _is_returned([item]) or any(_own_kind(block) for block in _blocks(item))


def _is_returned(items: Sequence[Any]) -> bool:
    """Whether one of the messages is as the API returns it."""
    return any(item.get("type") == "message" and bool(_blocks(item)) for item in items)


def _blocks(item: dict[str, Any]) -> list[Any]:
    return item["content"] if isinstance(item.get("content"), list) else []


def _is_block(block: Any) -> bool:
    return kind_of(block) in _SHARED or _own_kind(block) is not None


def _own_kind(block: Any) -> str | None:
    """The type of a block that no other API has."""
    kind = kind_of(block)
    if kind is None:
        return None
    own = (
        kind in _HOSTED
        or kind in ("redacted_thinking", "mid_conv_system")
        or (kind == "tool_use" and isinstance(block.get("name"), str))
        or (kind == "tool_result" and "tool_use_id" in block)
        or (kind == "thinking" and isinstance(block.get("thinking"), str))
        or (kind in _WITH_SOURCE and isinstance(block.get("source"), dict))
    )
    return kind if own else None


FORMAT = Format("anthropic", "Anthropic messages", recognize, read, gather)
