"""How the fixtures of the formats become sources: whole values, or values that belong together."""

from __future__ import annotations

import json
from typing import Any

from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions
from ls_trajedit.traces.readers.base import Format
from tests.support.trace_files import TraceFile, chats_of, trace_files

__all__ = ["chats_in", "others", "sources_in"]


def sources_in(file: TraceFile, format_: Format) -> list[Any]:
    """The sources in a fixture of this format: bare messages, events or steps are put together, logs are split."""
    values = file.values()
    sources = (format_.gather(values) if format_.gather else None) or values
    return [part for source in sources for part in format_.split(source)] if format_.split else sources


def chats_in(file: TraceFile, format_: Format, options: ReadOptions = NO_OPTIONS) -> list[dict[str, Any]]:
    """The chats of all traces in a fixture."""
    return chats_of([trace for source in sources_in(file, format_) for trace in format_.read(source, options)])


# Values that look like a trace of one kind or another, and are of none.
_NO_TRACES = (
    *(None, True, 0, 1.5, "", "messages", [], {}, [[]], [{}], [None], ["a"], [1, {}], {"a": {"b": {}}}),
    *({key: value} for key in ("messages", "steps", "history") for value in (None, "", [], {}, [1], [{}])),
    {
        "messages": [{"role": None, "content": None}],
        "steps": [{"step_id": 1}],
        "conversations": [{"from": 1, "value": 2}],
    },
    {"schema_version": 4, "steps": [1]},
    [{"type": [], "content": {}}],
    [{"action": "x", "args": 1}, {"observation": None, "content": ""}],
)


def others(*formats: str) -> list[Any]:
    """JSON values that are not of these formats: every fixture of another, its values one by one, and oddities."""
    found = list(_NO_TRACES)
    for file in trace_files():
        if file.format not in formats:
            values = file.values()
            found += [*values, values] if len(values) > 1 else values
    return list({json.dumps(value): value for value in found}.values())
