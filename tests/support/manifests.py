"""Manifests for tests, by what little each test needs to say."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.output.manifest import MANIFEST, Manifest, Origin, PulledProject, WrittenFile

__all__ = ["listed", "manifest_of", "write_manifest"]


def listed(name: str, content: bytes = b"", rows: int = 1) -> WrittenFile:
    """A file with that content, as a manifest lists it."""
    return WrittenFile(name, rows, hashlib.sha256(content).hexdigest())


def manifest_of(*files: WrittenFile, host: str | None = "http://h", title: str = "Agents", **counts: Any) -> Manifest:
    """The manifest of a pull, with these files and counts."""
    origin = Origin(
        host,
        PulledProject(12, title),
        {"editable_fields": ["thought", "action"]},
        {"ls-trajedit": "0.1.0", "label-studio": "1.23.2"},
    )
    return Manifest(origin, None, Counts(**{"kinds": Counter(), **counts}), files)


def write_manifest(folder: Path, *files: WrittenFile) -> Path:
    """Writes a manifest of these files into `folder`."""
    (folder / MANIFEST).write_bytes(manifest_of(*files).to_bytes())
    return folder
