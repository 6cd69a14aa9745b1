"""Content blocks of every model API, told by their own shape.

Instrumentation records what went to a model and what came back as the API of that day wrote it, and one file may hold
several: OpenAI chat and Responses, Anthropic, Gemini, Bedrock Converse, LangChain, the Vercel AI SDK, OpenTelemetry's
parts. The blocks of all these tell themselves apart by `type` or, where they have none, by their one key, so one table
reads them. Facts: the APIs' references, and the JSON Schemas in open-telemetry/semantic-conventions-genai
(`model/gen-ai/gen-ai-input-messages.json`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

from ls_trajedit.traces.json_text import parse_json
from ls_trajedit.traces.model import Call, Image, Other, Part, Reasoning, Result, Text
from ls_trajedit.traces.places import JSON_TEXT, Place
from ls_trajedit.traces.readers.base import arguments_at
from ls_trajedit.traces.readers.turns import EMPTY_REASONING, HOSTED_CALL, data_uri, result_parts

__all__ = ["block_parts", "blocks_in", "json_at", "result_content"]

_Block = dict[str, Any]
# The parts in a block, the kind under which the block is left out, or None: it only looked like one of these.
_Found = list[Part] | str | None


def json_at(value: Any, place: Place) -> tuple[Any, Place]:
    """What stands in JSON text that holds an object or a list, and its place; any other value as it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return parse_json(value.encode("utf-8", "backslashreplace")), (*place, JSON_TEXT)
        except ValueError:
            pass
    return value, place


def blocks_in(content: Any, place: Place, left_out: Counter[str]) -> Iterator[Part]:
    """The parts in a message's content: a string, a block, or a list of them. Empty text is nothing."""
    if isinstance(content, list):
        for number, block in enumerate(content):
            yield from block_parts(block, (*place, number), left_out)
    elif content is not None:
        yield from block_parts(content, place, left_out)


def block_parts(block: Any, place: Place, left_out: Counter[str]) -> Iterator[Part]:
    """The parts in one block. What nobody knows is Other; what is left out is counted in `left_out`."""
    if isinstance(block, str):
        if block:
            yield Text(block, place)
        return
    found = _read(block, place) if isinstance(block, dict) else None
    if isinstance(found, str):
        left_out[found] += 1
    elif found is None:
        yield Other(block, place)
    else:
        yield from found


def result_content(value: Any, place: Place) -> tuple[Text | Image | Other, ...]:
    """What a result holds: a string, blocks, or any other JSON value."""
    if value is None:
        return ()
    if isinstance(value, str):
        return (Text(value, place),)
    if isinstance(value, list) and value and all(_is_heard(block) for block in value):
        return result_parts(blocks_in(value, place, Counter()))
    return (Other(value, place),)


def _is_heard(block: Any) -> bool:
    """Whether a block is text, a picture or the JSON of a tool, and not an element of a list that a tool returned."""
    if isinstance(block, str):
        return True
    if not isinstance(block, dict):
        return False
    known = block.get("type") in _HEARD_TYPES or ("type" not in block and block.keys() <= {"text", "json"} and block)
    return bool(known)


def _read(block: _Block, place: Place) -> _Found:
    kind = block.get("type")
    if isinstance(kind, str) and kind in _BY_TYPE:
        return _BY_TYPE[kind](block, place)
    if isinstance(kind, str) and kind in _HOSTED_TYPES:
        return HOSTED_CALL
    for key, reader in _BY_KEY.items():
        if key in block and (kind is None or key not in ("text", "json")):
            return reader(block, place)
    return None


def _text(block: _Block, place: Place) -> _Found:
    for key in ("text", "content", "refusal"):
        if isinstance(block.get(key), str):
            return [Text(block[key], (*place, key))] if block[key] else []
    return None


def _reasoning(block: _Block, place: Place) -> _Found:
    """Thinking of Anthropic's, a reasoning item of OpenAI's (texts, else summaries), a part of anybody else's."""
    for key in ("thinking", "reasoning", "text", "content"):
        if isinstance(block.get(key), str) and block[key]:
            return [Reasoning(block[key], (*place, key))]
    for key in ("content", "summary"):
        listed = block.get(key)
        found: list[Part] = [
            Reasoning(item["text"], (*place, key, number, "text"))
            for number, item in enumerate(listed if isinstance(listed, list) else ())
            if isinstance(item, dict) and isinstance(item.get("text"), str) and item["text"]
        ]
        if found:
            return found
    return EMPTY_REASONING


def _gemini_text(block: _Block, place: Place) -> _Found:
    if not isinstance(block["text"], str):
        return None
    if block.get("thought") is True:
        return [Reasoning(block["text"], (*place, "text"))] if block["text"] else EMPTY_REASONING
    return [Text(block["text"], (*place, "text"))] if block["text"] else []


def _call(name: str, arguments: tuple[str, ...], identity: tuple[str, ...]) -> Callable[[_Block, Place], _Found]:
    """A reader of calls: under which key the name stands, under which of several the arguments and the id."""

    def read(block: _Block, place: Place) -> _Found:
        if not isinstance(block.get(name), str):
            return None
        key = next((key for key in arguments if key in block), arguments[0])
        value, at = arguments_at(block.get(key), (*place, key))
        return [Call(block[name], value, _first(block, identity), (*place, name), at if key in block else None)]

    return read


