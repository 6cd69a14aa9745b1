"""An output file that is made of ranges of rows: those of an earlier file, which are copied, and new ones between them.

What is copied is as long as it can be, and each range in it is checked while it passes. Nothing is written before the
first range that differs, so a file that stays as it is costs nothing.
"""

from __future__ import annotations

import hashlib
import zlib
from array import array
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ls_trajedit.converters.chunk import EncodedRow
from ls_trajedit.converters.formats.base import RowFormat
from ls_trajedit.output.file_system import open_file, sync_file

__all__ = ["NO_ROWS", "ChangedRangeError", "RangedFile", "RowRange"]

_BUFFER = 1 << 20


class ChangedRangeError(Exception):
    """A file does not hold the rows that were written into it."""


class RowRange(NamedTuple):
    """Rows that follow each other in a file: how many, how many bytes with the separators between them, and the CRC-32
    of these."""

    rows: int
    length: int
    checksum: int

    def followed_by(self, rows: Sequence[EncodedRow], separator: bytes) -> RowRange:
        """The range with more rows at its end."""
        number, length, checksum = self
        for _, raw in rows:
            if number:
                length += len(separator)
                checksum = zlib.crc32(separator, checksum)
            number += 1
            length += len(raw)
            checksum = zlib.crc32(raw, checksum)
        return RowRange(number, length, checksum)


NO_ROWS = RowRange(0, 0, 0)


class RangedFile:
    """A file that takes the place of the one at `old`, with rows of that one and of the one at `fresh`, which are both
    of this format. It is written to `target`, and only if it differs from the old one.

    The ranges of both files are given in their order, with `keep` and `replace`. The methods raise ChangedRangeError
    when a file does not hold the rows that it should, and OSError when reading or writing fails.
    """

    def __init__(self, old: Path, fresh: Path, target: Path, format_: RowFormat) -> None:
        self.rows = 0
        self._format = format_
        self._target = target
        self._new: BinaryIO | None = None
        self._digest = hashlib.sha256()
        self._has_written_rows = False
        self._old = _Ranges(open_file(old), format_)
        try:
            self._fresh = _Ranges(open_file(fresh), format_)
        except BaseException:
            self._old.close()
            raise

    def keep(self, found: RowRange) -> None:
        """Takes a range of the old file."""
        if found.rows:
            self._pour(self._fresh)
            self._old.take(found)
            self.rows += found.rows

    def replace(self, found: RowRange, fresh: RowRange) -> None:
        """Takes a range of the fresh file in place of one of the old file; each of them may be without rows."""
        # The checksum alone could be that of other rows.
        if self._new is None and found == fresh and self._old.begins_like(self._fresh, found):
            self.keep(found)
            self._fresh.skip(fresh)
            return
        self._open()
        self._pour(self._old)
        self._old.skip(found)
        if fresh.rows:
            self._fresh.take(fresh)
            self.rows += fresh.rows

    def finish(self, tail: bytes) -> str | None:
        """Ends the file, which has `tail` after its last row. Gives its SHA-256 in hex, or None when the old file is
        the very same. When it returns, the file is on the disk."""
        ending = tail if self.rows else self._format.head + tail
        if self._new is None and self._old.ends_with(ending):
            return None
        new = self._open()
        self._pour(self._old)
        self._pour(self._fresh)
        self._write(ending)
        sync_file(new)
        new.close()
        return self._digest.hexdigest()

    def close(self) -> None:
        """Closes all files."""
        for file in (self._old, self._fresh, self._new):
            if file is not None:
                with suppress(OSError):
                    file.close()

    def _open(self) -> BinaryIO:
        if self._new is None:
            self._new = self._target.open("wb")
        return self._new

    def _pour(self, ranges: _Ranges) -> None:
        if ranges.are_taken:
            self._write(self._format.separator if self._has_written_rows else self._format.head)
            self._has_written_rows = True
            ranges.pour(self._write)

    def _write(self, raw: bytes) -> None:
        self._open().write(raw)
        self._digest.update(raw)


class _Ranges:
    """The ranges of rows in an open file, from the first to the last. Those that are taken follow each other until they
    are poured."""

    def __init__(self, file: BinaryIO, format_: RowFormat) -> None:
        self._file = file
        self._head = len(format_.head)
        self._separator = format_.separator
        self._end = 0
        self._start = 0
        self._lengths = array("q")
        self._checksums = array("L")

    @property
    def are_taken(self) -> bool:
        """Whether any are, and not poured yet."""
        return bool(self._lengths)

    def take(self, found: RowRange) -> None:
        """Takes the next range."""
        if not self._lengths:
            self._start = self._next()
        self.skip(found)
        self._lengths.append(found.length)
        self._checksums.append(found.checksum)

    def skip(self, found: RowRange) -> None:
        """Leaves the next range out."""
        if found.rows:
            self._end = self._next() + found.length

    def begins_like(self, other: _Ranges, found: RowRange) -> bool:
        """Whether the next range of both is the very same, given how long it is."""
        if not found.rows:
            return True
        self._file.seek(self._next())
        other._file.seek(other._next())
        for start in range(0, found.length, _BUFFER):
            size = min(_BUFFER, found.length - start)
            if self._file.read(size) != other._file.read(size):
                return False
        return True

    def ends_with(self, ending: bytes) -> bool:
        """Whether this and nothing else comes after the last range."""
        self._file.seek(self._end)
        return self._file.read(len(ending) + 1) == ending

    def pour(self, write: Callable[[bytes], None]) -> None:
        """Gives the bytes of the taken ranges, with the separators between them, to `write`, some at a time."""
        check = _Check(self._lengths, self._checksums, self._separator)
        self._file.seek(self._start)
        left = self._end - self._start
        while left:
            piece = self._file.read(min(_BUFFER, left))
            if not piece:
                raise ChangedRangeError
            check.add(memoryview(piece))
            write(piece)
            left -= len(piece)
        self._lengths, self._checksums = array("q"), array("L")

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _next(self) -> int:
        return self._end + len(self._separator) if self._end else self._head


class _Check:
    """Compares bytes that come piece by piece with the ranges that they should be."""

    def __init__(self, lengths: Sequence[int], checksums: Sequence[int], separator: bytes) -> None:
        self._ranges = zip(lengths, checksums, strict=True)
        self._separator = separator
        self._left, self._expected = next(self._ranges)
        self._checksum = 0
        self._between = b""

    def add(self, piece: memoryview) -> None:
        """Raises ChangedRangeError when a range that ends in `piece` is another one."""
        while piece:
            if self._between:
                size = min(len(self._between), len(piece))
                if piece[:size] != self._between[:size]:
                    raise ChangedRangeError
                self._between = self._between[size:]
            else:
                size = min(self._left, len(piece))
                self._checksum = zlib.crc32(piece[:size], self._checksum)
                self._left -= size
                if not self._left:
                    self._end_range()
            piece = piece[size:]

    def _end_range(self) -> None:
        if self._checksum != self._expected:
            raise ChangedRangeError
        self._left, self._expected = next(self._ranges, (0, 0))
        self._checksum, self._between = 0, self._separator
