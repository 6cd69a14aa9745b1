"""What was counted once for all training files, however many there are."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from ls_trajedit.converters.training.annotators_policy import Chosen
from ls_trajedit.converters.training.sample import Sample

__all__ = ["TrainingCounts"]


@dataclass
class TrainingCounts:
    """`records` are those that rows are made of; `annotations_left_out` and `edits_left_out` what the policy for
    several annotators passes over. The actions are those of the corrected steps: written as calls, or as text."""

    records: int = 0
    annotations_left_out: int = 0
    edits_left_out: int = 0
    actions_as_calls: int = 0
    actions_as_text: int = 0

    def add_choice(self, chosen: Chosen) -> None:
        """Counts what a policy made of one task."""
        self.records += len(chosen.records)
        self.annotations_left_out += chosen.annotations_left_out
        self.edits_left_out += chosen.edits_left_out

    def add_sample(self, sample: Sample) -> None:
        """Counts how the actions of a record are written."""
        calls, texts = sample.actions_as_calls_and_as_text()
        self.actions_as_calls += calls
        self.actions_as_text += texts

    def update(self, other: TrainingCounts) -> None:
        """Adds what another part of the same run counted."""
        for name, number in asdict(other).items():
            setattr(self, name, getattr(self, name) + number)

    def as_json(self) -> dict[str, int]:
        """The counts as the manifest has them."""
        return asdict(self)
