"""Exports of Label Studio: tasks with annotations, written to a file as the user downloads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.loop import text_result

__all__ = ["EDIT", "SAME", "TRACE", "UNKNOWN", "annotation", "export", "read_rows", "task"]

TRACE: dict[str, Any] = {
    "id": "tr",
    "task_description": "Do it.",
    "steps": [{"thought": "hm", "action": "queyr"}, {"action": "stop"}],
    "final_answer": "done",
}

EDIT = text_result("step_0__action__corrected", "step_0__action", "query")
SAME = text_result("step_1__action__corrected", "step_1__action", "stop")
UNKNOWN = text_result("fix", "step_0__action", "query")


def task(number: int, *annotations: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A task as Label Studio exports it."""
    data = {**TRACE, "id": f"tr{number}"}
    return {"id": number, "project": 12, "data": data, "annotations": list(annotations), "drafts": [], **more}


def annotation(number: int, *results: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An annotation as Label Studio exports it."""
    return {"id": number, "completed_by": 4, "result": list(results), "updated_at": "2026-11-22T12:00:00Z", **more}


def export(folder: Path, *tasks: Any, name: str = "export.json") -> str:
    """Writes an export into the folder and returns its name."""
    (folder / name).write_text(json.dumps(tasks), encoding="utf-8")
    return name


def read_rows(path: Path) -> list[Any]:
    """The values in a file of JSON lines."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]
