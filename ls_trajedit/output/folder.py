"""The folder that the output files go to: one run at a time, and files that are whole at any moment.

What is written goes into a temporary folder inside it and replaces the old files at the end, one atomic replace a file,
the manifest last. Each file is whole, the old one or the new one; the hashes in the manifest say whether the set
belongs together.
"""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from ls_trajedit.output.file_system import make_private_folder, replace_file, sync_file, sync_folder
from ls_trajedit.output.inventory import remove_former_files
from ls_trajedit.output.manifest import MANIFEST, Manifest
from ls_trajedit.signals import defer_signals
from ls_trajedit.traces.errors import DataError, SetupError

__all__ = [
    "PRIVATE",
    "explain_write_failures",
    "lock_folder",
    "make_temporary_folder",
    "publish",
    "replace_files",
    "write_synced",
]

PRIVATE = ".ls-trajedit"
"""The folder inside it that is ours alone."""

_TEMPORARY = ".writing-"


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Keeps other runs of ls-trajedit out of `folder`, which is made when it does not exist.

    Raises SetupError when another run has it, or when it cannot be written to. The lock ends with the process, however
    that ends.
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
    """A folder inside `folder`, for files that are to be published, and gone afterwards. What killed runs left of
    theirs is removed, so the caller must have locked `folder`.

    Raises SetupError when it cannot be made. Failures to write into it are for `explain_write_failures`, because much
    else happens in the block: reading the input, and asking a server.
    """
    try:
        for leftover in folder.glob(f"{_TEMPORARY}*"):
            shutil.rmtree(leftover, ignore_errors=True)
    except OSError as error:
        raise _cannot_write(folder, error.strerror or str(error)) from None
    # The name is known before the folder exists, so that Ctrl-C can come while it is being made.
    temporary = folder / f"{_TEMPORARY}{os.getpid()}"
    try:
        _make(temporary, folder)
        yield temporary
    except BrokenPipeError:
        # The command line takes one for a reader of its output who has seen enough, and ends with 0.
        raise DataError(f"{folder}: not updated, because whoever read the messages has gone; run it again") from None
    finally:
        with defer_signals():
            shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def explain_write_failures(folder: Path) -> Iterator[None]:
    """Makes a DataError of an OSError in the block, which does nothing but write the files of `folder`."""
    try:
        yield
    except OSError as error:
        raise DataError(f"{folder}: writing failed: {error.strerror}; make room or choose another folder") from None


def publish(
    temporary: Path,
    folder: Path,
    manifest: Manifest,
    *,
    former: Mapping[str, str],
    unchanged: Collection[str] = (),
    commit: Callable[[], None] | None = None,
) -> None:
    """Puts the files that `manifest` lists into `folder`, from `temporary`. Then removes those of an earlier run that
    it does not list: `former` holds the hash of each by name. Puts the manifest itself there last: until then, the one
    of the earlier run says what the folder holds, so that the next run can finish what this one could not.

    The files named in `unchanged` are in place already and need not be in `temporary`. `commit` is called when all else
    is done. Ctrl-C and SIGTERM wait from the first replace to the end of `commit`. Raises DataError when writing fails.
    """
    listed = [file.file for file in manifest.files]
    files = [(temporary / name, folder / name) for name in listed if name not in unchanged]
    last = [(temporary / MANIFEST, folder / MANIFEST)] if MANIFEST not in unchanged else []
    with explain_write_failures(folder):
        write_synced(temporary / MANIFEST, manifest.to_bytes())
        with defer_signals():
            _prepare_places([*files, *last])
            for new, old in files:
                replace_file(new, old)
            remove_former_files(folder, former, {MANIFEST, *listed})
            for new, old in last:
                replace_file(new, old)
            _sync_places([*files, *last])
            if commit is not None:
                commit()


def replace_files(replacements: Sequence[tuple[Path, Path]]) -> None:
    """Puts each new file atomically in place of the old one, or where there is none, in that order. Both must be on the
    same file system. Raises OSError, when a folder has the name of a file before anything is replaced, and DataError
    when another program holds a file."""
    _prepare_places(replacements)
    for new, old in replacements:
        replace_file(new, old)
    _sync_places(replacements)


def write_synced(path: Path, content: bytes) -> None:
    """Writes a file and has it on the disk when it returns. Raises OSError."""
    with path.open("wb") as file:
        file.write(content)
        sync_file(file)


def _prepare_places(replacements: Sequence[tuple[Path, Path]]) -> None:
    for _, old in replacements:
        if old.is_dir():
            raise IsADirectoryError(errno.EISDIR, f"{old} is a folder")
        old.parent.mkdir(parents=True, exist_ok=True)


def _sync_places(replacements: Sequence[tuple[Path, Path]]) -> None:
    for parent in {old.parent for _, old in replacements}:
        sync_folder(parent)


def _make(temporary: Path, folder: Path) -> None:
    try:
        make_private_folder(temporary)
    except OSError as error:
        raise _cannot_write(folder, error.strerror or str(error)) from None


def _cannot_write(folder: Path, why: str) -> SetupError:
    return SetupError(f"{folder}: cannot write there: {why}; choose another folder with -o")
