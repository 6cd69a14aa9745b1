"""What is counted about training rows: once for all files, and why a row was left out of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
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
    BROKEN_CALL = "broken_call"
    """It holds a call whose recorded arguments are not a JSON object, which a row cannot show as a call."""
    NO_PROMPT = "no_prompt"
    """Nothing was said before it, and trainers need a prompt."""


@dataclass
class TrainingCounts:
    """`records` are those from which rows are made; `annotations_left_out` and `edits_left_out` are what the policy for
    several annotators leaves out. The actions are those of the corrected steps, written as calls or as text. `splits`
    counts the records in each split; the manifest counts the rows of each file instead."""

    records: int = 0
    annotations_left_out: int = 0
    edits_left_out: int = 0
    actions_as_calls: int = 0
    actions_as_text: int = 0
    splits: Counter[str] = field(default_factory=Counter)

    def add_choice(self, chosen: Chosen) -> None:
        """Counts what a policy made of one task."""
        self.records += len(chosen.records)
        self.annotations_left_out += chosen.annotations_left_out
        self.edits_left_out += chosen.edits_left_out

    def add_sample(self, sample: Sample, split: str | None = None) -> None:
        """Counts how the actions of a record are written, and in which split it is."""
        if split is not None:
            self.splits[split] += 1
        calls, texts = sample.actions_as_calls_and_as_text()
        self.actions_as_calls += calls
        self.actions_as_text += texts

    def update(self, other: TrainingCounts) -> None:
        """Adds what another part of the same run counted."""
        for name, number in other.as_json().items():
            setattr(self, name, getattr(self, name) + number)
        self.splits.update(other.splits)

    def empty_splits(self, names: Iterable[str]) -> list[str]:
        """The splits among `names` that got no record, although there are records: a warning for whoever trains."""
        return [name for name in names if not self.splits[name]] if self.records else []

    def as_json(self) -> dict[str, int]:
        """The counts as the manifest has them."""
        return {item.name: getattr(self, item.name) for item in fields(self) if item.name != "splits"}
