"""Messages of Amazon Bedrock's Converse API: `{"role", "content"}` whose blocks have no type, only one key each.

The API's requests look like this, and so do Bedrock's logs of model invocations and sessions of Strands agents. What is
odd:

- A block is told by its key (`text`, `toolUse`, `toolResult`, `reasoningContent`, `image`, …), and `system` beside the
  messages is a list of such blocks.
- Results are blocks of a user's message; what they hold is blocks again, of which `json` holds any value.
- The bytes of an image are base64 text in JSON; Strands wraps that as `{"__bytes_encoded__": true, "data": …}`.
- Points for the cache are left out, and so are the tools that the provider runs itself (`"type": "server_tool_use"`).
- A log keeps the answer apart: `output.message`.

Facts: the service model of bedrock-runtime in boto/botocore, the Strands Agents SDK (`types/content.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from ls_trajedit.traces.model import Call, Image, Message, Other, Part, Reasoning, Result, Trace
from ls_trajedit.traces.places import Place
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions
from ls_trajedit.traces.readers.base import (
    Format,
    arguments_at,
    build_trace,
    declared_tools,
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
from ls_trajedit.traces.readers.turns import EMPTY_REASONING, HOSTED_CALL, data_uri, result_parts, text_parts, turns

__all__ = ["FORMAT"]

_BLOCKS: Final = frozenset(
    {
        *("text", "image", "document", "video", "audio", "toolUse", "toolResult", "guardContent", "cachePoint"),
        *("reasoningContent", "citationsContent", "searchResult", "json", "toolAddition", "toolRemoval"),
    }
)
# Where a log of model invocations keeps the request.
_LOGGED: Final = ("input", "inputBodyJson", "messages")
_RESPONSES: Final = (
    ("output", "message"),
    ("response", "output", "message"),
    ("output", "outputBodyJson", "output", "message"),
)


def recognize(source: Any) -> str | None:
    """Whether some list in the source holds messages with blocks that are told by their key."""
    found = next(_found(source, NO_OPTIONS), None)
    return None if found is None else f"{found.name} of messages whose content is blocks without a type"


def read(source: Any, options: ReadOptions) -> list[Trace]:
    """The one trace in the source."""
    found = only_conversation(_found(source, options), "messages with Bedrock's blocks")
    left_out: Counter[str] = Counter()
    placed = [(item, (*found.place, number)) for number, item in enumerate(found.items)]
    placed += answers(source, found, lambda value: _is_message(value, NO_OPTIONS), *_RESPONSES)
    messages = [message for item, place in placed for message in _messages(item, place, options, left_out)]
    system = tuple(_parts(*found.beside("system", "system_prompt"), left_out))
    config, _ = found.beside("toolConfig", "tool_config")
    return [
        build_trace(
            source,
            FORMAT.name,
            [*([Message("system", system)] if system else []), *messages],
            options,
            identity=source_id(source),
            tools=declared_tools(config) or found.tools(source, "tools"),
            left_out=left_out,
        )
    ]


def gather(values: Sequence[Any]) -> list[Any] | None:
    """Bare messages, one a line or in one array, are one conversation."""
    return [list(values)] if len(values) > 1 and _are_messages(values, NO_OPTIONS) else None


def _messages(item: dict[str, Any], place: Place, options: ReadOptions, left_out: Counter[str]) -> Iterator[Message]:
    key = options.role_key or "role"
    role = role_of(item.get(key), (*place, key), options)
    yield from turns(role, _parts(item.get("content"), (*place, "content"), left_out), options)


def _parts(content: Any, place: Place, left_out: Counter[str]) -> Iterator[Part]:
    if not isinstance(content, list):
        yield from text_parts(content, place)
        return
    for number, block in enumerate(content):
        at = (*place, number)
        if isinstance(block, dict):
            yield from _block(block, at, left_out)
        else:
            yield from text_parts(block, at)


def _block(block: dict[str, Any], place: Place, left_out: Counter[str]) -> Iterator[Part]:
    key = next((key for key in block if key in _BLOCKS), None)
    value, at = (None, place) if key is None else (block[key], (*place, key))
    inner: dict[str, Any] = value if isinstance(value, dict) else {}
    if key == "text":
        yield from text_parts(value, at)
    elif key == "json":
        yield Other(value, at)
    elif key == "cachePoint":
        left_out["points for the cache"] += 1
    elif key == "reasoningContent":
        yield from _reasoning(inner, at, left_out)
    elif inner.get("type") == "server_tool_use":
        left_out[HOSTED_CALL] += 1
    elif key == "toolResult" and isinstance(inner.get("type"), str):
        # What the provider's own tool returned; that tool is counted already.
        return
    elif key == "toolUse" and isinstance(inner.get("name"), str):
        arguments, arguments_place = arguments_at(inner.get("input"), (*at, "input"))
        placed = arguments_place if "input" in inner else None
        yield Call(inner["name"], arguments, _id(inner), (*at, "name"), placed)
    elif key == "toolResult":
        yield Result(result_parts(_parts(inner.get("content"), (*at, "content"), left_out)), _id(inner), None, at)
    elif key == "image":
        yield _image(inner, at) or Other(block, place)
    elif key == "citationsContent" and isinstance(inner.get("content"), list):
        yield from _parts(inner["content"], (*at, "content"), left_out)
    elif key == "guardContent" and isinstance(guarded := inner.get("text"), dict) and "text" in guarded:
        yield from text_parts(guarded["text"], (*at, "text", "text"))
    else:
        yield Other(block, place)


def _reasoning(value: dict[str, Any], place: Place, left_out: Counter[str]) -> Iterator[Part]:
    text = value.get("reasoningText")
    if isinstance(text, dict) and isinstance(text.get("text"), str) and text["text"]:
        yield Reasoning(text["text"], (*place, "reasoningText", "text"))
    else:
        left_out[EMPTY_REASONING] += 1


def _image(value: dict[str, Any], place: Place) -> Image | None:
    source = value.get("source")
    if not isinstance(source, dict):
        return None
    located = source.get("s3Location")
    if isinstance(located, dict) and isinstance(located.get("uri"), str):
        return Image(located["uri"], (*place, "source", "s3Location", "uri"))
    data = source.get("bytes")
    if isinstance(data, dict) and "__bytes_encoded__" in data:
        data = data.get("data")
    return data_uri(f"image/{value.get('format', 'png')}", data)


def _id(value: dict[str, Any]) -> str:
    return value["toolUseId"] if isinstance(value.get("toolUseId"), str) else ""


def _found(source: Any, options: ReadOptions) -> Iterator[Conversation]:
    return conversations(source, options, lambda items: _are_messages(items, options), _LOGGED)


def _are_messages(items: Sequence[Any], options: ReadOptions) -> bool:
    return (
        all(_is_message(item, options) for item in items)
        and any(item["content"] for item in items)
        and any(known_role(item.get(options.role_key or "role")) != "system" for item in items)
    )


def _is_message(item: Any, options: ReadOptions) -> bool:
    if not isinstance(item, dict) or not is_role(item.get(options.role_key or "role"), options):
        return False
    content = item.get("content")
    return isinstance(content, list) and all(_is_block(block) for block in content)


def _is_block(block: Any) -> bool:
    return isinstance(block, dict) and "type" not in block and bool(block.keys() & _BLOCKS)


FORMAT = Format("bedrock", "Amazon Bedrock Converse messages", recognize, read, gather)
