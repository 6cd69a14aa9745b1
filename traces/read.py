"""From a file to traces: which format it is of, what in it is a trace, and what cannot be read, with the reason.

A file holds one trace, an array or lines of traces, one conversation (an array or lines of messages), or the events or
spans of sessions. Which of these, its shape says, never its name; `from` in the options says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO, cast

from ls_trajedit.traces.field_path import MISSING, RESERVED_KEY, FieldPath, get_field
from ls_trajedit.traces.json_stream import split_json
from ls_trajedit.traces.json_text import json_line, parse_json
from ls_trajedit.traces.model import Trace
from ls_trajedit.traces.options import Options, nearest
from ls_trajedit.traces.readers.base import Format, ReadError, ReadOptions, content_id
from ls_trajedit.traces.readers.registry import FORMATS, STEPS, recognize

__all__ = [
    "ChatTrace",
    "InvalidTrace",
    "ReadFile",
    "StepTrace",
    "check_traces",
    "read_chat",
    "read_file",
    "read_objects",
    "read_traces",
    "speakers_key",
    "trace_identity",
]

SPEAKER_KEYS = ("role", "from", "type", "source", "speaker", "author")
"""Keys by which people say whose turn it is. Items that differ in one of them are not all the agent's."""


@dataclass(frozen=True)
class StepTrace:
    """A trace of the plain shape, as it stands in the file: an object with a list of steps, each an object or a string.
    The options say what its parts are called."""

    line: int
    data: dict[str, Any]


@dataclass(frozen=True)
class ChatTrace:
    """A trace that a reader understood."""

    line: int
    trace: Trace


@dataclass(frozen=True)
class InvalidTrace:
    """What stands in `line` instead of a trace, and why it is not one."""

    line: int
    reason: str


@dataclass
class ReadFile:
    """What a file holds, in order. `reason` says in a few words how its format was told, `copies` counts traces that
    are there more than once and were read once. `is_understood` is False when not one value is of a known kind: the
    file is then of another kind altogether, not one with some broken traces in it."""

    items: list[StepTrace | ChatTrace | InvalidTrace] = field(default_factory=list)
    format: str = STEPS
    reason: str = ""
    copies: int = 0
    is_understood: bool = True


@dataclass(frozen=True)
class _Value:
    line: int
    value: Any


@dataclass(frozen=True)
class _Source:
    line: int
    source: Any
    format: Format


def read_file(stream: BinaryIO, options: Options, stem: str = "") -> ReadFile:
    """Everything that `stream` holds, in order. `stem` is the file's name without its ending: the id of a trace that
    has none, when it is the only one in the file.

    Raises ValueError when the stream as a whole cannot be read (UTF-16).
    """
    values, broken = _values(stream)
    found = ReadFile()
    if options.read_options.format == STEPS:
        items: list[StepTrace | ChatTrace | InvalidTrace] = [_object(value) for value in values]
    else:
        items = list(_recognized(values, options, found))
    items = sorted([*items, *broken], key=lambda item: item.line)
    found.items = list(_distinct(_checked(_identified(items, stem), options), options, found))
    return found


def read_chat(source: Any, format_: str, options: ReadOptions) -> list[Trace]:
    """The traces in a source of that format: the agent's, then those of its sub-agents. Raises ReadError when the
    format is not known here or the source does not fit it."""
    known = FORMATS.get(format_)
    if known is None:
        raise ReadError(f"`{format_}` is not a format of traces that is known here")
    try:
        return known.read(source, options)
    except ReadError:
        raise
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise ReadError(f"it does not have the shape of {known.title} ({type(error).__name__})") from None


def read_traces(stream: BinaryIO, options: Options) -> Iterator[StepTrace | InvalidTrace]:
    return check_traces(read_objects(stream), options)


def read_objects(stream: BinaryIO) -> list[StepTrace | InvalidTrace]:
    """Every object that `stream` holds, whatever is in it; the rest as InvalidTrace."""
    values, broken = _values(stream)
    return sorted([*map(_object, values), *broken], key=lambda item: item.line)


def check_traces(objects: Iterable[StepTrace | InvalidTrace], options: Options) -> Iterator[StepTrace | InvalidTrace]:
    for item in _distinct(_checked(objects, options), options, ReadFile()):
        assert not isinstance(item, ChatTrace)
        yield item


