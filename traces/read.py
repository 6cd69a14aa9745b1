"""Reads traces: JSON lines or a JSON array, one trace for each object."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from ls_trajedit.traces.field_path import MISSING, RESERVED_KEY, FieldPath, get_field
from ls_trajedit.traces.json_stream import split_json
from ls_trajedit.traces.json_text import json_line
from ls_trajedit.traces.options import Options, nearest

__all__ = ["InvalidTrace", "Trace", "check_traces", "read_objects", "read_traces", "trace_identity"]


@dataclass(frozen=True)
class Trace:
    """One trace as it is in the file: an object with a list of steps, each of them an object or a string."""

    line: int
    data: dict[str, Any]


@dataclass(frozen=True)
class InvalidTrace:
    """Something in `line` that is not a trace, and why."""

    line: int
    reason: str


def read_traces(stream: BinaryIO, options: Options) -> Iterator[Trace | InvalidTrace]:
    """Everything in `stream`, in order. Each value is either a Trace or an InvalidTrace: not JSON, not an object, no
    list of steps, a step that is neither an object nor a string, or an id that an earlier trace has.

    Raises ValueError when the stream as a whole cannot be read (UTF-16).
    """
    return check_traces(read_objects(stream), options)


def read_objects(stream: BinaryIO) -> Iterator[Trace | InvalidTrace]:
    """Every object in `stream` as a Trace, whatever it holds; everything else as an InvalidTrace."""
    for value in split_json(stream):
        try:
            data = value.json.value()
        except ValueError as error:
            yield InvalidTrace(value.line, f"not JSON: {error}")
            continue
        if isinstance(data, dict):
            yield Trace(value.line, data)
        else:
            yield InvalidTrace(value.line, f"a trace is an object, this is {_kind(data)}")


def check_traces(objects: Iterable[Trace | InvalidTrace], options: Options) -> Iterator[Trace | InvalidTrace]:
    """`objects`, with every Trace that is not a trace under `options` replaced by an InvalidTrace."""
    seen: dict[str, int] = {}
    for item in objects:
        if isinstance(item, InvalidTrace):
            yield item
            continue
        reason = _what_is_wrong(item.data, options)
        if reason is None:
            identity = trace_identity(item.data, options.id_path)
            if identity not in seen:
                seen[identity] = item.line
                yield item
                continue
            has_id = get_field(item.data, options.id_path) not in (MISSING, None)
            what = f"`{options.id_key}` {identity!r}" if has_id else f"the same trace, without `{options.id_key}`,"
            reason = f"{what} is already in line {seen[identity]}"
        yield InvalidTrace(item.line, reason)


def trace_identity(data: dict[str, Any], id_path: FieldPath) -> str:
    """What identifies a trace when it is imported again: its id as a string or, without one, all of it as JSON."""
    value = get_field(data, id_path)
    if value is MISSING or value is None:
        return json_line(data).decode()
    return str(value)


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
