"""`manifest.json`: what made the output files, and what is in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from ls_trajedit.converters.row_files import WrittenFile
from ls_trajedit.label_config.json_text import json_indented

__all__ = ["MANIFEST", "manifest_json"]

MANIFEST = "manifest.json"


def manifest_json(origin: dict[str, Any], counts: dict[str, Any], files: Iterable[WrittenFile]) -> bytes:
    """The text of the manifest: `origin` (host, project, schema, versions), the counts as `Counts.as_json` gives
    them, and each file's rows and hash. It holds no time of writing: same input, same bytes."""
    manifest = {**origin, "counts": counts, "files": [asdict(file) for file in files]}
    return json_indented(manifest).encode() + b"\n"
