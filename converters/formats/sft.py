"""`trajectory_sft.jsonl`: for each edited annotation the task and the corrected trace, as objects."""

from __future__ import annotations

from typing import Any

from ls_trajedit.converters.formats.format import Format, edited_only

__all__ = ["FORMAT", "sft_row"]


def sft_row(record: dict[str, Any]) -> dict[str, Any]:
    """The line for one edited record.

    >>> sft_row({"trace_id": "traj_001", "task": "Find the weather.", "corrected_trace": {"steps": []}})
    {'prompt': 'Find the weather.', 'completion': {'steps': []}, 'trace_id': 'traj_001'}
    """
    return {"prompt": record["task"], "completion": record["corrected_trace"], "trace_id": record["trace_id"]}


FORMAT = Format("sft", "trajectory_sft.jsonl", edited_only(sft_row))
