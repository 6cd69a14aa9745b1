"""Which files are in an output folder, and which of them are as they were written."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Literal

from ls_trajedit.output.file_system import NotAFileError, check_folders, open_file, remove_file, sync_folder
from ls_trajedit.output.manifest import WrittenFile, is_output_name, read_manifest
from ls_trajedit.output.private import WrittenFiles, read_written
from ls_trajedit.traces.errors import DataError

__all__ = [
    "CheckedFile",
    "DigestOf",
    "LeftFile",
    "PlacedFile",
    "annotations_before",
    "are_in_place",
    "check_listed",
    "checked_file",
    "file_digest",
    "joined",
    "leftover",
    "placed_files",
    "remove_unlisted",
    "unchanged_files",
    "unlisted_files",
    "verify",
    "written_files",
]


DigestOf = Callable[[str], str | None]
"""Gives the SHA-256 in hex of a file of an output folder by its name, None when there is none."""


@dataclass(frozen=True)
class CheckedFile:
    """A file that a run put into the folder, and what is wrong with it, if anything.

    One that the manifest lists can be `missing`, `changed`, or `special`: a link, a pipe or the like is in its place.
    One that it does not list is `unlisted`: an earlier run left it behind, and the next one removes it. If somebody
    changed it meanwhile it is `kept`, because it is theirs.
    """

    file: str
    problem: Literal["missing", "changed", "special", "unlisted", "kept"] | None


@dataclass(frozen=True)
class LeftFile:
    """A file of an earlier run that stayed in the folder, and why it could not be removed; None when that was not tried
    because somebody changed it."""

    file: str
    failure: str | None


@dataclass(frozen=True)
class PlacedFile:
    """How a file looked when it was put in place: its SHA-256 in hex, its size in bytes, and its time of change in
    nanoseconds. A later run that finds it so need not read it."""

    sha256: str
    size: int
    mtime_ns: int


def file_digest(path: Path) -> str | None:
    """The SHA-256 of a file in hex, or None when there is no such file.

    Raises NotAFileError for a link, a pipe and the like, and DataError when it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with open_file(path) as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None
    except NotAFileError:
        raise
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    return digest.hexdigest()


def _digest_in(folder: Path, name: str) -> str | None:
    """What `file_digest` says of the file `name` in `folder`. Raises NotAFileError also when a folder on the way is a
    link."""
    check_folders(folder, name)
    return file_digest(folder / name)


def check_listed(folder: Path) -> list[CheckedFile]:
    """Compares the files in `folder` with its manifest. Gives every file that it lists, in its order.

    Raises DataError when there is no manifest of ours, and when a file cannot be read.
    """
    return [checked_file(file, partial(_digest_in, folder)) for file in read_manifest(folder).files]


def checked_file(file: WrittenFile, digest_of: DigestOf) -> CheckedFile:
    """Compares a file that the manifest lists with what is in its place."""
    try:
        found = digest_of(file.file)
    except NotAFileError:
        return CheckedFile(file.file, "special")
    if found is None:
        return CheckedFile(file.file, "missing")
    return CheckedFile(file.file, None if found == file.sha256 else "changed")


def leftover(name: str, written: WrittenFiles, digest_of: DigestOf) -> CheckedFile | None:
    """What has become of a file of `written` that the manifest does not list; None when it is gone."""
    try:
        digest = digest_of(name)
    except NotAFileError:
        return CheckedFile(name, "kept")
    if digest is None:
        return None
    return CheckedFile(name, "unlisted" if digest in written[name] else "kept")


def verify(folder: Path) -> list[CheckedFile]:
    """Every file that the manifest of `folder` lists, in its order, and then those that only earlier runs wrote.

    Raises DataError when there is no manifest of ours, and when a file cannot be read.
    """
    listed = check_listed(folder)
    return [*listed, *unlisted_files(folder, read_written(folder), [file.file for file in listed])]


def placed_files(folder: Path, digests: Mapping[str, str]) -> dict[str, PlacedFile]:
    """The files in `folder` as they are now, given the hash of each by name. Raises OSError when one is not there."""
    found = {}
    for name, digest in digests.items():
        status = (folder / name).lstat()
        found[name] = PlacedFile(digest, status.st_size, status.st_mtime_ns)
    return found


