"""Writes the training files from what Label Studio exported or put into target storage, with no server."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ls_trajedit import __version__
from ls_trajedit.convert.kept_tasks import KeptTasks
from ls_trajedit.convert.passed_over import PassedOver, readable_tasks
from ls_trajedit.convert.repeated_tasks import joined_tasks
from ls_trajedit.convert.sources import Source
from ls_trajedit.converters.annotations.duplicates import SeenTasks
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.branch_index import BranchIndex
from ls_trajedit.converters.branch_scan import branches_among, index_from
from ls_trajedit.converters.chunk import ConvertedChunk, RawTask
from ls_trajedit.converters.plan import ExportPlan
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.output.folder import explain_write_failures
from ls_trajedit.output.manifest import Manifest, Origin, training_json
from ls_trajedit.output.staging import open_output, publish_output, work_folder
from ls_trajedit.output.summary import Summary
from ls_trajedit.output.write import converted_chunks, write_rows
from ls_trajedit.progress import Progress
from ls_trajedit.storage.address import Address
from ls_trajedit.traces.field_path import format_path
from ls_trajedit.traces.options import MOST_INSERTIONS, Options, StepLabels
from ls_trajedit.traces.template import parse_template

__all__ = ["convert", "generated_schema"]

_BUFFER = 1 << 20


def convert(
    sources: Sequence[Source],
    schema: Schema,
    rules: ReadingRules,
    place: Path | Address,
    progress: Progress,
    plan: ExportPlan | None = None,
    *,
    skip_invalid: bool = False,
) -> Summary:
    """Reads the tasks in `sources`, a few in memory at a time, and writes the output files to `place`: those that
    `plan` asks for, or without one those of the interchange formats.

    A task that is there twice is found when it comes again, and a branch when it comes. Then everything is read again,
    with the places of each task together, and knowing all branches: from the sources if these are files, else from a
    copy of their tasks on the disk, so that nothing is fetched twice.

    Raises DataError, with the source and the line, when something in a source is not an exported task, or when it
    cannot be read; the files at `place` are then as they were. With `skip_invalid`, a source that cannot be read is
    counted and passed over. Raises what `open_output` raises.
    """
    plan = plan or ExportPlan()
    with (
        open_output(place) as output,
        work_folder(output) as temporary,
        _open_tasks(sources, temporary, skip_invalid=skip_invalid) as tasks,
    ):
        while True:
            try:
                branches = tasks.branches(schema, rules)
                chunks = converted_chunks(tasks.read(), schema, rules, plan, branches)
                rows = write_rows(chunks, plan, temporary, partial(_note_chunk, tasks, SeenTasks(), progress))
                break
            except _ReadAgainError:
                continue
        passed_over = tasks.passed_over
        passed_over.refuse_all(sources)
        rows.counts.other_objects = len(passed_over.others)
        rows.counts.unreadable_sources = len(passed_over.unreadable)
        origin = Origin(None, None, schema.as_json(), {"ls-trajedit": __version__})
        training = training_json(plan, rows.training)
        manifest = Manifest(origin, training, rows.counts, rows.files)
        published = publish_output(output, temporary, manifest)
    return Summary(
        rows.counts.as_json(),
        list(rows.files),
        place,
        is_up_to_date=published.is_up_to_date,
        training=training,
        left=tuple(published.left),
        annotations_before=output.annotations_before,
        other_objects=tuple(passed_over.others),
        unreadable_sources=tuple(passed_over.unreadable),
    )


def generated_schema(options: Options) -> Schema:
    """The schema of a config that `options` would generate, with any number of steps and with every control that the
    generator has: what an export is read with when its config is not at hand."""
    from ls_trajedit.label_config.write_config import control_names, write_config
    from ls_trajedit.traces.shape import TraceShape

    every_control = replace(
        options,
        layout="repeater",
        edit_final_answer=True,
        require_reason_on_edit=True,
        step_labels=StepLabels(correctness=["any"], error_types=["any"]),
    )
    with_structure = replace(
        every_control,
        allow_remove=True,
        allow_insert=MOST_INSERTIONS,
        context_fields=options.context_fields or _heard_fields(options),
    )
    if control_names(with_structure) == control_names(options):
        every_control = with_structure
    return read_config(write_config(every_control, TraceShape(has_id=True)), options)


def _heard_fields(options: Options) -> list[str]:
    """The fields of a step that say what the agent heard, as far as they cannot be edited."""
    edited = {path[0] for path in options.editable_paths}
    heard = parse_template(options.templates.observation).fields
    return [format_path(path) for path in heard if path[0] not in edited]


class _ReadAgainError(Exception):
    """What was read cannot be converted without knowing more of what else is in the export."""


@dataclass
class _Tasks:
    """The tasks of all sources, as often as they are read: with the places of each together, once it is known that some
    are there twice, and with an index of the branches, once it is known that there are any. `from_start` gives all
    tasks as the sources hold them, and notes in `passed_over` what it passes over."""

    from_start: Callable[[], Iterator[RawTask]]
    passed_over: PassedOver
    temporary: Path
    are_repeated: bool = False
    have_branches: bool = False

    def read(self) -> Iterator[RawTask]:
        """All tasks, from the start."""
        tasks = self.from_start()
        return joined_tasks(tasks, self.temporary) if self.are_repeated else tasks

    def branches(self, schema: Schema, rules: ReadingRules) -> BranchIndex | None:
        """The index of the branches, None where there are none."""
        if not self.have_branches:
            return None
        return index_from(branches_among(self.read()), self.read(), schema, rules)


@contextmanager
def _open_tasks(sources: Sequence[Source], temporary: Path, *, skip_invalid: bool) -> Iterator[_Tasks]:
    passed_over = PassedOver()

    def read() -> Generator[RawTask, None, None]:
        passed_over.others.clear()
        passed_over.unreadable.clear()
        return readable_tasks(sources, passed_over, temporary, skip_invalid=skip_invalid)

    if all(source.is_local_file for source in sources):
        yield _Tasks(read, passed_over, temporary)
        return
    folder = temporary.parent
    with explain_write_failures(folder):
        file = (temporary / "read").open("w+b", buffering=_BUFFER)
    with file, closing(read()) as tasks:
        yield _Tasks(KeptTasks(tasks, file, folder).read, passed_over, temporary)


def _note_chunk(tasks: _Tasks, seen: SeenTasks, progress: Progress, chunk: ConvertedChunk, done: int) -> None:
    is_repeated = not tasks.are_repeated and any(seen.add(key) for key in chunk.keys)
    is_unknown = not tasks.have_branches and chunk.has_branches
    if is_repeated or is_unknown:
        tasks.are_repeated = tasks.are_repeated or is_repeated
        tasks.have_branches = tasks.have_branches or is_unknown
        raise _ReadAgainError
    progress(done, None)
