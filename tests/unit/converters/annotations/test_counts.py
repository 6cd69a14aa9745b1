"""What a run counted."""

from __future__ import annotations

from dataclasses import replace

from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.converters.annotations.outcome import Edited, Excluded, Outcome, Rejected, Skipped, Unedited
from ls_trajedit.converters.record import Reject, RejectReason, Remark
from tests.support.samples import record_of

KEY = (1, 1)
STEPS = [{"thought": "a", "action": "f()"}, {"action": "g()"}]


def edited(annotator: str, *fields: tuple[int, str]) -> Edited:
    return Edited(KEY, record_of(STEPS, *[(step, field, "new") for step, field in fields], annotator=annotator))


def unedited(annotator: str) -> Unedited:
    return Unedited(KEY, record_of(STEPS, annotator=annotator))


def rejected(annotator: str, reason: RejectReason) -> Outcome:
    return Rejected(KEY, Reject(1, 1, annotator, reason, "somewhere", []))


def test_every_annotation_is_counted_once_and_drafts_apart() -> None:
    counts = Counts(tasks=3, drafts=2)
    for item in (
        edited("b", (0, "thought"), (0, "action"), (1, "action")),
        unedited("a"),
        unedited("b"),
        rejected("b", RejectReason.SEVERAL_TEXTS),
        rejected("b", RejectReason.UNATTRIBUTED_TEXT),
        rejected("b", RejectReason.SEVERAL_TEXTS),
        Skipped(KEY, "a"),
        Excluded(KEY, "c"),
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
        "rejected_by_reason": {"several_texts": 2, "unattributed_text": 1},
        "edits_by_field": {"action": 2, "thought": 1},
        "by_annotator": {
            "a": {"unedited": 1, "skipped": 1},
            "b": {"edited": 1, "unedited": 1, "rejected": 3},
            "c": {"excluded": 1},
        },
    }
    assert list(counts.as_json()["rejected_by_reason"]) == ["several_texts", "unattributed_text"]


def test_the_counts_of_two_parts_make_those_of_the_whole() -> None:
    items = [
        edited("b", (0, "action")),
        edited("a", (0, "thought"), (0, "action")),
        rejected("b", RejectReason.SEVERAL_TEXTS),
        Skipped(KEY, "c"),
    ]
    whole, first, second = Counts(tasks=5, drafts=3), Counts(tasks=2, drafts=1), Counts(tasks=3, drafts=2)
    for number, item in enumerate(items):
        whole.add(item)
        (first if number % 2 else second).add(item)
    first.update(second)
    assert first.as_json() == whole.as_json()
    assert first.as_json()["edits_by_field"] == {"action": 2, "thought": 1}


def test_remarks_are_counted_whether_anything_was_edited_or_not() -> None:
    remarks = (Remark("note", None, "", "why?"), Remark("note", 0, "action", "why?"))
    counts = Counts()
    for item, kept in ((edited("b", (0, "action")), remarks), (unedited("a"), remarks[:1]), (unedited("a"), ())):
        counts.add(replace(item, record=replace(item.record, source=replace(item.record.source, remarks=kept))))
    total = Counts(remarks=1)
    total.update(counts)
    assert (counts.as_json()["remarks"], total.as_json()["remarks"]) == (3, 4)
    assert "remarks" not in Counts().as_json()


def test_a_run_without_tasks_counts_nothing() -> None:
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
