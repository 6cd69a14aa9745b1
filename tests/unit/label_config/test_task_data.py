"""Every trace can be imported, and comes back as it was."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.label_config.task_data import editor_text, is_json_text, restore_trace, shown_value, to_task_data
from ls_trajedit.label_config.write_config import shown_fields
from ls_trajedit.traces.field_path import MISSING, parse_path
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


def test_a_trace_that_needs_nothing_is_its_own_task_data() -> None:
    trace = {"id": "t", "steps": [{"action": "go", "n": 5}], "extra": {"deep": [1, None]}}
    assert task_data(trace, fields=("action",), top=("id",)) == trace


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
    assert is_json_text(data, ("steps", 0, "action"))
    assert not is_json_text(data, ("steps", 0, "n"))
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
    assert shown_value(data, parse_path(key)) is shown
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
    assert shown_value(data, ("id",)) == ""
    assert shown_value(data, ("steps", 0, "action")) == ""
    assert restore_trace(data) == {"id": "", "steps": [{"action": ""}]}


def test_a_field_that_a_step_lacks_is_not_made_up() -> None:
    trace = {"steps": [{"thought": "hm", "action": None}, {}, "bare"]}
    data = task_data(trace, fields=("action", "args.query"))
    assert data["steps"] == [{"thought": "hm", "action": None}, {}, {"action": "bare"}]
    assert shown_value(data, ("steps", 0, "action")) is None
    assert shown_value(data, ("steps", 1, "action")) is MISSING


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
    foreign: dict[str, Any] = {"steps": [{"action": 5}], "ls_trajedit": "somebody's own key"}
    assert restore_trace(foreign) == foreign
    assert shown_value(foreign, ("steps", 0, "action")) == 5
    assert not is_json_text(foreign, ("steps", 0, "action"))


@pytest.mark.parametrize(
    ("notes", "error"),
    [
        ({"json": ["steps[0].action"]}, ValueError),
        ({"json": ["steps[9].action"]}, AttributeError),
        ({"replaced": {"a.b": 1}}, KeyError),
        ({"replaced": ["a"]}, AttributeError),
        ({"bare_steps": {"steps_key": "steps", "field": "action", "indices": [9]}}, IndexError),
        ({"absent": 5}, TypeError),
    ],
)
def test_notes_that_do_not_fit_the_data_are_an_error_that_the_caller_can_catch(
    notes: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
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
