"""`trajectory_corrections.json`: every record, the unedited ones too, with both traces and every edit."""

from __future__ import annotations

from typing import Any

from ls_trajedit.converters.counts import Counts
from ls_trajedit.converters.formats.format import Format

__all__ = ["FORMAT"]


def _row(record: dict[str, Any]) -> dict[str, Any]:
    return record


def _tail(counts: Counts) -> bytes:
    edited, unedited = counts.kinds["edited"], counts.kinds["unedited"]
    return f'\n],\n"n_total": {edited + unedited},\n"n_edited": {edited},\n"n_unedited": {unedited}}}\n'.encode()


FORMAT = Format(
    "corrections", "trajectory_corrections.json", _row, head=b'{"records": [\n', separator=b",\n", tail=_tail
)