def are_in_place(folder: Path, placed: Mapping[str, PlacedFile]) -> bool:
    """Whether every file that was put in place is there, unchanged."""
    return all(_digest_in_place(folder, name, placed) == known.sha256 for name, known in placed.items())


def unchanged_files(folder: Path, digests: Mapping[str, str], placed: Mapping[str, PlacedFile]) -> set[str]:
    """The names in `digests` of which the file in `folder` has that hash already. One that looks as it did when it was
    put in place is not read."""
    return {name for name, digest in digests.items() if _digest_in_place(folder, name, placed) == digest}


def _digest_in_place(folder: Path, name: str, placed: Mapping[str, PlacedFile]) -> str | None:
    known = placed.get(name)
    try:
        check_folders(folder, name)
        status = (folder / name).lstat()
        if known and (known.size, known.mtime_ns) == (status.st_size, status.st_mtime_ns):
            return known.sha256
        return file_digest(folder / name)
    except (OSError, ValueError, DataError):
        # Whatever is there is not the file, or cannot be seen to be it, and will be replaced.
        return None


def written_files(folder: Path) -> WrittenFiles:
    """The files that earlier runs put into `folder`, as far as its manifest or the private folder knows them. Raises
    DataError when what is remembered there is damaged."""
    try:
        listed = {file.file: frozenset([file.sha256]) for file in read_manifest(folder).files}
    except DataError:
        listed = {}
    return joined(read_written(folder), listed)


def annotations_before(folder: Path) -> int:
    """How many annotations the files in `folder` were made of; 0 without a manifest of ours."""
    try:
        return int(read_manifest(folder).counts.as_json()["annotations"])
    except DataError:
        return 0


def joined(*known: WrittenFiles) -> WrittenFiles:
    """All that is known of files, from several places. What cannot be the name of an output file is left out."""
    found: dict[str, frozenset[str]] = {}
    for files in known:
        for name, digests in files.items():
            if is_output_name(name):
                found[name] = found.get(name, frozenset()) | digests
    return found


def unlisted_files(folder: Path, written: WrittenFiles, listed: Collection[str]) -> Iterator[CheckedFile]:
    """Those of `written` that are in `folder` and not among `listed`. Raises DataError when one cannot be read."""
    for name in sorted(written.keys() - set(listed)):
        found = leftover(name, written, partial(_digest_in, folder))
        if found is not None and not _is_one_of(folder, name, listed):
            yield found


def _is_one_of(folder: Path, name: str, listed: Iterable[str]) -> bool:
    """Whether a file goes by one of the names `listed`, too, as where `a.Train.jsonl` and `a.train.jsonl` are one."""
    for other in listed:
        with suppress(OSError):
            if os.path.samestat((folder / name).lstat(), (folder / other).lstat()):
                return True
    return False


def remove_unlisted(folder: Path, written: WrittenFiles, listed: Collection[str]) -> list[LeftFile]:
    """Removes those of `written` that are not among `listed`, and the folders that this empties; returns those that
    stay. Beside fresh files they would be a trap: a format that is no longer asked for, or the file of all rows beside
    those of its splits.

    A file that is not as it was written is somebody's own and stays. Those that are gone stay so after a power failure.
    """
    left = []
    for name in sorted(written.keys() - set(listed)):
        try:
            found = list(unlisted_files(folder, {name: written[name]}, listed))
            if found and found[0].problem == "kept":
                left.append(LeftFile(name, None))
                continue
            if found:
                remove_file(folder / name)
        except OSError as error:
            left.append(LeftFile(name, error.strerror))
        except DataError as error:
            left.append(LeftFile(name, str(error).removeprefix(f"{folder / name}: ")))
        else:
            _remove_empty(folder, name)
    return left


def _remove_empty(folder: Path, name: str) -> None:
    """Removes the folders of `name` inside `folder` that are empty, also those that a killed run left so."""
    for parent in PurePosixPath(name).parents:
        with suppress(OSError):
            check_folders(folder, name)
            if not parent.name or any((folder / parent).iterdir()):
                sync_folder(folder / parent)
                return
            (folder / parent).rmdir()
