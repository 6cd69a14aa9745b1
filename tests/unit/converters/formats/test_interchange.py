"""The interchange format: what a record becomes in each of its files."""

from __future__ import annotations

from typing import Any

import pytest

from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.converters.formats.base import TrainingRow
from ls_trajedit.converters.formats.interchange import CORRECTIONS
from ls_trajedit.converters.formats.registry import FORMATS
from ls_trajedit.converters.record import Record
from ls_trajedit.converters.training.sample import Sample
from tests.support.samples import record_of

STEPS = [{"action": "queyr"}]
EDITED = record_of(STEPS, (0, "action", "query"), task="Find the weather.", trace_id="traj_001")
UNEDITED = record_of(STEPS, task="Find the weather.", trace_id="traj_001")


def values(name: str, record: Record) -> list[Any]:
    (file,) = FORMATS[name].files
    return [row.values for row in file.rows(Sample(record)) if isinstance(row, TrainingRow)]


@pytest.mark.parametrize("record", [EDITED, UNEDITED])
def test_the_corrections_hold_every_record_as_it_is(record: Record) -> None:
    assert values("corrections", record) == [record]


def test_a_row_for_fine_tuning_is_the_task_and_the_corrected_trace() -> None:
    (row,) = values("sft", EDITED)
    assert list(row) == ["prompt", "completion", "trace_id"]
    assert (row["prompt"], row["trace_id"]) == ("Find the weather.", "traj_001")
    assert row["completion"].value() == {"task": "Find the weather.", "steps": [{"action": "query"}]}


def test_a_preference_is_the_corrected_trace_over_the_original() -> None:
    (row,) = values("dpo", EDITED)
    assert list(row) == ["prompt", "chosen", "rejected", "trace_id"]
    assert (row["prompt"], row["trace_id"]) == ("Find the weather.", "traj_001")
    assert row["chosen"].value() == {"task": "Find the weather.", "steps": [{"action": "query"}]}
    assert row["rejected"].value() == {"task": "Find the weather.", "steps": [{"action": "queyr"}]}


@pytest.mark.parametrize("name", ["sft", "dpo"])
def test_an_unedited_trace_has_nothing_to_train_on(name: str) -> None:
    assert values(name, UNEDITED) == []


def test_the_corrections_end_with_what_was_counted() -> None:
    counts = Counts()
    counts.kinds.update({"edited": 2, "unedited": 3, "rejected": 4})
    tail = CORRECTIONS.files[0].tail
    assert tail is not None
    assert tail(counts, ["train", "test"], False) == b'\n],\n"n_total": 5,\n"n_edited": 2,\n"n_unedited": 3}\n'
