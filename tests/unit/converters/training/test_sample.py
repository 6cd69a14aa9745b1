"""A record as trainers see it: its tools, and which of its edits count."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ls_trajedit.converters.training.rules import TrainingRules
from ls_trajedit.converters.training.sample import is_noise
from tests.support.samples import TOOLS, record_of, sample_of


def test_the_tools_are_those_that_the_trace_declares() -> None:
    declared = [
        {"name": "open_url", "description": "Opens.", "parameters": {"properties": {"url": {"type": "string"}}}}
    ]
    rendering = replace(TOOLS, tools_path=("meta", "tools"))
    steps = [{"action": "open_url('x')"}]
    sample = sample_of(steps, (0, "action", "open_url('y')"), rendering=rendering, extra={"meta": {"tools": declared}})
    assert sample.tools == [{"type": "function", "function": declared[0]}]
    said = sample.corrected[0].said
    assert said is not None
    assert said["tool_calls"][0]["function"]["arguments"] == {"url": "y"}
    without = sample_of(steps, (0, "action", "open_url('y')"), rendering=rendering)
    assert without.tools == []


@pytest.mark.parametrize(
    ("original", "edited", "rules", "noise"),
    [
        ("f(x)", "f( x )", TrainingRules(), False),
        ("f(x)", "f( x )", TrainingRules(ignore_whitespace_edits=True), True),
        ("f(x)", "f( y )", TrainingRules(ignore_whitespace_edits=True), False),
        ("f(x)", "f(xy)", TrainingRules(min_edit_chars=1), False),
        ("f(x)", "f(xy)", TrainingRules(min_edit_chars=2), True),
    ],
)
def test_the_rules_say_which_edits_are_noise(original: str, edited: str, rules: TrainingRules, noise: bool) -> None:
    (edit,) = record_of([original], (0, "action", edited)).edits
    assert is_noise(edit, rules) is noise
