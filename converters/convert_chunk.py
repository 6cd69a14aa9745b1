"""Some tasks in, what they add to each output file out: the work that can go to another process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ls_trajedit.converters.convert_task import Outcome, convert_task
from ls_trajedit.converters.counts import Counts
from ls_trajedit.converters.formats import rejects
from ls_trajedit.converters.formats.format import Format
from ls_trajedit.converters.reading_rules import ReadingRules
from ls_trajedit.label_config.errors import DataError
from ls_trajedit.label_config.json_text import JsonPart, RawJson, json_line
from ls_trajedit.label_config.schema import Schema

__all__ = ["ConvertedChunk", "RawTask", "Row", "convert_chunk", "rows_of"]


class RawTask(NamedTuple):
    """A task of Label Studio as JSON. `place` is what messages call it: `export.json:12`, `task 12`."""

    place: str
    json: RawJson


class Row(NamedTuple):
    """A row of an output file, as it stands there; `key` is task id and annotation id."""

    key: tuple[int, int]
    raw: bytes


@dataclass
class ConvertedChunk:
    """What some tasks became: their counts, and under the name of each output file its rows in the order of the
    tasks. A file to which they add nothing may be missing."""

    counts: Counts = field(default_factory=Counts)
    rows: dict[str, list[Row]] = field(default_factory=dict)

    def add(self, outcome: Outcome, formats: Iterable[Format]) -> None:
        """Counts one annotation and adds its rows."""
        self.counts.add(outcome)
        for file, row in rows_of(outcome, formats):
            self.rows.setdefault(file, []).append(row)


def convert_chunk(
    tasks: Iterable[RawTask], schema: Schema, rules: ReadingRules, formats: Sequence[Format]
) -> ConvertedChunk:
    """Converts `tasks`, in their order.

    Raises DataError, with the place, for what is not an exported task, and UsageError where `rules` ask for what
    nobody knows.
    """
    chunk = ConvertedChunk()
    for raw_task in tasks:
        task = _parsed(raw_task)
        chunk.counts.tasks += 1
        chunk.counts.drafts += bool(task.get("drafts"))
        for outcome in convert_task(task, schema, rules):
            chunk.add(outcome, formats)
    return chunk


def rows_of(outcome: Outcome, formats: Iterable[Format]) -> Iterator[tuple[str, Row]]:
    """The rows that one annotation adds, each with the name of its file: a record's to the files of `formats`, a
    rejected annotation's to that of the rejects."""
    if outcome.kind == "rejected":
        yield rejects.FORMAT.file, Row(outcome.key, json_line(rejects.FORMAT.row(outcome.row)))
    elif outcome.kind in ("edited", "unedited"):
        record = outcome.row
        # Most of a row are traces, and each stands in several: its JSON is worked out once.
        parts = {id(trace): JsonPart(trace) for trace in _traces(record)}
        for format_ in formats:
            row = format_.row(record)
            if row is not None:
                line = json_line({key: parts.get(id(value), value) for key, value in row.items()})
                yield format_.file, Row(outcome.key, line)


def _traces(record: dict[str, Any]) -> Iterator[Any]:
    yield record["original_trace"]
    if record["corrected_trace"] is not record["original_trace"]:
        yield record["corrected_trace"]


def _parsed(raw_task: RawTask) -> dict[str, Any]:
    try:
        task = raw_task.json.value()
    except ValueError as error:
        raise DataError(f"{raw_task.place}: not JSON: {error}; is the export complete?") from None
    if not isinstance(task, dict) or not isinstance(task.get("annotations"), list):
        raise DataError(
            f"{raw_task.place}: no task with a list of `annotations`; export the project from Label Studio as JSON "
            "(not JSON-MIN or CSV)"
        )
    return task
