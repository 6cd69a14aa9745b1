"""The folder that the output files go to: one run at a time, and files that are whole at any moment.

What is written goes into a temporary folder inside it and is renamed over the old files at the end, the manifest last.
A rename puts one whole file in place of another; the hashes in the manifest say whether the set belongs together.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ls_trajedit.signals import defer_signals
from ls_trajedit.traces.errors import DataError, SetupError

__all__ = ["PRIVATE", "file_digest", "lock_folder", "make_temporary_folder", "put_in_place", "write_synced"]

PRIVATE = ".ls-trajedit"
"""The folder in it that is ours and none of the reader's."""

_TEMPORARY = ".writing-"


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Keeps other runs of ls-trajedit out of `folder`, which is made when it is not there.

    Raises SetupError when another run is in it, or when it cannot be written to. The lock ends with the process,
    however that ends.
    """
    with closing(_open_lock(folder)) as lock:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            if "locked" not in str(error):
                raise _cannot_write(folder, str(error)) from None
            raise SetupError(
                f"{folder}: another ls-trajedit is writing there; wait until it is done, or choose another folder "
                "with -o"
            ) from None
        yield


def _open_lock(folder: Path) -> sqlite3.Connection:
    try:
        (folder / PRIVATE).mkdir(parents=True, exist_ok=True)
        # SQLite knows how to lock a file on every system. This database stays empty.
        return sqlite3.connect(folder / PRIVATE / "lock", isolation_level=None, timeout=0)
    except OSError as error:
        raise _cannot_write(folder, error.strerror or str(error)) from None
    except sqlite3.OperationalError as error:
        raise _cannot_write(folder, str(error)) from None


@contextmanager
def make_temporary_folder(folder: Path) -> Iterator[Path]:
    """A folder inside `folder`, for files that are to be put in place, and gone afterwards. What killed runs left of
    theirs is removed, so the caller must have `folder` locked."""
    try:
        for leftover in folder.glob(f"{_TEMPORARY}*"):
            shutil.rmtree(leftover, ignore_errors=True)
    except OSError as error:
        raise _cannot_write(folder, error.strerror or str(error)) from None
    # The name is known before the folder is there, so that Ctrl-C can come while it is being made.
    temporary = folder / f"{_TEMPORARY}{os.getpid()}"
    try:
        _make(temporary, folder)
        yield temporary
    except OSError as error:
        raise DataError(f"{folder}: writing failed: {error.strerror}; make room or choose another folder") from None
    finally:
        with defer_signals():
            shutil.rmtree(temporary, ignore_errors=True)


def write_synced(path: Path, content: bytes) -> None:
    """Writes a file and has it on the disk when it returns. Raises OSError."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def put_in_place(temporary: Path, folder: Path, names: Iterable[str]) -> None:
    """Renames the files `names` from `temporary` to `folder`, in that order. Raises OSError; when a folder has the name
    of a file, before anything is renamed."""
    names = list(names)
    for name in names:
        if (folder / name).is_dir():
            raise IsADirectoryError(errno.EISDIR, f"{name} is a folder")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
    for name in names:
        (temporary / name).replace(folder / name)
    for parent in {(folder / name).parent for name in names}:
        _sync(parent)


def file_digest(path: Path) -> str | None:
    """The SHA-256 of a file in hex, or None when there is no such file."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None
    return digest.hexdigest()


def _make(temporary: Path, folder: Path) -> None:
    try:
        temporary.mkdir(mode=0o700)
    except OSError as error:
        raise _cannot_write(folder, error.strerror or str(error)) from None


def _sync(folder: Path) -> None:
    """Makes renames in `folder` last through a power failure, where the system can."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _cannot_write(folder: Path, why: str) -> SetupError:
    return SetupError(f"{folder}: cannot write there: {why}; choose another folder with -o")
