"""What the manifest says of a training file beside its rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ls_trajedit.converters.formats.base import TrainingRow
from ls_trajedit.converters.training.omission import Omission

__all__ = ["Tally"]


@dataclass
class Tally:
    """`characters` are those that are learned, `pairs` rows with two sides, `stale` rows that follow what was recorded
    in answer to something that was corrected. `left_out` counts what could have been a row, by reason."""

    characters: int = 0
    pairs: int = 0
    stale: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    def add(self, row: TrainingRow | Omission) -> None:
        """Counts a row, or one that is left out."""
        if isinstance(row, Omission):
            self.left_out[row.value] += 1
        else:
            self.characters += row.trained_characters
            self.pairs += row.is_pair
            self.stale += row.is_stale

    def update(self, other: Tally) -> None:
        """Adds what another part of the same run counted."""
        self.characters += other.characters
        self.pairs += other.pairs
        self.stale += other.stale
        self.left_out.update(other.left_out)

    def as_json(self) -> dict[str, Any]:
        """The tally as the manifest has it."""
        return {
            "characters": self.characters,
            "pairs": self.pairs,
            "stale": self.stale,
            "left_out": {omission.value: self.left_out[omission.value] for omission in Omission},
        }
