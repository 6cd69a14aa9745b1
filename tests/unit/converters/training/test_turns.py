"""A step as turns: what the agent says, with or without calls, and what it hears."""

from __future__ import annotations

from typing import Any

import pytest

from ls_trajedit.converters.training.turns import step_turn
from tests.support.samples import TOOLS


@pytest.mark.parametrize(
    ("observation", "answers"),
    [(["a", {"b": 1}], ["a", '{"b":1}']), ("all", ["all", "(none recorded)"]), (["a"], ['["a"]', "(none recorded)"])],
)
def test_each_of_several_calls_gets_its_answer(observation: Any, answers: list[str]) -> None:
    calls = [{"name": "f", "arguments": {}}, {"name": "g", "arguments": {}}]
    turn = step_turn({"action": calls, "observation": observation}, 0, TOOLS, {})
    assert turn.heard == (
        {"role": "tool", "tool_call_id": "call_0_0", "name": "f", "content": answers[0]},
        {"role": "tool", "tool_call_id": "call_0_1", "name": "g", "content": answers[1]},
    )


def test_a_thought_is_never_a_call() -> None:
    turn = step_turn({"thought": "g(x=1)"}, 0, TOOLS, {})
    assert turn.said == {"role": "assistant", "content": "Thought: g(x=1)"}
