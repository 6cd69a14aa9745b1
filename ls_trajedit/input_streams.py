"""What the command line names as input, as bytes: opened so that nothing is waited for in vain, and read so that
whatever goes wrong is said of the input, by its name."""

from __future__ import annotations

import gzip
import io
import os
import re
import stat
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

from ls_trajedit.traces.errors import DataError, UsageError

__all__ = ["STANDARD_INPUT", "InputStream", "open_input", "open_packed", "read_text"]

STANDARD_INPUT = "standard input"
"""What messages call it."""

_GZIP_MAGIC = b"\x1f\x8b"
_ZIP_MAGIC = b"PK\x03\x04"
# From RFC 8878. Tools that pack with several threads put a frame that is to be skipped before each other one.
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
_LONGEST_MAGIC = 4
# Whoever writes into a pipe that has a name may start a moment after us.
_SECONDS_FOR_A_WRITER = 5.0
_PAUSE = 0.02
_LONGEST_TEXT = 64 << 20


@contextmanager
def open_input(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a file, or of a pipe as `<(…)` in a shell makes it, until the block ends.

    Raises UsageError when it cannot be opened, and for a folder or a device; DataError for a pipe that nobody writes
    to.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise UsageError(f"{path}: is a folder, not a file")
        _check_device(descriptor, str(path))
    except UsageError:
        os.close(descriptor)
        raise
    with io.FileIO(descriptor, "r") as raw:
        begun: io.RawIOBase = raw
        if stat.S_ISFIFO(mode):
            begun = _Continued(_begin_pipe(raw, path), raw)
            os.set_blocking(descriptor, True)
        with io.BufferedReader(begun) as buffered:
            yield cast(BinaryIO, buffered)


def read_text(path: Path) -> str:
    """The whole of a UTF-8 text file of an ordinary size. Raises UsageError when it cannot be read."""
    try:
        with open_input(path) as file:
            raw = file.read(_LONGEST_TEXT + 1)
        if len(raw) > _LONGEST_TEXT:
            raise UsageError(f"{path}: is larger than {_LONGEST_TEXT >> 20} MB, so it is another file than was meant")
        return io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8-sig").read()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: is not UTF-8") from None


@contextmanager
def open_packed(path: Path | None) -> Iterator[BinaryIO]:
    """The bytes of the file at `path` as they are, or of standard input when that is None. Raises UsageError when it
    cannot be opened, and what `open_input` raises."""
    if path is not None:
        with open_input(path) as file:
            yield file
        return
    # It is None when this process was started without one.
    stdin = cast("TextIO | None", sys.stdin)
    if stdin is None:
        raise UsageError(f"{STANDARD_INPUT}: is closed")
    with suppress(io.UnsupportedOperation):
        _check_device(stdin.fileno(), STANDARD_INPUT)
    yield stdin.buffer


def _check_device(descriptor: int, name: str) -> None:
    """Raises UsageError for what is open as a device, which has no end: for any but a terminal, and /dev/null, which is
    an empty file."""
    status = os.fstat(descriptor)
    is_device = stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode)
    if is_device and not os.isatty(descriptor) and status.st_rdev != Path(os.devnull).stat().st_rdev:
        raise UsageError(f"{name}: is a device, not a file")


def _begin_pipe(raw: io.FileIO, path: Path) -> bytes:
    """What can be read of a pipe already; waits no longer than until somebody has it open for writing."""
    deadline = time.monotonic() + _SECONDS_FOR_A_WRITER
    while not (first := raw.read(io.DEFAULT_BUFFER_SIZE)):
        if first is None:
            return b""
        if time.monotonic() > deadline:
            raise DataError(f"{path}: is a pipe, and nothing was written to it")
        time.sleep(_PAUSE)  # until somebody opens it, which nothing announces
    return first


class _Continued(io.RawIOBase):
    """A stream of which a first part was read already."""

    def __init__(self, first: bytes, rest: io.FileIO) -> None:
        super().__init__()
        self._first = first
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if not self._first:
            return self._rest.readinto(buffer)
        part, self._first = self._first[: len(buffer)], self._first[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


class InputStream:
    """The bytes of the input called `name`, unpacked if they are gzip or zstd, of any number of members or frames, as
    their first bytes say. What cannot be read, or unpacked, raises DataError."""

    def __init__(self, raw: BinaryIO, name: str) -> None:
        self._raw = raw
        self._name = name
        self._packing = ""
        self._damage: tuple[type[Exception], ...] = ()
        buffered = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(cast(io.RawIOBase, raw))
        with self._explain_failures():
            head = buffered.peek(_LONGEST_MAGIC)[:_LONGEST_MAGIC]
        self._stream = cast(BinaryIO, buffered)
        if head.startswith(_GZIP_MAGIC):
            self._packing, self._damage = "gzip", (gzip.BadGzipFile, zlib.error, EOFError)
            self._stream = cast(BinaryIO, gzip.GzipFile(fileobj=buffered))
        elif head == _ZSTD_MAGIC or _ZSTD_SKIPPABLE.fullmatch(head):
            if sys.version_info >= (3, 14):
                from compression.zstd import ZstdError, ZstdFile
            else:
                from backports.zstd import ZstdError, ZstdFile
            self._packing, self._damage = "zstd", (ZstdError, EOFError)
            self._stream = cast(BinaryIO, ZstdFile(buffered))
        self.is_zip = head == _ZIP_MAGIC
        """Whether it is a zip, which is not unpacked."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, all that are left when it is negative; none at the end."""
        with self._explain_failures():
            return self._stream.read(size)

    @property
    def closed(self) -> bool:
        """Whether it can be read no more."""
        return self._raw.closed

    @contextmanager
    def _explain_failures(self) -> Iterator[None]:
        try:
            yield
        except self._damage as error:
            raise DataError(f"{self._name}: the {self._packing} is damaged or cut off ({error})") from None
        except OSError as error:
            raise DataError(f"{self._name}: cannot be read: {error.strerror or error}") from None