def trace_identity(data: dict[str, Any], id_path: FieldPath) -> str:
    """What identifies a trace when it is imported again: its id as a string or, without one, all of it as JSON."""
    value = get_field(data, id_path)
    if value is MISSING or value is None:
        return json_line(data).decode()
    return str(value)


def speakers_key(items: Sequence[Any]) -> str | None:
    """The key in which the items name more than one speaker, if there is one: such items are not all the agent's."""
    for key in SPEAKER_KEYS:
        words = {item[key] for item in items if isinstance(item, dict) and isinstance(item.get(key), str)}
        if len(words) > 1:
            return key
    return None


class _Bytes:
    """A stream over bytes that are in memory, as `split_json` takes it."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._position = 0

    def read(self, size: int = -1) -> bytes:
        end = len(self._content) if size < 0 else self._position + size
        piece = self._content[self._position : end]
        self._position += len(piece)
        return piece


def _values(stream: BinaryIO) -> tuple[list[_Value], list[InvalidTrace]]:
    content = stream.read()
    if (whole := _one_object(content)) is not None:
        return [_Value(1, whole)], []
    values: list[_Value] = []
    broken: list[InvalidTrace] = []
    for raw in split_json(cast(BinaryIO, _Bytes(content))):
        try:
            values.append(_Value(raw.line, raw.json.value()))
        except ValueError as error:
            broken.append(InvalidTrace(raw.line, f"not JSON: {error}"))
    return values, broken


def _one_object(content: bytes) -> Any:
    """The object that the whole file is, over however many lines; None when it is anything else."""
    if content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] != b"{":
        return None
    try:
        return parse_json(content.removeprefix(b"\xef\xbb\xbf"))
    except ValueError:
        return None


def _recognized(
    values: Sequence[_Value], options: Options, found: ReadFile
) -> Iterator[StepTrace | ChatTrace | InvalidTrace]:
    """Each trace in the values, read by the format that it is of."""
    chosen = options.read_options.format
    formats = [FORMATS[chosen]] if chosen else list(FORMATS.values())
    for format_ in formats:
        sources = format_.gather([value.value for value in values]) if format_.gather and values else None
        if sources is not None:
            found.format = format_.name
            found.reason = format_.recognize(sources[0]) or format_.title
            for source in sources:
                yield from _read(_Source(_line_of(source, values), source, format_), options)
            return
    understood = False
    for value in values:
        item = _format_of(value, formats, chosen, options, found)
        if isinstance(item, Format):
            understood = True
            for source in item.split(value.value) if item.split else [value.value]:
                yield from _read(_Source(value.line, source, item), options)
        else:
            understood = understood or isinstance(item, StepTrace)
            yield item
    found.is_understood = understood or not values


def _format_of(
    value: _Value, formats: Sequence[Format], chosen: str | None, options: Options, found: ReadFile
) -> Format | StepTrace | InvalidTrace:
    if chosen:
        found.format, found.reason = chosen, f"`from: {chosen}` in the options"
        return formats[0]
    candidates = recognize(value.value)
    if len(candidates) > 1:
        names = " or ".join(f"`{candidate.format.name}`" for candidate in candidates)
        return InvalidTrace(value.line, f"it could be {names}; say which with `from` in trajedit.yaml")
    if candidates:
        found.format, found.reason = candidates[0].format.name, candidates[0].reason
        return candidates[0].format
    steps = get_field(value.value, options.steps_path)
    if isinstance(steps, list) and (key := speakers_key(steps)) is not None:
        words = list(dict.fromkeys(str(item[key]) for item in steps if isinstance(item, dict) and key in item))
        shown = ", ".join(f"`{word}`" for word in words[:5])
        return InvalidTrace(
            value.line,
            f"its `{options.steps_key}` have several speakers (`{key}` is {shown}), so they are not the agent's steps "
            "alone, and no format that is known here has this shape; `from` and `roles` in trajedit.yaml settle it",
        )
    return _object(value)


def _read(source: _Source, options: Options) -> Iterator[ChatTrace | InvalidTrace]:
    try:
        for trace in read_chat(source.source, source.format.name, options.read_options):
            yield ChatTrace(source.line, trace)
    except ReadError as error:
        yield InvalidTrace(source.line, str(error))


def _line_of(source: Any, values: Sequence[_Value]) -> int:
    """The line in which a gathered source begins."""
    first = source[0] if isinstance(source, list) and source else source
    return next((value.line for value in values if value.value is first), values[0].line)


def _object(value: _Value) -> StepTrace | InvalidTrace:
    if isinstance(value.value, dict):
        return StepTrace(value.line, value.value)
    return InvalidTrace(value.line, f"a trace is an object, this is {_kind(value.value)}")


def _identified(
    items: Sequence[StepTrace | ChatTrace | InvalidTrace], stem: str
) -> Iterator[StepTrace | ChatTrace | InvalidTrace]:
    """The same traces, each with an id: its own, else the file's name, else one made of its content."""
    roots = [item for item in items if isinstance(item, ChatTrace) and item.trace.parent is None]
    parent = ""
    children = 0
    for item in items:
        if isinstance(item, ChatTrace):
            trace = item.trace
            if trace.parent is None:
                parent = trace.id or (stem if len(roots) == 1 and stem else content_id(trace.source))
                children = 0
                trace = replace(trace, id=parent)
            else:
                children += 1
                trace = replace(trace, id=trace.id or f"{parent}/{children}", parent=trace.parent or parent)
            item = ChatTrace(item.line, trace)
        yield item


