"""What a format is: its files, what one record becomes in each, and what is counted about their rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from ls_trajedit.converters.record import Record
from ls_trajedit.converters.sums import Sums, number_in, numbers_in, sums_in
from ls_trajedit.converters.training.argument_types import CallColumns
from ls_trajedit.converters.training.counts import Omission

if TYPE_CHECKING:
    from ls_trajedit.converters.annotations.counts import Counts
    from ls_trajedit.converters.training.sample import Sample

__all__ = ["Format", "RowFormat", "Rows", "Tally", "TrainingRow", "no_rows"]


@dataclass(frozen=True)
class TrainingRow:
    """A row of a file. `values` is the JSON object that is written. The rest is counted: how many of its characters a
    model is trained on, whether it is a preference pair, whether what it follows is stale, and how many images of the
    conversation it cannot hold."""

    values: Mapping[str, object] | Record
    trained_characters: int = 0
    is_pair: bool = False
    is_stale: bool = False
    images_left_out: int = 0


Rows: TypeAlias = "Callable[[Sample], Iterator[TrainingRow | Omission]]"


@dataclass(frozen=True)
class RowFormat:
    """One file of a format. `rows` gives the rows for a record, and why rows are left out.

    Rows are joined by `separator`, with `head` before the first and `tail` after the last. `tail` is given what was
    counted, the names of the splits, and whether files are written as shards. The defaults are those of JSON lines,
    where every row ends with a line end. `rows` and `tail` are functions of a module, never lambdas, so that a format
    can be sent to a worker process. A file without `has_splits` holds the rows of all splits. With `shards_in_folder`,
    its shards are alone in a folder.
    """

    file: str
    rows: Rows
    head: bytes = b""
    separator: bytes = b"\n"
    tail: Callable[[Counts, Sequence[str], bool], bytes] | None = None
    has_splits: bool = True
    shards_in_folder: bool = False

    @property
    def is_about_all(self) -> bool:
        """Whether records add nothing to it: it says something about the other files, and is never in shards."""
        return self.rows is no_rows and self.tail is not None


@dataclass(frozen=True)
class Format:
    """What `--format` names. `is_for_training` marks files that a trainer reads as they are; the others are the
    interchange format, which has no templates, splits or policies."""

    name: str
    files: tuple[RowFormat, ...]
    is_for_training: bool = True


@dataclass
class Tally:
    """What the manifest says about the rows of a training file: how many `characters` a model is trained on, how many
    rows are preference `pairs`, and how many are `stale`, because they follow something that was recorded in answer to
    a corrected action. `left_out` counts what could have been a row, by reason, and `images_left_out` the images that
    rows of this file cannot hold. `calls` are those in the rows: `datasets` loads some arguments as other values."""

    characters: int = 0
    pairs: int = 0
    stale: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    images_left_out: int = 0
    calls: CallColumns = field(default_factory=CallColumns)

    def add(self, row: TrainingRow | Omission) -> None:
        """Counts a row, or one that is left out."""
        if isinstance(row, Omission):
            self.left_out[row.value] += 1
        else:
            self.characters += row.trained_characters
            self.pairs += row.is_pair
            self.stale += row.is_stale
            self.images_left_out += row.images_left_out
            if isinstance(row.values, Mapping):
                self.calls.add(row.values)

    def update(self, other: Tally) -> None:
        """Adds what another part of the same run counted."""
        self.characters += other.characters
        self.pairs += other.pairs
        self.stale += other.stale
        self.left_out.update(other.left_out)
        self.images_left_out += other.images_left_out
        self.calls.update(other.calls)

    def as_sums(self) -> Sums:
        """The tally as numbers that can be added up to those of a run."""
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        sums: Sums = {name: number for name, number in numbers.items() if number}
        if self.left_out:
            sums["left_out"] = dict(self.left_out)
        if self.calls.messages:
            sums["calls"] = self.calls.as_sums()
        return sums

    @classmethod
    def from_sums(cls, value: Sums) -> Tally:
        """The tally, given the sum of what `as_sums` gave for its parts. Raises ValueError for anything else."""
        left_out, calls = numbers_in(value, "left_out"), sums_in(value, "calls")
        numbers = {name: number_in(value, name) for name in _NUMBERS}
        return cls(**numbers, left_out=Counter(left_out), calls=CallColumns.from_sums(calls))

    def as_json(self) -> dict[str, Any]:
        """The tally as the manifest has it."""
        retyped = self.calls.changes()
        return {
            "characters": self.characters,
            "pairs": self.pairs,
            "stale": self.stale,
            "left_out": self._left_out(_OF_SOME_DATA),
            **({"images_left_out": self.images_left_out} if self.images_left_out else {}),
            **({"retyped_arguments": retyped} if retyped else {}),
        }

    def omissions_json(self) -> dict[str, Any]:
        """What the manifest says about a file that no trainer reads: what could have been a row, if there is any."""
        left_out = self._left_out(list(Omission))
        return {"left_out": left_out} if left_out else {}

    def _left_out(self, rare: Collection[Omission]) -> dict[str, int]:
        """How often each omission occurred, the `rare` ones only if they did."""
        numbers = ((omission, self.left_out[omission.value]) for omission in Omission)
        return {omission.value: number for omission, number in numbers if number or omission not in rare}


_NUMBERS = ("characters", "pairs", "stale", "images_left_out")
_OF_SOME_DATA = {
    Omission.UNSURE,
    Omission.UNKNOWN_LABEL,
    Omission.INCORRECT,
    Omission.BROKEN_CALL,
    Omission.UNUSABLE_TOOLS,
    Omission.NO_PROMPT,
    Omission.RESTRUCTURED,
    Omission.REMOVED,
    Omission.NO_NEXT,
    Omission.ANSWERS_OTHERS,
    Omission.REGENERATED,
}
"""Reasons that only rows of conversations, of scored, removed or inserted steps, with odd tools or with branches have;
the manifest names them only where they occurred."""


def no_rows(sample: Sample) -> Iterator[TrainingRow | Omission]:
    """The rows of a file to which records add nothing."""
    return iter(())
