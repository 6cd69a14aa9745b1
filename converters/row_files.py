"""Writes rows into the files of a folder, each file in order of task id, then annotation id."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ls_trajedit.converters.convert_chunk import Row
from ls_trajedit.converters.counts import Counts
from ls_trajedit.converters.formats import rejects
from ls_trajedit.converters.formats.format import Format
from ls_trajedit.converters.row_order import RowOrder

__all__ = ["RowFiles", "WrittenFile"]


@dataclass(frozen=True)
class WrittenFile:
    """A file that was written: its path inside the output folder, its rows, and its SHA-256 in hex."""

    file: str
    rows: int
    sha256: str


class RowFiles:
    """The files of `formats` and the rejects, new in `folder`. Rows come in any order of tasks. Every method raises
    OSError when writing fails."""

    def __init__(self, folder: Path, formats: Iterable[Format]) -> None:
        self._files = [_RowFile(folder, format_) for format_ in (*formats, rejects.FORMAT)]

    def add(self, rows: Mapping[str, Sequence[Row]]) -> None:
        """Writes rows, which stand under the name of their file."""
        for file in self._files:
            file.add(rows.get(file.name, ()))

    def finish(self, counts: Counts) -> list[WrittenFile]:
        """Ends each file as its format wants it, and has all of them on the disk, in order, when it returns."""
        return [file.finish(counts) for file in self._files]

    def close(self) -> None:
        """Closes what is still open after a failure."""
        for file in self._files:
            file.close()


class _RowFile:
    """One of the files. Rows that came out of order are put in order at the end, by their places in the file."""

    def __init__(self, folder: Path, format_: Format) -> None:
        self.name = format_.file
        self._format = format_
        self._path = folder / format_.file
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._handle: BinaryIO = self._path.open("wb")
        self._digest = hashlib.sha256()
        self._position = 0
        self._notes_path = self._path.with_name(self._path.name + ".order")
        self._notes = self._notes_path.open("w+b")
        self._order = RowOrder(self._notes)

    def add(self, rows: Sequence[Row]) -> None:
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
        tail = self._format.tail(counts) if self._format.tail else b"\n" if self._order.rows else b""
        self._write(tail if self._order.rows else self._format.head + tail)
        self._flush_and_close()
        if not self._order.is_kept:
            self._sort(tail)
        self._notes.close()
        self._notes_path.unlink()
        return WrittenFile(self.name, self._order.rows, self._digest.hexdigest())

    def close(self) -> None:
        for handle in (self._handle, self._notes):
            with suppress(OSError):
                handle.close()

    def _write(self, raw: bytes) -> None:
        self._handle.write(raw)
        self._digest.update(raw)
        self._position += len(raw)

    def _flush_and_close(self) -> None:
        self._handle.flush()
        os.fsync(self._handle.fileno())
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
