"""Whether the editors cover what the tasks hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ls_trajedit.doctor.finding import Finding, ok, problem, warning
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.label_config.task_data import editor_text, shown_value
from ls_trajedit.traces.field_path import format_path, get_field

__all__ = ["TaskCensus", "check_tasks", "named_tasks"]

_NAMED = 5


@dataclass
class TaskCensus:
    """Counts over tasks: how many there are, the most steps in one, and the ids of those that have more steps than the
    config, no list of steps, or nothing that an editor corrects."""

    schema: Schema
    total: int = 0
    longest: int = 0
    too_long: list[int] = field(default_factory=list)
    without_steps: list[int] = field(default_factory=list)
    without_fields: list[int] = field(default_factory=list)

    def add(self, task: int, data: Mapping[str, Any]) -> None:
        """Counts one task."""
        self.total += 1
        steps = get_field(data, self.schema.steps_path)
        if not isinstance(steps, list):
            self.without_steps.append(task)
            return
        self.longest = max(self.longest, len(steps))
        if self.schema.max_steps and len(steps) > self.schema.max_steps:
            self.too_long.append(task)
        editors = self.schema.controls(data).editors
        if all(editor_text(shown_value(data, editor.path)) is None for editor in editors):
            self.without_fields.append(task)


def check_tasks(census: TaskCensus, project: int) -> Iterator[Finding]:
    """What the census says about the tasks of `project`."""
    if not census.total:
        yield warning("the project has no tasks", f"Import traces: ls-trajedit push FILE --project {project}")
        return
    steps = f"`{format_path(census.schema.steps_path)}`"
    if census.without_steps:
        yield problem(
            f"{_of(census.without_steps, census.total)} have no list {steps}: nothing can be corrected in them, and "
            f"`pull` rejects their annotations ({named_tasks(census.without_steps)})",
            "Delete them in Label Studio if they are not traces; if their steps are elsewhere in them, push them into "
            "another project with that `steps_key` in trajedit.yaml.",
        )
    if census.without_fields:
        fields = ", ".join(census.schema.fields())
        yield problem(
            f"{_of(census.without_fields, census.total)} have nothing that an editor corrects ({fields}): "
            f"{named_tasks(census.without_fields)}",
            f"Add the fields to correct to `editable_fields` in trajedit.yaml and push the traces again with "
            f"--project {project}.",
        )
    if census.too_long:
        yield problem(
            f"{_of(census.too_long, census.total)} have more steps than the labeling config shows "
            f"({census.longest} against {census.schema.max_steps}), so the others cannot be seen or corrected: "
            f"{named_tasks(census.too_long)}",
            f"Push any of the traces again with --project {project}: the config grows to the longest task.",
        )
    if not (census.without_steps or census.without_fields or census.too_long):
        tasks = "the only task" if census.total == 1 else f"all {census.total} tasks"
        yield ok(f"the editors reach every step of {tasks}")


def named_tasks(tasks: Iterable[int]) -> str:
    """The ids of the first five tasks, and how many more there are."""
    ids = sorted(tasks)
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return f"{'task' if len(ids) == 1 else 'tasks'} {', '.join(map(str, ids[:_NAMED]))}{more}"


def _of(tasks: list[int], total: int) -> str:
    return f"{len(tasks)} of {total} tasks"
