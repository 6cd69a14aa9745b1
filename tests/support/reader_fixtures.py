"""How the fixtures of the formats become sources: whole values, or values that belong together."""

from __future__ import annotations

from typing import Any

from ls_trajedit.traces.readers.base import NO_OPTIONS, Format, ReadOptions
from tests.support.trace_files import TraceFile, chats_of

__all__ = ["chats_in", "sources_in"]


def sources_in(file: TraceFile, format_: Format) -> list[Any]:
    """The sources in a fixture of this format: bare messages, events or steps are put together."""
    values = file.values()
    return (format_.gather(values) if format_.gather else None) or values


def chats_in(file: TraceFile, format_: Format, options: ReadOptions = NO_OPTIONS) -> list[dict[str, Any]]:
    """The chats of all traces in a fixture."""
    return chats_of([trace for source in sources_in(file, format_) for trace in format_.read(source, options)])
