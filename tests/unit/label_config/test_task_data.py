"""Every trace can be imported, and comes back as it was."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.label_config.task_data import (
    NotesError,
    editor_text,
    imported_data,
    json_texts,
    knows_key_order,
    restore_trace,
    shown_data,
    to_task_data,
)
from ls_trajedit.label_config.write_config import shown_fields
from ls_trajedit.traces.field_path import MISSING, get_field, parse_path
from ls_trajedit.traces.json_text import json_line, parse_json
from ls_trajedit.traces.jsonb import as_jsonb
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.shape import shape_of
from tests.support.loop import at, project_of
from tests.support.strategies import Case, cases, exact


def task_data(trace: dict[str, Any], *, fields: tuple[str, ...] = (), top: tuple[str, ...] = ()) -> dict[str, Any]:
    return to_task_data(
        trace,
        steps_path=("steps",),
        step_text_key="action",
        step_fields=[parse_path(field) for field in fields],
        top_fields=[parse_path(key) for key in top],
    )


@given(cases())
def test_a_trace_comes_back_as_it_was_down_to_the_order_of_its_keys(case: Case) -> None:
    before = copy.deepcopy(case.traces)
    project = project_of(case.options, case.traces)
    assert [exact(restore_trace(data)) for data in project.data] == [exact(trace) for trace in before]
    assert exact(case.traces) == exact(before), "making task data of a trace must not change it"


@given(cases())
def test_label_studio_takes_every_task_because_each_key_that_the_config_shows_holds_a_string(case: Case) -> None:
    project = project_of(case.options, case.traces)
    for path in shown_fields(case.options, shape_of(case.traces, case.options)):
        for data in project.data:
            assert isinstance(at(data, ".".join(map(str, path))), str)


def test_a_trace_that_needs_nothing_is_its_own_task_data_with_a_note_of_the_order_of_its_keys() -> None:
    trace = {"id": "t", "steps": [{"n": 5, "action": "go"}], "more": {"deep": [1, None]}}
    assert task_data(trace, fields=("action",), top=("id",)) == {
        **trace,
        "ls_trajedit": {"layout": {"keys": [["id", "steps", "more"]]}},
    }
    assert imported_data(task_data(trace)) == trace


def test_what_postgresql_forgets_is_noted() -> None:
    trace = {"task": "t", "id": 1, "steps": [{"thought": -0.0, "action": "go"}, {"action": [1e22, 1.0]}]}
    assert task_data(trace)["ls_trajedit"]["layout"] == {
        "keys": [["task", "id", "steps"], ["thought", "action"]],
        "numbers": [[["steps", 0, "thought"], "-0.0"], [["steps", 1, "action", 0], "1e+22"]],
    }


def test_a_trace_that_may_have_been_in_postgresql_already_is_not_said_to_be_in_order() -> None:
    trace = {"id": "t", "steps": [{"action": "go"}]}
    assert task_data(trace) == trace
    # Exported from there with its tools in jsonb's order, beside a field that is noted as JSON text.
    tools = {"function": {"name": "f", "parameters": {"k": {}, "query": {}}}}
    exported = {"id": "t", "steps": [{"action": {"b": 1, "a": 2}}], "tools": tools}
    pushed = task_data({"id": "t", "tools": tools, "steps": exported["steps"]}, fields=("action",))
    assert pushed["ls_trajedit"].keys() == {"json", "layout"}
    moved = task_data(exported, fields=("action",))
    assert moved["ls_trajedit"].keys() == {"json"}
    assert not knows_key_order(moved, ("tools",))
    assert knows_key_order(pushed, ("tools",))


def without_notes(data: dict[str, Any]) -> str:
    return exact({key: value for key, value in imported_data(data).items() if key != "ls_trajedit"})


@given(cases())
def test_a_trace_comes_back_from_postgresql_as_it_was(case: Case) -> None:
    for trace, data in zip(case.traces, project_of(case.options, case.traces).data, strict=True):
        stored = parse_json(json_line(as_jsonb(data)))
        assert exact(restore_trace(stored)) == exact(trace)
        assert without_notes(stored) == without_notes(data)


def test_data_that_was_changed_in_label_studio_stays_changed() -> None:
    trace = {"steps": [{"thought": "a", "action": "go", "n": 1e22}, {"n": -0.0}], "id": "t"}
    stored = as_jsonb(task_data(trace))
    stored["steps"][0] = {"action": "went", "n": 5, "why": "x"}
    stored["steps"][1] = {"n": 0}
    stored["more"] = {"b": 1, "a": 2}
    assert exact(restore_trace(stored)) == exact(
        {
            "id": "t",
            "steps": [{"action": "went", "n": 5, "why": "x"}, {"n": 0}],
            "more": {"b": 1, "a": 2},
        }
    )


def test_what_an_annotator_types_keeps_its_own_order_of_keys() -> None:
    trace = {"steps": [{"query": {"q": 1, "k": -0.0}, "args": {"q": 1, "k": 2}}], "id": "t"}
    stored = as_jsonb(task_data(trace, fields=("args",)))
    data = imported_data(stored)
    data["steps"][0]["args"] = '{"k": -0.0, "q": 1e22}'
    assert exact(restore_trace(data)) == exact(
        {"steps": [{"query": {"q": 1, "k": -0.0}, "args": {"k": -0.0, "q": 1e22}}], "id": "t"}
    )


def test_the_order_of_keys_is_known_where_it_is_noted_or_cannot_be_that_of_postgresql() -> None:
    tools = [{"name": "f", "parameters": {"properties": {"k": {}, "query": {}}}}]
    trace = {"tools": tools, "steps": [{"thought": "t", "action": "f('x', 5)"}]}
    assert not knows_key_order(trace, ("tools",))
    assert knows_key_order(as_jsonb(task_data(trace)), ("tools",))
    tools[0]["description"] = "after the parameters, which is its place in PostgreSQL"
    assert not knows_key_order(trace, ("tools",))
    declared = [{"name": "f", "description": "before them", "parameters": {}}]
    assert knows_key_order({"tools": declared}, ("tools",))


@pytest.mark.parametrize("layout", [None, 5, [], {"keys": 5}, {"keys": [[1]]}, {"numbers": [["a", "1"]]}])
def test_a_layout_that_ls_trajedit_did_not_note_is_an_error(layout: Any) -> None:
    with pytest.raises(NotesError, match="under `layout`"):
        restore_trace({"steps": [{"action": "go"}], "ls_trajedit": {"layout": layout}})


def test_an_order_of_keys_that_was_not_noted_changes_nothing() -> None:
    data = {"steps": [{"action": "go"}], "ls_trajedit": {"layout": {"exceptions": [[["steps"], 7]]}}}
    assert restore_trace(data) == {"steps": [{"action": "go"}]}


def test_a_step_that_is_a_string_is_shown_as_a_field() -> None:
    trace = {"steps": ["go", {"action": "stop"}]}
    data = task_data(trace, fields=("action",))
    assert data["steps"] == [{"action": "go"}, {"action": "stop"}]
    data["steps"][0]["action"] = "went"
    assert restore_trace(data) == {"steps": ["went", {"action": "stop"}]}


def test_values_that_are_not_strings_are_shown_as_json_and_get_their_type_back() -> None:
    trace = {"id": 5, "steps": [{"action": {"q": "ä"}, "thought": True, "n": 5}]}
    data = task_data(trace, fields=("action", "thought"), top=("id",))
    assert data["id"] == "5"
    assert data["steps"] == [{"action": '{\n  "q": "ä"\n}', "thought": "true", "n": 5}]
    assert "steps[0].action" in json_texts(data)
    assert "steps[0].n" not in json_texts(data)
    data["steps"][0]["action"] = "[1.0]"
    assert exact(restore_trace(data)) == exact({"id": 5, "steps": [{"action": [1.0], "thought": True, "n": 5}]})


@pytest.mark.parametrize(
    ("trace", "key", "shown"),
    [
        ({}, "id", MISSING),
        ({"id": None}, "id", None),
        ({}, "meta.id", MISSING),
        ({"meta": {}}, "meta.id", MISSING),
        ({"meta": {"id": None}}, "meta.id", None),
        ({"meta": None}, "meta.id", MISSING),
        ({"meta": "a text"}, "meta.id", MISSING),
        ({"meta": [{"id": 1}]}, "meta.id", MISSING),
        ({"meta": {"run": 7}}, "meta.run.id", MISSING),
    ],
)
def test_a_missing_field_is_an_empty_string_in_the_task_and_missing_in_the_trace(
    trace: dict[str, Any], key: str, shown: Any
) -> None:
    whole = {"first": 1, **trace, "steps": [{}], "last": 2}
    data = task_data(whole, top=(key,))
    assert at(data, key) == ""
    assert get_field(shown_data(data), parse_path(key)) is shown
    assert exact(restore_trace(data)) == exact(whole)


def test_two_keys_that_are_missing_in_the_same_object_are_both_shown_and_both_removed() -> None:
    metas: list[dict[str, Any]] = [{}, {"meta": None}, {"meta": "x"}, {"meta": {"more": 1}}]
    for meta in metas:
        trace: dict[str, Any] = {"steps": [{}], **meta}
        data = task_data(trace, top=("meta.id", "meta.task"))
        assert (at(data, "meta.id"), at(data, "meta.task")) == ("", "")
        assert exact(restore_trace(data)) == exact(trace)


def test_an_empty_string_in_the_trace_is_a_value_like_any_other() -> None:
    data = task_data({"id": "", "steps": [{"action": ""}]}, fields=("action",), top=("id",))
    assert get_field(shown_data(data), ("id",)) == ""
    assert get_field(shown_data(data), ("steps", 0, "action")) == ""
    assert restore_trace(data) == {"id": "", "steps": [{"action": ""}]}


def test_a_field_that_a_step_lacks_is_not_made_up() -> None:
    trace = {"steps": [{"thought": "hm", "action": None}, {}, "bare"]}
    data = task_data(trace, fields=("action", "args.query"))
    assert data["steps"] == [{"thought": "hm", "action": None}, {}, {"action": "bare"}]
    assert get_field(shown_data(data), ("steps", 0, "action")) is None
    assert get_field(shown_data(data), ("steps", 1, "action")) is MISSING


def test_a_value_with_half_of_a_surrogate_pair_comes_back() -> None:
    trace = {"steps": [{"action": {"key \udc80": "\ud83d!"}}]}
    data = task_data(trace, fields=("action",))
    assert data["steps"][0]["action"] == '{\n  "key \\udc80": "\\ud83d!"\n}'
    assert restore_trace(data) == trace


def test_an_integer_beyond_64_bits_comes_back() -> None:
    trace = {"id": 2**70, "steps": [{"action": [2**64]}]}
    data = task_data(trace, fields=("action",), top=("id",))
    assert data["id"] == "1180591620717411303424"
    assert restore_trace(data) == trace


def test_data_that_ls_trajedit_did_not_write_is_the_trace_itself() -> None:
    foreign: dict[str, Any] = {"steps": [{"action": 5}]}
    assert restore_trace(foreign) == foreign
    assert get_field(shown_data(foreign), ("steps", 0, "action")) == 5
    assert "steps[0].action" not in json_texts(foreign)


@pytest.mark.parametrize(
    "notes",
    [
        # Somebody's own.
        *("my own key", "", None, 5, True, [], ["json"], {}, {"mine": 1}, {"json": [], "mine": 1}),
        # Of the wrong types.
        *({"absent": 5}, {"absent": "steps"}, {"json": [5]}, {"json": {}}, {"replaced": ["a"]}, {"bare_steps": []}),
        {"bare_steps": {"steps_key": "steps", "field": "action", "indices": [-1]}},
        {"bare_steps": {"steps_key": "steps", "field": "action", "indices": [True]}},
        {"bare_steps": {"steps_key": "steps", "indices": [0]}},
        {"bare_steps": {"steps_key": "steps", "field": 5, "indices": [0]}},
        *({"trace": -1}, {"trace": "0"}, {"source": 5}, {"read": []}, {"parent": 5}, {"tools": []}, {"format": None}),
        # Of the right types, but not about this data.
        {"json": ["steps[0].action"]},
        {"json": ["steps[9].action"]},
        {"json": ["steps"]},
        {"json": ["not a path"]},
        {"replaced": {"a.b": 1}},
        {"replaced": {"": 1}},
        {"absent": ["steps[0].action[0]x"]},
        {"bare_steps": {"steps_key": "steps", "field": "action", "indices": [9]}},
        {"bare_steps": {"steps_key": "steps", "field": "other", "indices": [0]}},
        {"bare_steps": {"steps_key": "steps", "field": "action", "indices": [0, 0]}},
    ],
)
def test_what_push_did_not_note_for_this_data_is_an_error(notes: Any) -> None:
    with pytest.raises(NotesError, match=r"its `ls_trajedit` .*, and only `push` writes under that key"):
        restore_trace({"steps": [{"action": "not JSON"}], "ls_trajedit": notes})


def test_options_that_name_nested_keys_work_on_traces_that_have_something_else_there() -> None:
    options = Options(id_key="meta.id", task_key="meta.task", final_answer_key="result.answer", edit_final_answer=True)
    traces: list[dict[str, Any]] = [
        {"meta": {"id": "a", "task": "t"}, "result": {"answer": "42"}, "steps": ["go"]},
        {"meta": "broken", "result": None, "steps": ["go"]},
    ]
    project = project_of(options, traces)
    assert [restore_trace(data) for data in project.data] == traces


@pytest.mark.parametrize(
    ("value", "text"), [(MISSING, None), (None, None), ("", ""), ("x", "x"), (0, "0"), ("é\n", "é\n"), ({}, "{}")]
)
def test_an_editor_holds_the_text_or_the_json_or_nothing(value: Any, text: str | None) -> None:
    assert editor_text(value) == text
