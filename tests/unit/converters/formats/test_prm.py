"""The file for process reward models: which steps are right, which are wrong, and which traces are left out."""

from __future__ import annotations

from ls_trajedit.converters.training.rules import TrainingRules
from ls_trajedit.converters.training.sample import Sample
from tests.support.rows import rows
from tests.support.samples import record_of, sample_of

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
