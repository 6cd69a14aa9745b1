"""What is counted once for all training files."""

from __future__ import annotations

from typing import Any

import pytest

from ls_trajedit.converters.sums import Sums, add_sums
from ls_trajedit.converters.training.annotators_policy import Chosen, KeyedRecord
from ls_trajedit.converters.training.counts import TrainingCounts
from ls_trajedit.converters.training.split import SplitCounts, parse_splits
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


def test_the_counts_come_back_from_the_sum_of_what_their_parts_were_kept_as() -> None:
    """Twelve traces of one task are in one split: that is the commonest."""
    splits = SplitCounts()
    parts = [TrainingCounts(records=1, actions_of_unknown_order=2), TrainingCounts(records=2, contradictory_labels=1)]
    for _ in range(6):
        for part in parts:
            part.splits.add("train", "Go.")
            splits.add("train", "Go.")
    total: Sums = {}
    for part in parts:
        add_sums(total, part.as_sums())
    found = TrainingCounts.from_sums(total, commonest=12)
    whole = TrainingCounts(records=3, actions_of_unknown_order=2, contradictory_labels=1, splits=splits)
    assert found.as_json() == whole.as_json()
    uneven = list(found.splits.uneven(parse_splits("train=1/2,test=1/2")))
    assert uneven == list(splits.uneven(parse_splits("train=1/2,test=1/2")))
    assert [(split["split"], split["traces"], split["same_task"]) for split in uneven] == [
        ("train", 12, 12),
        ("test", 0, 12),
    ]


@pytest.mark.parametrize("value", [{"records": {}}, {"traces": 1}, {"traces": {"train": {}}}])
def test_what_no_counts_were_kept_as_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"not a number|is a number"):
        TrainingCounts.from_sums(value, 0)
