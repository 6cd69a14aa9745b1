"""Reads a stream a second time from its start, a pipe too."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Protocol

from ls_trajedit.output.folder import explain_write_failures
from ls_trajedit.traces.json_stream import ByteStream

__all__ = ["Rereadable", "SeekableStream"]

_BUFFER = 1 << 20


class SeekableStream(ByteStream, Protocol):
    """What can be read, and may be able to go back: a binary file, for instance."""

    def seekable(self) -> bool:
        """Whether it can."""

    def tell(self) -> int:
        """Where it is."""

    def seek(self, position: int, /) -> int:
        """Goes to where `tell` said that it was."""


class Rereadable:
    """`stream` from where it is now. When that is a pipe, what is read of it is kept in a file in `temporary`, a folder
    inside the output folder. To be used in a `with` block, and no longer than the folder."""

    def __init__(self, stream: SeekableStream, temporary: Path) -> None:
        self._stream = stream
        self._folder = temporary.parent
        self._is_copy_read = False
        if stream.seekable():
            self._start = stream.tell()
            self._copy = None
        else:
            with explain_write_failures(self._folder):
                self._copy = (temporary / "piped").open("w+b", buffering=_BUFFER)

    def __enter__(self) -> Rereadable:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._copy is not None:
            with explain_write_failures(self._folder):
                self._copy.close()

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, all that are left when it is negative; none at the end. Raises what reading the stream
        raises, and DataError when the copy cannot be written."""
        if self._copy is None:
            return self._stream.read(size)
        kept = b""
        if self._is_copy_read:
            with explain_write_failures(self._folder):
                kept = self._copy.read(size)
            if kept and size >= 0:
                return kept
            self._is_copy_read = False
        found = self._stream.read(size)
        with explain_write_failures(self._folder):
            self._copy.write(found)
        return kept + found

    def rewind(self) -> None:
        """Goes back to the start."""
        if self._copy is None:
            self._stream.seek(self._start)
            return
        with explain_write_failures(self._folder):
            self._copy.seek(0)
        self._is_copy_read = True
