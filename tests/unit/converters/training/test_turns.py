"""A step as turns: what the agent says, with or without calls, and what it hears."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ls_trajedit.converters.training.turns import call_id, step_turn
from tests.support.samples import TOOLS


@pytest.mark.parametrize(
    ("observation", "answers"),
    [(["a", {"b": 1}], ["a", '{"b":1}']), ("all", ["all", "(none recorded)"]), (["a"], ['["a"]', "(none recorded)"])],
)
def test_each_of_several_calls_gets_its_answer(observation: Any, answers: list[str]) -> None:
    calls = [{"name": "f", "arguments": {}}, {"name": "g", "arguments": {}}]
    turn = step_turn({"action": calls, "observation": observation}, 0, TOOLS, {})
    assert turn.heard == (
        {"role": "tool", "tool_call_id": "s00000c00", "name": "f", "content": answers[0]},
        {"role": "tool", "tool_call_id": "s00000c01", "name": "g", "content": answers[1]},
    )


def test_a_thought_is_never_a_call() -> None:
    turn = step_turn({"thought": "g(x=1)"}, 0, TOOLS, {})
    assert turn.said == {"role": "assistant", "content": "Thought: g(x=1)"}


def test_ids_of_calls_are_nine_letters_and_digits_and_no_two_are_the_same() -> None:
    places = [(step, position) for step in (0, 1, 99_999, 100_000, 250_000) for position in (0, 99, 100, 9_999)]
    ids = [call_id(*place) for place in places]
    assert all(re.fullmatch("[a-z0-9]{9}", found) for found in ids)
    assert len(set(ids)) == len(ids)
    assert ids[:2] == ["s00000c00", "s00000c99"]