def _checked(
    items: Iterable[StepTrace | ChatTrace | InvalidTrace], options: Options
) -> Iterator[StepTrace | ChatTrace | InvalidTrace]:
    for item in items:
        reason = None
        if isinstance(item, StepTrace):
            reason = _what_is_wrong(item.data, options)
        elif isinstance(item, ChatTrace) and not item.trace.steps:
            reason = "the agent never speaks in it, so there is nothing to correct"
        yield item if reason is None else InvalidTrace(item.line, reason)


def _distinct(
    items: Iterable[StepTrace | ChatTrace | InvalidTrace], options: Options, found: ReadFile
) -> Iterator[StepTrace | ChatTrace | InvalidTrace]:
    seen: dict[str, tuple[int, str]] = {}
    for item in items:
        if isinstance(item, InvalidTrace):
            yield item
            continue
        chat = isinstance(item, ChatTrace)
        identity = item.trace.id if isinstance(item, ChatTrace) else trace_identity(item.data, options.id_path)
        content = content_id(item.trace.source) if isinstance(item, ChatTrace) else ""
        if identity not in seen:
            seen[identity] = item.line, content
            yield item
        elif chat and seen[identity][1] == content:
            found.copies += 1
        else:
            yield InvalidTrace(item.line, _taken(item, identity, seen[identity][0], options))


def _taken(item: StepTrace | ChatTrace, identity: str, line: int, options: Options) -> str:
    if isinstance(item, StepTrace) and get_field(item.data, options.id_path) in (MISSING, None):
        return f"the same trace, without `{options.id_key}`, is already in line {line}"
    return f"`{options.id_key}` {identity!r} is already in line {line}"


def _what_is_wrong(data: dict[str, Any], options: Options) -> str | None:
    if RESERVED_KEY in data:
        return f"the key `{RESERVED_KEY}` is reserved for ls-trajedit; rename it"
    steps = get_field(data, options.steps_path)
    if steps is MISSING:
        return f"no steps: the trace has no `{options.steps_key}`{nearest(options.steps_key, data)}"
    if not isinstance(steps, list):
        return f"`{options.steps_key}` is {_kind(steps)}, not a list"
    if not steps:
        return f"no steps: `{options.steps_key}` is empty"
    for number, step in enumerate(steps, start=1):
        if not isinstance(step, dict | str):
            return f"step {number} is {_kind(step)}, neither an object nor a string"
    identity = get_field(data, options.id_path)
    if isinstance(identity, dict | list | bool | float) or identity == "":
        return f"`{options.id_key}` is {_kind(identity)}, neither a string nor a whole number"
    return None


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    if value == "" and isinstance(value, str):
        return "an empty string"
    return names.get(type(value), "a number")
