"""Loads all traces of a file, and all that is broken in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from ls_trajedit.inputs import input_name, open_input
from ls_trajedit.traces.errors import TraceError
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.read import InvalidTrace, Trace, check_traces, read_objects, read_traces

__all__ = ["LoadedTraces", "checked", "load_objects", "load_traces", "sendable"]

_TOLD = 20


@dataclass(frozen=True)
class LoadedTraces:
    """What the file `name` holds."""

    name: str
    traces: list[Trace]
    broken: list[InvalidTrace]

    def refuse_broken(self) -> None:
        """Raises TraceError, a line for each broken trace (the first twenty), when there are any."""
        if self.broken:
            lines = self.broken_lines()
            lines.append(f"{len(self.broken)} broken; mend them, or leave them out with --skip-invalid")
            raise TraceError("\n".join(lines))

    def broken_lines(self) -> list[str]:
        """For each of the first twenty broken traces, where and why."""
        lines = [f"{self.name}:{broken.line}: {broken.reason}" for broken in self.broken[:_TOLD]]
        if len(self.broken) > _TOLD:
            lines.append(f"{self.name}: … and {len(self.broken) - _TOLD} more")
        return lines


def load_traces(path: Path, options: Options) -> LoadedTraces:
    """The traces in `path`, all in memory. Raises TraceError when the file holds not one, broken or whole."""
    return _load(path, partial(read_traces, options=options))


def load_objects(path: Path) -> LoadedTraces:
    """Every object in `path`, whether a trace or not; for finding out what the traces in it look like. Raises
    TraceError as `load_traces` does."""
    return _load(path, read_objects)


def checked(objects: LoadedTraces, options: Options) -> LoadedTraces:
    """The same, with everything that is no trace under `options` among the broken ones."""
    items: list[Trace | InvalidTrace] = [*objects.traces, *objects.broken]
    items.sort(key=lambda item: item.line)
    return _sorted(objects.name, check_traces(items, options))


def sendable(loaded: LoadedTraces) -> LoadedTraces:
    """The same, with the traces that Label Studio cannot be sent among the broken ones: half of a surrogate pair,
    as a model that was cut off leaves it, has no place in UTF-8."""
    return _sorted(loaded.name, [*loaded.broken, *map(_sendable, loaded.traces)])


def _sendable(trace: Trace) -> Trace | InvalidTrace:
    try:
        json.dumps(trace.data, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = error.object[error.start : error.start + 1].encode("ascii", "backslashreplace").decode()
        return InvalidTrace(trace.line, f"it holds half of a surrogate pair ({half}), which cannot be sent as UTF-8")
    return trace


def _load(path: Path, read: Callable[[BinaryIO], Iterable[Trace | InvalidTrace]]) -> LoadedTraces:
    name = input_name(path)
    with open_input(path) as stream:
        try:
            loaded = _sorted(name, read(stream))
        except ValueError as error:
            raise TraceError(f"{name}: {error}") from None
    if not loaded.traces and not loaded.broken:
        raise TraceError(f"{name}: no traces in it")
    return loaded


def _sorted(name: str, items: Iterable[Trace | InvalidTrace]) -> LoadedTraces:
    traces: list[Trace] = []
    broken: list[InvalidTrace] = []
    for item in items:
        if isinstance(item, Trace):
            traces.append(item)
        else:
            broken.append(item)
    return LoadedTraces(name, traces, broken)
