"""`trajectory_corrections.json`: every record, the unedited ones too, with both traces and every edit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.converters.formats.base import Format, RowFormat, TrainingRow
from ls_trajedit.converters.training.sample import Sample

__all__ = ["FILE", "FORMAT"]

FILE = "trajectory_corrections.json"


def _rows(sample: Sample) -> Iterator[TrainingRow]:
    yield TrainingRow(sample.record)


def _tail(counts: Counts, sides: Sequence[str]) -> bytes:
    edited, unedited = counts.kinds["edited"], counts.kinds["unedited"]
    return f'\n],\n"n_total": {edited + unedited},\n"n_edited": {edited},\n"n_unedited": {unedited}}}\n'.encode()


_FILE = RowFormat(FILE, _rows, head=b'{"records": [\n', separator=b",\n", tail=_tail, has_splits=False)
FORMAT = Format("corrections", (_FILE,), is_for_training=False)
