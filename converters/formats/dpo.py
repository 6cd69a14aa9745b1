"""`trajectory_dpo.jsonl`: for each edited annotation the task, the corrected trace and the original, as objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ls_trajedit.converters.formats.base import Format, RowFormat, TrainingRow
from ls_trajedit.converters.training.sample import Sample

__all__ = ["FORMAT", "dpo_row"]


def dpo_row(record: dict[str, Any]) -> dict[str, Any]:
    """The line for one edited record.

    >>> traces = {"original_trace": {"steps": ["a"]}, "corrected_trace": {"steps": ["b"]}}
    >>> row = dpo_row({"trace_id": "t", "task": "Go.", **traces})
    >>> row["chosen"], row["rejected"]
    ({'steps': ['b']}, {'steps': ['a']})
    """
    return {
        "prompt": record["task"],
        "chosen": record["corrected_trace"],
        "rejected": record["original_trace"],
        "trace_id": record["trace_id"],
    }


def _rows(sample: Sample) -> Iterator[TrainingRow]:
    if sample.record["n_edits"]:
        yield TrainingRow(dpo_row(sample.record))


FORMAT = Format("dpo", (RowFormat("trajectory_dpo.jsonl", _rows, has_splits=False),), is_for_training=False)
