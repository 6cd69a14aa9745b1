"""Compares the files in an output folder with its manifest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ls_trajedit.output.folder import file_digest
from ls_trajedit.output.manifest import MANIFEST
from ls_trajedit.traces.errors import DataError
from ls_trajedit.traces.json_text import parse_json

__all__ = ["CheckedFile", "verify"]


@dataclass(frozen=True)
class CheckedFile:
    """A file of the manifest, and what is wrong with it: nothing, `missing` or `changed`."""

    file: str
    problem: str | None


def verify(folder: Path) -> list[CheckedFile]:
    """Every file that the manifest in `folder` names. Raises DataError when there is no manifest, or none of ours."""
    path = folder / MANIFEST
    try:
        manifest = parse_json(path.read_bytes())
        listed = [(file["file"], file["sha256"]) for file in manifest["files"]]
    except FileNotFoundError:
        raise DataError(f"{path}: is not there, so nothing says what the files should be; pull or convert") from None
    except (ValueError, KeyError, TypeError):
        raise DataError(f"{path}: is no manifest of ls-trajedit; pull or convert again") from None
    return [_checked(folder, name, digest) for name, digest in listed]


def _checked(folder: Path, name: Any, digest: Any) -> CheckedFile:
    # A manifest may come from anywhere, and what it names must be in the folder.
    if not isinstance(name, str) or not _is_inside(name):
        raise DataError(f"{folder / MANIFEST}: names {name!r}, which is no file of this folder")
    if not isinstance(digest, str):
        raise DataError(f"{folder / MANIFEST}: gives no hash of {name}; pull or convert again")
    found = file_digest(folder / name)
    return CheckedFile(name, None if found == digest else "missing" if found is None else "changed")


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return "\0" not in name and not path.is_absolute() and ".." not in path.parts
