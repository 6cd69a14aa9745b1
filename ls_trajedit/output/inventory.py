"""Which files are in an output folder, and which of them are as they were written."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from ls_trajedit.output.file_system import remove_file
from ls_trajedit.output.manifest import read_manifest
from ls_trajedit.traces.errors import DataError

__all__ = [
    "CheckedFile",
    "PlacedFile",
    "are_in_place",
    "file_digest",
    "former_files",
    "placed_files",
    "remove_former_files",
    "unchanged_files",
    "verify",
]


@dataclass(frozen=True)
class CheckedFile:
    """A file of the manifest, and what is wrong with it, if anything."""

    file: str
    problem: Literal["missing", "changed"] | None


@dataclass(frozen=True)
class PlacedFile:
    """How a file looked when it was put in place: its SHA-256 in hex, its size in bytes, and its time of change in
    nanoseconds. A later run that finds it so need not read it."""

    sha256: str
    size: int
    mtime_ns: int


def file_digest(path: Path) -> str | None:
    """The SHA-256 of a file in hex, or None when there is no such file. Raises OSError when it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None
    return digest.hexdigest()


def verify(folder: Path) -> list[CheckedFile]:
    """Compares the files in `folder` with its manifest. Gives every file that it lists, in its order.

    Raises DataError when there is no manifest of ours, and OSError when a file cannot be read.
    """
    return [
        CheckedFile(file.file, _problem(file_digest(folder / file.file), file.sha256))
        for file in read_manifest(folder).files
    ]


def _problem(found: str | None, expected: str) -> Literal["missing", "changed"] | None:
    if found is None:
        return "missing"
    return None if found == expected else "changed"


def placed_files(folder: Path, digests: Mapping[str, str]) -> dict[str, PlacedFile]:
    """The files in `folder` as they are now, given the hash of each by name. Raises OSError when one is not there."""
    found = {}
    for name, digest in digests.items():
        status = (folder / name).stat()
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
        status = (folder / name).lstat()
    except OSError:
        return None
    if known and (known.size, known.mtime_ns) == (status.st_size, status.st_mtime_ns):
        return known.sha256
    return file_digest(folder / name)


def former_files(folder: Path) -> dict[str, str]:
    """The files that an earlier run wrote into `folder`, each with its SHA-256, by its manifest. None of them are known
    without a manifest of ours."""
    try:
        return {file.file: file.sha256 for file in read_manifest(folder).files}
    except DataError:
        return {}


def remove_former_files(folder: Path, former: Mapping[str, str], written: Collection[str]) -> None:
    """Removes those of `former` that are not among `written`, and the folders that this empties. Beside fresh files
    they would be a trap: a format that is no longer asked for, or the file of all rows beside those of its splits.

    A file that is not as it was written is somebody's own and stays. Raises OSError when one cannot be read, and
    DataError when another program holds one.
    """
    for name in sorted(former.keys() - set(written)):
        if file_digest(folder / name) != former[name]:
            continue
        with suppress(OSError):
            remove_file(folder / name)
            for parent in PurePosixPath(name).parents:
                if parent.name:
                    (folder / parent).rmdir()
