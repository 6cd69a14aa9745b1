"""What Linux, macOS and Windows do differently about files: writing them to the disk, replacing them, access to them.

Everything that writes into an output folder goes through here, so that the rest need not know where it runs.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from ls_trajedit.traces.errors import DataError

__all__ = ["make_private_folder", "remove_file", "replace_file", "sync_file", "sync_folder"]

# What Windows says when another program has a file open: "access is denied" and "a sharing violation".
_HELD = (5, 32)
# A virus scanner or an indexer looks at a new file for a moment; a spreadsheet keeps it for hours.
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.0)


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
