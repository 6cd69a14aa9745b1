"""The options of a labeling config, read back from it: with them, it is written once more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.label_config.chat_config import chat_shape, write_chat_config
from ls_trajedit.label_config.write_config import write_config
from ls_trajedit.label_config.written_options import written_chat_options, written_step_options
from ls_trajedit.traces.errors import ConfigError
from ls_trajedit.traces.options import Options, StepLabels, Templates
from ls_trajedit.traces.shape import shape_of
from tests.support.conversations import TRIP, data_of
from tests.support.strategies import Case, cases

LABELS = StepLabels(correctness=["correct", "incorrect"], error_types=["wrong tool", "<other>"])
ALL_FIELDS = ["content", "reasoning", "tool_calls[*].arguments", "tool_calls[*].name"]
SILENT = {"id": "s", "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]}


@given(cases())
def test_a_config_for_steps_is_written_once_more_from_its_own_options(case: Case) -> None:
    shape = shape_of(case.traces, case.options)
    config = write_config(case.options, shape)
    # How many steps there are is up to who writes the next config.
    found = replace(written_step_options(config), max_steps=case.options.max_steps)
    assert write_config(found, shape) == config


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"description": "Correct <it>.", "show_diff": False, "allow_reset": False},
        {"step_labels": LABELS, "require_reason_on_edit": True},
        {"allow_remove": True},
        {"allow_insert": 3, "require_reason_on_edit": True},
        {"edit_final_answer": True, "final_answer_key": "result", "task_key": "goal", "id_key": "run"},
        {"editable_fields": ["thought", "action"], "context_fields": ["observation"], "allow_insert": 1},
        {"layout": "repeater", "step_labels": LABELS, "allow_remove": True},
        {"allow_insert": 2, "templates": Templates(observation="{result}")},
    ],
)
def test_options_for_steps_come_back(chosen: dict[str, Any]) -> None:
    options = Options(**chosen)
    step = {"thought": "t", "action": "a", "observation": "o", "result": "r"}
    traces = [{"run": "r1", "id": "t1", "goal": "g", "steps": [step, step], "result": "x"}]
    shape = shape_of(traces, options)
    config = write_config(options, shape)
    assert write_config(written_step_options(config), shape) == config


@pytest.mark.parametrize("source", [TRIP, SILENT], ids=["calls", "no calls"])
@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"editable_fields": ALL_FIELDS, "allow_insert": 3, "allow_remove": True, "step_labels": LABELS},
        {"editable_fields": ["content"], "require_reason_on_edit": True, "allow_remove": True},
        {"description": "Correct it.", "show_edit_distance": False},
    ],
)
def test_options_for_conversations_come_back(chosen: dict[str, Any], source: dict[str, Any]) -> None:
    options = Options(**chosen)
    shape = chat_shape([data_of(source)])
    config = write_chat_config(options, shape)
    assert write_chat_config(written_chat_options(config), shape) == config


def test_what_no_conversation_had_so_far_can_be_corrected_in_the_next() -> None:
    shape = chat_shape([data_of(SILENT)])
    found = written_chat_options(write_chat_config(Options(), shape))
    assert set(found.editable_fields) == {"content", "tool_calls[*].arguments"}
    only_arguments = Options(editable_fields=["tool_calls[*].arguments"], allow_remove=True)
    found = written_chat_options(write_chat_config(only_arguments, shape))
    assert found.editable_fields == ["tool_calls[*].arguments"]


def test_a_config_that_no_options_make_is_refused() -> None:
    config = (
        '<View><Text name="a" value="$turns[0].say"/><TextArea name="b" toName="a"/>'
        '<Text name="c" value="$turns[0].id"/><Choices name="step_0__correctness" toName="a">'
        '<Choice value="yes"/><Choice value="yes"/></Choices></View>'
    )
    with pytest.raises(ConfigError, match="not one that ls-trajedit writes"):
        written_step_options(config)
