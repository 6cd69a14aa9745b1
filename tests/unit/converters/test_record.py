"""The record: how it is written, how it is read back, and what a person reads for the reason of a rejection."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.converters.example import example_record
from ls_trajedit.converters.record import (
    Branch,
    ChatSource,
    Edit,
    Insertion,
    Parent,
    ReasonWithoutEdit,
    Record,
    RecordedTrace,
    Reject,
    RejectReason,
    Remark,
    Removal,
    Source,
    StepLabel,
    parse_record,
    reject_sentence,
)
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.traces.json_text import json_line, parse_json
from tests.support.samples import samples
from tests.support.strategies import json_values, texts

WRITTEN: dict[str, Any] = {
    "trace_id": "t1",
    "annotator": "3",
    "task": "Go.",
    "original_trace": {"task": "Go.", "steps": ["a"], "answer": None},
    "corrected_trace": {"task": "Go.", "steps": ["b"], "answer": None},
    "edits": [
        {
            "step_index": 0,
            "field": "action",
            "original_text": "a",
            "edited_text": "b",
            "edit_distance_chars": 1,
            "edit_distance_words": 1,
            "reason": "why",
        }
    ],
    "n_edits": 1,
    "total_edit_distance": 1,
    "source": {
        "project_id": 1,
        "task_id": 5,
        "annotation_id": 8,
        "updated_at": "2026-11-22T10:00:00Z",
        "lead_time": 12.5,
        "ground_truth": True,
        "step_labels": [{"step_index": 0, "name": "correctness", "choices": ["wrong", "late"]}],
        "reasons_without_edit": [{"step_index": None, "field": "answer", "reason": "fine"}],
        "extra": {"seed": 4},
    },
}
RECORD = Record(
    trace_id="t1",
    annotator="3",
    task="Go.",
    original_trace=RecordedTrace({"task": "Go.", "steps": ["a"], "answer": None}),
    corrected_trace=RecordedTrace({"task": "Go.", "steps": ["b"], "answer": None}),
    edits=(Edit(0, "action", "a", "b", 1, 1, "why"),),
    n_edits=1,
    total_edit_distance=1,
    source=Source(
        project_id=1,
        task_id=5,
        annotation_id=8,
        updated_at="2026-11-22T10:00:00Z",
        lead_time=12.5,
        ground_truth=True,
        step_labels=(StepLabel(0, "correctness", ("wrong", "late")),),
        reasons_without_edit=(ReasonWithoutEdit(None, "answer", "fine"),),
        extra={"seed": 4},
    ),
)


def without(value: dict[str, Any], *way: Any) -> dict[str, Any]:
    """A copy of the JSON object without what stands at the end of the way."""
    copy: dict[str, Any] = json.loads(json.dumps(value))
    inner: Any = copy
    for key in way[:-1]:
        inner = inner[key]
    del inner[way[-1]]
    return copy


def changed(value: dict[str, Any], new: Any, *way: Any) -> dict[str, Any]:
    """A copy of the JSON object with something new at the end of the way."""
    copy: dict[str, Any] = json.loads(json.dumps(value))
    inner: Any = copy
    for key in way[:-1]:
        inner = inner[key]
    inner[way[-1]] = new
    return copy


def test_a_record_is_written_with_these_keys_in_this_order() -> None:
    assert json_line(RECORD) == json.dumps(WRITTEN, separators=(",", ":")).encode()


def test_remarks_are_written_only_when_there_are_any_and_read_back() -> None:
    remarks = (Remark("comment", 0, "action", "why?"), Remark("note", None, "", "half of \ud800"))
    record = replace(RECORD, source=replace(RECORD.source, remarks=remarks))
    for line in (json_line(record), json_line(replace(record, source=replace(record.source, remarks=remarks[:1])))):
        written = parse_json(line)
        assert list(written["source"]) == [*WRITTEN["source"], "remarks"]
        assert json_line(parse_record(written)) == line
    assert parse_json(json_line(record))["source"]["remarks"] == [
        {"control": "comment", "step_index": 0, "field": "action", "text": "why?"},
        {"control": "note", "step_index": None, "field": "", "text": "half of \ud800"},
    ]
    assert replace(record, source=replace(record.source, remarks=())) == RECORD
    assert "remarks" not in json_line(replace(RECORD, task="half of \ud800")).decode()


def test_the_remarks_of_a_conversation_stand_before_what_only_conversations_have() -> None:
    source = ChatSource(
        **vars(RECORD.source), format="f", checked_calls=(), not_the_agents=(), remarks=(Remark("a", None, "", "b"),)
    )
    written = parse_json(json_line(replace(RECORD, source=source)))
    assert list(written["source"])[-4:] == ["remarks", "format", "checked_calls", "not_the_agents"]
    assert parse_record(written).source == source


@pytest.mark.parametrize(
    "remark",
    [
        {"control": "a", "step_index": None, "field": ""},
        {"control": "a", "step_index": "0", "field": "", "text": "b"},
        {"control": None, "step_index": 0, "field": "", "text": "b"},
        "b",
    ],
)
def test_what_is_no_remark_is_refused(remark: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        parse_record(changed(WRITTEN, [remark], "source", "remarks"))


def test_a_record_is_read_back() -> None:
    assert parse_record(WRITTEN) == RECORD
    assert parse_record({**WRITTEN, "more": 1}) == RECORD


@given(samples(), json_values(), texts())
def test_any_record_is_written_the_same_way_whatever_it_holds_and_read_back(
    sample: Sample, value: Any, text: str
) -> None:
    """Some values can be written only without orjson: long integers, lone surrogates."""
    record = replace(sample.record, annotator=text, source=replace(sample.record.source, extra={"value": value}))
    line = json_line(record)
    written = parse_json(line)
    assert list(written) == list(WRITTEN)
    assert list(written["source"]) == list(WRITTEN["source"])
    assert all(list(edit) == list(WRITTEN["edits"][0]) for edit in written["edits"])
    assert parse_record(written) == record
    assert json_line(parse_record(written)) == line


PLACES = [
    *[(key,) for key in WRITTEN],
    *[("edits", 0, key) for key in WRITTEN["edits"][0]],
    *[("source", key) for key in WRITTEN["source"]],
    *[("source", "step_labels", 0, key) for key in WRITTEN["source"]["step_labels"][0]],
    *[("source", "reasons_without_edit", 0, key) for key in WRITTEN["source"]["reasons_without_edit"][0]],
    ("original_trace", "steps"),
]


OBJECTS = ("original_trace", "corrected_trace", "source", "extra")


@pytest.mark.parametrize("way", PLACES, ids=lambda way: ".".join(str(key) for key in way))
def test_a_missing_key_and_a_value_of_the_wrong_type_are_errors_that_name_the_key(way: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError, match=f"`{way[-1]}` is missing"):
        parse_record(without(WRITTEN, *way))
    wrong: Any = [] if way[-1] in OBJECTS else {}
    with pytest.raises(TypeError, match=f"`{way[-1]}`"):
        parse_record(changed(WRITTEN, wrong, *way))


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "x",
        5,
        changed(WRITTEN, [5], "edits"),
        changed(WRITTEN, True, "n_edits"),
        changed(WRITTEN, 1, "source", "ground_truth"),
        changed(WRITTEN, "0", "source", "step_labels", 0, "step_index"),
        changed(WRITTEN, ["wrong", 5], "source", "step_labels", 0, "choices"),
    ],
)
def test_what_is_not_a_record_is_an_error(value: Any) -> None:
    with pytest.raises(TypeError):
        parse_record(value)


@pytest.mark.parametrize("key", ["n_edits", "total_edit_distance"])
def test_sums_that_do_not_match_the_edits_are_an_error(key: str) -> None:
    with pytest.raises(ValueError, match="do not match"):
        parse_record({**WRITTEN, key: 2})


def test_two_traces_are_equal_when_their_values_are() -> None:
    record = example_record()
    assert record.original_trace == example_record().original_trace
    assert record.original_trace != record.corrected_trace
    assert record.original_trace != record.original_trace.value()


def test_a_reject_is_written_with_the_slug_of_its_reason() -> None:
    reject = Reject(5, 8, "3", RejectReason.NOT_JSON, "`fix`", [{"from_name": "fix"}])
    expected = {
        "task_id": 5,
        "annotation_id": 8,
        "annotator": "3",
        "reason": "not_json",
        "detail": "`fix`",
        "result": [{"from_name": "fix"}],
    }
    assert json_line(reject) == json.dumps(expected, separators=(",", ":")).encode()
    long = replace(reject, result=[2**70])
    assert json_line(long) == json.dumps({**expected, "result": [2**70]}, separators=(",", ":")).encode()


def test_the_reasons_have_these_slugs() -> None:
    assert {reason.value for reason in RejectReason} == {
        "unknown_control",
        "not_json",
        "no_trace",
        "wrong_shape",
        "unattributed_text",
        "several_texts",
        "no_reason",
        "no_steps",
        "not_a_step",
        "no_time",
        "wrong_type",
        "unreadable",
        "tool_mismatch",
        "changed_data",
    }


def test_a_person_reads_a_sentence_and_a_reason_of_another_version_as_it_is() -> None:
    assert [reject_sentence(reason.value) for reason in RejectReason] == [reason.sentence for reason in RejectReason]
    assert reject_sentence("something new") == "something new"


def test_a_removal_and_an_insertion_are_told_apart_by_op() -> None:
    assert json_line(Removal(2, "twice")) == b'{"op":"remove","step_index":2,"reason":"twice"}'
    written = b'{"op":"insert","after":-1,"position":0,"step":{"action":"ls"},"reason":""}'
    assert json_line(Insertion(-1, 0, {"action": "ls"}, "")) == written


def test_a_structure_is_read_back_and_counted() -> None:
    structure = [
        {"op": "remove", "step_index": 0, "reason": "twice"},
        {"op": "insert", "after": 0, "position": 0, "step": {"action": "ls"}, "reason": ""},
    ]
    plain = json.loads(json_line(RECORD))
    record = parse_record({**plain, "structure": structure, "n_edits": plain["n_edits"] + 2})
    assert record.structure == (Removal(0, "twice"), Insertion(0, 0, {"action": "ls"}, ""))
    with pytest.raises(ValueError, match="n_edits"):
        parse_record({**plain, "structure": structure})
    with pytest.raises(ValueError, match="op"):
        parse_record({**plain, "structure": [{**structure[0], "op": "move"}]})


def test_what_a_trace_continues_is_read_back() -> None:
    branch = {
        "parent": {"trace_id": "t", "task_id": 5, "annotation_id": 8, "step": 1, "sha256": "ab"},
        "round": 2,
        "superseded": True,
    }
    plain = json.loads(json_line(RECORD))
    record = parse_record({**plain, "source": {**plain["source"], "branch": branch}})
    assert record.source.branch == Branch(Parent("t", 5, 8, 1, "ab"), 2, superseded=True)
    assert json.loads(json_line(record.source.branch)) == branch
