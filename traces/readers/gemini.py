"""Gemini's `contents`: `{"role", "parts"}`, in the camelCase of the REST API or the snake_case of its SDKs.

Parts have no type: a part is told by its key (`text`, `functionCall`, `functionResponse`, `inlineData`, …). What is
odd:

- The agent's role is `model`; results are parts of a user's (once a `function`'s) content. A content without a role is
  the user's, as the API takes it, unless it calls.
- Calls mostly have no id; a result is that of the first open call of its name.
- A text with `thought: true` is reasoning.
- Code that the API runs itself (`executableCode`, `codeExecutionResult`) is left out.
- `systemInstruction` and `tools` stand beside the contents or in `config`; a log keeps the answer in `candidates`.

Facts: the Gemini API's reference, the types in googleapis/python-genai.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from ls_trajedit.traces.field_path import get_field
from ls_trajedit.traces.model import Call, Image, Message, Other, Part, Reasoning, Result, Role, Text, Tool, Trace
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

__all__ = ["FORMAT", "are_parts", "is_call", "part_of", "parts_in"]

# The one key that tells what a part is, in both spellings.
_KEYS: Final = {
    "text": "text",
    "functionCall": "call",
    "function_call": "call",
    "functionResponse": "result",
    "function_response": "result",
    "inlineData": "data",
    "inline_data": "data",
    "fileData": "file",
    "file_data": "file",
    "executableCode": "hosted call",
    "executable_code": "hosted call",
    "codeExecutionResult": "hosted",
    "code_execution_result": "hosted",
    "toolCall": "hosted call",
    "tool_call": "hosted call",
    "toolResponse": "hosted",
    "tool_response": "hosted",
    "thoughtSignature": "signature",
    "thought_signature": "signature",
}
_CONFIG: Final = ("config", "generationConfig", "generation_config")
_CANDIDATES: Final = (("candidates",), ("response", "candidates"), ("response", "body", "candidates"))


def recognize(source: Any) -> str | None:
    """Whether some list in the source holds contents with parts."""
    found = next(_found(source, NO_OPTIONS), None)
    return None if found is None else f"{found.name} of contents with `parts`"


def read(source: Any, options: ReadOptions) -> list[Trace]:
    """The one trace in the source."""
    found = only_conversation(_found(source, options), "contents with `parts`")
    left_out: Counter[str] = Counter()
    placed = [(item, (*found.place, number)) for number, item in enumerate(found.items)]
    for candidates, place in answers(source, found, _are_candidates, *_CANDIDATES):
        left_out["candidates other than the first"] += len(candidates) - 1
        placed.append((candidates[0]["content"], (*place, 0, "content")))
    messages = [message for item, place in placed for message in _messages(item, place, options, left_out)]
    system = tuple(_system(found, left_out))
    return [
        build_trace(
            source,
            FORMAT.name,
            [*([Message("system", system)] if system else []), *messages],
            options,
            identity=source_id(source),
            tools=_tools(found, source),
            left_out=left_out,
        )
    ]


def gather(values: Sequence[Any]) -> list[Any] | None:
    """Bare contents, one a line or in one array, are one conversation."""
    return [list(values)] if len(values) > 1 and _are_contents(values, NO_OPTIONS) else None


def are_parts(value: Any) -> bool:
    """Whether the value is a list of parts."""
    return isinstance(value, list) and all(isinstance(part, dict) and _kind(part) is not None for part in value)


def is_call(part: Any) -> bool:
    """Whether the part is a call."""
    return isinstance(part, dict) and _kind(part) == "call"


def part_of(part: dict[str, Any], kind: str) -> dict[str, Any] | None:
    """What a part holds if it is of that kind (`call`, `result`)."""
    key = _key(part)
    value = part[key] if key is not None and _KEYS[key] == kind else None
    return value if isinstance(value, dict) else None


def parts_in(parts: Any, place: Place, left_out: Counter[str]) -> Iterator[Part]:
    """The parts in a content's `parts`. What is left out is counted in `left_out`."""
    for number, part in enumerate(parts if isinstance(parts, list) else [parts] if parts is not None else []):
        at = (*place, number) if isinstance(parts, list) else place
        if isinstance(part, dict):
            yield from _part(part, at, left_out)
        else:
            yield from text_parts(part, at)


