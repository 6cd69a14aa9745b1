"""The index of the branches in a state. What it has to know of a task is kept there until the task changes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ls_trajedit.converters.annotations.duplicates import TaskKey, task_key
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.branch_index import (
    BranchIndex,
    TaskFacts,
    branch_in,
    index_of,
    parents_of,
    task_facts,
)
from ls_trajedit.converters.chunk import RawTask, joined_task, parsed_task
from ls_trajedit.converters.record import Branch
from ls_trajedit.label_config.branch_note import parse_branch
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.pull.state import BLOCK_TASKS, DamagedStateError, PullState
from ls_trajedit.traces.json_text import RawJson, canonical_json, json_line, typed_item

__all__ = ["block_views", "index_of_state", "raw_task"]


def raw_task(number: int, raw: bytes) -> RawTask:
    """A task of a state, as messages name it."""
    return RawTask(f"task {number}", RawJson(raw))


def index_of_state(state: PullState, schema: Schema, rules: ReadingRules) -> BranchIndex | None:
    """The index of the branches in the state, None where there are none. Raises what `state` raises, and DataError for
    what is not a task."""
    index = _Index(state, schema, rules)
    branches: dict[TaskKey, Branch] = {}
    for number in list(state.marked_tasks()):
        known = index.known(number)
        if known is not None and known.branch is not None:
            branches[known.key] = known.branch
    if not branches:
        return None
    numbers = {number for _, number in (*branches, *parents_of(branches)) if isinstance(number, int)}
    return index_of(branches, index.facts(sorted(numbers), {*branches, *parents_of(branches)}))


def block_views(index: BranchIndex | None) -> tuple[dict[int, str], str]:
    """What the index says about the tasks of each block, as strings that are equal where it says the same; and the one
    of all blocks that are not among them."""
    if index is None:
        return {}, ""
    said: dict[int, list[Any]] = {}
    for key in index.superseded:
        _add(said, key, None, None)
    for (key, digest), step in index.regenerated.items():
        _add(said, key, digest, step)
    return {number: canonical_json(sorted(items, key=canonical_json)) for number, items in said.items()}, "none"


def _add(said: dict[int, list[Any]], key: TaskKey, digest: str | None, step: int | None) -> None:
    project, number = key
    if isinstance(number, int):
        said.setdefault(number // BLOCK_TASKS, []).append([project, number, digest, step])


@dataclass(frozen=True)
class _Known:
    """What is kept of a task: its branch, if it is one, and its facts, if they have been asked for."""

    key: TaskKey
    branch: Branch | None
    facts: TaskFacts | None

    def to_bytes(self) -> bytes:
        project, number = self.key
        corrections = None if self.facts is None else self.facts.corrections
        is_judged = self.facts is not None and self.facts.is_judged
        return json_line([project, number, self.branch, corrections, is_judged])

    @classmethod
    def from_json(cls, value: Any) -> _Known:
        """Raises ValueError or TypeError for anything that `to_bytes` does not write."""
        project, number, branch, corrections, is_judged = value
        number = _identity(number)
        if number is None or not isinstance(is_judged, bool):
            raise ValueError("not the key of a task")
        key = (_identity(project), number)
        facts = None
        if corrections is not None:
            pairs = tuple((_identity(annotation), digest) for annotation, digest in corrections)
            if not all(isinstance(digest, str) for _, digest in pairs):
                raise ValueError("not the hash of a correction")
            facts = TaskFacts(key, pairs, is_judged)
        return cls(key, None if branch is None else parse_branch(branch), facts)


def _identity(value: Any) -> int | str | None:
    number: int | str | None = typed_item({"id": value}, "id", int, str, type(None))
    return number


class _Index:
    def __init__(self, state: PullState, schema: Schema, rules: ReadingRules) -> None:
        self._state = state
        self._schema = schema
        self._rules = rules

    def known(self, number: int, *, with_facts: bool = False) -> _Known | None:
        """What is known of the task, which is looked at if it has not been; None where there is none."""
        if (kept := self._state.branch_facts(number)) is not None:
            try:
                known = _Known.from_json(kept)
            except (ValueError, TypeError):
                raise DamagedStateError(f"what was noted of the branch in task {number} is incomplete") from None
            if known.facts is not None or not with_facts:
                return known
        return self._look_at(number, with_facts)

    def facts(self, numbers: Iterable[int], keys: Collection[TaskKey]) -> Iterator[TaskFacts]:
        """The facts of those of these tasks that have one of these keys."""
        for number in numbers:
            known = self.known(number, with_facts=True)
            if known is not None and known.facts is not None and known.key in keys:
                yield known.facts

    def _look_at(self, number: int, with_facts: bool) -> _Known | None:
        if (raw := self._state.raw_task(number)) is None:
            return None
        place = raw_task(number, raw)
        task = joined_task(place, parsed_task(place)).tasks[0]
        if (key := task_key(task)) is None:
            return None
        branch = branch_in(task)
        is_needed = with_facts or branch is not None
        facts = task_facts(key, task, branch is not None, self._schema, self._rules) if is_needed else None
        known = _Known(key, branch, facts)
        self._state.put_branch_facts(number, known.to_bytes())
        return known
