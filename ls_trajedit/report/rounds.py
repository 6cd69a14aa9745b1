"""How many traces needed no correction in each round: in the traces that were pushed, and in the branches that continue
them after a correction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ls_trajedit.converters.record import Parent
from ls_trajedit.report.records import AnnotatedTrace

__all__ = ["BranchLine", "Rounds"]


@dataclass(frozen=True)
class BranchLine:
    """A branch, what it continues, and what became of it: how many corrections its annotations make together."""

    trace_id: str
    round: int
    parent: Parent
    is_superseded: bool
    is_judged: bool
    corrections: int


@dataclass
class Rounds:
    """`traces` counts traces by round, those with at least one annotation that somebody has opened; they are among
    `without_correction` when none of these changes anything. `unopened` counts the other traces, and `superseded`
    the branches whose correction has been changed since: neither is in a round. `branches` are all branches."""

    traces: Counter[int] = field(default_factory=Counter)
    without_correction: Counter[int] = field(default_factory=Counter)
    unopened: int = 0
    superseded: int = 0
    branches: list[BranchLine] = field(default_factory=list)

    def add_task(self, records: Sequence[AnnotatedTrace]) -> None:
        """Counts the annotations of one task, of which there is at least one."""
        branch = records[0].branch
        judged = [record for record in records if not record.is_unopened]
        corrections = sum(record.corrections for record in judged)
        if branch is not None:
            self.branches.append(
                BranchLine(
                    records[0].trace_id, branch.round, branch.parent, branch.superseded, bool(judged), corrections
                )
            )
        if branch is not None and branch.superseded:
            self.superseded += 1
        elif not judged:
            self.unopened += 1
        else:
            number = 1 if branch is None else branch.round
            self.traces[number] += 1
            self.without_correction[number] += not corrections
