"""The folder that the output files go to: one run at a time, and files that are whole at any moment.

What is written goes into a temporary folder inside it and replaces the old files at the end, one atomic replace a file,
the manifest last. Each file is whole, the old one or the new one; the hashes in the manifest say whether the set
belongs together.
"""

from __future__ import annotations

import errno
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path, PurePosixPath

from ls_trajedit.output.file_system import (
    NotAFileError,
    check_folders,
    make_private_folder,
    replace_file,
    sync_folder,
    write_synced,
)
from ls_trajedit.output.inventory import LeftFile, joined, remove_unlisted
from ls_trajedit.output.manifest import MANIFEST, Manifest
from ls_trajedit.output.private import PRIVATE, WrittenFiles, check_private, read_written, write_written
from ls_trajedit.signals import defer_signals
from ls_trajedit.traces.errors import DataError, SetupError

__all__ = [
    "PRIVATE",
    "explain_write_failures",
    "is_being_written",
    "lock_branches",
    "lock_folder",
    "make_temporary_folder",
    "publish",
    "replace_files",
]

_TEMPORARY = ".writing-"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Keeps other runs of ls-trajedit out of `folder`, which is made when it does not exist.

    Raises SetupError when another run has it, when it cannot be written to, and when there is a link or a pipe where
    files of ours should be. The lock ends with the process, however that ends.
    """
    with _locked(folder, "lock", "another ls-trajedit is writing there"):
        yield


@contextmanager
def lock_branches(folder: Path) -> Iterator[None]:
    """Keeps other runs of `continue` out of `folder`, and nothing else: agents may take hours, and `pull` may write
    there meanwhile. Otherwise as `lock_folder`."""
    with _locked(folder, "continue-lock", "another `ls-trajedit continue` is running there"):
        yield


@contextmanager
def _locked(folder: Path, name: str, what: str) -> Iterator[None]:
    with closing(_open_lock(folder, name)) as lock:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            if "locked" not in str(error):
                raise _cannot_write(folder, str(error)) from None
            raise SetupError(f"{folder}: {what}; wait until it is done, or choose another folder with -o") from None
        yield


def _open_lock(folder: Path, name: str) -> sqlite3.Connection:
    try:
        if folder.is_symlink() and not folder.exists():
            raise _cannot_write(folder, "it is a link to what is not there")
        (folder / PRIVATE).mkdir(parents=True, exist_ok=True)
        check_private(folder)
        # SQLite knows how to lock a file on every system. This database stays empty.
        return sqlite3.connect(folder / PRIVATE / name, isolation_level=None, timeout=0)
    except OSError as error:
        raise _cannot_write(folder, error.strerror or str(error)) from None
    except sqlite3.OperationalError as error:
        raise _cannot_write(folder, str(error)) from None


def is_being_written(folder: Path) -> bool:
    """Whether another run has the folder at this moment. Changes nothing, and needs no right to."""
    try:
        check_private(folder)
        lock = (folder / PRIVATE / "lock").resolve().as_uri()
        with closing(sqlite3.connect(f"{lock}?mode=ro", uri=True, timeout=0)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master")
    except (OSError, sqlite3.Error) as error:
        return "locked" in str(error)
    return False


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
    # The name is known before the folder exists, so that Ctrl-C can come while it is being made. It is not the number
    # of the process, which is the same for every run in a container.
    temporary = folder / f"{_TEMPORARY}{secrets.token_hex(4)}"
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
        if isinstance(error, (NotAFileError, IsADirectoryError)):
            advice = "move it away or choose another folder"
        elif error.errno in _FULL:
            advice = "make room or choose another folder"
        else:
            advice = "choose another folder, or have this one fixed"
        raise DataError(f"{folder}: writing failed: {error.strerror}; {advice}") from None


def publish(
    temporary: Path,
    folder: Path,
    manifest: Manifest,
    *,
    written: WrittenFiles,
    unchanged: Collection[str] = (),
    commit: Callable[[], None] | None = None,
) -> list[LeftFile]:
    """Puts the files that `manifest` lists into `folder`, from `temporary`. Then removes those of earlier runs that it
    does not list, which are known from `written`. Puts the manifest itself there last: until then, the one of the
    earlier run says what the folder holds. Returns the files of earlier runs that stayed.

    What is about to be put in place is remembered before, and what was removed is forgotten after all else. So whatever
    ends this, `verify` and the next run know every file that any run put there. Each step is on the disk before the
    next begins, so the same is true after a power failure.

    The files named in `unchanged` are in place already and need not be in `temporary`. `commit` is called when all else
    is done. Ctrl-C and SIGTERM wait from the first replace to the end of `commit`. Raises DataError when writing fails.
    """
    listed = {file.file: frozenset([file.sha256]) for file in manifest.files}
    names = [name for name in listed if name not in unchanged]
    files = [(temporary / name, folder / name) for name in names]
    last = [(temporary / MANIFEST, folder / MANIFEST)] if MANIFEST not in unchanged else []
    with explain_write_failures(folder):
        write_synced(temporary / MANIFEST, manifest.to_bytes())
        with defer_signals():
            for name in names:
                check_folders(folder, name)
            _prepare_places([*files, *last])
            _remember(folder, joined(written, listed))
            for new, old in files:
                replace_file(new, old)
            _sync_folders(folder, names)
            left = remove_unlisted(folder, written, listed)
            for new, old in last:
                replace_file(new, old)
                sync_folder(folder)
            if commit is not None:
                commit()
            with suppress(OSError, DataError):
                # If this fails, more is remembered than has to be.
                _remember(folder, {**listed, **{file.file: written[file.file] for file in left}})
    return left


def _remember(folder: Path, written: WrittenFiles) -> None:
    if read_written(folder) != written:
        write_written(folder, written)


def _sync_folders(folder: Path, names: Collection[str]) -> None:
    """Makes it last that files with these names were put into `folder`, and the folders in it that they are in."""
    for parent in {parent for name in names for parent in PurePosixPath(name).parents}:
        sync_folder(folder / parent)


def replace_files(replacements: Sequence[tuple[Path, Path]]) -> None:
    """Puts each new file atomically in place of the old one, or where there is none, in that order. Both must be on the
    same file system. Raises OSError, when a folder has the name of a file before anything is replaced, and DataError
    when another program holds a file."""
    _prepare_places(replacements)
    for new, old in replacements:
        replace_file(new, old)
    for parent in {old.parent for _, old in replacements}:
        sync_folder(parent)


def _prepare_places(replacements: Sequence[tuple[Path, Path]]) -> None:
    for _, old in replacements:
        if old.is_dir():
            raise IsADirectoryError(errno.EISDIR, f"{old} is a folder")
        old.parent.mkdir(parents=True, exist_ok=True)


def _make(temporary: Path, folder: Path) -> None:
    try:
        make_private_folder(temporary)
    except OSError as error:
        raise _cannot_write(folder, error.strerror or str(error)) from None


def _cannot_write(folder: Path, why: str) -> SetupError:
    return SetupError(f"{folder}: cannot write there: {why}; choose another folder with -o")
