"""What is counted about training rows: once for all files, and why a row was left out of one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import TYPE_CHECKING

from ls_trajedit.converters.sums import Sums, number_in, numbers_in
from ls_trajedit.converters.training.split import SplitCounts

if TYPE_CHECKING:
    from ls_trajedit.converters.training.annotators_policy import Chosen
    from ls_trajedit.converters.training.sample import Sample

__all__ = ["Omission", "TrainingCounts"]


class Omission(str, Enum):
    """Why something that could be a row of a training file is not. The value is what the manifest calls it, where each
    is counted by file."""

    INVISIBLE = "invisible"
    """Original and correction are written the same under this template, white space at the ends aside."""
    EMPTY = "empty"
    """The chosen or the rejected turn is written as nothing, and a turn needs text; or a field was emptied that stands
    in a line with others, which says nothing without it."""
    STALE = "stale"
    """What it follows was recorded after an action that was corrected (`--stale exclude`, `truncate`)."""
    REGENERATED = "regenerated"
    """What it follows is stale in the same way, and a branch that somebody judged goes on from there instead."""
    NOISE = "noise"
    """Every edit in it is too small (`--min-edit-chars`, `--ignore-whitespace-edits`)."""
    LATER = "later"
    """It is not the first edited step of its trace (`--pairs first`)."""
    UNEDITED = "unedited"
    """Nothing was edited (`--prm-unedited exclude`)."""
    DISPUTED = "disputed"
    """An annotator changed something that no other changed in the same way (`--annotators-policy agree`)."""
    UNSURE = "unsure"
    """Its annotator is unsure about a step, or called it right and named an error in it."""
    UNKNOWN_LABEL = "unknown_label"
    """A step has a label of which nobody said whether it means right or wrong."""
    INCORRECT = "incorrect"
    """It would train on a step that its annotator called incorrect and did not rewrite."""
    BROKEN_CALL = "broken_call"
    """It holds a call whose recorded arguments are not a JSON object, or that names no tool: a row cannot show it."""
    UNUSABLE_TOOLS = "unusable_tools"
    """OpenAI refuses its tools: two that differ have one name, there are more than 128, or the parameters of one are
    not an object."""
    NO_PROMPT = "no_prompt"
    """Nothing was said before it, and trainers need a prompt."""
    RESTRUCTURED = "restructured"
    """Steps of the conversation were removed or inserted, and nobody knows how its own format would record that."""
    REMOVED = "removed"
    """A step was removed, and nothing new is to be said there: what comes instead was right before."""
    NO_NEXT = "no_next"
    """A step was removed or inserted at the end, so there is no next step to stand on the other side of the pair."""
    ANSWERS_OTHERS = "answers_others"
    """Others spoke after a removed step, so that what stands on the other side answers something else than it did."""


_ONLY_WHERE_IT_OCCURRED = ("actions_of_unknown_order", "contradictory_labels")


@dataclass
class TrainingCounts:
    """`records` are those from which rows are made; `annotations_left_out` and `edits_left_out` are what the policy for
    several annotators leaves out. The actions are those of the corrected steps, written as calls or as text; those of
    unknown order are among the latter. `contradictory_labels` counts the steps whose label contradicts another or an
    edit. `splits` counts the traces in each split; the manifest counts the rows of each file instead, and names the
    splits that are far from their shares."""

    records: int = 0
    annotations_left_out: int = 0
    edits_left_out: int = 0
    actions_as_calls: int = 0
    actions_as_text: int = 0
    actions_of_unknown_order: int = 0
    contradictory_labels: int = 0
    splits: SplitCounts = field(default_factory=SplitCounts)

    def add_choice(self, chosen: Chosen) -> None:
        """Counts what a policy made of one task."""
        self.records += len(chosen.records)
        self.annotations_left_out += chosen.annotations_left_out
        self.edits_left_out += chosen.edits_left_out

    def add_sample(self, sample: Sample) -> None:
        """Counts how the actions of a record are written, and where its labels contradict it."""
        calls, texts = sample.actions_as_calls_and_as_text()
        self.actions_as_calls += calls
        self.actions_as_text += texts
        self.contradictory_labels += len(sample.contradictory_steps)
        self.actions_of_unknown_order += sample.actions_of_unknown_order()

    def update(self, other: TrainingCounts) -> None:
        """Adds what another part of the same run counted."""
        for name, number in other.as_json().items():
            setattr(self, name, getattr(self, name) + number)
        self.splits.update(other.splits)

    def as_sums(self) -> Sums:
        """The counts, with the traces in each split, as numbers that can be added up to those of a run. How many
        traces have the same task is not among them: that would be a number for nearly every trace."""
        numbers: Sums = {name: number for name, number in self.as_json().items() if number}
        return numbers | ({"traces": dict(self.splits.traces)} if self.splits.traces else {})

    @classmethod
    def from_sums(cls, value: Sums, commonest: int) -> TrainingCounts:
        """The counts, given the sum of what `as_sums` gave for their parts, and how many traces have the commonest
        task. Raises ValueError for anything else."""
        numbers = {item.name: number_in(value, item.name) for item in fields(cls) if item.name != "splits"}
        splits = SplitCounts(Counter(numbers_in(value, "traces")), same_task=commonest)
        return cls(**numbers, splits=splits)

    def as_json(self) -> dict[str, int]:
        """The counts as the manifest has them: what only some data has is there only where it occurred."""
        counts = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "splits"}
        return {name: count for name, count in counts.items() if count or name not in _ONLY_WHERE_IT_OCCURRED}
