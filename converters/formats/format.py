"""What a training format is: a file, and what one record becomes in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from ls_trajedit.converters.counts import Counts

__all__ = ["Format", "edited_only"]


@dataclass(frozen=True)
class Format:
    """`row` makes of a record (`record.build_record`) what stands in `file` for it, or None for nothing.

    Rows are joined by `separator`, with `head` before the first and `tail` behind the last. The defaults are those
    of JSON lines, where a line end follows each row. `row` and `tail` are functions of a module, and no lambdas, so
    that a format can be sent to a worker process.
    """

    name: str
    file: str
    row: Callable[[dict[str, Any]], dict[str, Any] | None]
    head: bytes = b""
    separator: bytes = b"\n"
    tail: Callable[[Counts], bytes] | None = None


def edited_only(row: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[dict[str, Any]], dict[str, Any] | None]:
    """`row`, and None for a record without edits: an unchanged trace is nothing to train on."""
    return partial(_row_if_edited, row)


def _row_if_edited(row: Callable[[dict[str, Any]], dict[str, Any]], record: dict[str, Any]) -> dict[str, Any] | None:
    return row(record) if record["n_edits"] else None
