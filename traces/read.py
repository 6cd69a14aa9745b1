"""From a file to traces: which format it is of, what in it is a trace, and what cannot be read, with the reason.

A file holds one trace, an array or lines of traces, one conversation (an array or lines of messages), or the events or
spans of sessions. Which of these, its shape says, never its name; `from` in the options says otherwise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO, cast

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.field_path import MISSING, RESERVED_KEY, FieldPath, get_field
from ls_trajedit.traces.json_stream import ByteStream, split_json
from ls_trajedit.traces.json_text import json_line, parse_json
from ls_trajedit.traces.jsonb import as_jsonb
from ls_trajedit.traces.model import Trace
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.read_options import STEPS, ReadOptions
from ls_trajedit.traces.readers.base import Format, content_id
from ls_trajedit.traces.readers.registry import FORMATS, recognize
from ls_trajedit.traces.speaker_keys import speakers_key
from ls_trajedit.traces.spelling import nearest

__all__ = [
    "ChatTrace",
    "InvalidTrace",
    "Item",
    "ReadFile",
    "StepTrace",
    "TraceCheck",
    "WrittenTrace",
    "read_chat",
    "read_file",
    "trace_identity",
]


@dataclass(frozen=True)
class StepTrace:
    """A trace of the plain shape, as it stands in the file: an object with a list of steps, each an object or a string.
    The options say what its parts are called. `file` is that in which it stands, where there may be several."""

    line: int
    data: dict[str, Any]
    file: str = ""


@dataclass(frozen=True)
class ChatTrace:
    """A trace that a reader understood, the one of that `number` among those that it gives for the trace's source.
    `read_with` are the options with which it was read, where these are not those of the run."""

    line: int
    trace: Trace
    number: int = 0
    file: str = ""
    read_with: ReadOptions | None = None


@dataclass(frozen=True)
class WrittenTrace:
    """A trace that was read before it was written into a file, as `ChatTrace` without its place in that."""

    trace: Trace
    number: int
    read_with: ReadOptions


@dataclass(frozen=True)
class InvalidTrace:
    """What stands in `line` instead of a trace, and why it is not one."""

    line: int
    reason: str


Item = StepTrace | ChatTrace | InvalidTrace


@dataclass
class ReadFile:
    """What a file holds, in order. `formats` are those of its traces, each with the reason in a few words."""

    items: list[Item] = field(default_factory=list)
    formats: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Value:
    line: int
    value: Any


@dataclass(frozen=True)
class _Source:
    line: int
    source: Any
    format: Format


def read_file(
    stream: ByteStream, options: Options, stem: str = "", unwrap: Callable[[Any], Any] | None = None
) -> ReadFile:
    """Everything that `stream` holds, in order. `stem` is the file's name without its ending: the id of a trace that
    has none, when it is the only one in the file. `unwrap` gives for each value what to read in its place, which may be
    a WrittenTrace, and raises ReadError for what cannot be a trace.

    An object that no reader knows is a StepTrace, whatever is in it: TraceCheck says whether it is a trace.

    Raises ValueError when the stream as a whole cannot be read (UTF-16).
    """
    values, broken = _values(stream)
    found = ReadFile()
    written: list[Item] = []
    if unwrap is not None:
        values, written = _unwrapped(values, unwrap, found)
    if options.read_options.format == STEPS:
        items: list[Item] = [_object(value) for value in values]
    else:
        items = list(_recognized(values, options, found))
    found.items = sorted([*_identified(items, stem), *written, *broken], key=lambda item: item.line)
    if any(isinstance(item, StepTrace) for item in items):
        found.formats.setdefault(STEPS, f"a list `{options.steps_key}` in which nobody but the agent speaks")
    return found


class TraceCheck:
    """Checks the traces of one or several files, one after the other, under the same options."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._seen: dict[str, tuple[str, int, str]] = {}
        self.copies = 0
        """How many chats came again just as they were, and were left out for it."""

    def check(self, items: Iterable[Item], file: str = "") -> Iterator[Item]:
        """The items of one file. What is not a trace under the options, or has the id of an earlier trace, is an
        InvalidTrace."""
        for item in items:
            reason = self._what_is_wrong(item)
            if reason is not None:
                yield InvalidTrace(item.line, reason)
            elif isinstance(item, InvalidTrace):
                yield item
            else:
                yield from self._distinct(item, file)

    def _what_is_wrong(self, item: Item) -> str | None:
        if isinstance(item, StepTrace):
            return _what_is_wrong(item.data, self._options)
        if isinstance(item, ChatTrace) and not item.trace.steps:
            return "the agent never speaks in it, so there is nothing to correct"
        return None

    def _distinct(self, item: StepTrace | ChatTrace, file: str) -> Iterator[Item]:
        if isinstance(item, ChatTrace):
            identity, content = item.trace.id, f"{content_id(item.trace.source)} {item.number}"
        else:
            identity, content = trace_identity(item.data, self._options.id_path), ""
        first = self._seen.setdefault(identity, (file, item.line, content))
        if first == (file, item.line, content):
            yield item
        elif content and first[2] == content:
            self.copies += 1
        else:
            where = f"line {first[1]}" if first[0] == file else f"{first[0]}:{first[1]}"
            yield InvalidTrace(item.line, self._taken(item, identity, where))

    def _taken(self, item: StepTrace | ChatTrace, identity: str, where: str) -> str:
        if isinstance(item, ChatTrace):
            return (
                f"another trace with the id {identity!r} is already in {where}; `id_key` in trajedit.yaml can name "
                "what tells them apart, such as [task_id, trial]"
            )
        if get_field(item.data, self._options.id_path) in (MISSING, None):
            return f"the same trace, without `{self._options.id_keys[0]}`, is already in {where}"
        return f"`{self._options.id_keys[0]}` {identity!r} is already in {where}"


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


