"""What is counted about training rows: once for all files, and why a row was left out of one."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum

from ls_trajedit.converters.training.annotators_policy import Chosen
from ls_trajedit.converters.training.sample import Sample

__all__ = ["Omission", "TrainingCounts"]


class Omission(str, Enum):
    """Why something that could be a row of a training file is not. The value is what the manifest calls it, where each
    is counted by file."""

    INVISIBLE = "invisible"
    """Original and correction are written the same under this template."""
    EMPTY = "empty"
    """The chosen or the rejected turn is written as nothing, and a turn needs text."""
    STALE = "stale"
    """What it follows was recorded after an action that was corrected (`--stale exclude`, `truncate`)."""
    NOISE = "noise"
    """Every edit in it is too small (`--min-edit-chars`, `--ignore-whitespace-edits`)."""
    LATER = "later"
    """It is not the first edited step of its trace (`--pairs first`)."""
    UNEDITED = "unedited"
    """Nothing was edited (`--prm-unedited exclude`)."""
    DISPUTED = "disputed"
    """An annotator changed something that no other changed in the same way (`--annotators-policy agree`)."""


@dataclass
class TrainingCounts:
    """`records` are those from which rows are made; `annotations_left_out` and `edits_left_out` are what the policy for
    several annotators leaves out. The actions are those of the corrected steps, written as calls or as text."""

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
