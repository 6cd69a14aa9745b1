"""Some tasks in, what they add to each output file out: the work that can be sent to another process."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ls_trajedit.converters.annotations.convert_task import convert_task
from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.converters.annotations.duplicates import JoinedTasks, TaskKey, join_tasks, task_key, without_duplicates
from ls_trajedit.converters.annotations.outcome import Edited, Outcome, Rejected, Unedited
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.annotations.target_storage import lacks_its_task, task_of_annotation
from ls_trajedit.converters.branch_index import BranchIndex, branch_in
from ls_trajedit.converters.branch_rows import NO_BRANCHES, JoinedTask, accepted_record, gives_rows
from ls_trajedit.converters.formats.base import Tally, TrainingRow
from ls_trajedit.converters.formats.interchange import CORRECTIONS, REJECTS
from ls_trajedit.converters.plan import ExportPlan
from ls_trajedit.converters.record import RowKey
from ls_trajedit.converters.training.annotators_policy import KeyedRecord, choose_records
from ls_trajedit.converters.training.counts import TrainingCounts
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.traces.errors import DataError, NotAnnotationsError
from ls_trajedit.traces.json_text import RawJson, json_line

__all__ = ["ConvertedChunk", "EncodedRow", "RawTask", "convert_chunk", "joined_task", "parsed_task"]


class RawTask(NamedTuple):
    """A task of Label Studio as JSON. `place` is where messages say it is: `export.json:12`, `task 12`. `again` are the
    other tasks with its `task_key`, which are most likely the same one."""

    place: str
    json: RawJson
    again: tuple[RawTask, ...] = ()

    @property
    def size(self) -> int:
        """How many bytes of JSON it is."""
        return len(self.json.raw) + sum(len(other.json.raw) for other in self.again)


class EncodedRow(NamedTuple):
    """A row as it stands in an output file."""

    key: RowKey
    raw: bytes


@dataclass
class ConvertedChunk:
    """What some tasks became: their counts, and under the name of each output file its rows, in the order of the tasks,
    and its tally, which says of a file that no trainer reads only what is left out. A file to which they add nothing
    may be missing. `keys` are those of the tasks."""

    counts: Counts = field(default_factory=Counts)
    rows: dict[str, list[EncodedRow]] = field(default_factory=dict)
    tallies: dict[str, Tally] = field(default_factory=dict)
    training: TrainingCounts = field(default_factory=TrainingCounts)
    keys: list[TaskKey] = field(default_factory=list)
    has_branches: bool = False

    def add(self, outcomes: Iterable[Outcome], plan: ExportPlan, joined: JoinedTask = NO_BRANCHES) -> None:
        """Counts the annotations of one task and adds their rows. `joined` says how the task belongs to others."""
        records = []
        for outcome in outcomes:
            outcome = joined.marked(outcome)
            self.counts.add(outcome)
            match outcome:
                case Rejected(key, reject):
                    self._add_row(REJECTS.file, key, reject)
                case Edited(key, record, traces, person) | Unedited(key, record, traces, person):
                    records.append(KeyedRecord(key, record, traces=traces, person=person))
        # Nobody has looked at what is unopened, so it is not even a vote for the trace as it was.
        own = [item for item in records if not item.record.source.unopened and gives_rows(item.record)]
        accepted = accepted_record(own, plan.rules)
        self.counts.accepted_branches += accepted is not None
        for item in records:
            self._add_interchange_rows(item, plan, is_accepted=accepted is not None and item.key == accepted.key)
        if own and plan.training_formats:
            self._add_training_rows(own, plan, accepted, joined)

    def _add_interchange_rows(self, item: KeyedRecord, plan: ExportPlan, *, is_accepted: bool) -> None:
        sample = Sample(item.record, traces=item.traces, is_accepted=is_accepted)
        with_rows = gives_rows(item.record)
        for format_ in plan.interchange_formats:
            # Every annotation is in the corrections; elsewhere a copy would say a second time what one person said, and
            # a branch what continues something that nobody stands by any more.
            if not with_rows and format_ != CORRECTIONS:
                continue
            for file in format_.files:
                for row in file.rows(sample):
                    if isinstance(row, TrainingRow):
                        self._add_row(file.file, item.key, row.values)
                    else:
                        self.tallies.setdefault(file.file, Tally()).add(row)

    def _add_training_rows(
        self, records: list[KeyedRecord], plan: ExportPlan, accepted: KeyedRecord | None, joined: JoinedTask
    ) -> None:
        chosen = choose_records(records, plan.rules)
        self.training.add_choice(chosen)
        if chosen.records and (split := plan.split_of(chosen.records[0].record)) is not None:
            self.training.splits.add(split, plan.split_key(chosen.records[0].record))
        for item in chosen.records:
            sample = Sample(
                item.record,
                plan.rendering,
                plan.rules,
                item.disputed,
                item.traces,
                agreed_verdicts=item.verdicts,
                has_branches=joined.has_branches,
                branch_point=joined.branch_point(item.record),
                is_accepted=accepted is not None and item.key == accepted.key,
            )
            self.training.add_sample(sample)
            for format_ in plan.training_formats:
                for file in format_.files:
                    name = plan.file_name(file, item.record)
                    tally = self.tallies.setdefault(name, Tally())
                    for row in file.rows(sample):
                        tally.add(row)
                        if isinstance(row, TrainingRow):
                            self._add_row(name, item.key, row.values)

    def _add_row(self, file: str, key: RowKey, values: object) -> None:
        self.rows.setdefault(file, []).append(EncodedRow(key, json_line(values)))


def convert_chunk(
    tasks: Iterable[RawTask],
    schema: Schema,
    rules: ReadingRules,
    plan: ExportPlan,
    branches: BranchIndex | None = None,
) -> ConvertedChunk:
    """Converts `tasks`, in their order. `branches` is the index of all branches of the run; without it, none of them
    may be one, and the chunk says whether one is.

    Raises DataError, with the place, for something that is not an exported task.
    """
    chunk = ConvertedChunk()
    for raw_task in tasks:
        task = parsed_task(raw_task)
        if (key := task_key(task)) is not None:
            chunk.keys.append(key)
        joined = joined_task(raw_task, task)
        # In any place, also one of which nothing is used: nobody knows of the others when it is read alone.
        places = (task, *map(parsed_task, raw_task.again))
        chunk.has_branches = chunk.has_branches or any(branch_in(place) is not None for place in places)
        chunk.counts.tasks += joined.n_tasks
        chunk.counts.duplicates += joined.duplicates
        for one in joined.tasks:
            chunk.counts.drafts += bool(one.get("drafts"))
            chunk.add(convert_task(one, schema, rules), plan, JoinedTask(key, branches))
    return chunk


def joined_task(raw_task: RawTask, task: dict[str, Any]) -> JoinedTasks:
    """What `raw_task`, of which `task` was parsed, is with all of its places. Raises what `parsed_task` raises."""
    return join_tasks([task, *map(parsed_task, raw_task.again)]) if raw_task.again else without_duplicates(task)


def parsed_task(raw_task: RawTask) -> dict[str, Any]:
    """The first place of the task; of an annotation from target storage, its task with that annotation alone. Raises
    DataError, with the place, for what is not JSON, and NotAnnotationsError for anything else."""
    try:
        task = raw_task.json.value()
    except ValueError as error:
        raise DataError(f"{raw_task.place}: not JSON: {error}; is the export complete?") from None
    if isinstance(task, dict):
        if isinstance(annotations := task.get("annotations"), list) and ("data" in task or _are_results(annotations)):
            return task
        if (its_task := task_of_annotation(task)) is not None:
            return its_task
        if lacks_its_task(task):
            raise DataError(
                f"{raw_task.place}: an annotation that names its task ({task['task']}) and does not hold it; export "
                "the project, or read target storage"
            )
    raise NotAnnotationsError(
        f"{raw_task.place}: not a task with a list of `annotations`; export the project from Label Studio as JSON "
        "(not JSON-MIN or CSV)"
    )


def _are_results(annotations: list[Any]) -> bool:
    """Whether these are a task's, whose data is missing. COCO's annotations, beside a list of images, are not."""
    return not annotations or any(not isinstance(each, dict) or "result" in each for each in annotations)
