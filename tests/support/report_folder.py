"""An output folder for the tests of the report: records in, the corrections file and its manifest out."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ls_trajedit.converters.formats.interchange import CORRECTIONS, CORRECTIONS_FILE
from ls_trajedit.output.manifest import MANIFEST, WrittenFile
from ls_trajedit.traces.json_text import json_line
from tests.support.manifests import manifest_of

__all__ = ["branch", "edit", "inserted", "label", "record", "removed", "write_folder"]

(ROWS,) = CORRECTIONS.files


def edit(
    step: int | None, field: str, original: str, edited: str, characters: int = 1, words: int = 1, reason: str = ""
) -> dict[str, Any]:
    """An edit as the corrections file has it; its distances are what the test says."""
    return {
        "step_index": step,
        "field": field,
        "original_text": original,
        "edited_text": edited,
        "edit_distance_chars": characters,
        "edit_distance_words": words,
        "reason": reason,
    }


def label(step: int, name: str, *choices: str) -> dict[str, Any]:
    """Choices for a step."""
    return {"step_index": step, "name": name, "choices": list(choices)}


def removed(step: int, reason: str = "") -> dict[str, Any]:
    """A removed step as the corrections file has it."""
    return {"op": "remove", "step_index": step, "reason": reason}


def inserted(after: int, step: Any, position: int = 0, reason: str = "") -> dict[str, Any]:
    """A step that was inserted after the step `after`."""
    return {"op": "insert", "after": after, "position": position, "step": step, "reason": reason}


def branch(parent: str, step: int, round_: int = 2, **more: Any) -> dict[str, Any]:
    """What a branch says about itself: it continues the trace `parent` after its step `step`."""
    noted = {"trace_id": parent, "task_id": 1, "annotation_id": 11, "step": step, "sha256": "0" * 64}
    return {"parent": noted, "round": round_, **more}


def record(
    task: int,
    annotator: str,
    *edits: Mapping[str, Any],
    annotation: int | None = None,
    trace: str | None = None,
    description: str = "Do it.",
    steps: int | list[Any] = 2,
    labels: Iterable[Mapping[str, Any]] = (),
    structure: Iterable[Mapping[str, Any]] = (),
    corrected: list[Any] | None = None,
    **source: Any,
) -> dict[str, Any]:
    """A record of the corrections file; without an id of its own, the annotation has that of its task. `corrected` are
    the steps after the corrections, where it matters what they are; the rest goes into `source`."""
    original = {"task": description, "steps": [{"action": "act"}] * steps if isinstance(steps, int) else steps}
    changes = list(structure)
    return {
        "trace_id": trace or f"tr{task}",
        "annotator": annotator,
        "task": description,
        "original_trace": original,
        "corrected_trace": original if corrected is None else {**original, "steps": corrected},
        "edits": list(edits),
        **({"structure": changes} if changes else {}),
        "n_edits": len(edits) + len(changes),
        "total_edit_distance": sum(edit["edit_distance_chars"] for edit in edits),
        "source": {
            "project_id": 12,
            "task_id": task,
            "annotation_id": annotation or task,
            "updated_at": None,
            "lead_time": None,
            "ground_truth": False,
            "step_labels": list(labels),
            "reasons_without_edit": [],
            "extra": {},
            **source,
        },
    }


def write_folder(
    folder: Path,
    records: Iterable[Mapping[str, Any]],
    host: str | None = "http://localhost:8080",
    title: str = "Agent traces",
    reasons: Mapping[str, int] | None = None,
) -> Path:
    """Writes the records and a manifest of them into `folder`; as many annotations were rejected as have `reasons`."""
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    rejected = Counter(reasons or {})
    kinds: Counter[str] = Counter()
    annotators: dict[str, Counter[str]] = {}
    with (folder / CORRECTIONS_FILE).open("wb") as file:

        def write(raw: bytes) -> None:
            file.write(raw)
            digest.update(raw)

        write(ROWS.head)
        for number, row in enumerate(records):
            write((ROWS.separator if number else b"") + json_line(row))
            kind = "edited" if row["n_edits"] else "unedited"
            kinds[kind] += 1
            annotators.setdefault(row["annotator"], Counter())[kind] += 1
        total = kinds.total()
        tail = f'\n],\n"n_total": {total},\n"n_edited": {kinds["edited"]},\n"n_unedited": {kinds["unedited"]}}}\n'
        write(tail.encode())
    file = WrittenFile(CORRECTIONS_FILE, total, digest.hexdigest())
    kinds["rejected"] = rejected.total()
    manifest = manifest_of(
        file, host=host, title=title, tasks=total, kinds=kinds, reasons=rejected, annotators=annotators
    )
    if host is None:
        manifest = replace(manifest, origin=replace(manifest.origin, project=None))
    (folder / MANIFEST).write_bytes(manifest.to_bytes())
    return folder
