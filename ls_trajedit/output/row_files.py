"""Writes rows into the files of a folder, each file in order of task id, then annotation id."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.converters.chunk import ConvertedChunk, EncodedRow
from ls_trajedit.converters.formats.base import RowFormat, Tally
from ls_trajedit.converters.formats.interchange import REJECTS
from ls_trajedit.converters.plan import ExportPlan
from ls_trajedit.output.file_system import sync_file
from ls_trajedit.output.manifest import WrittenFile
from ls_trajedit.output.parquet import parquet_name, write_parquet
from ls_trajedit.output.row_order import RowOrder

__all__ = ["RowFiles"]


class RowFiles:
    """The files of `plan` and the rejects, new in `folder`. Rows may come in any order of tasks. Every method raises
    OSError when writing fails."""

    def __init__(self, folder: Path, plan: ExportPlan) -> None:
        self._folder = folder
        self._plan = plan
        self._files = [
            *(_RowFile(folder, name, file, plan.splits, counted) for name, file, counted in plan.files()),
            _RowFile(folder, REJECTS.file, REJECTS, (), False),
        ]

    def add(self, chunk: ConvertedChunk) -> None:
        """Writes the rows of `chunk` and adds up its tallies. Rows for other files are ignored."""
        for file in self._files:
            file.add(chunk.rows.get(file.name, ()), chunk.tallies.get(file.name))

    def finish(self, counts: Counts) -> list[WrittenFile]:
        """Ends each file as its format requires. When it returns, all are on the disk, with their rows in order."""
        written = [file.finish(counts) for file in self._files]
        return [*written, *self._parquet_files({file.file: file for file in written})]

    def _parquet_files(self, written: dict[str, WrittenFile]) -> Iterator[WrittenFile]:
        for names in self._plan.parquet_sources():
            sources = [self._folder / name for name in names]
            digests = write_parquet(sources, self._plan.rendering.as_tool_calls)
            for name, digest in zip(names, digests, strict=True):
                # What loading JSON changes, a declared type does not.
                tally = {key: count for key, count in (written[name].tally or {}).items() if key != "retyped_arguments"}
                yield replace(written[name], file=parquet_name(name), sha256=digest, tally=tally)

    def close(self) -> None:
        """Closes what is still open after a failure."""
        for file in self._files:
            file.close()


class _RowFile:
    """One of the files. Rows that came out of order are put in order at the end, by their positions in the file."""

    def __init__(self, folder: Path, name: str, format_: RowFormat, splits: Sequence[str], is_counted: bool) -> None:
        self.name = name
        self._format = format_
        self._splits = splits
        self._is_counted = is_counted
        self._tally = Tally()
        self._path = folder / name
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._handle: BinaryIO = self._path.open("wb")
        self._digest = hashlib.sha256()
        self._position = 0
        self._notes_path = self._path.with_name(self._path.name + ".order")
        self._notes = self._notes_path.open("w+b")
        self._order = RowOrder(self._notes)

    def add(self, rows: Sequence[EncodedRow], tally: Tally | None) -> None:
        if tally is not None:
            self._tally.update(tally)
        if not rows:
            return
        separator = self._format.separator
        self._write(separator if self._order.rows else self._format.head)
        position = self._position
        for key, raw in rows:
            self._order.note(key, position, len(raw))
            position += len(raw) + len(separator)
        self._write(separator.join(raw for _, raw in rows))

    def finish(self, counts: Counts) -> WrittenFile:
        tail = self._format.tail(counts, self._splits) if self._format.tail else b"\n" if self._order.rows else b""
        self._write(tail if self._order.rows else self._format.head + tail)
        self._flush_and_close()
        if not self._order.is_kept:
            self._sort(tail)
        self._notes.close()
        self._notes_path.unlink()
        tally = self._tally.as_json() if self._is_counted else self._tally.omissions_json()
        return WrittenFile(self.name, self._order.rows, self._digest.hexdigest(), tally or None)

    def close(self) -> None:
        for handle in (self._handle, self._notes):
            with suppress(OSError):
                handle.close()

    def _write(self, raw: bytes) -> None:
        self._handle.write(raw)
        self._digest.update(raw)
        self._position += len(raw)

    def _flush_and_close(self) -> None:
        sync_file(self._handle)
        self._handle.close()

    def _sort(self, tail: bytes) -> None:
        unsorted = self._path.rename(self._path.with_name(self._path.name + ".unsorted"))
        with unsorted.open("rb") as source:
            self._handle = self._path.open("wb")
            self._digest = hashlib.sha256()
            for number, (position, length) in enumerate(self._order.places()):
                self._write(self._format.separator if number else self._format.head)
                source.seek(position)
                self._write(source.read(length))
            self._write(tail)
            self._flush_and_close()
        unsorted.unlink()
