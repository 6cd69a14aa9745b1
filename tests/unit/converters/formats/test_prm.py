"""The file for process reward models: which steps are right, which are wrong, and which traces are left out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ls_trajedit.converters.annotations.outcome import Unedited
from ls_trajedit.converters.record import Removal
from ls_trajedit.converters.traces import ChatTraces
from ls_trajedit.converters.training.rules import TrainingRules
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.converters.training.verdicts import VerdictWords
from tests.support.rows import rows
from tests.support.samples import EditOf, LabelsOf, chat_outcome, hand_made_outcome, record_of, sample_of

WRONG_LAST = {"messages[3].content": ["Wrong"]}
STEPS = [{"thought": "a", "action": "f()"}, {}, {"thought": "b", "observation": "1"}]


def test_an_unedited_trace_is_right_in_every_step_or_left_out() -> None:
    (row,) = rows("prm/prm.jsonl", sample_of(STEPS, answer="done"))
    assert (row["completions"], row["labels"]) == (
        ["Thought: a\nAction: f()", "Thought: b", "Final Answer: done"],
        [True, True, True],
    )
    assert (row["step"], row["n_edits"]) == (-1, 0)
    exclude = TrainingRules(prm_unedited="exclude")
    assert rows("prm/prm.jsonl", sample_of(STEPS, rules=exclude)) == ["unedited"]
    noise = TrainingRules(prm_unedited="exclude", min_edit_chars=5)
    assert rows("prm/prm.jsonl", sample_of(STEPS, (0, "thought", "A"), rules=noise)) == ["unedited"]
    (kept,) = rows("prm/prm.jsonl", sample_of(STEPS, (0, "thought", "A"), rules=TrainingRules(min_edit_chars=5)))
    assert kept["labels"] == [True, True]
    for file in ("trl/sft.jsonl", "trl/dpo.jsonl", "trl/kto.jsonl", "openai/sft.jsonl", "llamafactory/sft.json"):
        assert rows(file, sample_of(STEPS)) == []


def test_a_step_whose_edit_does_not_show_counts_as_right() -> None:
    (row,) = rows("prm/prm.jsonl", sample_of(STEPS, (2, "observation", "2"), (2, "thought", "B")))
    assert row["labels"] == [True, False]
    (row,) = rows("prm/prm.jsonl", sample_of(STEPS, (2, "observation", "2")))
    assert (row["labels"], row["step"], row["n_edits"]) == ([True, True], -1, 0)


def test_a_trace_that_is_written_as_nothing_has_no_steps_to_judge() -> None:
    assert rows("prm/prm.jsonl", sample_of([{}, {"observation": "x"}])) == ["empty"]


def test_a_step_that_annotators_disagree_on_is_neither_right_nor_wrong() -> None:
    record = record_of(STEPS, (0, "thought", "A"))
    assert rows("prm/prm.jsonl", Sample(record, disputed=frozenset({2}))) == ["disputed"]
    assert len(rows("prm/prm.jsonl", Sample(record, disputed=frozenset({0})))) == 1


def test_the_prompt_is_what_was_said_before_the_first_step_even_where_that_was_removed() -> None:
    messages = [
        {"role": "user", "content": "Hi."},
        {"role": "assistant", "content": "Hello."},
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Look at a."},
        {"role": "assistant", "content": "ls"},
    ]
    outcome = chat_outcome({"id": "c", "messages": messages}, {"steps[0].content": "Hello."})
    assert isinstance(outcome, Unedited)
    assert isinstance(outcome.traces, ChatTraces)
    changes = (Removal(0, ""),)
    record = replace(outcome.record, structure=changes, n_edits=1)
    (row,) = rows("prm/prm.jsonl", Sample(record, traces=replace(outcome.traces, structure=changes)))
    # In the corrected trace, the system and the user speak before the first step.
    assert row["prompt"] == "Hi.\n"
    assert (row["completions"], row["labels"]) == (["Hello.", "ls"], [False, True])


def labels_of(*edits: EditOf, labels: LabelsOf, rules: TrainingRules | None = None) -> Any:
    """The labels in the row, or why there is no row. The steps that are written are 0 and 2; 1 says nothing."""
    (row,) = rows("prm/prm.jsonl", sample_of(STEPS, *edits, labels=labels, rules=rules))
    return row if isinstance(row, str) else row["labels"]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({(0, "correctness"): ["incorrect"], (2, "correctness"): ["correct"]}, [False, True]),
        ({(2, "correctness"): ["Incorrect"]}, [True, False]),
        ({(0, "correctness"): ["WRONG"], (2, "correctness"): ["❌ bad"]}, [False, False]),
        ({(0, "correctness"): ["correct"]}, [True, True]),
        ({(0, "correctness"): ["unsure"], (2, "correctness"): ["incorrect"]}, "unsure"),
        ({(1, "correctness"): ["unsure"]}, [True, True]),
        ({(0, "correctness"): ["so so"]}, "unknown_label"),
        ({(0, "error_type"): ["wrong tool"]}, [False, True]),
        ({(0, "error_type"): ["none"]}, [True, True]),
        ({(0, "correctness"): ["unsure"], (0, "error_type"): ["wrong tool"]}, "unsure"),
        ({(0, "correctness"): ["correct"], (0, "error_type"): ["wrong tool"]}, "unsure"),
        ({(0, "verdict"): ["incorrect"]}, [False, True]),
        ({(0, "needs_a_tool"): ["no"]}, [True, True]),
        ({(0, "is_correct"): ["no"]}, [False, True]),
    ],
)
def test_a_step_that_its_annotator_calls_wrong_is_wrong(labels: LabelsOf, expected: Any) -> None:
    assert labels_of(labels=labels) == expected


def test_an_edited_step_is_wrong_whatever_its_label_says() -> None:
    edit = (0, "action", "g()")
    for verdict in ("correct", "unsure", "so so", "incorrect"):
        assert labels_of(edit, labels={(0, "correctness"): [verdict]}) == [False, True]
    assert labels_of(edit, labels={(2, "correctness"): ["incorrect"]}) == [False, False]
    # The template does not show this edit, so the label decides.
    assert labels_of((2, "observation", "2"), labels={(2, "correctness"): ["incorrect"]}) == [True, False]
    contradictory = {(0, "correctness"): ["correct"], (2, "correctness"): ["correct"], (2, "error_type"): ["x"]}
    assert sample_of(STEPS, edit, labels=contradictory).contradictory_steps == {0, 2}
    assert sample_of(STEPS, labels={(0, "correctness"): ["correct"]}).contradictory_steps == set()


def test_the_options_say_what_other_words_mean() -> None:
    rules = TrainingRules(verdict_words=VerdictWords.of(["Gut"], ["schlecht", "no"], ["weiß nicht"]))
    assert labels_of(labels={(0, "correctness"): ["gut"]}, rules=rules) == [True, True]
    assert labels_of(labels={(0, "correctness"): ["Schlecht"]}, rules=rules) == [False, True]
    assert labels_of(labels={(0, "correctness"): ["Weiß nicht"]}, rules=rules) == "unsure"
    assert labels_of(labels={(0, "my_own"): ["No"]}, rules=rules) == [False, True]


def test_a_trace_that_was_scored_is_not_one_that_somebody_clicked_through() -> None:
    exclude = TrainingRules(prm_unedited="exclude")
    assert labels_of(labels={(0, "correctness"): ["incorrect"]}, rules=exclude) == [False, True]
    assert labels_of(labels={(0, "correctness"): ["correct"]}, rules=exclude) == [True, True]
    assert labels_of(labels={(0, "note"): ["long"]}, rules=exclude) == "unedited"


def test_steps_after_the_first_wrong_one_can_be_dropped() -> None:
    drop = TrainingRules(prm_after_error="drop")
    steps = [{"action": text} for text in "abcd"]
    sample = sample_of(steps, (2, "action", "C"), labels={(1, "correctness"): ["incorrect"]}, answer="z", rules=drop)
    (row,) = rows("prm/prm.jsonl", sample)
    assert (row["completions"], row["labels"]) == (["Action: a", "Action: b"], [True, False])
    assert (row["step"], row["n_edits"]) == (-1, 0)
    (row,) = rows("prm/prm.jsonl", sample_of(steps, (0, "action", "A"), (3, "action", "D"), rules=drop))
    assert (row["labels"], row["step"], row["n_edits"]) == ([False], 0, 1)
    (row,) = rows("prm/prm.jsonl", sample_of(steps, rules=drop))
    assert row["labels"] == [True] * 4
    (row,) = rows("prm/prm.jsonl", sample_of(steps, (None, "final_answer", "y"), answer="z", rules=drop))
    assert row["labels"] == [True] * 4 + [False]
    # Nobody asks about what comes after the error.
    open_later = {(1, "correctness"): ["incorrect"], (2, "correctness"): ["unsure"]}
    assert rows("prm/prm.jsonl", sample_of(steps, labels=open_later, rules=drop))[0]["labels"] == [True, False]
    assert rows("prm/prm.jsonl", sample_of(steps, labels=open_later)) == ["unsure"]
    record = record_of(steps, (1, "action", "B"))
    assert len(rows("prm/prm.jsonl", Sample(record, rules=drop, disputed=frozenset({2})))) == 1
    assert rows("prm/prm.jsonl", Sample(record, rules=drop, disputed=frozenset({0}))) == ["disputed"]


def test_a_turn_of_a_chat_that_is_called_wrong_is_wrong() -> None:
    turns = [("user", "Hi"), ("assistant", "Hello"), ("user", "Sum?"), ("assistant", "5")]
    messages = [{"role": role, "content": text} for role, text in turns]
    outcome = hand_made_outcome({"messages": messages}, {"messages[1].content": "Hello"}, labels=WRONG_LAST)
    assert isinstance(outcome, Unedited)
    (row,) = rows("prm/prm.jsonl", Sample(outcome.record, traces=outcome.traces))
    assert (row["completions"], row["labels"]) == (["Hello", "5"], [True, False])


def test_a_final_answer_that_is_called_wrong_is_wrong() -> None:
    data = {"id": "t", "task": "Go.", "steps": [{"action": "a"}], "final_answer": "42"}
    wrong = hand_made_outcome(data, {"steps[0].action": "a"}, labels={"final_answer": ["incorrect"]})
    assert isinstance(wrong, Unedited)
    assert [(label.step_index, label.choices) for label in wrong.record.source.step_labels] == [(None, ("incorrect",))]
    (row,) = rows("prm/prm.jsonl", Sample(wrong.record, traces=wrong.traces))
    assert (row["completions"], row["labels"]) == (["Action: a", "Final Answer: 42"], [True, False])
    # What was said of the task is not about the answer.
    task = hand_made_outcome(data, {"steps[0].action": "a"}, labels={"task": ["incorrect"]})
    assert isinstance(task, Unedited)
    assert task.record.source.step_labels == ()