def trace_identity(data: dict[str, Any], id_path: FieldPath) -> str:
    """What identifies a trace when it is imported again: its id as a string or, without one, a digest of all that is in
    it, whatever database it comes from: PostgreSQL keeps neither the order of keys nor how every number is written."""
    value = get_field(data, id_path)
    if value is MISSING or value is None:
        return f"sha256:{hashlib.sha256(json_line(as_jsonb(data))).hexdigest()}"
    return str(value)


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


def _values(stream: ByteStream) -> tuple[list[_Value], list[InvalidTrace]]:
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


def _unwrapped(
    values: Sequence[_Value], unwrap: Callable[[Any], Any], found: ReadFile
) -> tuple[list[_Value], list[Item]]:
    """The values to read, and what need not be read any more."""
    left: list[_Value] = []
    items: list[Item] = []
    for value in values:
        try:
            inside = unwrap(value.value)
        except ReadError as error:
            items.append(InvalidTrace(value.line, str(error)))
            continue
        if isinstance(inside, WrittenTrace):
            items.append(ChatTrace(value.line, inside.trace, inside.number, read_with=inside.read_with))
            found.formats.setdefault(inside.trace.format, "a task that `push` made of it")
        else:
            left.append(_Value(value.line, inside))
    return left, items


def _one_object(content: bytes) -> Any:
    """The object that the whole file is, over however many lines; None when it is anything else."""
    if content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] != b"{":
        return None
    try:
        return parse_json(content.removeprefix(b"\xef\xbb\xbf"))
    except ValueError:
        return None


def _recognized(values: Sequence[_Value], options: Options, found: ReadFile) -> Iterator[Item]:
    """Each trace in the values, read by the format that it is of."""
    chosen = options.read_options.format
    formats = [FORMATS[chosen]] if chosen else list(FORMATS.values())
    for format_ in formats:
        sources = format_.gather([value.value for value in values]) if format_.gather and values else None
        if sources is not None:
            found.formats[format_.name] = _chosen(chosen) or format_.recognize(sources[0]) or format_.title
            for source in sources:
                yield from _read(_Source(_line_of(source, values), source, format_), options)
            return
    for value in values:
        item = _format_of(value, formats, options, found)
        if isinstance(item, Format):
            for source in item.split(value.value) if item.split else [value.value]:
                yield from _read(_Source(value.line, source, item), options)
        else:
            yield item


def _format_of(value: _Value, formats: Sequence[Format], options: Options, found: ReadFile) -> Format | Item:
    chosen = options.read_options.format
    if chosen:
        found.formats[chosen] = _chosen(chosen) or ""
        return formats[0]
    if _is_plain(value.value, options):
        return _object(value)
    candidates = recognize(value.value)
    if len(candidates) > 1:
        names = " or ".join(f"`{candidate.format.name}`" for candidate in candidates)
        return InvalidTrace(value.line, f"it could be {names}; say which with `from` in trajedit.yaml")
    if candidates:
        found.formats.setdefault(candidates[0].format.name, candidates[0].reason)
        return candidates[0].format
    return _object(value)


def _is_plain(value: Any, options: Options) -> bool:
    """Whether it has steps in which nobody but the agent speaks, where the options say or in the plain shape itself.
    Only then it is not looked at by the readers, which would find any other list in it."""
    if options.is_about_chats:
        return False
    steps = get_field(value, options.steps_path)
    if not isinstance(steps, list) or not steps or speakers_key(steps) is not None:
        return False
    plain = FORMATS.get(STEPS)
    return "steps_key" in options.given or bool(plain and plain.recognize({options.steps_path[-1]: steps}))


def _chosen(format_: str | None) -> str | None:
    return f"`from: {format_}` in the options" if format_ else None


def _read(source: _Source, options: Options) -> Iterator[ChatTrace | InvalidTrace]:
    try:
        for number, trace in enumerate(read_chat(source.source, source.format.name, options.read_options)):
            # A sub-agent that has a source of its own is the first one in that.
            yield ChatTrace(source.line, trace, number if trace.source is source.source else 0)
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


def _identified(items: Sequence[Item], stem: str) -> Iterator[Item]:
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
            item = replace(item, trace=trace)
        yield item


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
    if (key := speakers_key(steps)) is not None:
        words = list(dict.fromkeys(str(step[key]) for step in steps if isinstance(step, dict) and key in step))
        shown = ", ".join(f"`{word}`" for word in words[:5]) + (", …" if len(words) > 5 else "")
        return (
            f"its `{options.steps_key}` have several speakers (`{key}` is {shown}), so they are not the agent's steps "
            "alone, and no format that is known here has this shape; `from` and `roles` in trajedit.yaml settle it"
        )
    identity = get_field(data, options.id_path)
    if isinstance(identity, dict | list | bool | float) or identity == "":
        return f"`{options.id_keys[0]}` is {_kind(identity)}, neither a string nor a whole number"
    return None


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    if value == "" and isinstance(value, str):
        return "an empty string"
    return names.get(type(value), "a number")
