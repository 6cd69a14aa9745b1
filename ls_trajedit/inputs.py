"""Opens what the command line names as input: a file, a gzip of one, or `-` for standard input."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from ls_trajedit.traces.errors import DataError, UsageError

__all__ = ["input_name", "open_input", "read_text"]

_GZIP_MAGIC = b"\x1f\x8b"


def input_name(path: Path) -> str:
    """What messages call the input."""
    return "standard input" if str(path) == "-" else str(path)


@contextmanager
def open_input(path: Path) -> Iterator[BinaryIO]:
    """The bytes of `path`, unpacked when they are gzip, whatever the name ends in.

    Raises UsageError when the file cannot be opened, DataError when the gzip is damaged or cut off.
    """
    name = input_name(path)
    try:
        raw = sys.stdin.buffer if str(path) == "-" else path.open("rb")
    except OSError as error:
        raise UsageError(f"{name}: cannot be read: {error.strerror}") from None
    try:
        buffered = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(cast(io.RawIOBase, raw))
        if buffered.peek(2)[:2] == _GZIP_MAGIC:
            with gzip.GzipFile(fileobj=buffered) as unpacked:
                yield cast(BinaryIO, unpacked)
        else:
            yield cast(BinaryIO, buffered)
    except IsADirectoryError:
        raise UsageError(f"{name}: is a folder, not a file") from None
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise DataError(f"{name}: the gzip is damaged or cut off ({error})") from None
    finally:
        if raw is not sys.stdin.buffer:
            raw.close()


def read_text(path: Path) -> str:
    """The whole of a small UTF-8 text file. Raises UsageError when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: is not UTF-8") from None
