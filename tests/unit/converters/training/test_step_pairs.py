"""Edited steps as preference pairs: what precedes them, what is trained on, and what is left out and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ls_trajedit.converters.training.conversation import trajectory_of
from ls_trajedit.converters.training.counts import Omission
from ls_trajedit.converters.training.rules import TrainingRules
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.converters.training.step_pairs import Completion, completions, step_pairs
from ls_trajedit.traces.template import parse_template
from tests.support.samples import TEXT, TOOLS, sample_of

STEPS: list[Any] = [
    {"thought": "a", "action": "f()", "observation": "1"},
    {"thought": "b", "action": "g()", "observation": "2"},
    {"thought": "c", "action": "h()", "observation": "3"},
]


def pairs_of(sample: Sample) -> list[Any]:
    """Each pair as step, chosen, rejected, number of edits and whether it is stale; or why there is none."""
    return [
        found.value
        if isinstance(found, Omission)
        else (found.step, found.chosen["content"], found.rejected["content"], found.n_edits, found.is_stale)
        for found in step_pairs(sample)
    ]


def test_each_edited_step_is_one_pair_with_all_its_edits() -> None:
    edits = [(2, "action", "H()"), (0, "thought", "A"), (0, "action", "F()"), (None, "final_answer", "yes")]
    assert pairs_of(sample_of(STEPS, *edits, answer="no")) == [
        (0, "Thought: A\nAction: F()", "Thought: a\nAction: f()", 2, False),
        (2, "Thought: c\nAction: H()", "Thought: c\nAction: h()", 1, True),
        (3, "Final Answer: yes", "Final Answer: no", 1, True),
    ]


def test_the_prompt_holds_the_corrected_steps_before() -> None:
    sample = sample_of(STEPS, (0, "thought", "A"), (2, "action", "H()"))
    _, pair = [found for found in step_pairs(sample) if not isinstance(found, Omission)]
    assert [message["content"] for message in pair.prompt] == [
        "Do it.",
        "Thought: A\nAction: f()",
        "Observation: 1",
        "Thought: b\nAction: g()",
        "Observation: 2",
    ]


@pytest.mark.parametrize(
    ("field", "stale"),
    [("action", True), ("args.q", True), ("thought", False), ("observation", False)],
)
def test_what_follows_an_edited_action_is_stale(field: str, stale: bool) -> None:
    first = {"thought": "a", "action": "f", "args": {"q": "x"}, "observation": "1"}
    rendering = replace(TEXT, step=parse_template("{thought} {action} {args.q}"))
    second = {"thought": "b", "action": "g", "args": {"q": "x"}}
    sample = sample_of([first, second], (0, field, "new"), (1, "thought", "B"), rendering=rendering)
    *_, last = step_pairs(sample)
    assert not isinstance(last, Omission)
    assert last.is_stale is stale


def test_an_edited_action_that_the_template_does_not_show_is_invisible_and_makes_what_follows_stale() -> None:
    rendering = replace(TEXT, step=parse_template("{thought}"))
    sample = sample_of(STEPS, (0, "action", "F()"), (1, "thought", "B"), rendering=rendering)
    assert pairs_of(sample) == ["invisible", (1, "B", "b", 1, True)]


def test_an_edit_that_shows_only_in_what_was_heard_is_invisible() -> None:
    assert pairs_of(sample_of(STEPS, (1, "observation", "new"))) == ["invisible"]
    assert trajectory_of(sample_of(STEPS, (1, "observation", "new"))) is Omission.INVISIBLE


def test_calls_that_differ_in_their_spelling_only_are_the_same() -> None:
    steps = [{"action": "f( x = 1 )"}]
    assert pairs_of(sample_of(steps, (0, "action", "f(x=1)"), rendering=TOOLS)) == ["invisible"]
    assert len(pairs_of(sample_of(steps, (0, "action", "f(x=1)")))) == 1


def test_a_step_written_as_nothing_is_in_no_pair_but_its_correction_is_a_completion() -> None:
    rendering = replace(TEXT, step=parse_template("{action}"))
    emptied = sample_of([{"action": "f()"}, "x"], (0, "action", ""), rendering=rendering)
    assert pairs_of(emptied) == ["empty"]
    assert list(completions(emptied)) == [Omission.EMPTY]
    filled = sample_of([{"action": ""}, "x"], (0, "action", "f()"), rendering=rendering)
    assert pairs_of(filled) == ["empty"]
    (found,) = completions(filled)
    assert isinstance(found, Completion)
    assert found.chosen["content"] == "f()"


EDITED = [(0, "thought", "A"), (1, "action", "G()"), (2, "thought", "C")]


@pytest.mark.parametrize(
    ("rules", "pairs", "trained"),
    [
        (TrainingRules(), [0, 1, 2], [0, 1, 2]),
        (TrainingRules(stale="exclude"), [0, 1, "stale"], [0, 1, "stale"]),
        (TrainingRules(stale="truncate"), [0, 1, "stale"], [0, 1, "stale"]),
        (TrainingRules(pairs="first"), [0, "later", "later"], [0, 1, 2]),
        (TrainingRules(pairs="first", stale="exclude"), [0, "later", "later"], [0, 1, "stale"]),
        (TrainingRules(min_edit_chars=2), ["noise", "noise", "noise"], ["noise", "noise", "noise"]),
    ],
)
def test_the_rules_say_which_pairs_are_left_out(rules: TrainingRules, pairs: list[Any], trained: list[Any]) -> None:
    sample = sample_of(STEPS, *EDITED, rules=rules)
    assert [pair if isinstance(pair, str) else pair[0] for pair in pairs_of(sample)] == pairs
    assert [found.value if isinstance(found, Omission) else found.step for found in completions(sample)] == trained


def test_the_first_pair_is_the_first_that_can_be_one() -> None:
    rules = TrainingRules(pairs="first", min_edit_chars=2)
    sample = sample_of(STEPS, (0, "thought", "A"), (1, "thought", "better"), (2, "thought", "best"), rules=rules)
    assert [pair if isinstance(pair, str) else pair[0] for pair in pairs_of(sample)] == ["noise", 1, "later"]


def test_a_step_is_noise_only_when_all_its_edits_are() -> None:
    rules = TrainingRules(ignore_whitespace_edits=True)
    edits = [(0, "thought", " a"), (0, "action", "F()"), (1, "action", "g( )\n"), (2, "thought", "c c")]
    assert pairs_of(sample_of(STEPS, *edits, rules=rules)) == [
        (0, "Thought:  a\nAction: F()", "Thought: a\nAction: f()", 1, False),
        "noise",
        (2, "Thought: c c\nAction: h()", "Thought: c\nAction: h()", 1, True),
    ]


def test_noise_has_fewer_characters_than_are_asked_for() -> None:
    steps = ["abc", "abc"]
    edits = [(0, "action", "abcde"), (1, "action", "abcdef")]
    rules = TrainingRules(min_edit_chars=3)
    assert [pair if isinstance(pair, str) else pair[0] for pair in pairs_of(sample_of(steps, *edits, rules=rules))] == [
        "noise",
        1,
    ]


def test_an_edited_action_that_is_noise_makes_nothing_stale() -> None:
    rules = TrainingRules(ignore_whitespace_edits=True)
    assert pairs_of(sample_of(STEPS, (0, "action", "f( )"), (1, "thought", "B"), rules=rules)) == [
        "noise",
        (1, "Thought: B\nAction: g()", "Thought: b\nAction: g()", 1, False),
    ]
