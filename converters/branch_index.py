"""What the branches of a run say about each other and about the traces that they continue.

A branch counts as long as the correction that it continues is what it was. Where somebody has judged it, what stands
after that correction in its parent was regenerated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ls_trajedit.converters.annotations.convert_task import convert_task
from ls_trajedit.converters.annotations.duplicates import TaskKey, task_key
from ls_trajedit.converters.annotations.outcome import Edited, Unedited
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.record import Branch, Identity, Record
from ls_trajedit.label_config.branch_note import branch_of
from ls_trajedit.label_config.schema import Schema

__all__ = ["BranchIndex", "TaskFacts", "branch_in", "branch_index", "index_of", "parents_of", "task_facts"]


def _sha256(record: Record) -> str:
    # With all that continues a trace, which hardly any run has to do with.
    from ls_trajedit.converters.branches import correction_sha256

    return correction_sha256(record)


@dataclass(frozen=True)
class BranchIndex:
    """`superseded` are the branches whose correction is not what it was, or is gone, or comes after such a branch.
    `regenerated` has, for a task and the hash of a correction of it, up to which step of the corrected trace a judged
    branch has kept it. The index can be sent to a worker process."""

    superseded: frozenset[TaskKey] = frozenset()
    regenerated: Mapping[tuple[TaskKey, str], int] = field(default_factory=dict)
    _parents: frozenset[TaskKey] = frozenset()

    def branch_point(self, key: TaskKey | None, record: Record) -> int | None:
        """The last step of the corrected trace that stands before what was regenerated; None where nothing was."""
        if key is None or key not in self._parents:
            return None
        return self.regenerated.get((key, _sha256(record)))


def branch_in(task: Mapping[str, Any]) -> Branch | None:
    """What the trace in a task of Label Studio continues, None where it continues nothing."""
    data = task.get("data")
    return branch_of(data) if isinstance(data, dict) else None


def parents_of(branches: Mapping[TaskKey, Branch]) -> Iterator[TaskKey]:
    """The tasks that these branches continue."""
    for (project, _), branch in branches.items():
        if branch.parent.task_id is not None:
            yield project, branch.parent.task_id


@dataclass(frozen=True)
class TaskFacts:
    """What the index has to know of a task that is a branch, or that one continues: the hash of each correction of it,
    by its annotation, and whether it is a branch that somebody has judged."""

    key: TaskKey
    corrections: tuple[tuple[Identity, str], ...]
    is_judged: bool


def task_facts(
    key: TaskKey, task: Mapping[str, Any], is_branch: bool, schema: Schema, rules: ReadingRules
) -> TaskFacts:
    """The facts of a task, given with all of its annotations.

    A correction that the rules on time and ground truth leave out is there all the same. One that a review leaves out,
    or that cannot be read, is not.
    """
    every = replace(rules, since=None, until=None, ground_truth="include")
    records = list(_records(task, schema, every))
    corrections = tuple((record.source.annotation_id, _sha256(record)) for record in records)
    if not is_branch:
        return TaskFacts(key, corrections, is_judged=False)
    counted = records if rules == every else _records(task, schema, rules)
    return TaskFacts(key, corrections, any(not record.source.unopened for record in counted))


def branch_index(
    branches: Mapping[TaskKey, Branch], tasks: Iterable[Mapping[str, Any]], schema: Schema, rules: ReadingRules
) -> BranchIndex:
    """The index of these branches, given their tasks and those of their parents, each with all of its annotations."""
    keyed = ((key, task) for task in tasks if (key := task_key(task)) is not None)
    return index_of(branches, (task_facts(key, task, key in branches, schema, rules) for key, task in keyed))


def index_of(branches: Mapping[TaskKey, Branch], facts: Iterable[TaskFacts]) -> BranchIndex:
    """The index of these branches, given the facts of their tasks and of those of their parents."""
    corrections: dict[tuple[TaskKey, Identity], str] = {}
    judged: set[TaskKey] = set()
    for task in facts:
        corrections.update(((task.key, annotation), digest) for annotation, digest in task.corrections)
        if task.is_judged:
            judged.add(task.key)
    superseded = frozenset(key for key in branches if not _is_current(key, branches, corrections))
    regenerated = {
        (parent, branch.parent.sha256): branch.parent.step
        for key, branch in branches.items()
        if key in judged and key not in superseded
        for parent in parents_of({key: branch})
    }
    return BranchIndex(superseded, regenerated, frozenset(parent for parent, _ in regenerated))


def _records(task: Mapping[str, Any], schema: Schema, rules: ReadingRules) -> Iterator[Record]:
    return (found.record for found in convert_task(task, schema, rules) if isinstance(found, Edited | Unedited))


def _is_current(
    key: TaskKey, branches: Mapping[TaskKey, Branch], corrections: Mapping[tuple[TaskKey, Identity], str]
) -> bool:
    """Whether the branch and all that it goes back to are of corrections that are what they were."""
    seen: set[TaskKey] = set()
    while key in branches:
        branch = branches[key]
        parent = next(parents_of({key: branch}), None)
        if branch.superseded or parent is None or key in seen:
            return False
        if corrections.get((parent, branch.parent.annotation_id)) != branch.parent.sha256:
            return False
        seen.add(key)
        key = parent
    return True