def _result(
    identity: tuple[str, ...], content: tuple[str, ...], name: str = "name"
) -> Callable[[_Block, Place], _Found]:
    """A reader of results: under which keys the call's id and the content stand."""

    def read(block: _Block, place: Place) -> _Found:
        key = next((key for key in content if key in block), content[0])
        value, at = block.get(key), (*place, key)
        # The Vercel AI SDK wraps it: {"type": "text" | "json" | "content" | "error-text", "value": …}.
        if key == "output" and isinstance(value, dict) and value.keys() >= {"type", "value"}:
            value, at = value["value"], (*at, "value")
        tool = block.get(name) if isinstance(block.get(name), str) else None
        return [Result(result_content(value, at), _first(block, identity), tool or None, place)]

    return read


def _anthropic_result(block: _Block, place: Place) -> _Found:
    """A result of Anthropic's: a list in it is always one of blocks, known or not."""
    content = result_parts(blocks_in(block.get("content"), (*place, "content"), Counter()))
    return [Result(content, _first(block, ("tool_use_id",)), None, place)]


def _under(key: str, reader: Callable[[_Block, Place], _Found]) -> Callable[[_Block, Place], _Found]:
    def read(block: _Block, place: Place) -> _Found:
        return reader(block[key], (*place, key)) if isinstance(block[key], dict) else None

    return read


def _image_url(block: _Block, place: Place) -> _Found:
    image = block.get("image_url")
    if isinstance(image, str):
        return [Image(image, (*place, "image_url"))]
    if isinstance(image, dict) and isinstance(image.get("url"), str):
        return [Image(image["url"], (*place, "image_url", "url"))]
    return None


def _image(block: _Block, place: Place) -> _Found:
    """Anthropic's `source`, or `image` as Inspect and the Vercel AI SDK have it."""
    source, image = block.get("source"), block.get("image")
    if isinstance(source, dict):
        if isinstance(source.get("url"), str):
            return [Image(source["url"], (*place, "source", "url"))]
        found = data_uri(source.get("media_type"), source.get("data"))
        return None if found is None else [found]
    if isinstance(image, str) and image:
        return [Image(image, (*place, "image"))]
    return _image_url(block, place)


def _file(block: _Block, place: Place) -> _Found:
    """A file of the Vercel AI SDK, a blob or a URI of OpenTelemetry's, Gemini's inline data: read where it is a
    picture."""
    kind = next((block[key] for key in ("mediaType", "mimeType", "mime_type") if isinstance(block.get(key), str)), "")
    if not kind.startswith("image/") and block.get("modality") != "image":
        return None
    for key in ("url", "uri", "fileUri", "file_uri", "data"):
        value = block.get(key)
        if isinstance(value, str) and value.startswith(("http:", "https:", "data:", "gs:")):
            return [Image(value, (*place, key))]
    found = data_uri(kind or "image/png", block.get("data") or block.get("content"))
    return None if found is None else [found]


def _tool_json(block: _Block, place: Place) -> _Found:
    return [Other(block["json"], (*place, "json"))]


def _bedrock_reasoning(block: _Block, place: Place) -> _Found:
    inner = block["reasoningContent"]
    text = inner.get("reasoningText") if isinstance(inner, dict) else None
    if isinstance(text, dict) and isinstance(text.get("text"), str) and text["text"]:
        return [Reasoning(text["text"], (*place, "reasoningContent", "reasoningText", "text"))]
    return EMPTY_REASONING


def _first(block: _Block, keys: tuple[str, ...]) -> str:
    return next((block[key] for key in keys if isinstance(block.get(key), str)), "")


_gemini_call = _call("name", ("args",), ("id",))
_gemini_result = _result(("id",), ("response",))
_HEARD_TYPES = ("text", "input_text", "output_text", "image", "image_url", "input_image", "media", "file", "blob")

# Blocks that know their type.
_BY_TYPE: Final[dict[str, Callable[[_Block, Place], _Found]]] = {
    "text": _text,
    "input_text": _text,
    "output_text": _text,
    "refusal": _text,
    "thinking": _reasoning,
    "reasoning": _reasoning,
    "redacted_thinking": lambda block, place: EMPTY_REASONING,
    "tool_use": _call("name", ("input",), ("id",)),
    "tool-call": _call("toolName", ("args", "input"), ("toolCallId",)),
    "tool_call": _call("name", ("arguments", "args"), ("id",)),
    "tool_result": _anthropic_result,
    "tool-result": _result(("toolCallId",), ("result", "output"), "toolName"),
    "tool_call_response": _result(("id",), ("response", "result", "content")),
    "image_url": _image_url,
    "input_image": _image_url,
    "image": _image,
    "media": _file,
    "file": _file,
    "blob": _file,
    "uri": _file,
}

# Blocks without a type, told by the key that holds them. `text` and `json` are words of others as well.
_BY_KEY: Final[dict[str, Callable[[_Block, Place], _Found]]] = {
    "functionCall": _under("functionCall", _gemini_call),
    "function_call": _under("function_call", _gemini_call),
    "functionResponse": _under("functionResponse", _gemini_result),
    "function_response": _under("function_response", _gemini_result),
    "toolUse": _under("toolUse", _call("name", ("input",), ("toolUseId",))),
    "toolResult": _under("toolResult", _result(("toolUseId",), ("content",))),
    "inlineData": _under("inlineData", _file),
    "inline_data": _under("inline_data", _file),
    "fileData": _under("fileData", _file),
    "file_data": _under("file_data", _file),
    "reasoningContent": _bedrock_reasoning,
    "text": _gemini_text,
    "json": _tool_json,
}

_HOSTED_TYPES: Final = {
    "server_tool_use",
    "web_search_tool_result",
    "web_fetch_tool_result",
    "code_execution_tool_result",
    "bash_code_execution_tool_result",
    "text_editor_code_execution_tool_result",
    "mcp_tool_use",
    "mcp_tool_result",
    "server_tool_call",
    "server_tool_call_response",
}
