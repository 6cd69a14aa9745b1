"""The interchange format: traces as objects, for people to render, and the annotations that were rejected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ls_trajedit.converters.formats.base import Format, RowFormat, TrainingRow, no_rows

if TYPE_CHECKING:
    from ls_trajedit.converters.annotations.counts import Counts
    from ls_trajedit.converters.training.sample import Sample

__all__ = ["CORRECTIONS", "CORRECTIONS_FILE", "FORMATS", "REJECTS", "corrections_rows", "dpo_rows", "sft_rows"]

CORRECTIONS_FILE = "trajectory_corrections.json"


def corrections_rows(sample: Sample) -> Iterator[TrainingRow]:
    """The row for any record, unedited ones too: the record itself, with both traces and every edit."""
    yield TrainingRow(sample.record)


def sft_rows(sample: Sample) -> Iterator[TrainingRow]:
    """The row for an edited record, and for a branch that was accepted: the task and the corrected trace.

    >>> from ls_trajedit.converters.example import example_sample
    >>> (row,) = sft_rows(example_sample())
    >>> row.values["prompt"], row.values["completion"].steps[0]["action"], row.values["trace_id"]
    ('Find the weather in San Francisco.', "web_search(query='SF weather')", 'traj_001')
    """
    record = sample.record
    if record.n_edits or sample.is_accepted:
        yield TrainingRow(
            {"prompt": record.task, "completion": record.corrected_trace, "trace_id": record.trace_id},
        )


def dpo_rows(sample: Sample) -> Iterator[TrainingRow]:
    """The row for an edited record: the task, the corrected trace and the original one.

    >>> from ls_trajedit.converters.example import example_sample
    >>> (row,) = dpo_rows(example_sample())
    >>> row.values["chosen"].steps[0]["action"], row.values["rejected"].steps[0]["action"]
    ("web_search(query='SF weather')", "web_search(queyr='SF weather')")
    """
    record = sample.record
    if record.n_edits:
        yield TrainingRow(
            {
                "prompt": record.task,
                "chosen": record.corrected_trace,
                "rejected": record.original_trace,
                "trace_id": record.trace_id,
            }
        )


def _corrections_tail(counts: Counts, splits: Sequence[str], are_sharded: bool) -> bytes:
    edited, unedited = counts.kinds["edited"], counts.kinds["unedited"]
    return f'\n],\n"n_total": {edited + unedited},\n"n_edited": {edited},\n"n_unedited": {unedited}}}\n'.encode()


_CORRECTIONS = RowFormat(
    CORRECTIONS_FILE,
    corrections_rows,
    head=b'{"records": [\n',
    separator=b",\n",
    tail=_corrections_tail,
    has_splits=False,
)
CORRECTIONS = Format("corrections", (_CORRECTIONS,), is_for_training=False)
FORMATS = (
    CORRECTIONS,
    Format("sft", (RowFormat("trajectory_sft.jsonl", sft_rows, has_splits=False),), is_for_training=False),
    Format("dpo", (RowFormat("trajectory_dpo.jsonl", dpo_rows, has_splits=False),), is_for_training=False),
)

REJECTS = RowFormat("rejects.jsonl", no_rows, has_splits=False)
"""The file of the annotations that became no record. It is always written, so it belongs to no format."""
