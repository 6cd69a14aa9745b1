"""What a pull or a convert did, told to a person or to a machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ls_trajedit.converters.counts import Counts
from ls_trajedit.converters.writer import MANIFEST, WrittenFile

__all__ = ["Summary", "summary_json", "summary_lines"]


@dataclass(frozen=True)
class Summary:
    """What was counted, and which files were written into `folder`."""

    counts: Counts
    files: list[WrittenFile]
    folder: Path


def summary_json(summary: Summary) -> dict[str, Any]:
    """The summary for `--json`: the counts as in the manifest, the folder and its files."""
    return {
        **summary.counts.as_json(),
        "folder": str(summary.folder),
        "files": [asdict(file) for file in summary.files],
    }


def summary_lines(summary: Summary) -> Iterator[str]:
    """The summary as lines of text."""
    counts = summary.counts.as_json()
    yield f"{_counted(counts['tasks'], 'task')}, {_counted(counts['annotations'], 'annotation')}"
    for kind in ("edited", "unedited", "skipped", "rejected", "excluded"):
        if counts[kind] or kind in ("edited", "unedited", "skipped", "rejected"):
            yield f"  {kind:<10}{counts[kind]:>7}"
    if counts["drafts"]:
        yield f"  {'drafts':<10}{counts['drafts']:>7}   (tasks with something not submitted, so not read)"
    yield from _table("rejected because of", counts["rejected_by_reason"])
    yield from _table("edits by field", counts["edits_by_field"])
    by_annotator = {
        name: ", ".join(f"{number} {kind}" for kind, number in kinds.items())
        for name, kinds in counts["by_annotator"].items()
    }
    yield from _table("annotators", by_annotator)
    yield f"files in {summary.folder}"
    for file in summary.files:
        yield f"  {file.file:<28}{_counted(file.rows, 'row'):>12}"
    yield f"  {MANIFEST}"


def _table(title: str, rows: dict[str, Any]) -> Iterator[str]:
    if rows:
        yield title
        width = max(len(name) for name in rows)
        for name, value in rows.items():
            yield f"  {name:<{width}}  {value}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
