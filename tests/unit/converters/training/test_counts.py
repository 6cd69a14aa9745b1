"""What is counted once for all training files."""

from __future__ import annotations

from ls_trajedit.converters.training.annotators_policy import Chosen, KeyedRecord
from ls_trajedit.converters.training.counts import TrainingCounts
from tests.support.samples import TOOLS, record_of, sample_of


def test_records_what_a_policy_leaves_out_and_actions_are_counted() -> None:
    counts = TrainingCounts()
    counts.add_choice(Chosen([KeyedRecord((5, 8), record_of(["go"]))], annotations_left_out=2, edits_left_out=3))
    counts.add_sample(sample_of([{"action": "f(x=1)"}, {"action": "go"}, {"thought": "done"}], rendering=TOOLS))
    assert counts.as_json() == {
        "records": 1,
        "annotations_left_out": 2,
        "edits_left_out": 3,
        "actions_as_calls": 1,
        "actions_as_text": 1,
    }


def test_the_counts_of_two_parts_make_those_of_the_whole() -> None:
    counts = TrainingCounts(records=1, actions_as_text=2)
    counts.update(TrainingCounts(records=2, edits_left_out=1))
    assert counts == TrainingCounts(records=3, edits_left_out=1, actions_as_text=2)
