"""Which annotations of branches give rows, and what of a parent's rows was regenerated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ls_trajedit.converters.annotations.duplicates import TaskKey
from ls_trajedit.converters.annotations.outcome import Edited, Outcome, Unedited
from ls_trajedit.converters.branch_index import BranchIndex
from ls_trajedit.converters.record import ChatSource, Record
from ls_trajedit.converters.training.annotators_policy import KeyedRecord, choose_records
from ls_trajedit.converters.training.rules import TrainingRules
from ls_trajedit.converters.training.verdicts import step_verdicts

__all__ = ["NO_BRANCHES", "JoinedTask", "accepted_record", "gives_rows"]


@dataclass(frozen=True)
class JoinedTask:
    """A task, by its key, among the branches of a run; `branches` is None where there are none."""

    key: TaskKey | None
    branches: BranchIndex | None

    @property
    def has_branches(self) -> bool:
        """Whether the run has any branch."""
        return self.branches is not None

    def marked(self, outcome: Outcome) -> Outcome:
        """The outcome of an annotation of the task, whose record says so when the branch is superseded. One without an
        id is, because nobody knows that it is not."""
        if self.branches is None or (self.key is not None and self.key not in self.branches.superseded):
            return outcome
        if not isinstance(outcome, Edited | Unedited) or (branch := outcome.record.source.branch) is None:
            return outcome
        source = replace(outcome.record.source, branch=replace(branch, superseded=True))
        return replace(outcome, record=replace(outcome.record, source=source))

    def branch_point(self, record: Record) -> int | None:
        """The last step of the corrected trace before what was regenerated after this correction of the task; None
        where nothing was."""
        return None if self.branches is None else self.branches.branch_point(self.key, record)


NO_BRANCHES = JoinedTask(None, None)


def gives_rows(record: Record) -> bool:
    """Whether training rows may be made of the record. A copy says a second time what one person said, and a superseded
    branch continues something that nobody stands by any more."""
    branch = record.source.branch
    return record.source.copy_of is None and (branch is None or not branch.superseded)


def accepted_record(records: Sequence[KeyedRecord], rules: TrainingRules) -> KeyedRecord | None:
    """The record that stands for a branch that was found right as it is, given those of its task that somebody looked
    at; None where branches are not accepted, and for any other task. Those that the policy chooses must have nothing
    to change and no step to call anything but right; of several that say so, the first one stands for all."""
    if not rules.accept_branches or not records or records[0].record.source.branch is None:
        return None
    chosen = choose_records(records, rules).records
    return chosen[0] if chosen and all(_finds_it_right(item, rules) for item in chosen) else None


def _finds_it_right(item: KeyedRecord, rules: TrainingRules) -> bool:
    record = item.record
    if record.n_edits or item.disputed or (isinstance(record.source, ChatSource) and record.source.not_the_agents):
        return False
    steps = len(record.original_trace.steps)
    verdicts = item.verdicts
    if verdicts is None:
        verdicts = step_verdicts(record.source.step_labels, rules.verdict_words, steps)
    return all(verdict == "right" for verdict in verdicts.values())
