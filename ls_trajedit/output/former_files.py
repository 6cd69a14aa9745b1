"""Removes the files of an earlier run that the run after it does not write any more.

Beside fresh files they would be a trap: a format that is no longer asked for, or the whole file beside its two sides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from ls_trajedit.output.folder import file_digest
from ls_trajedit.output.manifest import MANIFEST
from ls_trajedit.traces.json_text import parse_json

__all__ = ["former_files", "remove_former_files"]


def former_files(folder: Path) -> dict[str, str]:
    """The files that the manifest in `folder` names, each with its SHA-256; none without a manifest of ours."""
    try:
        manifest = parse_json((folder / MANIFEST).read_bytes())
        return {str(file["file"]): str(file["sha256"]) for file in manifest["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def remove_former_files(folder: Path, former: Mapping[str, str], written: Iterable[str]) -> None:
    """Removes those of `former` that are not among `written`, and the folders that this empties.

    A file that is not as it was written, or that is not inside `folder`, is somebody's own and stays.
    """
    for name in sorted(former.keys() - set(written) - {MANIFEST}):
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or file_digest(folder / name) != former[name]:
            continue
        with suppress(OSError):
            (folder / name).unlink()
            for parent in path.parents:
                if parent.name:
                    (folder / parent).rmdir()
