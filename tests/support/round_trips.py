"""What holds for every source of every format: it comes back as it was, each place says what the part there holds, and
a correction changes that place and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ls_trajedit.traces.model import Call, Image, Other, Part, Reasoning, Result, Text, Trace
from ls_trajedit.traces.places import Place, Span, Under, correct_source, read_place
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions
from ls_trajedit.traces.readers.base import Format
from tests.support.strategies import exact

__all__ = ["check_round_trip"]

_TEXT = "corrected, größer 😀"
_MARK = "the place of the correction"


def check_round_trip(format_: Format, source: Any, options: ReadOptions = NO_OPTIONS) -> list[Trace]:
    """Reads the source and checks all of it; gives the traces."""
    before = exact(source)
    traces = format_.read(source, options)
    trace = traces[0]
    assert exact(trace.source) == before
    for one in traces:
        for message in one.messages:
            for part in message.parts:
                for place, held in _places(part):
                    assert exact(read_place(one.source, place)) == exact(held), place
    for number, message in enumerate(trace.messages):
        for index, part in enumerate(message.parts if message.role == "assistant" else ()):
            for place, value, new in _corrections(part):
                corrected = correct_source(source, {place: value})
                assert exact(source) == before
                if not any(isinstance(segment, Span) for segment in place):  # Its end has moved.
                    assert exact(read_place(corrected, place)) == exact(value)
                assert exact(_marked(corrected, place)) == exact(_marked(source, place))
                again = format_.read(corrected, options)[0]
                expected = trace.with_parts({(number, index): new})
                assert _without_source(again) == _without_source(expected), place
    return traces


def _places(part: Part) -> Iterator[tuple[Place, Any]]:
    match part:
        case Text(text, place) | Reasoning(text, place) | Image(text, place) if place is not None:
            yield place, text
        case Other(value, place) if place is not None:
            yield place, value
        case Result(content):
            for inner in content:
                yield from _places(inner)
        case Call():
            if part.name_place is not None:
                yield part.name_place, part.name
            if part.arguments_place is not None and not _stands_for_nothing(part):
                yield part.arguments_place, part.arguments


def _stands_for_nothing(call: Call) -> bool:
    """Whether the arguments are the empty object that stands for null or for blank text."""
    return call.arguments == {}


def _corrections(part: Part) -> Iterator[tuple[Place, Any, Part]]:
    match part:
        case Text(_, place) | Reasoning(_, place) if place is not None:
            yield place, _TEXT, replace(part, text=_TEXT)
        case Call():
            if part.name_place is not None:
                yield part.name_place, "renamed", replace(part, name="renamed")
            if part.arguments_place is not None:
                last = part.arguments_place[-1]
                key = last.key if isinstance(last, Under) else "corrected"
                value: Any = {key: "yes"} if isinstance(part.arguments, dict) else "{still broken"
                yield part.arguments_place, value, replace(part, arguments=value)


def _marked(source: Any, place: Place) -> Any:
    """The source with a mark instead of what stands at the place, or around it where that is in a string."""
    if not place or not isinstance(place[0], str | int):
        return _MARK
    copy = source.copy()
    copy[place[0]] = _marked(source[place[0]], place[1:])
    return copy


def _without_source(trace: Trace) -> Trace:
    messages = tuple(replace(m, parts=tuple(map(_bare, m.parts))) for m in trace.messages)
    # Prompts that were recorded with each model call repeat what the call before said, not its correction.
    return replace(trace, source=None, messages=messages, prompts={})


def _bare(part: Part) -> Part:
    """The part without its place, as a correction moves what comes after it in the same string."""
    match part:
        case Call():
            return replace(part, name_place=None, arguments_place=None)
        case _:
            return replace(part, place=None)
