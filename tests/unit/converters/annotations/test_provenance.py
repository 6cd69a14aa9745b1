"""What an annotation was made from, and whether anybody has looked at it."""

from __future__ import annotations

from typing import Any

import pytest

from ls_trajedit.converters.annotations.convert_task import convert_task
from ls_trajedit.converters.annotations.outcome import Edited, Outcome, Rejected, Unedited
from ls_trajedit.converters.annotations.provenance import is_unopened
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.record import RejectReason
from ls_trajedit.label_config.read_config import read_config

SCHEMA = read_config(
    """<View><Text name="act" value="$steps[0].action"/><TextArea name="fix" toName="act"/>
    <Text name="answer" value="$final_answer"/><TextArea name="better" toName="answer"/></View>"""
)
DATA = {"id": "t", "steps": [{"action": "go(1)"}], "final_answer": "no"}
# What 1.23.2 stores for "Create Annotations From Predictions".
UNOPENED = {"parent_prediction": 31, "lead_time": None, "updated_by": None, "draft_created_at": None}


def text(control: str, typed: str, **more: Any) -> dict[str, Any]:
    shown = {"fix": "act", "better": "answer"}[control]
    return {"from_name": control, "to_name": shown, "type": "textarea", "value": {"text": [typed]}, **more}


def outcomes(*annotations: dict[str, Any], rules: ReadingRules | None = None, **task: Any) -> list[Outcome]:
    numbered = [{"id": n, "completed_by": 3, **a} for n, a in enumerate(annotations, start=1)]
    whole = {"id": 5, "project": 1, "data": DATA, "annotations": numbered, **task}
    return list(convert_task(whole, SCHEMA, rules or ReadingRules()))


@pytest.mark.parametrize(
    "changed",
    [
        {"parent_prediction": None},
        {"lead_time": 0.0},
        {"lead_time": 3.5},
        {"updated_by": 1},
        {"draft_created_at": "2026-11-22"},
        {"import_id": 4},
        {"last_action": "updated"},
        {"last_action": "accepted"},
        {"result": [text("fix", "go(1)", origin="prediction-changed")]},
        {"result": [text("fix", "go(1)", origin="manual")]},
    ],
)
def test_whatever_shows_that_somebody_was_there_counts(changed: dict[str, Any]) -> None:
    assert is_unopened(UNOPENED)
    assert not is_unopened({**UNOPENED, **changed})


@pytest.mark.parametrize(
    "annotation",
    [
        {"parent_prediction": 31, "lead_time": None},
        {"parent_annotation": 8, "lead_time": None, "last_action": "propagated_annotation"},
        {"parent_prediction": 31, "lead_time": None, "last_action": "prediction", "result": [text("fix", "go(1)")]},
    ],
)
def test_what_an_action_made_is_unopened(annotation: dict[str, Any]) -> None:
    assert is_unopened(annotation)


def test_where_nothing_is_said_of_the_time_nothing_is_certain() -> None:
    assert not is_unopened({"parent_prediction": 31})


def test_what_nobody_opened_is_unedited_whatever_the_prediction_said() -> None:
    (found,) = outcomes({**UNOPENED, "result": [text("fix", "go(9)")]})
    assert isinstance(found, Unedited)
    assert found.record.source.unopened
    assert found.record.corrected_trace == found.record.original_trace


def test_a_copy_of_ones_own_annotation_is_called_one() -> None:
    edit = {"result": [text("fix", "go(2)")]}
    first, copy, other = outcomes(edit, {**edit, "parent_annotation": 1}, {**edit, "completed_by": 4})
    assert isinstance(first, Edited)
    assert isinstance(copy, Edited)
    assert isinstance(other, Edited)
    assert [item.record.source.copy_of for item in (first, copy, other)] == [None, 1, None]


@pytest.mark.parametrize(
    ("parent", "copy"),
    [
        ({}, {"result": [text("fix", "go(3)")]}),
        ({}, {"completed_by": 4}),
        ({}, {"parent_annotation": None}),
        ({}, {"parent_annotation": 77}),
        ({"completed_by": None}, {"completed_by": None}),
        (UNOPENED, {"result": [text("fix", "go(1)")]}),
    ],
)
def test_what_says_something_else_or_is_somebody_elses_is_not_a_copy(
    parent: dict[str, Any], copy: dict[str, Any]
) -> None:
    edit = {"result": [text("fix", "go(2)")]}
    found = outcomes({**edit, **parent}, {**edit, "parent_annotation": 1, **copy})
    assert [getattr(item, "record").source.copy_of for item in found] == [None, None]  # noqa: B009 - either kind


OLD_TEXT = text("fix", "go(0)", origin="prediction", id="fix")
PREDICTION = {"id": 31, "model_version": "m", "result": [text("fix", "go(0)"), text("better", "no")]}


@pytest.mark.parametrize(
    ("annotation", "task"),
    [
        ({"result": [OLD_TEXT]}, {}),
        ({"result": [text("fix", "go(0)")], "prediction": PREDICTION}, {}),
        ({"result": [text("fix", "go(0)")], "prediction": PREDICTION, "parent_prediction": 31}, {}),
        ({"result": [text("fix", "go(0)")], "parent_prediction": 31}, {"predictions": [5, {}, PREDICTION]}),
        ({"result": [text("fix", "go(0)", origin="prediction-changed")], "prediction": PREDICTION}, {}),
        # Our own predictions show the trace: what was corrected then is a correction of another trace.
        (
            {
                "result": [text("fix", "go(7)", origin="prediction-changed")],
                "prediction": {**PREDICTION, "model_version": "ls-trajedit-1a2b"},
            },
            {},
        ),
    ],
)
def test_a_text_that_nobody_typed_is_not_a_correction(annotation: dict[str, Any], task: dict[str, Any]) -> None:
    (found,) = outcomes(annotation, **task)
    assert isinstance(found, Rejected)
    assert found.reject.reason is RejectReason.CHANGED_DATA
    assert "`fix`" in found.reject.detail
    assert found.reject.result == annotation["result"]
    (accepted,) = outcomes(annotation, rules=ReadingRules(untouched="accept"), **task)
    assert isinstance(accepted, Edited)


@pytest.mark.parametrize(
    "annotation",
    [
        {"result": [text("fix", "go(7)", origin="manual")]},
        {"result": [text("fix", "go(7)", origin="prediction-changed")]},
        {"result": [text("fix", "go(7)")]},
        # The prediction contradicts the hint: somebody typed this.
        {"result": [text("fix", "go(7)", origin="prediction")], "prediction": PREDICTION, "parent_prediction": 31},
        # Another prediction than the one that was shown says nothing.
        {"result": [text("fix", "go(0)")], "prediction": {**PREDICTION, "id": 30}, "parent_prediction": 31},
        {"result": [text("fix", "go(7)")], "prediction": {"result": [{"from_name": "fix", "value": 5}, 7]}},
        {"result": [text("fix", "go(7)")], "prediction": {}},
    ],
)
def test_a_text_that_somebody_typed_is_a_correction(annotation: dict[str, Any]) -> None:
    (found,) = outcomes(annotation)
    assert isinstance(found, Edited)
    (edit,) = found.record.edits
    assert edit.edited_text == annotation["result"][0]["value"]["text"][0]


def test_an_untouched_text_that_is_the_traces_is_unedited() -> None:
    same = [text("fix", "go(1)", origin="prediction"), text("better", "no", origin="prediction")]
    (found,) = outcomes({"result": same, "prediction": PREDICTION})
    assert isinstance(found, Unedited)
