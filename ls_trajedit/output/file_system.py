"""What Linux, macOS and Windows do differently about files: writing them to the disk, replacing them, access to them;
and what may stand in the place of a file: a link, a pipe, a device.

Everything that writes into an output folder goes through here, so that the rest need not know where it runs.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from ls_trajedit.traces.errors import DataError

__all__ = [
    "NotAFileError",
    "check_folders",
    "kind_of_file",
    "make_private_folder",
    "open_file",
    "remove_file",
    "replace_file",
    "sync_file",
    "sync_folder",
    "write_synced",
]

# What Windows says when another program has a file open: "access is denied" and "a sharing violation".
_HELD = (5, 32)
# A virus scanner or an indexer looks at a new file for a moment; a spreadsheet keeps it for hours.
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.0)
# A link is not followed, and a pipe not waited for, even if it takes the place of the file just before it is opened.
_FOLLOW_NOTHING = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_KINDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class NotAFileError(OSError):
    """Something else stands where a file or a folder of ours would; `strerror` says what."""

    def __init__(self, what: str) -> None:
        super().__init__(errno.EINVAL, what)


def kind_of_file(mode: int) -> str | None:
    """What something is in the words of a message, given its `st_mode`; None for a regular file."""
    return next((kind for is_kind, kind in _KINDS if is_kind(mode)), None)


def open_file(path: Path) -> BinaryIO:
    """Opens a file for reading, and nothing but a file: a link may lead anywhere, and a pipe or a device need not end.

    Raises NotAFileError for what is none, IsADirectoryError for a folder, and any other OSError when it cannot be
    opened. The folders on the way are for `check_folders`.
    """
    _check_file(path, path.lstat().st_mode)
    descriptor = os.open(path, os.O_RDONLY | _FOLLOW_NOTHING)
    try:
        _check_file(path, os.fstat(descriptor).st_mode)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _check_file(path: Path, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if (kind := kind_of_file(mode)) is not None:
        raise NotAFileError(f"{path.name} is {kind}, not a file")


def check_folders(folder: Path, name: str) -> None:
    """Raises NotAFileError when a link, or anything else, stands for one of the folders in which `name` is inside
    `folder`: what is written there would go elsewhere. `folder` itself may be a link."""
    for parent in reversed(PurePosixPath(name).parents[:-1]):
        try:
            mode = (folder / parent).lstat().st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISDIR(mode):
            raise NotAFileError(f"{parent} is {kind_of_file(mode) or 'a file'}, not a folder")


def write_synced(path: Path, content: bytes) -> None:
    """Writes a file and has it on the disk when it returns. Raises OSError."""
    with path.open("wb") as file:
        file.write(content)
        sync_file(file)


def sync_file(file: BinaryIO) -> None:
    """Has what was written to `file` on the disk when it returns. Raises OSError.

    On macOS, fsync hands the data to the disk, which may keep it in its own memory; F_FULLFSYNC has the disk write it.
    """
    file.flush()
    if sys.platform == "darwin":
        import fcntl

        # Not every file system there can do it, such as one on a network.
        with suppress(OSError):
            fcntl.fcntl(file.fileno(), fcntl.F_FULLFSYNC)
            return
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Makes renames in `folder` last through a power failure, where the system can. Raises OSError."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def replace_file(new: Path, old: Path) -> None:
    """Puts `new` atomically in place of `old`, or where there is none.

    On Windows, a file that another program has open cannot be replaced: that is tried again for a moment. Raises
    DataError when it stays so, and OSError for any other failure; both files are then as they were.
    """
    _while_held(lambda: new.replace(old), old)


def remove_file(path: Path) -> None:
    """Removes a file. Raises what `replace_file` raises, and the file is then still there."""
    _while_held(path.unlink, path)


def make_private_folder(folder: Path) -> None:
    """Makes a folder for files that are not to be seen before they are whole. Raises OSError.

    On Windows, the mode would become an access list that lets nobody else in, and that the files in the folder keep
    when they are moved out of it. There, the folder gets the access list of the one that it is in.
    """
    if os.name == "posix":
        folder.mkdir(mode=0o700)
    else:
        folder.mkdir()


def _while_held(change: Callable[[], object], path: Path) -> None:
    for pause in (*_PAUSES, None):
        try:
            change()
        except OSError as error:
            if getattr(error, "winerror", None) not in _HELD:
                raise
            if pause is None:
                raise DataError(
                    f"{path}: cannot be replaced, because another program has it open or it is read-only; close it "
                    "there and run the command again"
                ) from None
            time.sleep(pause)  # until the other program closes the file, which nothing announces
        else:
            return
