"""The fixtures of the trace formats: for each format a folder, in it files as people have them (`NAME.json[l]`).

Beside each stands `NAME.messages.json`, the chats that a person derived from it: `{"id", "messages", "tools"}` for each
trace.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["FOLDER", "TraceFile", "chats_of", "trace_files"]

FOLDER = Path(__file__).parents[1] / "fixtures" / "traces"


class TraceFile(NamedTuple):
    """One fixture: its format, its path, and the chats that are expected of it."""

    format: str
    path: Path

    @property
    def name(self) -> str:
        return f"{self.format}/{self.path.name}"

    def values(self) -> list[Any]:
        """The JSON values in the file: the elements of an array or the lines, or the one value."""
        text = self.path.read_text(encoding="utf-8")
        if self.path.suffix == ".jsonl":
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        value = json.loads(text)
        return value if isinstance(value, list) else [value]

    def expected(self) -> list[dict[str, Any]]:
        path = self.path.with_name(self.path.name.partition(".")[0] + ".messages.json")
        found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        return found


def trace_files(*formats: str) -> list[TraceFile]:
    """The fixtures of these formats, or of all."""
    return [
        TraceFile(folder.name, path)
        for folder in sorted(FOLDER.iterdir())
        if not formats or folder.name in formats
        for path in sorted(folder.iterdir())
        if path.suffix in (".json", ".jsonl") and not path.name.endswith(".messages.json")
    ]


def chats_of(traces: list[Any]) -> list[dict[str, Any]]:
    """The traces as `ls-trajedit traces --as messages` prints them, without tools where there are none."""
    from ls_trajedit.traces.chat import chat_messages

    return [
        {
            "id": trace.id,
            "messages": chat_messages(trace.messages),
            **({"tools": list(trace.tools)} if trace.tools else {}),
        }
        for trace in traces
    ]