def _part(part: dict[str, Any], place: Place, left_out: Counter[str]) -> Iterator[Part]:
    key = _key(part)
    value, at = (None, place) if key is None else (part[key], (*place, key))
    kind = None if key is None else _KEYS[key]
    if kind == "text" and part.get("thought") is True:
        if isinstance(value, str) and value:
            yield Reasoning(value, at)
        else:
            left_out[EMPTY_REASONING] += 1
    elif kind == "text":
        yield from text_parts(value, at)
    elif kind == "call" and isinstance(value, dict) and isinstance(value.get("name"), str):
        arguments, arguments_place = arguments_at(value.get("args"), (*at, "args"))
        yield Call(
            value["name"],
            arguments,
            _string(value, "id"),
            (*at, "name"),
            arguments_place if "args" in value else None,
        )
    elif kind == "result" and isinstance(value, dict):
        yield Result(_response(value, at, left_out), _string(value, "id"), _string(value, "name") or None, at)
    elif kind in ("data", "file") and isinstance(value, dict):
        yield _image(value, at) or Other(part, place)
    elif kind == "signature":
        left_out[EMPTY_REASONING] += 1
    elif kind in ("hosted", "hosted call"):
        left_out[HOSTED_CALL] += kind == "hosted call"
    elif any(inner is not None for inner in part.values()):
        yield Other(part, place)


def _response(value: dict[str, Any], place: Place, left_out: Counter[str]) -> tuple[Text | Image | Other, ...]:
    """What a function returned, with the pictures that newer models take beside it."""
    beside = parts_in(value.get("parts"), (*place, "parts"), left_out)
    return result_parts((*text_parts(value.get("response"), (*place, "response")), *beside))


def _image(value: dict[str, Any], place: Place) -> Image | None:
    media_type = next((value[key] for key in ("mimeType", "mime_type") if isinstance(value.get(key), str)), "")
    for key in ("fileUri", "file_uri"):
        if isinstance(value.get(key), str) and media_type.startswith("image/"):
            return Image(value[key], (*place, key))
    return data_uri(media_type, value.get("data"))


def _key(part: dict[str, Any]) -> str | None:
    """The key that tells what the part is; SDKs write null under the others. A signature may stand beside any."""
    present = [key for key in _KEYS if part.get(key) is not None]
    return present[0] if present else None


def _kind(part: dict[str, Any]) -> str | None:
    if "type" in part:
        return None
    key = _key(part)
    if key is None:
        # An SDK's dump of an empty part.
        return "nothing" if all(value is None for value in part.values()) else None
    return None if key == "text" and not isinstance(part[key], str) else _KEYS[key]


def _string(value: dict[str, Any], key: str) -> str:
    return value[key] if isinstance(value.get(key), str) else ""


def _messages(item: dict[str, Any], place: Place, options: ReadOptions, left_out: Counter[str]) -> Iterator[Message]:
    parts = item.get("parts")
    yield from turns(_role(item, place, options), parts_in(parts, (*place, "parts"), left_out), options)


def _role(item: dict[str, Any], place: Place, options: ReadOptions) -> Role:
    key = options.role_key or "role"
    if item.get(key) is None:
        return "assistant" if any(is_call(part) for part in item.get("parts") or ()) else "user"
    return role_of(item[key], (*place, key), options)


def _system(found: Conversation, left_out: Counter[str]) -> Iterator[Part]:
    value, place = _beside(found, "systemInstruction", "system_instruction")
    if isinstance(value, dict) and "parts" in value:
        value, place = value["parts"], (*place, "parts")
    yield from parts_in(value, place, left_out)


def _tools(found: Conversation, source: Any) -> tuple[Tool, ...]:
    return found.tools(source, "tools") or declared_tools(_beside(found, "tools")[0])


def _beside(found: Conversation, *keys: str) -> tuple[Any, Place]:
    """What stands beside the contents, or in the configuration beside them."""
    value, place = found.beside(*keys)
    for config in _CONFIG:
        inner = get_field(found.holder, (config,))
        for key in keys:
            if value is None and isinstance(inner, dict) and inner.get(key) is not None:
                return inner[key], (*found.around, config, key)
    return value, place


def _are_candidates(value: Any) -> bool:
    content = value[0].get("content") if isinstance(value, list) and value and isinstance(value[0], dict) else None
    return isinstance(content, dict) and are_parts(content.get("parts"))


def _found(source: Any, options: ReadOptions) -> Iterator[Conversation]:
    return conversations(source, options, lambda items: _are_contents(items, options))


def _are_contents(items: Sequence[Any], options: ReadOptions) -> bool:
    return (
        all(_is_content(item, options) for item in items)
        and any(_key(part) is not None for item in items for part in item["parts"])
        and any(known_role(item.get(options.role_key or "role")) != "system" for item in items)
    )


def _is_content(item: Any, options: ReadOptions) -> bool:
    if not isinstance(item, dict) or "content" in item or not are_parts(item.get("parts")):
        return False
    word = item.get(options.role_key or "role")
    return word is None or is_role(word, options)


FORMAT = Format("gemini", "Gemini contents", recognize, read, gather)
