"""The record of an annotation, whatever the trace calls its parts."""

from __future__ import annotations

from typing import Any

import pytest

from ls_trajedit.converters.annotations.build import original_trace
from ls_trajedit.converters.annotations.outcome import Edited, Unedited
from ls_trajedit.converters.record import (
    ReasonWithoutEdit,
    Record,
    RejectedAnnotation,
    RejectReason,
    Source,
    StepLabel,
)
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.traces.options import Options
from tests.support.loop import annotate, one_outcome, project_of, text_result
from tests.support.strategies import exact

FOREIGN = """<View><Text name="t" value="$goal"/>
<Text name="a" value="$run.turns[0].said"/><TextArea name="fix" toName="a"/>
<Choices name="fine" toName="a"><Choice value="yes"/></Choices>
<Text name="e" value="$result.answer"/><TextArea name="end" toName="e"/></View>"""

DATA: dict[str, Any] = {
    "id": "r9",
    "goal": "Win.",
    "run": {"turns": [{"said": "a", "by": "me"}, "not shown"], "seed": 4},
    "result": {"answer": "x", "score": 0.5},
    "more": [1],
}


def record_of(data: Any, *results: Any, **annotation: Any) -> Record:
    outcome = one_outcome(FOREIGN, data, list(results), **annotation)
    assert isinstance(outcome, Edited | Unedited)
    return outcome.record


def test_the_parts_are_called_task_and_steps_and_the_answer_by_its_key() -> None:
    record = record_of(DATA, text_result("fix", "a", "b"), text_result("end", "e", "y"))
    assert exact(record.original_trace.value()) == exact(
        {"task": "Win.", "steps": [{"said": "a", "by": "me"}, "not shown"], "result.answer": "x"}
    )
    assert exact(record.corrected_trace.value()) == exact(
        {"task": "Win.", "steps": [{"said": "b", "by": "me"}, "not shown"], "result.answer": "y"}
    )
    assert [(edit.step_index, edit.field) for edit in record.edits] == [(0, "said"), (None, "result.answer")]


def test_what_else_a_trace_holds_is_kept_with_the_source() -> None:
    assert record_of(DATA).source.extra == {"run": {"seed": 4}, "result": {"score": 0.5}, "more": [1]}


@pytest.mark.parametrize("missing", [{}, {"result": None}, {"result": {}}, {"result": {"answer": None}}])
def test_a_trace_without_an_answer_has_none_in_its_record(missing: dict[str, Any]) -> None:
    data = {key: value for key, value in DATA.items() if key != "result"} | missing
    assert list(record_of(data).original_trace.value()) == ["task", "steps"]


def test_an_empty_answer_is_an_answer() -> None:
    assert record_of({**DATA, "result": {"answer": ""}}).original_trace.value()["result.answer"] == ""


@pytest.mark.parametrize(
    ("data", "task"),
    [
        ({"goal": "g", "task": "t", "text": "x"}, "g"),
        ({"task": "t", "text": "x"}, "t"),
        ({"goal": None, "text": "x"}, "x"),
        ({"goal": ""}, ""),
        ({}, ""),
        ({"goal": {"do": "it"}}, '{\n  "do": "it"\n}'),
        ({"goal": 5}, "5"),
    ],
)
def test_the_task_is_the_first_of_its_keys_that_the_trace_has(data: dict[str, Any], task: str) -> None:
    record = record_of({**data, "run": {"turns": []}})
    assert record.task == record.original_trace.value()["task"] == task


@pytest.mark.parametrize(
    ("given", "trace_id"), [({"id": "é/1"}, "é/1"), ({"id": 12}, "12"), ({"id": None}, "5"), ({}, "5")]
)
def test_a_trace_is_known_by_its_id_or_else_by_that_of_the_task(given: dict[str, Any], trace_id: str) -> None:
    assert record_of({**given, "run": {"turns": []}}).trace_id == trace_id


def test_source_says_where_a_record_comes_from() -> None:
    results = [{"from_name": "fine", "to_name": "a", "type": "choices", "value": {"choices": ["yes"]}}]
    record = record_of(DATA, *results, id=31, updated_at="2026-01-02T03:04:05Z", lead_time=9.5, ground_truth=True)
    assert record.source == Source(
        project_id=1,
        task_id=5,
        annotation_id=31,
        updated_at="2026-01-02T03:04:05Z",
        lead_time=9.5,
        ground_truth=True,
        step_labels=(StepLabel(0, "fine", ("yes",)),),
        reasons_without_edit=(),
        extra={"run": {"seed": 4}, "result": {"score": 0.5}, "more": [1]},
    )


def test_a_reason_is_in_its_edit_or_without_one_under_source() -> None:
    options = Options(require_reason_on_edit=True, editable_fields=["thought", "action"])
    project = project_of(options, [{"steps": [{"thought": "a", "action": "b"}]}])
    outcome = annotate(
        project,
        [
            text_result("step_0__action__corrected", "step_0__action", "B"),
            text_result("step_0__action__reason", "step_0__action", "capital"),
            text_result("step_0__thought__reason", "step_0__thought", "fine as it is"),
        ],
    )
    assert isinstance(outcome, Edited)
    assert [(edit.field, edit.reason) for edit in outcome.record.edits] == [("action", "capital")]
    assert outcome.record.source.reasons_without_edit == (ReasonWithoutEdit(0, "thought", "fine as it is"),)


def test_distances_are_counted_on_the_texts_and_summed_in_characters() -> None:
    record = record_of(DATA, text_result("fix", "a", "two words"), text_result("end", "e", ""))
    assert [(e.edit_distance_chars, e.edit_distance_words) for e in record.edits] == [(9, 2), (1, 1)]
    assert (record.n_edits, record.total_edit_distance) == (2, 10)


def test_a_correction_does_not_reach_into_the_original() -> None:
    data = {"goal": "g", "run": {"turns": [{"said": {"q": [1]}}]}}
    record = record_of(data, text_result("fix", "a", '{"q": [2]}'))
    assert record.original_trace.steps == [{"said": {"q": [1]}}]
    assert record.corrected_trace.steps == [{"said": {"q": [2]}}]
    assert data == {"goal": "g", "run": {"turns": [{"said": {"q": [1]}}]}}


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "x",
        {},
        {"run": {"turns": None}},
        {"run": {"turns": {"0": "a"}}},
        {"run": "x"},
        {"run": {"turns": []}, "ls_trajedit": {"json": ["goal"]}},
        {"run": {"turns": []}, "ls_trajedit": {"replaced": 5}},
        {"run": {"turns": []}, "ls_trajedit": {"bare_steps": {"steps_key": "run.turns", "field": "x", "indices": [0]}}},
        {"run": {"turns": []}, "ls_trajedit": {"absent": [["x"]]}},
    ],
)
def test_a_task_that_holds_no_trace_is_rejected_and_does_not_fail(data: Any) -> None:
    with pytest.raises(RejectedAnnotation) as rejected:
        original_trace({"id": 5, "data": data}, read_config(FOREIGN))
    assert rejected.value.reason is RejectReason.NO_TRACE


def test_a_task_without_data_holds_no_trace() -> None:
    with pytest.raises(RejectedAnnotation):
        original_trace({"id": 5}, read_config(FOREIGN))
