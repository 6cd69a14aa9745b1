"""Some tasks in, what they add to each output file out: the work that can go to another process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ls_trajedit.converters.annotations.convert_task import Outcome, convert_task
from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.formats import rejects
from ls_trajedit.converters.formats.base import Format, TrainingRow
from ls_trajedit.converters.formats.tally import Tally
from ls_trajedit.converters.plan import ExportPlan
from ls_trajedit.converters.training.annotators_policy import KeyedRecord, choose_records
from ls_trajedit.converters.training.counts import TrainingCounts
from ls_trajedit.converters.training.omission import Omission
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.traces.errors import DataError
from ls_trajedit.traces.json_text import JsonPart, RawJson, json_line

__all__ = ["ConvertedChunk", "RawTask", "Row", "convert_chunk"]


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
    tasks, and a training file's tally. A file to which they add nothing may be missing."""

    counts: Counts = field(default_factory=Counts)
    rows: dict[str, list[Row]] = field(default_factory=dict)
    tallies: dict[str, Tally] = field(default_factory=dict)
    training: TrainingCounts = field(default_factory=TrainingCounts)

    def add(self, outcomes: Iterable[Outcome], plan: ExportPlan) -> None:
        """Counts the annotations of one task and adds their rows."""
        records = []
        for outcome in outcomes:
            self.counts.add(outcome)
            if outcome.kind == "rejected":
                self._add_row(rejects.FORMAT.file, Row(outcome.key, json_line(outcome.row)))
            elif outcome.kind in ("edited", "unedited"):
                records.append(KeyedRecord(outcome.key, outcome.row))
        interchange = [format_ for format_ in plan.formats if not format_.is_for_training]
        for item in records:
            self._add_interchange_rows(item, interchange)
        if records and plan.training_formats:
            self._add_training_rows(records, plan)

    def _add_interchange_rows(self, item: KeyedRecord, formats: Iterable[Format]) -> None:
        sample = Sample(item.record)
        # Most of a row are traces, and each stands in several: its JSON is worked out once.
        parts = {id(trace): JsonPart(trace) for trace in _traces(item.record)}
        for format_ in formats:
            for file in format_.files:
                for row in file.rows(sample):
                    if isinstance(row, TrainingRow):
                        line = json_line({key: parts.get(id(value), value) for key, value in row.values.items()})
                        self._add_row(file.file, Row(item.key, line))

    def _add_training_rows(self, records: list[KeyedRecord], plan: ExportPlan) -> None:
        chosen = choose_records(records, plan.rules.annotators_policy)
        self.training.add_choice(chosen)
        for item in chosen.records:
            sample = Sample(item.record, plan.rendering, plan.rules, item.disputed)
            self.training.add_sample(sample)
            for format_ in plan.training_formats:
                for file in format_.files:
                    name = plan.file_name(file, item.record["task"])
                    tally = self.tallies.setdefault(name, Tally())
                    for row in file.rows(sample):
                        tally.add(row)
                        if not isinstance(row, Omission):
                            self._add_row(name, Row(item.key, json_line(row.values)))

    def _add_row(self, file: str, row: Row) -> None:
        self.rows.setdefault(file, []).append(row)


def convert_chunk(tasks: Iterable[RawTask], schema: Schema, rules: ReadingRules, plan: ExportPlan) -> ConvertedChunk:
    """Converts `tasks`, in their order.

    Raises DataError, with the place, for what is not an exported task, and UsageError where `rules` ask for what
    nobody knows.
    """
    chunk = ConvertedChunk()
    for raw_task in tasks:
        task = _parsed(raw_task)
        chunk.counts.tasks += 1
        chunk.counts.drafts += bool(task.get("drafts"))
        chunk.add(convert_task(task, schema, rules), plan)
    return chunk


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
