"""Finds the branches among the tasks of a run, before any of them is converted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ls_trajedit.converters.annotations.duplicates import TaskKey, task_key
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.branch_index import BranchIndex, branch_in, branch_index, parents_of
from ls_trajedit.converters.chunk import RawTask, joined_task, parsed_task
from ls_trajedit.converters.record import Branch
from ls_trajedit.label_config.schema import Schema

__all__ = ["MARK", "branches_among", "index_from"]

MARK = b'"branch"'
"""What stands in the JSON of every task that is a branch, and in few others."""


def branches_among(raw_tasks: Iterable[RawTask]) -> dict[TaskKey, Branch]:
    """The branches among these tasks. Raises DataError for what may be one and is not an exported task."""
    found: dict[TaskKey, Branch] = {}
    for raw_task in raw_tasks:
        if any(MARK in place.json.raw for place in (raw_task, *raw_task.again)):
            for task in joined_task(raw_task, parsed_task(raw_task)).tasks:
                key, branch = task_key(task), branch_in(task)
                # Of a task that is there with several data, one that says that it is superseded counts.
                if key is not None and branch is not None and not (key in found and found[key].superseded):
                    found[key] = branch
    return found


def index_from(
    branches: dict[TaskKey, Branch], raw_tasks: Iterable[RawTask], schema: Schema, rules: ReadingRules
) -> BranchIndex:
    """The index of these branches. Among `raw_tasks` are their tasks and those of their parents. Raises DataError for
    something that is not an exported task."""
    return branch_index(branches, _needed({*branches, *parents_of(branches)}, raw_tasks), schema, rules)


def _needed(keys: set[TaskKey], raw_tasks: Iterable[RawTask]) -> Iterator[dict[str, Any]]:
    for raw_task in raw_tasks:
        task = parsed_task(raw_task)
        if task_key(task) in keys:
            yield from joined_task(raw_task, task).tasks
