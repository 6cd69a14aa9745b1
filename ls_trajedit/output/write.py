"""Writes the rows of all output files into a folder, as chunks of tasks are converted."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path

from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.converters.chunk import ConvertedChunk
from ls_trajedit.converters.plan import ExportPlan
from ls_trajedit.converters.training.counts import TrainingCounts
from ls_trajedit.output.row_files import RowFiles, WrittenFile

__all__ = ["WrittenRows", "write_rows"]


@dataclass
class WrittenRows:
    """What was counted while the rows were written, and the files that they are in."""

    counts: Counts = field(default_factory=Counts)
    training: TrainingCounts = field(default_factory=TrainingCounts)
    files: list[WrittenFile] = field(default_factory=list)


def write_rows(
    chunks: Generator[ConvertedChunk, None, None],
    plan: ExportPlan,
    folder: Path,
    told: Callable[[ConvertedChunk, int], None],
) -> WrittenRows:
    """Writes the files of `plan` into `folder`, from `chunks`, which it closes. `told` gets each chunk, and how many
    tasks are done.

    Raises what `chunks` raises, and OSError when writing fails.
    """
    written = WrittenRows()
    files = RowFiles(folder, plan)
    try:
        for chunk in chunks:
            written.counts.update(chunk.counts)
            written.training.update(chunk.training)
            files.add(chunk)
            told(chunk, written.counts.tasks)
        written.files = files.finish(written.counts)
        return written
    finally:
        chunks.close()
        files.close()
