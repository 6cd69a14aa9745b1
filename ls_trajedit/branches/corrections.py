"""Which corrections of a project a branch is to continue, which branches are there, and which of these continue what
nobody says any more."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ls_trajedit.converters.annotations.convert_task import convert_task
from ls_trajedit.converters.annotations.duplicates import without_duplicates
from ls_trajedit.converters.annotations.outcome import Edited, Excluded, Outcome, Rejected, Skipped, Unedited
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.branches import Cut, branch_id, correction_sha256, cut_of
from ls_trajedit.converters.traces import ChatTraces, Traces
from ls_trajedit.converters.training.rendering import Rendering
from ls_trajedit.label_config.branch_note import Branch, Identity, Parent, branch_of
from ls_trajedit.label_config.chat_data import is_chat_data
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.traces.field_path import MISSING, get_field

__all__ = ["Correction", "ExistingBranch", "HowToRead", "Plan", "Survey", "corrections_of"]


@dataclass(frozen=True)
class HowToRead:
    """How the annotations of a project are read, and how traces of the plain shape are written for an agent."""

    schema: Schema
    rules: ReadingRules
    rendering: Rendering


@dataclass(frozen=True)
class Correction:
    """A correction with which a trace is to go on. `branch` is what the trace that continues it is, `task` what the
    trace is about, `cut` where it goes on."""

    branch: Branch
    task: str
    cut: Cut
    traces: Traces
    data: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The id of the trace that continues it."""
        return branch_id(self.branch.parent)


@dataclass(frozen=True)
class ExistingBranch:
    """A branch that is in the project: the number of its task, and what it continues."""

    task: int
    branch: Branch


@dataclass(frozen=True)
class Plan:
    """What is to be done in a project. `wanted` are the corrections that no branch continues, in the order of the
    project: for each the id of the branch, and what it is to continue. `there` counts those that one continues.

    `superseded` are the branches that are to be marked so, because nobody says any more what they continue. `restored`
    were marked, and somebody says it again. `recorded` counts corrections of conversations that were imported as they
    were recorded: the project's page cannot show a branch of one."""

    wanted: dict[str, Parent]
    there: int
    superseded: tuple[ExistingBranch, ...]
    restored: tuple[ExistingBranch, ...]
    recorded: int


@dataclass
class Survey:
    """What the tasks of a project hold. `last_task` is the highest id of a task, and `annotations` is how many there
    are of each task."""

    last_task: int = 0
    annotations: dict[int, int] = field(default_factory=dict)
    recorded: int = 0
    _existing: list[ExistingBranch] = field(default_factory=list)
    _corrections: list[Branch] = field(default_factory=list)
    _traces: dict[Identity, str] = field(default_factory=dict)
    # The trace of an annotation, and the hash of what it corrects; None where it corrects nothing.
    _said: dict[Identity, tuple[str, str | None]] = field(default_factory=dict)
    _unread: set[Identity] = field(default_factory=set)

    def add(self, task: dict[str, Any], how: HowToRead) -> None:
        """Adds a task with its annotations. Raises what reading its controls raises."""
        number, data = task["id"], task["data"]
        self.last_task = max(self.last_task, number)
        self.annotations[number] = len(task["annotations"])
        if not isinstance(data, dict):
            return
        trace_id = get_field(data, how.schema.id_path)
        self._traces[number] = str(number if trace_id is MISSING or trace_id is None else trace_id)
        branch = branch_of(data)
        if branch is not None:
            self._existing.append(ExistingBranch(number, branch))
        for outcome in _outcomes(task, how):
            match outcome:
                case Edited(_, record) | Unedited(_, record) if not record.source.unopened:
                    sha = correction_sha256(record) if record.n_edits else None
                    self._said[record.source.annotation_id] = (record.trace_id, sha)
                case Skipped(key, _):
                    self._said[key[1]] = (self._traces[number], None)
                case Rejected(key, _) | Excluded(key, _) | Edited(key) | Unedited(key):
                    self._unread.add(key[1])
            correction = _correction(outcome, data, how)
            if correction is not None and isinstance(correction.traces, ChatTraces) and not is_chat_data(data):
                self.recorded += 1
            elif correction is not None:
                self._corrections.append(correction.branch)

    @property
    def has_deleted(self) -> bool:
        """Whether a branch continues an annotation that is not in its task any more, or is hidden from this token."""
        return any(self._is_deleted(branch.branch.parent) for branch in self._existing)

    def plan(self, hiding: Collection[int]) -> Plan:
        """What is to be done. `hiding` are the tasks that have more annotations than were seen."""
        current: dict[int, bool] = {}
        there: set[str] = set()
        superseded: list[ExistingBranch] = []
        restored: list[ExistingBranch] = []
        for found in sorted(self._existing, key=lambda found: (found.branch.round, found.task)):
            parent = found.branch.parent
            # What continues a superseded branch is superseded with it.
            is_current = current.get(_number(parent.task_id), True) and self._stands(found.branch, hiding)
            current[found.task] = is_current
            there.add(branch_id(parent))
            if is_current is found.branch.superseded:
                (restored if is_current else superseded).append(found)
        wanted = [branch.parent for branch in self._corrections if current.get(_number(branch.parent.task_id), True)]
        by_id = {branch_id(parent): parent for parent in wanted}
        return Plan(
            wanted={identity: parent for identity, parent in by_id.items() if identity not in there},
            there=len(by_id.keys() & there),
            superseded=tuple(superseded),
            restored=tuple(restored),
            recorded=self.recorded,
        )

    def _stands(self, branch: Branch, hiding: Collection[int]) -> bool:
        """Whether somebody says what the branch continues; as far as can be told, what it says itself."""
        parent = branch.parent
        said = self._said.get(parent.annotation_id)
        if said is not None and said[0] == parent.trace_id:
            return said[1] == parent.sha256
        if self._is_deleted(parent) and parent.task_id not in hiding:
            return False
        return not branch.superseded

    def _is_deleted(self, parent: Parent) -> bool:
        # Ids are those of one Label Studio, and somebody may have brought the task here from another one.
        is_here = self._traces.get(parent.task_id) == parent.trace_id
        return is_here and parent.annotation_id not in self._said and parent.annotation_id not in self._unread


def corrections_of(task: dict[str, Any], how: HowToRead) -> Iterator[Correction]:
    """The corrections of a task with which its trace is to go on, each annotator's own. Raises what reading the
    controls of the task raises."""
    if isinstance(task["data"], dict):
        found = (_correction(outcome, task["data"], how) for outcome in _outcomes(task, how))
        yield from (correction for correction in found if correction is not None)


def _outcomes(task: dict[str, Any], how: HowToRead) -> Iterator[Outcome]:
    for one in without_duplicates(task).tasks:
        yield from convert_task(one, how.schema, how.rules)


def _correction(outcome: Outcome, data: Mapping[str, Any], how: HowToRead) -> Correction | None:
    match outcome:
        case Edited(_, record, traces) | Unedited(_, record, traces):
            source = record.source
        case _:
            return None
    if traces is None or source.unopened or source.copy_of is not None or not record.n_edits:
        return None
    if source.branch is not None and source.branch.superseded:
        return None
    cut = cut_of(record, traces, how.rendering)
    if cut is None:
        return None
    parent = Parent(record.trace_id, source.task_id, source.annotation_id, cut.position, correction_sha256(record))
    branch = Branch(parent, 2 if source.branch is None else source.branch.round + 1)
    return Correction(branch, record.task, cut, traces, data)


def _number(identity: Identity) -> int:
    return identity if isinstance(identity, int) else 0
