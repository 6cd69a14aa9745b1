"""`rejects.jsonl`: the annotations that became no record, and why. It is always written, so no table offers it."""

from __future__ import annotations

from collections.abc import Iterator

from ls_trajedit.converters.formats.base import RowFormat, TrainingRow
from ls_trajedit.converters.training.sample import Sample

__all__ = ["FORMAT"]


def _rows(sample: Sample) -> Iterator[TrainingRow]:
    """Nothing: a record was not rejected."""
    return iter(())


FORMAT = RowFormat("rejects.jsonl", _rows, has_splits=False)
