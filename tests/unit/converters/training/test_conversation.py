"""Traces as conversations: user and assistant alternate, whatever the steps lack."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ls_trajedit.converters.training.conversation import Trajectory, prompt_before, trajectory_of
from ls_trajedit.converters.training.counts import Omission
from ls_trajedit.converters.training.rendering import default_step_template
from ls_trajedit.converters.training.rules import TrainingRules
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.converters.training.step_pairs import step_pairs
from ls_trajedit.traces.template import parse_template
from tests.support.samples import TEXT, TOOLS, sample_of

NONE = "Observation: (none recorded)"
STEPS: list[Any] = [
    {"thought": "a", "action": "f()", "observation": "1"},
    {"thought": "b", "action": "g()", "observation": "2"},
    {"thought": "c", "action": "h()", "observation": "3"},
]
EDITED = [(0, "thought", "A"), (1, "action", "G()"), (2, "thought", "C")]


def conversation(sample: Sample) -> list[tuple[str, str]]:
    """The corrected conversation, each message as role and content."""
    found = trajectory_of(sample)
    assert isinstance(found, Trajectory)
    return [(message["role"], message["content"]) for message in found.corrected.messages]


def test_an_observation_is_what_the_user_says_and_a_missing_one_has_a_placeholder() -> None:
    steps: list[Any] = [
        {"thought": "a", "action": "f()", "observation": "1"},
        {"action": "g()"},
        {"thought": "c", "action": "h()", "observation": None},
    ]
    assert conversation(sample_of(steps, (0, "thought", "A"), answer="done")) == [
        ("user", "Do it."),
        ("assistant", "Thought: A\nAction: f()"),
        ("user", "Observation: 1"),
        ("assistant", "Action: g()"),
        ("user", NONE),
        ("assistant", "Thought: c\nAction: h()"),
        ("user", NONE),
        ("assistant", "Final Answer: done"),
    ]


def test_nothing_follows_the_last_thing_that_the_assistant_says() -> None:
    steps = [{"action": "f()", "observation": "1"}, {"action": "g()", "observation": "2"}]
    assert conversation(sample_of(steps, (1, "action", "h()"))) == [
        ("user", "Do it."),
        ("assistant", "Action: f()"),
        ("user", "Observation: 1"),
        ("assistant", "Action: h()"),
    ]


def test_a_step_that_says_nothing_is_not_a_turn_and_what_it_heard_is_added_to_what_was_heard() -> None:
    steps: list[Any] = [
        {"observation": "before"},
        {"action": "f()", "observation": "1"},
        {"note": "not in the template", "observation": "2"},
        {},
        {"action": "g()"},
        {"observation": "3"},
        {"action": "h()"},
        5,
        None,
    ]
    assert conversation(sample_of(steps, (1, "action", "F()"))) == [
        ("user", "Do it.\n\nObservation: before"),
        ("assistant", "Action: F()"),
        ("user", "Observation: 1\n\nObservation: 2"),
        ("assistant", "Action: g()"),
        ("user", "Observation: 3"),
        ("assistant", "Action: h()"),
    ]


def test_a_bare_step_is_its_one_field() -> None:
    assert conversation(sample_of(["look", "stop"], (0, "action", "search"))) == [
        ("user", "Do it."),
        ("assistant", "Action: search"),
        ("user", NONE),
        ("assistant", "Action: stop"),
    ]
    step = parse_template(default_step_template(["content"], TEXT.observation))
    rendering = replace(TEXT, step=step, bare_step_field="content")
    assert conversation(sample_of(["look"], (0, "content", "see"), rendering=rendering))[1] == (
        "assistant",
        "Content: see",
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [("null", "null"), ("42", "42"), ("a\r\nb", "a\r\nb"), (42, "42"), ({"k": [1]}, '{"k":[1]}')],
)
def test_strings_stay_as_they_are_and_other_values_are_json(value: Any, text: str) -> None:
    steps = [{"thought": "t", "action": "a", "observation": value}, {"action": "b"}]
    messages = conversation(sample_of(steps, (0, "thought", "T"), answer=value))
    assert messages[2] == ("user", f"Observation: {text}")
    assert messages[-1] == ("assistant", f"Final Answer: {text}")


def test_a_call_is_written_as_a_call_and_its_observation_as_the_answer_of_the_tool() -> None:
    steps: list[Any] = [
        {"thought": "a", "action": "f(x=1)", "observation": "one"},
        {"thought": "b", "action": "not a call", "observation": "two"},
        {"action": {"name": "g", "arguments": {}}},
        {"thought": "c"},
    ]
    sample = sample_of(steps, (0, "action", "f(x=2)"), answer="done", rendering=TOOLS)
    found = trajectory_of(sample)
    assert isinstance(found, Trajectory)
    calls = [
        {"id": "s00000c00", "type": "function", "function": {"name": "f", "arguments": {"x": 2}}},
        {"id": "s00002c00", "type": "function", "function": {"name": "g", "arguments": {}}},
    ]
    assert found.corrected.messages == [
        {"role": "user", "content": "Do it."},
        {"role": "assistant", "content": "Thought: a", "tool_calls": calls[:1]},
        {"role": "tool", "tool_call_id": "s00000c00", "name": "f", "content": "one"},
        {"role": "assistant", "content": "Thought: b\nAction: not a call"},
        {"role": "user", "content": "Observation: two"},
        {"role": "assistant", "content": "", "tool_calls": calls[1:]},
        {"role": "tool", "tool_call_id": "s00002c00", "name": "g", "content": "(none recorded)"},
        {"role": "assistant", "content": "Thought: c"},
        {"role": "user", "content": NONE},
        {"role": "assistant", "content": "Final Answer: done"},
    ]
    assert sample.actions_as_calls_and_as_text() == (2, 1)


def test_a_task_or_an_id_that_is_a_date_stays_text_and_a_lone_surrogate_is_replaced() -> None:
    sample = sample_of(["a"], (0, "action", "b\udc80"), task="2024-01-01", trace_id="2024-01-02")
    assert conversation(sample) == [("user", "2024-01-01 "), ("assistant", "Action: b\ufffd")]
    assert sample.columns(0, n_edits=1, is_stale=False)["trace_id"] == "2024-01-02 "


@pytest.mark.parametrize(
    ("rules", "spoken", "is_stale"),
    [
        (TrainingRules(), ["Thought: A\nAction: f()", "Thought: b\nAction: G()", "Thought: C\nAction: h()"], True),
        (TrainingRules(stale="truncate"), ["Thought: A\nAction: f()", "Thought: b\nAction: G()"], False),
    ],
)
def test_a_conversation_can_end_with_the_first_edited_action(
    rules: TrainingRules, spoken: list[str], is_stale: bool
) -> None:
    found = trajectory_of(sample_of(STEPS, *EDITED, rules=rules))
    assert isinstance(found, Trajectory)
    assert [message["content"] for message in found.corrected.messages if message["role"] == "assistant"] == spoken
    assert found.is_stale is is_stale


def test_a_conversation_with_something_stale_in_it_can_be_left_out() -> None:
    rules = TrainingRules(stale="exclude")
    assert trajectory_of(sample_of(STEPS, *EDITED, rules=rules)) is Omission.STALE
    assert isinstance(trajectory_of(sample_of(STEPS, (2, "action", "H()"), rules=rules)), Trajectory)
    assert isinstance(trajectory_of(sample_of(STEPS, (0, "thought", "A"), rules=rules)), Trajectory)


def test_a_trace_without_edits_or_with_noise_alone_is_not_a_conversation() -> None:
    assert trajectory_of(sample_of(STEPS)) is None
    assert list(step_pairs(sample_of(STEPS))) == []
    assert trajectory_of(sample_of(STEPS, (0, "thought", "A"), rules=TrainingRules(min_edit_chars=5))) is Omission.NOISE


@pytest.mark.parametrize(("observation", "text"), [("2024-01-01", "2024-01-01 "), ("a\udc80", "a\ufffd"), ("", NONE)])
def test_an_observation_is_written_so_that_it_can_be_loaded(observation: str, text: str) -> None:
    rendering = replace(TEXT, observation=parse_template("{observation}"))
    steps = [{"action": "f", "observation": observation}, {"action": "g"}]
    assert conversation(sample_of(steps, (0, "action", "F"), rendering=rendering))[2] == ("user", text)
    calls = [{"action": "f()", "observation": observation}, {"action": "g"}]
    assert prompt_before(sample_of(calls, (1, "action", "G"), rendering=TOOLS), 1)[-1]["content"] == (
        text if observation else ""
    )
