"""Which fields and steps act: what makes stale that follows them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ls_trajedit.converters.annotations.chat import make_edit
from ls_trajedit.converters.training.acts import is_act, is_acting_step
from ls_trajedit.converters.training.rendering import Rendering
from ls_trajedit.traces.template import parse_template

RESULT = replace(Rendering(), observation=parse_template("Result: {tool.result}"))


@pytest.mark.parametrize(
    ("step", "rendering", "expected"),
    [
        ({"thought": "a", "observation": "1"}, Rendering(), False),
        ({"thought": "a", "action": " \n", "note": None}, Rendering(), False),
        ({"action": "f()"}, Rendering(), True),
        ({"thought": "a", "args": {"q": "x"}}, Rendering(), True),
        ({"thought": "a", "args": {"q": ""}}, Rendering(), False),
        ({"thought": "a", "tool": {"result": "x"}}, RESULT, False),
        ({"thought": "a", "tool": {"result": "x", "name": "f"}}, RESULT, True),
        ({"reasoning": "a"}, Rendering(), True),
        ("look", Rendering(), True),
        (" ", Rendering(), False),
    ],
)
def test_a_step_acts_when_it_does_more_than_think(step: Any, rendering: Rendering, expected: bool) -> None:
    assert is_acting_step(step, is_chat=False, rendering=rendering) is expected


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ({"reasoning": "a", "heard": [{"role": "user", "content": "Hi."}]}, False),
        ({"reasoning": "a", "reasoning_2": "b", "content": "", "heard": []}, False),
        ({"content": "Hi.", "heard": []}, True),
        ({"tool_calls": [{"id": "c", "name": "f", "arguments": {}}], "heard": []}, True),
        ({"images": ["a.png"], "heard": []}, True),
    ],
)
def test_a_step_of_a_conversation_acts_when_it_says_or_calls_something(step: Any, expected: bool) -> None:
    assert is_acting_step(step, is_chat=True, rendering=Rendering()) is expected


@pytest.mark.parametrize(
    ("step", "field", "is_chat", "expected"),
    [
        (0, "thought", False, False),
        (0, "observation", False, False),
        (0, "action", False, True),
        (None, "final_answer", False, False),
        (0, "reasoning", True, False),
        (0, "reasoning_2", True, False),
        (0, "thought", True, True),
        (0, "tool_calls[0].name", True, True),
    ],
)
def test_an_edit_is_of_an_act_or_of_a_thought(step: int | None, field: str, is_chat: bool, expected: bool) -> None:
    assert is_act(make_edit(step, field, "a", "b", ""), is_chat=is_chat, rendering=Rendering()) is expected
