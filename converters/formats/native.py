"""`native/corrected.jsonl`: each edited trace in the format in which it was recorded, with nothing new in it but the
corrections. A line is what a file of such traces holds; of a session it is the list of its events.
"""

from __future__ import annotations

from collections.abc import Iterator

from ls_trajedit.converters.formats.base import Format, RowFormat, TrainingRow
from ls_trajedit.converters.training.sample import Sample

__all__ = ["FORMATS", "native_rows"]


def native_rows(sample: Sample) -> Iterator[TrainingRow]:
    """The row for an edited record.

    >>> from ls_trajedit.converters.example import example_sample
    >>> (row,) = native_rows(example_sample())
    >>> list(row.values), row.values["steps"][0]["action"]
    (['id', 'task', 'steps', 'final_answer'], "web_search(query='SF weather')")
    """
    if sample.record.edits and sample.traces is not None:
        yield TrainingRow(sample.traces.native)


FORMATS = (
    Format("native", (RowFormat("native/corrected.jsonl", native_rows, has_splits=False),), is_for_training=False),
)
