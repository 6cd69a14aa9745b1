"""What Label Studio's list of tasks understands of a query, as far as `pull` asks for it."""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime, timezone
from typing import Any

from .reply import TIME_FORMAT

__all__ = ["passes", "thinned"]


def passes(task: dict[str, Any], item: dict[str, Any]) -> bool:
    """Whether a filter of the data manager lets the task through."""
    name, value = (item["filter"].removeprefix("filter:tasks:"), item["operator"], item["type"]), item["value"]
    if name == ("id", "greater", "Number"):
        return bool(task["id"] > value)
    if name == ("id", "equal", "Number"):
        return bool(task["id"] == value)
    if name == ("updated_at", "greater_or_equal", "Datetime"):
        return bool(task["updated_at"] >= datetime.strptime(value, TIME_FORMAT).replace(tzinfo=timezone.utc))
    if name == ("draft_exists", "equal", "Boolean"):
        return bool(task["drafts"]) is value
    if name == ("predictions_model_versions", "not_contains", "List"):
        return True
    raise AssertionError(f"no such filter here: {item}")


def thinned(task: dict[str, Any], fields: list[str], level: str) -> dict[str, Any]:
    """The named fields of the task and, under the same names, of its annotations."""
    cancelled = [isinstance(a, dict) and a["was_cancelled"] for a in task["annotations"] or []]
    counts = {"total_annotations": cancelled.count(False), "cancelled_annotations": cancelled.count(True)}
    kept = deepcopy({name: value for name, value in {**counts, **task}.items() if name in fields})
    if level == "task_only":
        kept.pop("annotations", None)
    if isinstance(kept.get("annotations"), list):
        kept["annotations"] = [
            {name: value for name, value in annotation.items() if name in (*fields, "project")}
            if isinstance(annotation, dict)
            else annotation
            for annotation in kept["annotations"]
        ]
    return kept
