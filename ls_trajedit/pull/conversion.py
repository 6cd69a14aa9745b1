"""From the state to the output files: the blocks of tasks that changed are converted, the rows of the others copied.

What comes out is what converting every task would write, byte for byte. Where anything is not as it was noted, every
task is converted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Generator, Iterator, Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.branch_index import BranchIndex
from ls_trajedit.converters.chunk import ConvertedChunk
from ls_trajedit.converters.formats import interchange
from ls_trajedit.converters.formats.base import RowFormat
from ls_trajedit.converters.plan import ExportPlan
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.output.file_system import replace_file
from ls_trajedit.output.folder import explain_write_failures
from ls_trajedit.output.manifest import WrittenFile, training_json
from ls_trajedit.output.parquet import columns_in, columns_of, parquet_name, write_one_parquet
from ls_trajedit.output.row_files import ending, parquet_tally, planned_files, tallies_json
from ls_trajedit.output.row_ranges import NO_ROWS, ChangedRangeError, RangedFile
from ls_trajedit.output.write import WrittenRows, converted_chunks, write_rows
from ls_trajedit.progress import Progress
from ls_trajedit.pull.blocks import Block, BlockError, BlockSums, parse_block
from ls_trajedit.pull.branches import block_views, index_of_state, raw_task
from ls_trajedit.pull.state import BLOCK_TASKS, DamagedStateError, LastPull, PullState, StateFiles

__all__ = ["StateWriter"]

_KEY = attrgetter("key")


class _OtherFilesError(Exception):
    """What was noted of the files is not what the blocks say of them."""


@dataclass(frozen=True)
class StateWriter:
    """Writes what the tasks of `state` become under the rules and the plan into `temporary`, a folder in the output
    folder."""

    state: PullState
    temporary: Path
    schema: Schema
    rules: ReadingRules
    plan: ExportPlan
    progress: Progress

    def write(self, last: LastPull | None) -> StateFiles:
        """Writes the files that differ from those of the `last` pull, which was made with the same plan and whose files
        are in place; all files when it is None.

        Raises what `state` raises, DataError when writing fails, and DamagedStateError when blocks are damaged.
        """
        branches = None
        if last is not None:
            branches = self._branches()
            self._make_other_views_stale(branches)
            if self.state.has_current_blocks():
                with suppress(ChangedRangeError, _OtherFilesError):
                    return self._write_changes(last, branches)
        self.state.forget_blocks()
        rows = self._convert(self.plan, self._branches())
        if rows.counts.tasks != self.state.task_count():
            raise DamagedStateError("it does not find all of its tasks")
        training = training_json(self.plan, rows.training)
        return StateFiles(rows.counts, training, rows.files, self.state.settle())

    def _branches(self) -> BranchIndex | None:
        return index_of_state(self.state, self.schema, self.rules)

    def _make_other_views_stale(self, branches: BranchIndex | None) -> None:
        views, other = block_views(branches)
        self.state.make_stale([number for number, view in self.state.views() if view != views.get(number, other)])

    def _convert(self, plan: ExportPlan, branches: BranchIndex | None) -> WrittenRows:
        """Converts the stale blocks."""
        total = self.state.stale_task_count()
        return write_rows(self._chunks(branches), plan, self.temporary, lambda _, done: self.progress(done, total))

    def _chunks(self, branches: BranchIndex | None) -> Generator[ConvertedChunk, None, None]:
        files = planned_files(self.plan)
        views, other = block_views(branches)
        for number, tasks in groupby(self.state.stale_tasks(), key=lambda task: task[0] // BLOCK_TASKS):
            block = Block()
            raw_tasks = (raw_task(*task) for task in tasks)
            for chunk in converted_chunks(raw_tasks, self.schema, self.rules, _with_records(self.plan), branches):
                _put_in_order(chunk, number)
                self._note_records(chunk)
                block.add(chunk, files)
                yield chunk
            self.state.put_block(number, views.get(number, other), block.to_bytes())

    def _note_records(self, chunk: ConvertedChunk) -> None:
        rows = chunk.rows.get(interchange.CORRECTIONS_FILE, ())
        self.state.note_records((*row.key, hashlib.blake2b(row.raw, digest_size=8).digest()) for row in rows)

    def _write_changes(self, last: LastPull, branches: BranchIndex | None) -> StateFiles:
        self._convert(replace(self.plan, with_parquet=False), branches)
        before, now = BlockSums(), BlockSums()
        planned = planned_files(self.plan)
        with ExitStack() as stack, explain_write_failures(self.temporary.parent):
            files = {name: stack.enter_context(closing(self._ranged(name, planned[name]))) for name in planned}
            try:
                self._take_blocks(files, before, now)
                self._check(last, before, now)
                counts, training = now.counts(), training_json(self.plan, now.training())
                tallies = self._tallies(now)
            except BlockError as error:
                raise DamagedStateError(f"a block is {error}") from None
            noted = {file.file: file for file in last.files}
            written, changed = {}, set()
            for name, file in files.items():
                digest = file.finish(ending(planned[name], file.rows, counts, self.plan.splits))
                file.close()
                if digest is None:
                    (self.temporary / name).unlink()
                else:
                    replace_file(self._target(name), self.temporary / name)
                    changed.add(name)
                written[name] = WrittenFile(name, file.rows, digest or noted[name].sha256, tallies.get(name))
            parquet = list(self._parquet_files(written, changed, noted))
        return StateFiles(counts, training, (*written.values(), *parquet), self.state.settle())

    def _ranged(self, name: str, format_: RowFormat) -> RangedFile:
        return RangedFile(self.temporary.parent / name, self.temporary / name, self._target(name), format_)

    def _target(self, name: str) -> Path:
        return self.temporary / f"{name}.ranges"

    def _take_blocks(self, files: Mapping[str, RangedFile], before: BlockSums, now: BlockSums) -> None:
        """Gives the files the ranges of each block, and adds up what all blocks added to them `before` and add `now`.
        Raises BlockError for what is not a block."""
        kept = BlockSums()
        for change in self.state.block_changes():
            old, fresh = parse_block(change.before), parse_block(change.now)
            if not change.is_stale:
                kept.add(old)
                for name, file in files.items():
                    file.keep(old.ranges.get(name, NO_ROWS))
            else:
                before.add(old)
                now.add(fresh)
                for name, file in files.items():
                    file.replace(old.ranges.get(name, NO_ROWS), fresh.ranges.get(name, NO_ROWS))
        before.update(kept)
        now.update(kept)

    def _check(self, last: LastPull, before: BlockSums, now: BlockSums) -> None:
        """Raises _OtherFilesError when the blocks do not add up to what the last pull wrote and to all tasks."""
        tallies = self._tallies(before)
        counted = {name: (before.rows(name), tallies.get(name)) for name in planned_files(self.plan)}
        noted = {file.file: (file.rows, file.tally) for file in last.files if file.file in counted}
        if (
            replace(before.counts(), drafts=last.counts.drafts).as_json() != last.counts.as_json()
            or training_json(self.plan, before.training()) != last.training
            or counted != noted
            or any(file.file not in last.placed or last.placed[file.file].sha256 != file.sha256 for file in last.files)
            or now.counts().tasks != self.state.task_count()
        ):
            raise _OtherFilesError

    def _tallies(self, sums: BlockSums) -> dict[str, dict[str, Any]]:
        return tallies_json(self.plan, {name: sums.tally(name) for name in planned_files(self.plan)})

    def _parquet_files(
        self, written: Mapping[str, WrittenFile], changed: Container[str], noted: Mapping[str, WrittenFile]
    ) -> Iterator[WrittenFile]:
        """The Parquet files beside the others: those of changed files are made anew, with those of the splits that go
        with them."""
        for names in self.plan.parquet_sources():
            targets = {name: parquet_name(name) for name in names}
            if any(name in changed for name in names):
                sources = {
                    name: (self.temporary if name in changed else self.temporary.parent) / name for name in names
                }
                columns = columns_of(map(columns_in, sources.values()), self.plan.rendering.as_tool_calls)
                digests = {
                    name: write_one_parquet(sources[name], self.temporary / targets[name], columns) for name in names
                }
            else:
                digests = {name: noted[targets[name]].sha256 for name in names}
            for name, digest in digests.items():
                tally = parquet_tally(written[name].tally)
                yield replace(written[name], file=targets[name], sha256=digest, tally=tally)


def _with_records(plan: ExportPlan) -> ExportPlan:
    """The plan with every record, written or not: they show what changed since the last pull."""
    if interchange.CORRECTIONS in plan.formats:
        return plan
    return replace(plan, formats=(interchange.CORRECTIONS, *plan.formats))


def _put_in_order(chunk: ConvertedChunk, number: int) -> None:
    """Puts the rows of each file in order. Raises DamagedStateError when one is of a task of another block."""
    for rows in chunk.rows.values():
        rows.sort(key=_KEY)
        if not rows[0].key[0] // BLOCK_TASKS == rows[-1].key[0] // BLOCK_TASKS == number:
            raise DamagedStateError(f"a task is not under its id in block {number}")
