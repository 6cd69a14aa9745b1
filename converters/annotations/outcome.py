"""What can become of an annotation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ls_trajedit.converters.record import Record, Reject, RowKey

if TYPE_CHECKING:
    from ls_trajedit.converters.annotations.review import ReviewExclusion
    from ls_trajedit.converters.traces import Traces

__all__ = ["Edited", "Excluded", "Outcome", "Rejected", "Skipped", "Unedited"]


@dataclass(frozen=True)
class Edited:
    """An annotation with at least one edit, or one step removed or inserted. `person` tells its annotator from every
    other, whatever the record calls them; None when nothing is known. `empty_insertions` counts the steps that were to
    be inserted and have nothing in them."""

    key: RowKey
    record: Record
    traces: Traces | None = None
    person: str | None = None
    empty_insertions: int = 0


@dataclass(frozen=True)
class Unedited:
    """An annotation that was read and changes nothing, otherwise as `Edited`."""

    key: RowKey
    record: Record
    traces: Traces | None = None
    person: str | None = None
    empty_insertions: int = 0


@dataclass(frozen=True)
class Rejected:
    """An annotation that could not be read."""

    key: RowKey
    reject: Reject


@dataclass(frozen=True)
class Skipped:
    """An annotation that the annotator skipped in Label Studio."""

    key: RowKey
    annotator: str


@dataclass(frozen=True)
class Excluded:
    """An annotation that the reading rules leave out. `by_review` says why, where it was a review's doing."""

    key: RowKey
    annotator: str
    by_review: ReviewExclusion | None = None


Outcome = Edited | Unedited | Rejected | Skipped | Excluded
"""What became of one annotation."""
