"""Remembers the output files that were put in place, so that a later run knows them without reading them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ls_trajedit.output.folder import file_digest

__all__ = ["PlacedFiles", "are_in_place", "digest_in_place", "placed_files"]

PlacedFiles = dict[str, dict[str, Any]]
"""For each file its SHA-256, and its size in bytes and its time of change in nanoseconds when it was put in place."""


def placed_files(folder: Path, digests: Iterable[tuple[str, str]]) -> PlacedFiles:
    """What is to be remembered of the files in `folder`, given their names and hashes."""
    found = {}
    for name, digest in digests:
        status = (folder / name).stat()
        found[name] = {"sha256": digest, "size": status.st_size, "mtime_ns": status.st_mtime_ns}
    return found


def digest_in_place(folder: Path, name: str, placed: PlacedFiles) -> str | None:
    """The hash of the file `name` in `folder`, or None when there is none. A file that looks as it was when it was
    put in place is not read."""
    known = placed.get(name)
    try:
        status = (folder / name).lstat()
    except OSError:
        return None
    if known and (known["size"], known["mtime_ns"]) == (status.st_size, status.st_mtime_ns):
        return str(known["sha256"])
    return file_digest(folder / name)


def are_in_place(folder: Path, placed: PlacedFiles) -> bool:
    """Whether every file that was put in place is there, unchanged."""
    return all(digest_in_place(folder, name, placed) == known["sha256"] for name, known in placed.items())
