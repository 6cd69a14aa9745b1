"""Templates of somebody's own with tool calls: what stands around an observation is no part of a tool's answer."""

from __future__ import annotations

from typing import Any

import pytest

from ls_trajedit.converters.training.rendering import Rendering
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.traces.template import parse_template
from tests.support.rows import rows, said, user
from tests.support.samples import TOOLS, chat_sample, sample_of

CALL = '{"name": "look", "arguments": {}}'


def tool_answers(rendering: Rendering, observation: Any) -> list[str]:
    """What the tool answers in the prompt of a step after a call with this observation."""
    steps = [{"action": CALL, **({} if observation is None else {"observation": observation})}, {"action": "a"}]
    (pair,) = rows("trl/dpo.jsonl", sample_of(steps, (1, "action", "b"), rendering=rendering))
    return [message["content"] for message in pair["prompt"] if message["role"] == "tool"]


@pytest.mark.parametrize(
    ("observation", "no_observation", "answer"),
    [
        ("Observation: {observation}", "Observation: (none recorded)", "(none recorded)"),
        ("Observation: {observation}", "Observation: nothing", "nothing"),
        ("Result: {observation}", "Result: nothing", "nothing"),
        ("<out>{observation}</out>", "<out>nothing</out>", "nothing"),
        ("Seen:\n{observation}\nEnd.", "Seen:\nnothing\nEnd.", "nothing"),
        ("{observation}", "nothing", "nothing"),
        ("{{{observation}}}", "{nothing}", "nothing"),
        # The default words, whatever the template.
        ("Result: {observation}", "Observation: (none recorded)", "(none recorded)"),
        # Words that are not those of the template stay.
        ("Result: {observation}", "Observation: nothing", "Observation: nothing"),
        ("Result: {observation}", "(nothing)", "(nothing)"),
    ],
)
def test_a_tool_answers_without_the_words_of_the_template(observation: str, no_observation: str, answer: str) -> None:
    rendering = Rendering(as_tool_calls=True, observation=parse_template(observation), no_observation=no_observation)
    assert tool_answers(rendering, None) == [answer]
    assert tool_answers(rendering, "It is sunny.") == ["It is sunny."]
    assert tool_answers(rendering, "Result: Observation: x") == ["Result: Observation: x"]


def test_openai_is_told_that_a_call_was_not_answered_in_the_same_words() -> None:
    rendering = Rendering(observation=parse_template("Result: {observation}"), no_observation="Result: nothing")
    call = {"id": "k", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    source = {
        "messages": [
            {"role": "user", "content": "Q"},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "assistant", "content": "done"},
        ]
    }
    sample = chat_sample(source, {"steps[1].content": "Done."})
    (row,) = rows("openai/dpo.jsonl", Sample(sample.record, rendering, traces=sample.traces))
    assert row["input"]["messages"][-1] == {"role": "tool", "tool_call_id": "k", "content": "nothing"}


def test_what_is_observed_after_a_step_without_text_is_not_the_tools_answer() -> None:
    steps = [{"action": CALL, "observation": "Sunny."}, {"action": " ", "observation": "Time is up."}, {"action": "a"}]
    (pair,) = rows("trl/dpo.jsonl", sample_of(steps, (2, "action", "b"), rendering=TOOLS))
    call = {"id": "s00000c00", "type": "function", "function": {"name": "look", "arguments": {}}}
    assert pair["prompt"] == [
        user("Do it."),
        said("", tool_calls=[call]),
        {"role": "tool", "tool_call_id": "s00000c00", "name": "look", "content": "Sunny."},
        user("Observation: Time is up."),
    ]
    (row,) = rows("openai/sft.jsonl", sample_of(steps, (2, "action", "b"), rendering=TOOLS))
    assert [message["role"] for message in row["messages"]] == ["user", "assistant", "tool", "user", "assistant"]


def test_two_such_steps_are_one_turn_of_the_user() -> None:
    steps = [{"action": CALL, "observation": "Sunny."}, *({"observation": text} for text in "xy"), {"action": "a"}]
    (pair,) = rows("trl/dpo.jsonl", sample_of(steps, (3, "action", "b"), rendering=TOOLS))
    assert pair["prompt"][-1] == user("Observation: x\n\nObservation: y")


@pytest.mark.parametrize(
    ("step", "observation"),
    [
        ("{tool}({args})", "{stdout}"),
        ("{action} ({note})", "{observation} ({code})"),
        ("{thought}", "Nothing"),
    ],
)
def test_templates_for_other_traces_lose_nothing_of_a_conversation_that_is_text(step: str, observation: str) -> None:
    call = {"id": "k", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    source = {
        "messages": [
            {"role": "user", "content": "Q"},
            {"role": "assistant", "content": "Let me see.", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "k", "content": "Sunny."},
            {"role": "assistant", "content": "sunny"},
        ]
    }
    rendering = Rendering(step=parse_template(step), observation=parse_template(observation))
    sample = chat_sample(source, {"steps[1].content": "Sunny."})
    (row,) = rows("llamafactory/sft.json", Sample(sample.record, rendering, traces=sample.traces))
    assert [turn["value"] for turn in row["conversations"]] == [
        "Q",
        "Thought: Let me see.\nAction: look({})",
        "Observation: Sunny.",
        "Sunny.",
    ]
