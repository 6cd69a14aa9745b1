"""`native/corrected.jsonl`: each edited trace in the format in which it was recorded, with nothing new in it but the
corrections. A line is what a file of such traces holds; of a session it is the list of its events.

A conversation of which steps were removed or inserted has no line, because nobody knows how its format would record
that. A trace of the plain shape has: its steps are a list like any other.
"""

from __future__ import annotations

from collections.abc import Iterator

from ls_trajedit.converters.formats.base import Format, RowFormat, TrainingRow
from ls_trajedit.converters.training.counts import Omission
from ls_trajedit.converters.training.sample import Sample

__all__ = ["FORMATS", "native_rows"]


def native_rows(sample: Sample) -> Iterator[TrainingRow | Omission]:
    """The row for an edited record, or that there is none.

    >>> from ls_trajedit.converters.example import example_sample
    >>> (row,) = native_rows(example_sample())
    >>> list(row.values), row.values["steps"][0]["action"]
    (['id', 'task', 'steps', 'final_answer'], "web_search(query='SF weather')")
    """
    if sample.record.n_edits and sample.traces is not None:
        native = sample.traces.native
        yield Omission.RESTRUCTURED if native is None else TrainingRow(native)


FORMATS = (
    Format("native", (RowFormat("native/corrected.jsonl", native_rows, has_splits=False),), is_for_training=False),
)
