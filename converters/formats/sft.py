"""`trajectory_sft.jsonl`: for each edited annotation the task and the corrected trace, as objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ls_trajedit.converters.formats.base import Format, RowFormat, TrainingRow
from ls_trajedit.converters.training.sample import Sample

__all__ = ["FORMAT", "sft_row"]


def sft_row(record: dict[str, Any]) -> dict[str, Any]:
    """The line for one edited record.

    >>> sft_row({"trace_id": "traj_001", "task": "Find the weather.", "corrected_trace": {"steps": []}})
    {'prompt': 'Find the weather.', 'completion': {'steps': []}, 'trace_id': 'traj_001'}
    """
    return {"prompt": record["task"], "completion": record["corrected_trace"], "trace_id": record["trace_id"]}


def _rows(sample: Sample) -> Iterator[TrainingRow]:
    if sample.record["n_edits"]:
        yield TrainingRow(sft_row(sample.record))


FORMAT = Format("sft", (RowFormat("trajectory_sft.jsonl", _rows, has_splits=False),), is_for_training=False)
