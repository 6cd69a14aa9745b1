"""Writes rows into the files of a folder, each file in order of task id, then annotation id."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.converters.chunk import ConvertedChunk, EncodedRow
from ls_trajedit.converters.formats.base import RowFormat, Tally
from ls_trajedit.converters.formats.interchange import REJECTS
from ls_trajedit.converters.plan import ExportPlan
from ls_trajedit.converters.shards import Shard
from ls_trajedit.output.file_system import sync_file
from ls_trajedit.output.manifest import WrittenFile
from ls_trajedit.output.parquet import parquet_name, write_parquet
from ls_trajedit.output.row_order import RowOrder

__all__ = ["RowFiles", "ending", "parquet_tally", "planned_files", "shard_names", "tallies_json"]


class RowFiles:
    """The files of `plan` and the rejects, new in `folder`; when a `shard` is given, what that shard has of each,
    without Parquet. Rows may come in any order of tasks. Every method raises OSError when writing fails."""

    def __init__(self, folder: Path, plan: ExportPlan, shard: Shard | None = None) -> None:
        self._folder = folder
        self._plan = plan
        self._shard = shard
        formats = planned_files(plan)
        names = {name: name for name in formats} if shard is None else shard_names(plan, shard)
        self._files = [_RowFile(folder, name, file, formats[name], plan.splits) for name, file in names.items()]

    def add(self, chunk: ConvertedChunk) -> None:
        """Writes the rows of `chunk` and adds up its tallies. Rows for other files are ignored."""
        for file in self._files:
            file.add(chunk.rows.get(file.name, ()), chunk.tallies.get(file.name))

    def finish(self, counts: Counts) -> list[WrittenFile]:
        """Ends each file as its format requires. When it returns, all are on the disk, with their rows in order."""
        written = [file.finish(counts) for file in self._files]
        if self._shard is not None:
            return written
        tallies = tallies_json(self._plan, self.tallies())
        written = [replace(file, tally=tallies.get(file.file)) for file in written]
        return [*written, *self._parquet_files({file.file: file for file in written})]

    def tallies(self) -> dict[str, Tally]:
        """The tally of each file, by its name without that of a shard."""
        return {file.name: file.tally for file in self._files}

    def _parquet_files(self, written: dict[str, WrittenFile]) -> Iterator[WrittenFile]:
        for names in self._plan.parquet_sources():
            sources = [self._folder / name for name in names]
            digests = write_parquet(sources, self._plan.rendering.as_tool_calls)
            for name, digest in zip(names, digests, strict=True):
                tally = parquet_tally(written[name].tally)
                yield replace(written[name], file=parquet_name(name), sha256=digest, tally=tally)

    def close(self) -> None:
        """Closes what is still open after a failure."""
        for file in self._files:
            file.close()


def planned_files(plan: ExportPlan) -> dict[str, RowFormat]:
    """What each file of `plan` holds, by its name, and the rejects, without those in Parquet. In the manifest, they
    are in this order."""
    return {**{name: file for name, file, _ in plan.files()}, REJECTS.file: REJECTS}


def ending(format_: RowFormat, rows: int, counts: Counts, splits: Sequence[str], *, is_sharded: bool = False) -> bytes:
    """What comes after the last of so many rows in a file of this format or, where there is none, after its head."""
    if format_.tail:
        return format_.tail(counts, splits, is_sharded)
    return b"\n" if rows else b""


def shard_names(plan: ExportPlan, shard: Shard) -> dict[str, str]:
    """What a shard of each file of `plan` is called, by the name of the file: of those that hold rows."""
    return {
        name: shard.file_name(name, in_folder=file.shards_in_folder)
        for name, file in planned_files(plan).items()
        if not file.is_about_all
    }


def tallies_json(plan: ExportPlan, tallies: Mapping[str, Tally]) -> dict[str, dict[str, Any]]:
    """What the manifest says of the tally of each file of `plan`, given these by the names of the files. Of a file that
    no trainer reads that is what is left out, if anything."""
    told = {}
    for name, _, is_counted in plan.files():
        tally = tallies.get(name, Tally())
        if said := tally.as_json() if is_counted else tally.omissions_json():
            told[name] = said
    return told


def parquet_tally(tally: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the manifest says of a Parquet file beside a file of which it says `tally`: what loading JSON changes, a
    declared type does not."""
    return {key: count for key, count in (tally or {}).items() if key != "retyped_arguments"}


class _RowFile:
    """One of the files, called `name` in the plan and `file` in the folder. Rows that came out of order are put in
    order at the end, by their positions in the file."""

    def __init__(self, folder: Path, name: str, file: str, format_: RowFormat, splits: Sequence[str]) -> None:
        self.name = name
        self.tally = Tally()
        self._file = file
        self._format = format_
        self._splits = splits
        self._is_sharded = file != name
        self._path = folder / file
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._handle: BinaryIO = self._path.open("wb")
        self._digest = hashlib.sha256()
        self._position = 0
        self._notes_path = self._path.with_name(self._path.name + ".order")
        self._notes = self._notes_path.open("w+b")
        self._order = RowOrder(self._notes)

    def add(self, rows: Sequence[EncodedRow], tally: Tally | None) -> None:
        if tally is not None:
            self.tally.update(tally)
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
        tail = ending(self._format, self._order.rows, counts, self._splits, is_sharded=self._is_sharded)
        self._write(tail if self._order.rows else self._format.head + tail)
        self._flush_and_close()
        if not self._order.is_kept:
            self._sort(tail)
        self._notes.close()
        self._notes_path.unlink()
        return WrittenFile(self._file, self._order.rows, self._digest.hexdigest())

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
