"""Writes the output files: the only module of this floor that touches the file system.

Everything is written into a temporary folder inside the output folder and renamed over the old files at the end, the
manifest last. Whatever happens before that, the old files stay as they were.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ls_trajedit.converters.convert_task import Outcome
from ls_trajedit.converters.counts import Counts
from ls_trajedit.converters.formats.format import Format
from ls_trajedit.label_config.errors import DataError, SetupError
from ls_trajedit.label_config.json_text import json_indented, json_line

__all__ = ["MANIFEST", "REJECTS", "Outputs", "WrittenFile", "writing_outputs"]

MANIFEST = "manifest.json"
REJECTS = "rejects.jsonl"


@dataclass(frozen=True)
class WrittenFile:
    """A file that was written: its path inside the output folder, its rows, and its SHA-256 in hex."""

    file: str
    rows: int
    sha256: str


class Outputs:
    """The files being written. `add` takes outcomes in any order of tasks; the files come out in order of task id,
    then annotation id. Both methods raise DataError when writing fails (disk full)."""

    def __init__(self, folder: Path, temporary: Path, formats: Iterable[Format]) -> None:
        self.counts = Counts()
        self._folder = folder
        self._temporary = temporary
        self._rejects = _RowFile(temporary, Format("rejects", REJECTS, lambda row: row))
        self._files = [*(_RowFile(temporary, format_) for format_ in formats), self._rejects]

    def add(self, outcome: Outcome) -> None:
        """Counts `outcome`, and writes what it becomes in each file."""
        self.counts.add(outcome)
        with _failures_told(self._folder):
            if outcome.kind in ("edited", "unedited"):
                for file in self._files[:-1]:
                    file.add(outcome.key, outcome.row)
            elif outcome.kind == "rejected":
                self._rejects.add(outcome.key, outcome.row)

    def publish(self, origin: dict[str, Any]) -> list[WrittenFile]:
        """Puts the files in place, and then the manifest, which holds `origin` (host, project, schema, versions),
        the counts, and each file's rows and hash. It holds no time of writing: same input, same bytes."""
        with _failures_told(self._folder):
            written = [file.finish(self.counts) for file in self._files]
            manifest = {
                **origin,
                "counts": self.counts.as_json(),
                "files": [asdict(file) for file in written],
            }
            (self._temporary / MANIFEST).write_bytes(json_indented(manifest).encode() + b"\n")
            names = [*(file.file for file in written), MANIFEST]
            for name in names:
                if (self._folder / name).is_dir():
                    raise IsADirectoryError(errno.EISDIR, f"{name} is a folder")
            for name in names:
                (self._folder / name).parent.mkdir(parents=True, exist_ok=True)
                (self._temporary / name).replace(self._folder / name)
        return written

    def close(self) -> None:
        """Closes what is still open after a failure."""
        for file in self._files:
            file.close()


@contextmanager
def writing_outputs(folder: Path, formats: Iterable[Format]) -> Iterator[Outputs]:
    """Outputs for `folder`, which is made when it is not there. Unless `publish` was called, nothing in it changes.

    Raises SetupError when the folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".writing-", dir=folder))
    except OSError as error:
        raise SetupError(f"{folder}: cannot write there: {error.strerror}; choose another folder with -o") from None
    try:
        outputs = Outputs(folder, temporary, formats)
        try:
            yield outputs
        finally:
            outputs.close()
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _failures_told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(f"{folder}: writing failed: {error.strerror}; make room or choose another folder") from None


class _RowFile:
    """One file of a format, written row by row. Rows that come out of order are put in order at the end, by their
    places in the file, so that memory holds four numbers for each row and never the rows."""

    def __init__(self, folder: Path, format_: Format) -> None:
        self._format = format_
        self._path = folder / format_.file
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._handle: BinaryIO = self._path.open("wb")
        self._index = array("q")
        self._last = (-1, -1)
        self._in_order = True
        self._position = 0
        self._digest = hashlib.sha256()

    def add(self, key: tuple[int, int], item: dict[str, Any]) -> None:
        row = self._format.row(item)
        if row is None:
            return
        raw = json_line(row)
        self._write(self._format.separator if self._index else self._format.head)
        self._index.extend((*key, self._position, len(raw)))
        self._write(raw)
        self._in_order = self._in_order and key >= self._last
        self._last = key

    def finish(self, counts: Counts) -> WrittenFile:
        tail = self._format.tail(counts) if self._format.tail else b"\n" if self._index else b""
        self._write(tail if self._index else self._format.head + tail)
        self._flush_and_close()
        if not self._in_order:
            self._sort(tail)
        return WrittenFile(self._format.file, len(self._index) // 4, self._digest.hexdigest())

    def _write(self, raw: bytes) -> None:
        self._handle.write(raw)
        self._digest.update(raw)
        self._position += len(raw)

    def close(self) -> None:
        with suppress(OSError):
            self._handle.close()

    def _flush_and_close(self) -> None:
        self._handle.flush()
        os.fsync(self._handle.fileno())
        self._handle.close()

    def _sort(self, tail: bytes) -> None:
        unsorted = self._path.rename(self._path.with_name(self._path.name + ".unsorted"))
        rows = sorted(range(0, len(self._index), 4), key=lambda i: tuple(self._index[i : i + 4]))
        with unsorted.open("rb") as source:
            self._handle = self._path.open("wb")
            self._digest = hashlib.sha256()
            for number, i in enumerate(rows):
                self._write(self._format.separator if number else self._format.head)
                source.seek(self._index[i + 2])
                self._write(source.read(self._index[i + 3]))
            self._write(tail)
            self._flush_and_close()
        unsorted.unlink()
