"""Options: what is in them beside the values, and the paths that they name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ls_trajedit.traces.options import Options, StepLabels
from ls_trajedit.traces.options_file import options_from


def test_what_is_not_the_default_counts_as_given_and_what_was_given_stays_so() -> None:
    assert Options().given == ()
    assert Options(steps_key="turns", editable_fields=["thought"]).given == ("editable_fields", "steps_key")
    assert options_from({"steps_key": "steps"}, "x").given == ("steps_key",)
    assert options_from({"from": None}, "x").given == ("from_",)
    assert replace(options_from({"steps_key": "steps"}, "x"), layout="repeater").given == ("layout", "steps_key")
    assert Options(step_text_key="content").given == ("step_text_key",)
    assert options_from({"editable_fields": ["action"]}, "x").given == ("editable_fields",)


def test_options_are_equal_when_their_values_are() -> None:
    assert options_from({"steps_key": "steps"}, "x") == Options()


def test_the_task_is_looked_for_under_its_key_then_task_then_text() -> None:
    assert Options().task_paths == (("task_description",), ("task",), ("text",))
    assert Options(task_key="text").task_paths == (("text",), ("task",))
    assert Options(task_key="meta.goal").task_paths == (("meta", "goal"), ("task",), ("text",))


def test_keys_and_fields_are_also_there_as_paths() -> None:
    options = Options(steps_key="run.turns", id_key="meta.id", final_answer_key="end", editable_fields=["a", "b[0].c"])
    assert options.steps_path == ("run", "turns")
    assert options.id_path == ("meta", "id")
    assert options.final_answer_path == ("end",)
    assert options.editable_paths == (("a",), ("b", 0, "c"))
    assert (options.tools_path, Options(tools_key="meta.tools").tools_path) == (None, ("meta", "tools"))


def test_the_paths_of_changed_options_are_the_new_ones() -> None:
    options = Options()
    assert options.steps_path == ("steps",)
    assert replace(options, steps_key="turns").steps_path == ("turns",)


@pytest.mark.parametrize(
    ("key", "value"), [("steps_key", "task.steps"), ("final_answer_key", "task"), ("id_key", "task.id")]
)
def test_the_task_is_not_looked_for_where_something_else_is(key: str, value: str) -> None:
    assert options_from({key: value}, "x").task_paths == (("task_description",), ("text",))


def test_one_field_can_be_both_id_and_task() -> None:
    assert Options(id_key="question", task_key="question").task_paths == (("question",), ("task",), ("text",))


def test_step_labels_default_to_none() -> None:
    assert StepLabels() == Options().step_labels == StepLabels(correctness=[], error_types=[])
