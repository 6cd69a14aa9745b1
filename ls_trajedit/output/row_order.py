"""The right order of the rows of a file, when they were not written in it.

The position of each row is noted in a file beside, which is sorted piece by piece and merged, so that memory holds
nothing that grows with the number of rows.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from struct import Struct
from typing import BinaryIO

__all__ = ["RowOrder"]

# Task id, annotation id, where the row begins, its length. Compared as tuples, they sort in the right order.
_NOTE = Struct("=4q")
_Note = tuple[int, int, int, int]
# How many notes are held in memory before they are written, and how many are sorted at a time.
_HELD = 4_096
_PIECE = 65_536


class RowOrder:
    """`notes` is an empty file to read and write, which nobody else uses. At most `held` notes are in memory before
    they are written to it, and `piece` while they are sorted. The methods raise OSError when the file fails."""

    def __init__(self, notes: BinaryIO, *, held: int = _HELD, piece: int = _PIECE) -> None:
        self.rows = 0
        self.is_kept = True
        """Whether no row came before one that was written ahead of it."""
        self._file = notes
        self._most_held = held
        self._piece_size = piece
        self._held: list[bytes] = []
        self._last = (-1, -1)

    def note(self, key: tuple[int, int], position: int, length: int) -> None:
        """Notes that the row with this key begins at `position` and is `length` bytes long."""
        self.rows += 1
        self._held.append(_NOTE.pack(*key, position, length))
        if len(self._held) >= self._most_held:
            self._write_held()
        self.is_kept = self.is_kept and key >= self._last
        self._last = key

    def places(self) -> Iterator[tuple[int, int]]:
        """Position and length of each row, in the right order."""
        self._write_held()
        starts = range(0, self.rows, self._piece_size)
        for start in starts:
            self._sort_piece(start)
        for _, _, position, length in heapq.merge(*(self._piece(start) for start in starts)):
            yield position, length

    def _write_held(self) -> None:
        self._file.write(b"".join(self._held))
        self._held.clear()

    def _sort_piece(self, start: int) -> None:
        notes = sorted(self._read(start, self._piece_size))
        self._file.seek(start * _NOTE.size)
        self._file.write(b"".join(_NOTE.pack(*note) for note in notes))

    def _piece(self, start: int) -> Iterator[_Note]:
        end = start + self._piece_size
        for position in range(start, end, self._most_held):
            yield from self._read(position, min(self._most_held, end - position))

    def _read(self, start: int, count: int) -> Iterator[_Note]:
        self._file.seek(start * _NOTE.size)
        return _NOTE.iter_unpack(self._file.read(count * _NOTE.size))
