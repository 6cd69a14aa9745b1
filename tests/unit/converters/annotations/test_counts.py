"""What a run counted."""

from __future__ import annotations

from typing import Any

from ls_trajedit.converters.annotations.convert_task import Outcome
from ls_trajedit.converters.annotations.counts import Counts


def outcome(kind: Any, annotator: str = "1", **row: Any) -> Outcome:
    return Outcome(kind, annotator, (1, 1), row)


def test_every_annotation_is_counted_once_and_drafts_apart() -> None:
    counts = Counts(tasks=3, drafts=2)
    for item in (
        outcome("edited", "b", edits=[{"field": "thought"}, {"field": "action"}, {"field": "action"}]),
        outcome("unedited", "a"),
        outcome("unedited", "b"),
        outcome("rejected", "b", reason="several texts for one field"),
        outcome("rejected", "b", reason="a field that the task lacks"),
        outcome("rejected", "b", reason="several texts for one field"),
        outcome("skipped", "a"),
        outcome("excluded", "c"),
    ):
        counts.add(item)
    assert counts.as_json() == {
        "tasks": 3,
        "annotations": 8,
        "edited": 1,
        "unedited": 2,
        "rejected": 3,
        "skipped": 1,
        "excluded": 1,
        "drafts": 2,
        "rejected_by_reason": {"a field that the task lacks": 1, "several texts for one field": 2},
        "edits_by_field": {"action": 2, "thought": 1},
        "by_annotator": {
            "a": {"unedited": 1, "skipped": 1},
            "b": {"edited": 1, "unedited": 1, "rejected": 3},
            "c": {"excluded": 1},
        },
    }
    assert list(counts.as_json()["rejected_by_reason"]) == [
        "a field that the task lacks",
        "several texts for one field",
    ]


def test_the_counts_of_two_parts_make_those_of_the_whole() -> None:
    items = [
        outcome("edited", "b", edits=[{"field": "action"}]),
        outcome("edited", "a", edits=[{"field": "thought"}, {"field": "action"}]),
        outcome("rejected", "b", reason="several texts for one field"),
        outcome("skipped", "c"),
    ]
    whole, first, second = Counts(tasks=5, drafts=3), Counts(tasks=2, drafts=1), Counts(tasks=3, drafts=2)
    for number, item in enumerate(items):
        whole.add(item)
        (first if number % 2 else second).add(item)
    first.update(second)
    assert first.as_json() == whole.as_json()
    assert first.as_json()["edits_by_field"] == {"action": 2, "thought": 1}


def test_a_run_over_nothing_counts_nothing() -> None:
    assert Counts().as_json() == {
        "tasks": 0,
        "annotations": 0,
        "edited": 0,
        "unedited": 0,
        "rejected": 0,
        "skipped": 0,
        "excluded": 0,
        "drafts": 0,
        "rejected_by_reason": {},
        "edits_by_field": {},
        "by_annotator": {},
    }
