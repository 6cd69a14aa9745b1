"""The order in which the rows of a file belong, when they were not written in it.

Where each row stands is noted in a file beside, and put in order by sorting that file piece by piece and merging the
pieces, so that memory holds nothing that grows with the number of rows.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from struct import Struct
from typing import BinaryIO

__all__ = ["RowOrder"]

# Task id, annotation id, where the row begins, how long it is. Compared as they stand, they come in the right order.
_NOTE = Struct("=4q")
_Note = tuple[int, int, int, int]
_NOTES_HELD = 4_096
_NOTES_SORTED = 65_536


class RowOrder:
    """`notes` is an empty file to read and write, which nobody else uses. The methods raise OSError when it fails."""

    def __init__(self, notes: BinaryIO) -> None:
        self.rows = 0
        self.is_kept = True
        """Whether every row came at or behind the place where it belongs."""
        self._file = notes
        self._held: list[bytes] = []
        self._last = (-1, -1)

    def note(self, key: tuple[int, int], position: int, length: int) -> None:
        """Notes that the row with this key stands at `position`."""
        self.rows += 1
        self._held.append(_NOTE.pack(*key, position, length))
        if len(self._held) >= _NOTES_HELD:
            self._write_held()
        self.is_kept = self.is_kept and key >= self._last
        self._last = key

    def places(self) -> Iterator[tuple[int, int]]:
        """Position and length of each row, in the order in which they belong."""
        self._write_held()
        starts = range(0, self.rows, _NOTES_SORTED)
        for start in starts:
            self._sort_piece(start)
        for _, _, position, length in heapq.merge(*(self._piece(start) for start in starts)):
            yield position, length

    def _write_held(self) -> None:
        self._file.write(b"".join(self._held))
        self._held.clear()

    def _sort_piece(self, start: int) -> None:
        notes = sorted(self._read(start, _NOTES_SORTED))
        self._file.seek(start * _NOTE.size)
        self._file.write(b"".join(_NOTE.pack(*note) for note in notes))

    def _piece(self, start: int) -> Iterator[_Note]:
        for position in range(start, start + _NOTES_SORTED, _NOTES_HELD):
            yield from self._read(position, min(_NOTES_HELD, start + _NOTES_SORTED - position))

    def _read(self, start: int, count: int) -> Iterator[_Note]:
        self._file.seek(start * _NOTE.size)
        return _NOTE.iter_unpack(self._file.read(count * _NOTE.size))
