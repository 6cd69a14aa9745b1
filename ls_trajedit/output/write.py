"""Converts tasks, and writes their rows into the output files."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.branch_index import BranchIndex
from ls_trajedit.converters.chunk import ConvertedChunk, RawTask, convert_chunk
from ls_trajedit.converters.formats.base import Tally
from ls_trajedit.converters.plan import ExportPlan
from ls_trajedit.converters.shards import Shard
from ls_trajedit.converters.training.counts import TrainingCounts
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.output.folder import explain_write_failures
from ls_trajedit.output.manifest import WrittenFile
from ls_trajedit.output.row_files import RowFiles

__all__ = ["WrittenRows", "converted_chunks", "write_rows"]

_CHUNK_BYTES = 1 << 18


@dataclass(frozen=True)
class WrittenRows:
    """What was counted while the rows were written, and the files that they are in. `tallies` has the tally of each
    file by its name in the plan."""

    counts: Counts = field(default_factory=Counts)
    training: TrainingCounts = field(default_factory=TrainingCounts)
    files: tuple[WrittenFile, ...] = ()
    tallies: Mapping[str, Tally] = field(default_factory=dict)


def write_rows(
    chunks: Generator[ConvertedChunk, None, None],
    plan: ExportPlan,
    temporary: Path,
    on_chunk: Callable[[ConvertedChunk, int], None],
    shard: Shard | None = None,
) -> WrittenRows:
    """Writes the files of `plan`, or those of this shard of them, into `temporary`, a folder inside the output folder,
    from `chunks`, which it closes. `on_chunk` gets each chunk when it is written, and how many tasks are done.

    Raises what `chunks` raises, and DataError when writing fails.
    """
    folder = temporary.parent
    counts, training = Counts(), TrainingCounts()
    with explain_write_failures(folder):
        files = RowFiles(temporary, plan, shard)
    try:
        for chunk in chunks:
            counts.update(chunk.counts)
            training.update(chunk.training)
            with explain_write_failures(folder):
                files.add(chunk)
            on_chunk(chunk, counts.tasks)
        with explain_write_failures(folder):
            return WrittenRows(counts, training, tuple(files.finish(counts)), files.tallies())
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
) -> Generator[ConvertedChunk, None, None]:
    """What `raw_tasks` become, in their order, about `chunk_bytes` of tasks at a time. `branches` is the index of all
    branches among them.

    However many tasks there are, only a few MB of them are in memory, or a single one that is larger. Raises what
    `convert_chunk` and iterating over `raw_tasks` raise, whichever comes first in the order of the tasks.
    """
    tasks = iter(raw_tasks)
    for first in tasks:
        yield convert_chunk(_one_chunk(chain([first], tasks), chunk_bytes), schema, rules, plan, branches)


def _one_chunk(tasks: Iterator[RawTask], chunk_bytes: int) -> Iterator[RawTask]:
    """The next tasks, to be used up at once. None is held for another's sake."""
    size = 0
    for task in tasks:
        yield task
        size += task.size
        if size >= chunk_bytes:
            return
