"""Writes a single file beside the output files, whole or not at all: the report, the options, the live diff's script.

It is written beside the old one, under a name that no other run has, and takes its place when it is done. What killed
runs left is removed by the next one, which knows it by this: nobody holds a lock on it.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ls_trajedit.output.file_system import NotAFileError, kind_of_file, open_file, replace_file, sync_file, sync_folder
from ls_trajedit.output.inventory import file_digest
from ls_trajedit.signals import defer_signals

__all__ = ["NewFile", "check_place", "whole_file", "write_whole"]


def check_place(target: Path) -> None:
    """Raises NotAFileError when there is something else than a file at `target`, such as a link or a device, and
    another OSError when that cannot be seen."""
    try:
        kind = kind_of_file(target.lstat().st_mode)
    except FileNotFoundError:
        return
    if kind is not None:
        raise NotAFileError(f"is {kind}, not a file")


@dataclass
class NewFile:
    """A file that is being written. Once it is in place, `is_new` says whether it differs from what was there."""

    file: BinaryIO
    is_new: bool = True


@contextmanager
def whole_file(target: Path) -> Iterator[NewFile]:
    """A file to write in the block, which then replaces the one at `target`; the very same is left alone.

    Raises what `check_place` raises, OSError when writing fails, and DataError when another program has the old file
    open. What was there is then as it was, also when the block raises anything.
    """
    check_place(target)
    _remove_abandoned(target)
    with _new_file(target) as (path, file):
        new = NewFile(file)
        yield new
        sync_file(file)
        if os.name != "posix":
            # Windows moves no file that is open.
            file.close()
        new.is_new = file_digest(target) != file_digest(path)
        if new.is_new:
            with defer_signals():
                replace_file(path, target)
                sync_folder(target.parent)


def write_whole(target: Path, content: bytes) -> None:
    """Writes a file in place of the one at `target`, or of the one that this is a link to. Raises what `whole_file`
    raises."""
    with whole_file(Path(os.path.realpath(target))) as new:
        new.file.write(content)


@contextmanager
def _new_file(target: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A file beside `target` that nobody takes for abandoned, removed afterwards if it is still there."""
    # The name is known before the file exists, so that Ctrl-C can come while it is being made.
    path = target.with_name(f".{target.name}.new-{secrets.token_hex(4)}")
    try:
        with path.open("xb") as file:
            _lock(file)
            yield path, file
    finally:
        with defer_signals(), suppress(OSError):
            path.unlink()


def _remove_abandoned(target: Path) -> None:
    # Earlier versions ended the name with the number of their process.
    name = re.compile(rf"\.{re.escape(target.name)}\.(?:new-[0-9a-f]{{8}}|\d+)")
    for path in target.parent.iterdir():
        if name.fullmatch(path.name):
            with suppress(OSError), open_file(path) as file:
                _lock(file)
                path.unlink()


def _lock(file: BinaryIO) -> None:
    """Marks a file as one that a living run writes. Raises BlockingIOError when another one does. On Windows it is
    enough to have it open: it cannot be removed then."""
    if os.name == "posix":
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
