"""What annotators say about steps besides rewriting them, one annotation at a time and several together."""

from __future__ import annotations

import pytest

from ls_trajedit.converters.record import StepLabel
from ls_trajedit.converters.training.annotators_policy import KeyedRecord, choose_records
from ls_trajedit.converters.training.rules import TrainingRules
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.converters.training.verdicts import Verdict, VerdictWords, agreed_verdicts, step_verdicts
from tests.support.rows import rows
from tests.support.samples import EditOf, LabelsOf, outcome_of

STEPS = [{"action": "a"}, {"action": "b"}]


@pytest.mark.parametrize(
    ("control", "choice", "verdict"),
    [
        ("correctness", "correct", "right"),
        ("correctness", " Correct ", "right"),
        ("correctness", "not_correct", "wrong"),
        ("correctness", "Don't know", "unsure"),
        ("correctness", "partially correct", "unsure"),
        ("correctness", "1", "unknown"),
        ("correctness", "✅", "unknown"),
        ("step_2_Correctness", "Yes", "right"),
        ("error_type", "wrong tool", "wrong"),
        ("error_type", "No error", None),
        ("quality", "bad", None),
        ("quality", "incorrect", "wrong"),
    ],
)
def test_common_words_are_known(control: str, choice: str, verdict: Verdict | None) -> None:
    assert VerdictWords().meaning(control, choice) == verdict


def test_labels_of_one_step_are_taken_together() -> None:
    labels = [
        StepLabel(0, "correctness", ("correct",)),
        StepLabel(0, "error_type", ("x",)),
        StepLabel(1, "correctness", ("hm",)),
        StepLabel(1, "error_type", ("x",)),
        StepLabel(2, "correctness", ()),
        StepLabel(3, "correctness", ("correct", "unsure")),
    ]
    assert step_verdicts(labels, VerdictWords(), 9) == {0: "contradictory", 1: "wrong", 3: "unsure"}


@pytest.mark.parametrize(
    ("votes", "verdict"),
    [
        ([{"wrong"}, {"wrong"}], "wrong"),
        ([{"right"}, {"right"}], "right"),
        ([{"wrong"}, {"right"}], None),
        ([{"wrong"}, {"unsure"}], None),
        ([{"unsure"}, {"contradictory"}], "unsure"),
        ([{"right", "wrong"}, {"unsure"}], "unsure"),
        ([{"unknown"}, {"unknown"}], "unknown"),
    ],
)
def test_annotators_agree_when_all_say_the_same(votes: list[set[Verdict]], verdict: Verdict | None) -> None:
    assert agreed_verdicts({str(number): vote for number, vote in enumerate(votes)}) == verdict


def agreed(*annotations: tuple[list[EditOf], LabelsOf]) -> list[object]:
    """The labels in the PRM row when annotators who did this must agree, or why there is none."""
    outcomes = [
        outcome_of(STEPS, *edits, labels=labels, annotator=str(number), annotation_id=number)
        for number, (edits, labels) in enumerate(annotations)
    ]
    records = [KeyedRecord(outcome.key, outcome.record, traces=outcome.traces) for outcome in outcomes]
    (item,) = choose_records(records, TrainingRules(annotators_policy="agree")).records
    sample = Sample(item.record, disputed=item.disputed, traces=item.traces, agreed_verdicts=item.verdicts)
    return [row if isinstance(row, str) else row["labels"] for row in rows("prm/prm.jsonl", sample)]


def test_two_annotators_agree_that_a_step_is_wrong_without_agreeing_how_to_fix_it() -> None:
    wrong: LabelsOf = {(1, "correctness"): ["incorrect"]}
    right: LabelsOf = {(1, "correctness"): ["correct"]}
    unsure: LabelsOf = {(1, "correctness"): ["unsure"]}
    edit: list[EditOf] = [(1, "action", "B")]
    other: list[EditOf] = [(1, "action", "C")]
    assert agreed(([], wrong), ([], wrong)) == [[True, False]]
    assert agreed((edit, {}), ([], wrong)) == [[True, False]]
    assert agreed((edit, wrong), (other, {})) == [[True, False]]
    assert agreed((edit, right), (edit, {})) == [[True, False]]
    assert agreed((edit, {}), ([], right)) == ["disputed"]
    assert agreed((edit, {}), (other, {})) == ["disputed"]
    assert agreed(([], wrong), ([], {})) == ["disputed"]
    assert agreed(([], wrong), ([], right)) == ["disputed"]
    assert agreed(([], unsure), ([], unsure)) == ["unsure"]
    assert agreed(([], right), ([], {})) == [[True, True]]
