"""Converts tasks, on all cores when there is much to do."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator
from functools import partial
from itertools import chain, islice

from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.chunk import ConvertedChunk, RawTask, convert_chunk
from ls_trajedit.converters.plan import ExportPlan
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.output.worker_processes import map_in_processes

__all__ = ["converted_chunks"]

_CHUNK_BYTES = 1 << 18
# What is done sooner than other processes have started.
_CHUNKS_DONE_HERE = 64
# More would wait for this process, which reads the tasks and writes the rows.
_MOST_PROCESSES = 3
# With one core beside this process's own, to send the tasks there takes longer than to convert them here (measured).
_FEWEST_PROCESSES = 2


def converted_chunks(
    raw_tasks: Iterable[RawTask], schema: Schema, rules: ReadingRules, plan: ExportPlan
) -> Generator[ConvertedChunk, None, None]:
    """What `raw_tasks` become, in their order, some tasks at a time.

    However many tasks there are, only a few MB of them are in memory, or one, when that is larger. With three cores
    or more, and more than a few MB, other processes convert; they end with this iterator.

    Raises what `convert_chunk` and iterating over `raw_tasks` raise, whichever comes first in the order of the tasks,
    and DataError when a process is killed from outside.
    """
    convert = partial(convert_chunk, schema=schema, rules=rules, plan=plan)
    tasks = iter(raw_tasks)
    processes = min(_cores() - 1, _MOST_PROCESSES)
    chunks_here = map(convert, _chunks(tasks))
    if processes < _FEWEST_PROCESSES:
        yield from chunks_here
    else:
        yield from islice(chunks_here, _CHUNKS_DONE_HERE)
        for first in tasks:
            yield from map_in_processes(convert, _batches(chain([first], tasks)), processes)


def _chunks(tasks: Iterator[RawTask]) -> Iterator[Iterator[RawTask]]:
    """Iterators over one chunk of tasks each, to be used up in turn. No task is held for another's sake."""
    for first in tasks:
        yield _one_chunk(first, tasks)


def _one_chunk(first: RawTask, others: Iterator[RawTask]) -> Iterator[RawTask]:
    size = 0
    for task in chain([first], others):
        yield task
        size += len(task.json.raw)
        if size >= _CHUNK_BYTES:
            return


def _batches(raw_tasks: Iterable[RawTask]) -> Iterator[list[RawTask]]:
    batch: list[RawTask] = []
    size = 0
    try:
        for task in raw_tasks:
            task.json.forget()
            batch.append(task)
            size += len(task.json.raw)
            if size >= _CHUNK_BYTES:
                yield batch
                batch, size = [], 0
    except Exception:
        # An error in the tasks that came before is told first.
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
