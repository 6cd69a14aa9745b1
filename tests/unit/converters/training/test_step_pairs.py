"""Edited steps as preference pairs: what precedes them, what is trained on, and what is left out and why."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ls_trajedit.converters.training.conversation import trajectory_of
from ls_trajedit.converters.training.counts import Omission
from ls_trajedit.converters.training.rendering import Rendering
from ls_trajedit.converters.training.rules import TrainingRules
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.converters.training.step_pairs import Completion, StepPair, completions, step_pairs
from ls_trajedit.traces.template import parse_template
from tests.support.samples import TEXT, TOOLS, Structure, chat_sample, sample_of

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


TRIMMED_BY_TEMPLATES = ["ls()\n", " \tls()", "ls()\u00a0", "\u2003ls()\u2028", "ls()\r\n\r\n"]


def found_pairs(sample: Sample) -> list[StepPair]:
    """The pairs, none of which is left out."""
    found = list(step_pairs(sample))
    assert all(isinstance(pair, StepPair) for pair in found), found
    return [pair for pair in found if isinstance(pair, StepPair)]


@pytest.mark.parametrize("typed", TRIMMED_BY_TEMPLATES)
def test_white_space_at_the_ends_of_a_turn_is_nothing_to_learn(typed: str) -> None:
    bare = Rendering(step=parse_template("{action}"))
    sample = sample_of([{"action": "ls()"}], (0, "action", typed), rendering=bare)
    assert list(step_pairs(sample)) == list(completions(sample)) == [Omission.INVISIBLE]
    assert trajectory_of(sample) == Omission.INVISIBLE
    back = sample_of([{"action": typed}], (0, "action", "ls()"), rendering=bare)
    assert list(step_pairs(back)) == [Omission.INVISIBLE]
    learned = replace(sample, rules=TrainingRules(edge_whitespace="learn"))
    (pair,) = step_pairs(learned)
    assert isinstance(pair, StepPair)
    assert (pair.chosen["content"], pair.rejected["content"]) == (typed, "ls()")


def test_white_space_in_the_middle_of_a_turn_is_an_edit() -> None:
    step = {"thought": "hm", "action": "ls()"}
    for field, typed in (("thought", "hm\n"), ("action", "ls( )"), ("action", " ls()"), ("action", "ls()\u200b")):
        assert len(found_pairs(sample_of([step], (0, field, typed)))) == 1, typed
    assert list(step_pairs(sample_of([step], (0, "action", "ls() ")))) == [Omission.INVISIBLE]
    assert list(step_pairs(sample_of([{"action": "f(x=1)"}], (0, "action", "f( x=1)\n"), rendering=TOOLS))) == [
        Omission.INVISIBLE
    ]


def test_an_emptied_field_takes_its_words_along() -> None:
    step = {"thought": "hm", "action": "rm()"}
    (pair,) = found_pairs(sample_of([step], (0, "action", "")))
    assert (pair.chosen["content"], pair.rejected["content"]) == ("Thought: hm", "Thought: hm\nAction: rm()")
    (pair,) = found_pairs(sample_of([step], (0, "thought", " \n")))
    assert pair.chosen["content"] == "Action: rm()"
    (pair,) = found_pairs(sample_of([{**step, "action": ""}], (0, "action", "ls()")))
    assert (pair.chosen["content"], pair.rejected["content"]) == ("Thought: hm\nAction: ls()", "Thought: hm")
    both = sample_of([step], (0, "action", ""), (0, "thought", ""))
    assert list(step_pairs(both)) == [Omission.EMPTY]
    assert list(step_pairs(sample_of([step], (None, "final_answer", ""), answer="42"))) == [Omission.EMPTY]


def test_a_field_that_was_emptied_beside_others_in_its_line_leaves_half_of_something() -> None:
    one_line = Rendering(step=parse_template("Thought: {thought} Action: {action}"))
    step = {"thought": "hm", "action": "rm()"}
    sample = sample_of([step, step], (0, "action", ""), (1, "action", "ls()"), rendering=one_line)
    first, second = step_pairs(sample)
    assert first == Omission.EMPTY
    assert isinstance(second, StepPair)
    assert trajectory_of(sample) == Omission.EMPTY
    call = Rendering(step=parse_template("{tool}({args})"))
    (stop,) = found_pairs(sample_of([{"tool": "stop", "args": ""}], (0, "tool", "end"), rendering=call))
    assert (stop.chosen["content"], stop.rejected["content"]) == ("end()", "stop()")
    gone = sample_of([{"tool": "stop", "args": "1"}], (0, "tool", ""), (0, "args", ""), rendering=call)
    assert list(step_pairs(gone)) == [Omission.EMPTY]


CALL = {"id": "c1", "type": "function", "function": {"name": "run", "arguments": "{}"}}
CHAT = {
    "messages": [
        {"role": "user", "content": "Go."},
        {"role": "assistant", "content": "Sure.", "reasoning_content": "Easy.", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "done"},
        {"role": "assistant", "content": "It is done.", "reasoning_content": "Say so."},
    ]
}


def test_what_was_emptied_in_a_chat_is_not_said() -> None:
    (pair,) = found_pairs(chat_sample(CHAT, {"steps[0].content": ""}))
    assert (pair.chosen["content"], len(pair.chosen["tool_calls"])) == ("", 1)
    assert list(step_pairs(chat_sample(CHAT, {"steps[1].content": " "}))) == [Omission.EMPTY]
    assert list(step_pairs(chat_sample(CHAT, {"steps[1].content": "It is done.\n"}))) == [Omission.INVISIBLE]
    assert list(step_pairs(chat_sample(CHAT, {"steps[1].reasoning": " Say so."}))) == [Omission.INVISIBLE]
    (pair,) = found_pairs(chat_sample(CHAT, {"steps[1].reasoning": ""}))
    assert pair.chosen == {"role": "assistant", "content": "It is done."}
    unnamed = chat_sample(CHAT, {"steps[0].tool_calls[0].name": "", "steps[1].content": "Done."})
    assert list(step_pairs(unnamed)) == [Omission.EMPTY, Omission.BROKEN_CALL]
    assert next(step_pairs(unnamed.as_text)) == Omission.EMPTY


def test_a_result_that_goes_with_a_removed_step_is_nothing_that_was_heard() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    source = {
        "id": "c1",
        "messages": [
            {"role": "user", "content": "Go."},
            {"role": "assistant", "content": "a", "tool_calls": [call]},
            {"role": "assistant", "content": "b"},
            {"role": "tool", "tool_call_id": "1", "content": "late"},
            {"role": "assistant", "content": "c"},
        ],
    }
    both = chat_sample(source, {"steps[2].content": "C"}, structure=Structure([0, 1], {}))
    # Nothing precedes C but the task.
    assert pairs_of(both) == [(0, "C", "a", 1, False), (0, "C", "b", 1, False), (0, "C", "c", 1, False)]
    # Here C answers what b has not heard.
    one = chat_sample(source, {"steps[2].content": "C"}, structure=Structure([1], {}))
    assert pairs_of(one) == ["answers_others", (1, "C", "c", 1, True)]
