"""The training formats: what a record becomes in each file."""

from __future__ import annotations

from typing import Any

import pytest

from ls_trajedit.converters.counts import Counts
from ls_trajedit.converters.formats import FORMATS

from .strategies import exact

RECORD: dict[str, Any] = {
    "trace_id": "traj_001",
    "annotator": "3",
    "task": "Find the weather.",
    "original_trace": {"task": "Find the weather.", "steps": [{"action": "queyr"}]},
    "corrected_trace": {"task": "Find the weather.", "steps": [{"action": "query"}]},
    "edits": [{"field": "action"}],
    "n_edits": 1,
    "total_edit_distance": 2,
    "source": {"task_id": 5},
}
UNEDITED = {**RECORD, "corrected_trace": RECORD["original_trace"], "edits": [], "n_edits": 0, "total_edit_distance": 0}


def test_the_files_have_the_names_and_the_order_of_the_documentation() -> None:
    assert [(name, format_.name, format_.file) for name, format_ in FORMATS.items()] == [
        ("corrections", "corrections", "trajectory_corrections.json"),
        ("sft", "sft", "trajectory_sft.jsonl"),
        ("dpo", "dpo", "trajectory_dpo.jsonl"),
    ]


@pytest.mark.parametrize("record", [RECORD, UNEDITED])
def test_the_corrections_hold_every_record_as_it_is(record: dict[str, Any]) -> None:
    assert FORMATS["corrections"].row(record) == record


def test_a_line_to_fine_tune_on_is_the_task_and_the_corrected_trace() -> None:
    assert exact(FORMATS["sft"].row(RECORD)) == exact(
        {"prompt": "Find the weather.", "completion": RECORD["corrected_trace"], "trace_id": "traj_001"}
    )


def test_a_preference_is_the_corrected_trace_over_the_original() -> None:
    assert exact(FORMATS["dpo"].row(RECORD)) == exact(
        {
            "prompt": "Find the weather.",
            "chosen": RECORD["corrected_trace"],
            "rejected": RECORD["original_trace"],
            "trace_id": "traj_001",
        }
    )


@pytest.mark.parametrize("name", ["sft", "dpo"])
def test_there_is_nothing_to_train_on_in_an_unedited_trace(name: str) -> None:
    assert FORMATS[name].row(UNEDITED) is None


def test_the_corrections_end_with_what_was_counted() -> None:
    counts = Counts()
    counts.kinds.update({"edited": 2, "unedited": 3, "rejected": 4})
    tail = FORMATS["corrections"].tail
    assert tail is not None
    assert tail(counts) == b'\n],\n"n_total": 5,\n"n_edited": 2,\n"n_unedited": 3}\n'
