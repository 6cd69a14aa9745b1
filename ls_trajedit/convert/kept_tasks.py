"""Tasks that are read once where they come from, and as often as is needed here."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ls_trajedit.converters.chunk import RawTask
from ls_trajedit.output.folder import explain_write_failures
from ls_trajedit.traces.json_text import RawJson

__all__ = ["KeptTasks"]

_LENGTHS = struct.Struct("<IQ")


class KeptTasks:
    """`tasks`, each of which is kept in `file` when it is read; the file is empty, and in a folder inside of `folder`.
    Only the newest reader may go on."""

    def __init__(self, tasks: Iterator[RawTask], file: IO[bytes], folder: Path) -> None:
        self._tasks = tasks
        self._file = file
        self._folder = folder
        self._end = 0

    def read(self) -> Iterator[RawTask]:
        """All tasks from the start: those that were read before, and then the others. Raises what iterating over them
        raises, and DataError when they cannot be kept."""
        yield from self._kept()
        for task in self._tasks:
            with explain_write_failures(self._folder):
                place, raw = task.place.encode("utf-8", "surrogatepass"), task.json.raw
                self._file.write(_LENGTHS.pack(len(place), len(raw)) + place)
                self._file.write(raw)
            self._end += _LENGTHS.size + len(place) + len(raw)
            yield task

    def _kept(self) -> Iterator[RawTask]:
        position = 0
        with explain_write_failures(self._folder):
            self._file.seek(0)
        while position < self._end:
            with explain_write_failures(self._folder):
                sizes = _LENGTHS.unpack(self._file.read(_LENGTHS.size))
                place, raw = (self._file.read(size) for size in sizes)
            position += _LENGTHS.size + len(place) + len(raw)
            yield RawTask(place.decode("utf-8", "surrogatepass"), RawJson(raw))
