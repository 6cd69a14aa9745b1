"""Calls and results that stand as tags in text, as Hermes and Qwen models write them.

`<tool_call>{"name": …, "arguments": …}</tool_call>` in what the assistant says is a call, and
`<tool_response>…</tool_response>` in what it hears is a result. Chat messages and ShareGPT conversations hold them
where the server did not parse what the model wrote. The JSON in a `<tool_call>` is one object, or one a line; some
data sets have it as Python writes it, with single quotes. What is not a call in that form stays text, just as the
model wrote it. A `<think>` block at the start of what the model wrote is its reasoning.

Facts: NousResearch/Hermes-Function-Calling, the chat templates of Hermes 3, Qwen 2.5 and Qwen 3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ls_trajedit.traces.json_text import parse_json
from ls_trajedit.traces.model import Call, Part, Reasoning, Result, Text
from ls_trajedit.traces.places import JSON_TEXT, PYTHON_TEXT, JsonText, Place, PythonText, Span, parse_python
from ls_trajedit.traces.readers.base import arguments_at

__all__ = ["spoken_parts", "tagged_parts", "tool_responses"]

_THINK = re.compile(r"\s*<think>(.*?)</think>\s*", re.DOTALL)
_OPEN, _CLOSE = "<tool_call>", "</tool_call>"
_OPEN_RESPONSE, _CLOSE_RESPONSE = "<tool_response>", "</tool_response>"
# How many opening tags are tried for one closing tag before the last one of them is.
_MOST_TRIED = 8


def spoken_parts(text: str, place: Place) -> Iterator[Part]:
    """The reasoning, the texts and the calls in what a model wrote.

    >>> [type(part).__name__ for part in spoken_parts("<think>\\nHm.\\n</think>\\n\\nYes.", ("value",))]
    ['Reasoning', 'Text']
    """
    thought = _THINK.match(text)
    if thought is None:
        yield from tagged_parts(text, place)
        return
    inner = _trimmed(text, *thought.span(1))
    if inner.start < inner.end:
        yield Reasoning(text[inner.start : inner.end], (*place, inner))
    yield from tagged_parts(text[thought.end() :], (*place, Span(thought.end(), len(text))))


def tagged_parts(text: str, place: Place) -> Iterator[Part]:
    """The texts and calls in what the assistant said, in order. White space before a tag belongs to the tag, and so
    does that after it where no text came before.

    >>> [part.text if isinstance(part, Text) else part.name for part in tagged_parts(
    ...     'Let me see.\\n<tool_call>{"name": "look", "arguments": {}}</tool_call>', ("value",))]
    ['Let me see.', 'look']
    """
    start, said = 0, False
    for open_, close, calls in _tagged_calls(text, place):
        for part in _text(text, start, open_, place, keep_start=said or start == 0):
            said = True
            yield part
        yield from calls
        start = close
    if start == 0:
        if text:
            yield Text(text, place)
        return
    rest = text[start:]
    if rest.strip():
        begin = start if said else len(text) - len(rest.lstrip())
        yield Text(text[begin:], (*place, Span(begin, len(text))))


def tool_responses(text: str, place: Place) -> Iterator[Result | Text]:
    """The results in what the assistant heard, in order, and what was said beside them. Each result holds what stands
    between its tags without the white space around that; its name is that in its JSON, where it has one.

    >>> [part.text for part in tool_responses("<tool_response>\\n3\\n</tool_response>", ("content",))]
    ['3']
    """
    start = 0
    for open_, close in _tags(text, _OPEN_RESPONSE, _CLOSE_RESPONSE):
        yield from _text(text, start, open_, place, keep_start=start == 0)
        inner = _trimmed(text, open_ + len(_OPEN_RESPONSE), close)
        at = (*place, inner)
        answer = text[inner.start : inner.end]
        yield Result((Text(answer, at),) if answer else (), name=_result_name(answer), place=at)
        start = close + len(_CLOSE_RESPONSE)
    if start == 0:
        if text:
            yield Text(text, place)
    else:
        yield from _text(text, start, len(text), place, keep_start=False)


def _tags(text: str, opening: str, closing: str) -> Iterator[tuple[int, int]]:
    """Where each opening tag begins, and the closing tag after it. Not a regular expression: of many tags that nobody
    closes, it would look for the end of each."""
    open_ = text.find(opening)
    while open_ >= 0 and (close := text.find(closing, open_ + len(opening))) >= 0:
        yield open_, close
        open_ = text.find(opening, close + len(closing))


def _text(text: str, start: int, end: int, place: Place, *, keep_start: bool) -> Iterator[Text]:
    span = _trimmed(text, start, end)
    if keep_start and span.start < span.end:
        span = Span(start, span.end)
    if span.start < span.end:
        yield Text(text[span.start : span.end], (*place, span))


def _trimmed(text: str, start: int, end: int) -> Span:
    inner = text[start:end]
    begin = end - len(inner.lstrip())
    return Span(begin, max(begin, start + len(inner.rstrip())))


def _tagged_calls(text: str, place: Place) -> Iterator[tuple[int, int, list[Call]]]:
    """The tags that hold calls: where each begins, where it ends, and its calls."""
    open_, tried, last_close = text.find(_OPEN), 0, -1
    while open_ >= 0:
        inside = open_ + len(_OPEN)
        close = text.find(_CLOSE, inside)
        if close < 0:
            return
        tried = tried + 1 if close == last_close else 1
        last_close = close
        calls = _calls(text, _trimmed(text, inside, close), place)
        if calls:
            yield open_, close + len(_CLOSE), calls
            open_ = text.find(_OPEN, close + len(_CLOSE))
        elif tried < _MOST_TRIED:
            open_ = text.find(_OPEN, inside)
        else:
            # What is left of them is looked at once more, from the last one.
            last = text.rfind(_OPEN, inside, close) if tried == _MOST_TRIED else -1
            open_ = last if last >= 0 else text.find(_OPEN, close + len(_CLOSE))


def _calls(text: str, inner: Span, place: Place) -> list[Call]:
    """The calls between the tags: of one object, else of one a line; none when something there is not a call."""
    for spans in ([inner], list(_lines(text, inner))):
        calls = [call for span in spans if (call := _call(text, span, place)) is not None]
        if len(calls) == len(spans):
            return calls
    return []


def _lines(text: str, span: Span) -> Iterator[Span]:
    start = span.start
    for line in text[span.start : span.end].splitlines(keepends=True):
        if line.strip():
            yield _trimmed(text, start, start + len(line))
        start += len(line)


def _call(text: str, span: Span, place: Place) -> Call | None:
    parsed, step = _object(text[span.start : span.end])
    if not isinstance(parsed, dict) or not isinstance(parsed.get("name"), str):
        return None
    key = "arguments" if "arguments" in parsed or "parameters" not in parsed else "parameters"
    at = (*place, span, step)
    arguments, arguments_place = arguments_at(parsed.get(key), (*at, key))
    identity = parsed.get("id")
    return Call(
        parsed["name"],
        arguments,
        identity if isinstance(identity, str) else "",
        (*at, "name"),
        arguments_place if key in parsed else None,
    )


def _object(text: str) -> tuple[Any, JsonText | PythonText]:
    """What the text stands for, as JSON or as Python writes it, and the step of a place into it."""
    if not text.startswith("{"):
        return None, JSON_TEXT
    try:
        return parse_json(text.encode("utf-8", "backslashreplace")), JSON_TEXT
    except ValueError:
        pass
    try:
        return parse_python(text), PYTHON_TEXT
    except ValueError:
        return None, JSON_TEXT


def _result_name(text: str) -> str | None:
    parsed, _ = _object(text)
    name = parsed.get("name") if isinstance(parsed, dict) and "content" in parsed else None
    return name if isinstance(name, str) and name else None
