"""What traces have in common decides what the config shows."""

from __future__ import annotations

from typing import Any

import pytest

from ls_trajedit.traces.errors import OptionsError
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.shape import TraceShape, check_options, shape_of

TRACES: list[dict[str, Any]] = [
    {"id": "a", "task": "t", "steps": [{"thought": "x", "action": "y"}, "bare"]},
    {"text": "t", "final_answer": None, "steps": [{"args": {"q": 1}, "thought": None, "note": "n"}] * 3},
]


def test_the_shape_counts_steps_and_lists_fields_in_order_of_first_appearance() -> None:
    shape = shape_of(TRACES, Options(editable_fields=["action", "args.q", "thought", "args.nothing"]))
    assert shape == TraceShape(
        longest=3,
        step_keys=("thought", "action", "args", "note"),
        text_keys=("thought", "action", "note"),
        found_fields=frozenset({("action",), ("args", "q"), ("thought",)}),
        task_paths=frozenset({("task",), ("text",)}),
        has_id=True,
        has_final_answer=False,
    )


def test_a_step_that_is_a_string_has_the_field_that_the_options_name() -> None:
    shape = shape_of([{"steps": ["go"]}], Options(step_text_key="content"))
    assert shape.step_keys == shape.text_keys == ("content",)
    assert shape.found_fields == {("content",)}


def test_keys_may_be_nested_in_the_trace() -> None:
    options = Options(id_key="m.id", task_key="m.task", final_answer_key="r.answer", steps_key="r.steps")
    shape = shape_of([{"m": {"id": 0, "task": ""}, "r": {"steps": ["go"], "answer": []}, "task": "no"}], options)
    assert (shape.has_id, shape.task_paths, shape.has_final_answer) == (True, frozenset({("m", "task")}), True)


def test_the_final_answer_is_not_taken_for_the_task() -> None:
    shape = shape_of([{"steps": ["go"], "text": "42"}], Options(final_answer_key="text"))
    assert (shape.task_paths, shape.has_final_answer) == (frozenset(), True)


def test_without_traces_there_is_no_shape() -> None:
    assert shape_of([], Options()) == TraceShape()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (["acton"], "traces.jsonl: no step has `acton`, which `editable_fields` names; did you mean `action`?"),
        (["action", "args.z"], "traces.jsonl: no step has `args.z`, which `editable_fields` names"),
        (["reply"], "traces.jsonl: no step has `reply`, which `editable_fields` names"),
    ],
)
def test_an_editable_field_that_no_step_has_is_an_error_that_names_the_fields_there_are(
    fields: list[str], message: str
) -> None:
    options = Options(editable_fields=fields)
    with pytest.raises(OptionsError) as error:
        check_options(options, shape_of(TRACES, options), "traces.jsonl")
    assert str(error.value).startswith(message)
    assert str(error.value).endswith("(fields of the steps: thought, action, args, note)")


def test_a_field_that_is_null_everywhere_cannot_be_edited() -> None:
    options = Options()
    with pytest.raises(OptionsError, match="no step has `action`"):
        check_options(options, shape_of([{"steps": [{"action": None}]}], options), "x")


def test_editable_fields_that_the_traces_have_are_fine() -> None:
    options = Options(editable_fields=["action", "args.q"])
    check_options(options, shape_of(TRACES, options), "x")
