"""Converts tasks, on all cores when there is much to do, and writes their rows into the output files."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from pathlib import Path

from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.branch_index import BranchIndex
from ls_trajedit.converters.chunk import ConvertedChunk, RawTask, convert_chunk
from ls_trajedit.converters.plan import ExportPlan
from ls_trajedit.converters.training.counts import TrainingCounts
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.output.folder import explain_write_failures
from ls_trajedit.output.manifest import WrittenFile
from ls_trajedit.output.row_files import RowFiles
from ls_trajedit.output.worker_processes import map_in_processes

__all__ = ["WrittenRows", "converted_chunks", "write_rows"]

_CHUNK_BYTES = 1 << 18
# What is done sooner than other processes have started.
_CHUNKS_DONE_HERE = 64
# More would wait for this process, which reads the tasks and writes the rows.
_MOST_PROCESSES = 3
# With one core beside this process's own, sending the tasks there takes longer than converting them here (measured).
_FEWEST_PROCESSES = 2


@dataclass(frozen=True)
class WrittenRows:
    """What was counted while the rows were written, and the files that they are in."""

    counts: Counts = field(default_factory=Counts)
    training: TrainingCounts = field(default_factory=TrainingCounts)
    files: tuple[WrittenFile, ...] = ()


def write_rows(
    chunks: Generator[ConvertedChunk, None, None],
    plan: ExportPlan,
    temporary: Path,
    on_chunk: Callable[[ConvertedChunk, int], None],
) -> WrittenRows:
    """Writes the files of `plan` into `temporary`, a folder inside the output folder, from `chunks`, which it closes.
    `on_chunk` gets each chunk when it is written, and how many tasks are done.

    Raises what `chunks` raises, and DataError when writing fails.
    """
    folder = temporary.parent
    counts, training = Counts(), TrainingCounts()
    with explain_write_failures(folder):
        files = RowFiles(temporary, plan)
    try:
        for chunk in chunks:
            counts.update(chunk.counts)
            training.update(chunk.training)
            with explain_write_failures(folder):
                files.add(chunk)
            on_chunk(chunk, counts.tasks)
        with explain_write_failures(folder):
            return WrittenRows(counts, training, tuple(files.finish(counts)))
    finally:
        chunks.close()
        files.close()


def converted_chunks(
    raw_tasks: Iterable[RawTask],
    schema: Schema,
    rules: ReadingRules,
    plan: ExportPlan,
    branches: BranchIndex | None = None,
    *,
    chunk_bytes: int = _CHUNK_BYTES,
    chunks_done_here: int = _CHUNKS_DONE_HERE,
) -> Generator[ConvertedChunk, None, None]:
    """What `raw_tasks` become, in their order, about `chunk_bytes` of tasks at a time. `branches` is the index of all
    branches among them.

    However many tasks there are, only a few MB of them are in memory, or a single one that is larger. With three cores
    or more, and more than `chunks_done_here` chunks, other processes convert; they end with this iterator.

    Raises what `convert_chunk` and iterating over `raw_tasks` raise, whichever comes first in the order of the tasks,
    and DataError when a process is killed from outside.
    """
    convert = partial(convert_chunk, schema=schema, rules=rules, plan=plan, branches=branches)
    tasks = iter(raw_tasks)
    processes = min(_cores() - 1, _MOST_PROCESSES)
    chunks_here = map(convert, _chunks(tasks, chunk_bytes))
    if processes < _FEWEST_PROCESSES:
        yield from chunks_here
    else:
        yield from islice(chunks_here, chunks_done_here)
        for first in tasks:
            yield from map_in_processes(convert, _batches(chain([first], tasks), chunk_bytes), processes)


def _chunks(tasks: Iterator[RawTask], chunk_bytes: int) -> Iterator[Iterator[RawTask]]:
    """Iterators over one chunk of tasks each, to be used up in turn. No task is held for another's sake."""
    for first in tasks:
        yield _one_chunk(chain([first], tasks), chunk_bytes)


def _one_chunk(tasks: Iterator[RawTask], chunk_bytes: int) -> Iterator[RawTask]:
    size = 0
    for task in tasks:
        yield task
        size += task.size
        if size >= chunk_bytes:
            return


def _batches(raw_tasks: Iterable[RawTask], chunk_bytes: int) -> Iterator[list[RawTask]]:
    batch: list[RawTask] = []
    size = 0
    try:
        for task in raw_tasks:
            task.json.forget()
            batch.append(task)
            size += task.size
            if size >= chunk_bytes:
                yield batch
                batch, size = [], 0
    except Exception:
        # An error in the tasks before it comes first.
        if batch:
            yield batch
        raise
    if batch:
        yield batch


def _cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
