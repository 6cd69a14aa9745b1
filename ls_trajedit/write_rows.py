"""Converts tasks and writes the rows of all output files into a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path

from ls_trajedit.convert_tasks import converted_chunks
from ls_trajedit.converters.convert_chunk import ConvertedChunk, RawTask
from ls_trajedit.converters.counts import Counts
from ls_trajedit.converters.formats.format import Format
from ls_trajedit.converters.reading_rules import ReadingRules
from ls_trajedit.converters.row_files import RowFiles, WrittenFile
from ls_trajedit.label_config.schema import Schema

__all__ = ["write_rows"]


def write_rows(
    raw_tasks: Iterable[RawTask],
    schema: Schema,
    rules: ReadingRules,
    formats: Sequence[Format],
    folder: Path,
    written: Callable[[ConvertedChunk, Counts], None],
) -> tuple[Counts, list[WrittenFile]]:
    """Writes into `folder` what `raw_tasks` become, and returns what was counted and the files. `written` is told each
    chunk, and the counts so far.

    Raises what `converted_chunks` raises, and OSError when writing fails.
    """
    counts = Counts()
    files = RowFiles(folder, formats)
    try:
        with closing(converted_chunks(raw_tasks, schema, rules, formats)) as chunks:
            for chunk in chunks:
                counts.update(chunk.counts)
                files.add(chunk.rows)
                written(chunk, counts)
        return counts, files.finish(counts)
    finally:
        files.close()
