"""ShareGPT conversations with tools: `{"from", "value"}`, as LLaMA-Factory and many data sets have them.

`from` is human, gpt, system, function_call or observation. A `function_call` holds the JSON of a call, or a list of
them; `tools` beside the conversation holds the declarations, as JSON text mostly; `system` the system prompt.

What is odd:
- Calls have no ids. One observation after several calls answers each of them where it is a JSON list with as
  many items; else it is that of the first.
- Data sets in Hermes' style write calls and results as tags in the values of gpt and tool. A `<think>` block at the
  start of what the model wrote is its reasoning.
- A `function_call` that is not the JSON of a call stays text, as the model wrote it.
- `images` beside the conversation are those of the `<image>` marks in its values, in order.
- A row for preference training (`chosen`, `rejected`) is not a trace.

Facts: `data/README.md` and the tool formatters of hiyouga/LLaMA-Factory, NousResearch/hermes-function-calling-v1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.field_path import FieldPath, format_path
from ls_trajedit.traces.json_text import parse_json
from ls_trajedit.traces.model import Call, Image, Message, Other, Part, Reasoning, Result, Text, Trace
from ls_trajedit.traces.places import JSON_TEXT, Place, Span
from ls_trajedit.traces.read_options import ReadOptions
from ls_trajedit.traces.readers.base import (
    Format,
    arguments_at,
    build_trace,
    declared_tools,
    first_text,
    message_lists,
    role_of,
)
from ls_trajedit.traces.readers.tags import tagged_parts, tool_responses

__all__ = ["FORMAT", "read", "recognize"]

_CALLS: Final = frozenset({"function_call", "tool_call", "function-call", "tool-call"})
_RESULTS: Final = frozenset({"function_response", "tool_response", "function-response", "tool-response"})
_THINK: Final = re.compile(r"\s*<think>(.*?)</think>\s*", re.DOTALL)
_IMAGE: Final = "<image>"


def recognize(source: Any) -> str | None:
    """Whether some list in the source holds turns with `from` and `value`."""
    found = next(_found(source, ReadOptions()), None)
    if found is None:
        return None
    return f"a list `{format_path(found[0])}` of turns with `from` and `value`" if found[0] else "turns with `from`"


def read(source: Any, options: ReadOptions) -> list[Trace]:
    """The one trace in the source."""
    path, items = next(_found(source, options), (None, None))
    if path is None or items is None:
        raise ReadError("it holds no list of turns with `from` and `value`; `messages_key` names it")
    holder = source if isinstance(source, dict) else {}
    if "chosen" in holder and "rejected" in holder:
        raise ReadError("it is a pair for preference training (`chosen` and `rejected`), not a trace")
    return [
        build_trace(
            source,
            FORMAT.name,
            [*_system(holder), *_with_images(list(_messages(items, path, options)), holder.get("images"))],
            options,
            identity=first_text(holder, ("id",), ("trace_id",), ("conversation_id",)),
            tools=declared_tools(holder.get("tools")),
        )
    ]


def gather(values: Sequence[Any]) -> list[Any] | None:
    """Bare turns, one a line or in one array, are one conversation."""
    return [list(values)] if len(values) > 1 and _are_turns(values, ReadOptions()) else None


def _found(source: Any, options: ReadOptions) -> Iterator[tuple[FieldPath, list[Any]]]:
    for path, items in message_lists(source, options):
        if _are_turns(items, options):
            yield path, items


def _are_turns(items: Sequence[Any], options: ReadOptions) -> bool:
    key = options.role_key or "from"
    return bool(items) and all(
        isinstance(item, dict) and isinstance(item.get(key), str) and isinstance(item.get("value"), str)
        for item in items
    )


def _system(holder: dict[str, Any]) -> Iterator[Message]:
    if isinstance(text := holder.get("system"), str) and text:
        yield Message("system", (Text(text, ("system",)),))


def _messages(items: Sequence[Any], path: FieldPath, options: ReadOptions) -> Iterator[Message]:
    unanswered = 0
    for number, item in enumerate(items):
        key = options.role_key or "from"
        at, word, value = (*path, number), item[key], item["value"]
        place = (*at, "value")
        if word in _CALLS and word not in options.roles:
            message = Message("assistant", tuple(_called(value, place)))
        elif (
            role := "tool" if word in _RESULTS and word not in options.roles else role_of(word, (*at, key), options)
        ) == ("assistant"):
            message = Message("assistant", tuple(_said(value, place)))
        elif role == "tool":
            yield from _heard(value, place, unanswered)
            continue
        else:
            message = Message(role, (Text(value, place),) if value else ())
        unanswered = len(message.calls)
        yield message


def _called(value: str, place: Place) -> Iterator[Part]:
    thought, rest, at = _split_thought(value, place)
    yield from thought
    calls = _parsed(rest)
    listed = calls if isinstance(calls, list) else [calls]
    if not listed or not all(isinstance(call, dict) and isinstance(call.get("name"), str) for call in listed):
        if rest:
            yield Text(rest, at)
        return
    for number, call in enumerate(listed):
        into: Place = (*at, JSON_TEXT, number) if isinstance(calls, list) else (*at, JSON_TEXT)
        arguments, arguments_place = arguments_at(call.get("arguments"), (*into, "arguments"))
        yield Call(call["name"], arguments, "", (*into, "name"), arguments_place if "arguments" in call else None)


def _said(value: str, place: Place) -> Iterator[Part]:
    thought, rest, at = _split_thought(value, place)
    yield from thought
    if rest:
        yield from tagged_parts(rest, at)


def _split_thought(value: str, place: Place) -> tuple[list[Reasoning], str, Place]:
    """The reasoning in tags at the start, the rest of the text, and the place of the rest."""
    found = _THINK.match(value)
    if found is None:
        return [], value, place
    thought = found[1].strip()
    start = found.start(1) + len(found[1]) - len(found[1].lstrip())
    reasoning = [Reasoning(thought, (*place, Span(start, start + len(thought))))] if thought else []
    return reasoning, value[found.end() :], (*place, Span(found.end(), len(value)))


def _heard(value: str, place: Place, unanswered: int) -> Iterator[Message]:
    answers = _parsed(value)
    if unanswered > 1 and isinstance(answers, list) and len(answers) == unanswered:
        for number, answer in enumerate(answers):
            at = (*place, JSON_TEXT, number)
            content: Text | Other = Text(answer, at) if isinstance(answer, str) else Other(answer, at)
            yield Message("tool", (Result((content,), place=at),))
        return
    found = list(tool_responses(value, place))
    results = [part for part in found if isinstance(part, Result)]
    if not results:
        yield Message("tool", (Result((Text(value, place),) if value else (), place=place),))
        return
    yield from (Message("tool", (result,)) for result in results)
    if said := tuple(part for part in found if not isinstance(part, Result)):
        yield Message("user", said)


def _parsed(text: str) -> Any:
    try:
        return parse_json(text.encode("utf-8", "surrogatepass"))
    except ValueError:
        return None


def _with_images(messages: list[Message], images: Any) -> Iterator[Message]:
    urls = images if isinstance(images, list) else []
    number = 0
    for message in messages:
        marks = message.text.count(_IMAGE) if message.role == "user" else 0
        shown = [
            Image(url, ("images", index))
            for index, url in enumerate(urls[number : number + marks], start=number)
            if isinstance(url, str)
        ]
        number += marks
        yield Message(message.role, (*message.parts, *shown)) if shown else message


FORMAT = Format("sharegpt", "ShareGPT conversations", recognize, read, gather)
