"""`manifest.json`: what made the output files, and what is in them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ls_trajedit.converters.plan import ExportPlan
from ls_trajedit.converters.training.counts import TrainingCounts
from ls_trajedit.output.row_files import WrittenFile
from ls_trajedit.traces.json_text import json_indented

__all__ = ["MANIFEST", "manifest_json", "training_json"]

MANIFEST = "manifest.json"


def manifest_json(
    origin: dict[str, Any], training: dict[str, Any] | None, counts: dict[str, Any], files: Iterable[WrittenFile]
) -> bytes:
    """The text of the manifest: `origin` (host, project, schema, versions), how the training files were made (None
    where there are none), the counts as `Counts.as_json` gives them, and each file's rows and hash. It holds no time
    of writing: same input, same bytes."""
    manifest = {**origin, "training": training, "counts": counts, "files": [file.as_json() for file in files]}
    return json_indented(manifest).encode() + b"\n"


def training_json(plan: ExportPlan, counts: TrainingCounts) -> dict[str, Any] | None:
    """What the manifest says of how the training files were made; None when the plan makes none."""
    return {**plan.as_json(), **counts.as_json()} if plan.training_formats else None
