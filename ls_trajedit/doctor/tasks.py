"""Whether the editors cover what the tasks hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ls_trajedit.doctor.finding import Finding, ok, problem, warning
from ls_trajedit.label_config.chat_data import Chat, chat_of, is_chat_data
from ls_trajedit.label_config.controls import Editor
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.label_config.task_data import NotesError, check_notes, editor_text, shown_data
from ls_trajedit.traces.errors import ReadError, TooManyControlsError
from ls_trajedit.traces.field_path import format_path, get_field
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions

__all__ = ["TaskCensus", "check_tasks", "named_tasks"]

_NAMED = 5


@dataclass
class TaskCensus:
    """Counts over tasks: how many there are, the most steps in one, and the ids of those that have more steps than the
    config, no list of steps, nothing that an editor corrects, or more controls than can be worked out, and of those
    that hold something else under the reserved key than `push` writes there. Of chats, the ids of those in which the
    agent says something that has no editor, and of those whose speakers no reader can tell apart; and the editors on
    what somebody else says, each with who that is.

    `read_options` say how chats were recorded that somebody imported as they are."""

    schema: Schema
    read_options: ReadOptions = NO_OPTIONS
    total: int = 0
    longest: int = 0
    too_long: list[int] = field(default_factory=list)
    without_steps: list[int] = field(default_factory=list)
    without_fields: list[int] = field(default_factory=list)
    not_reached: list[int] = field(default_factory=list)
    foreign_notes: dict[int, str] = field(default_factory=dict)
    not_readable: dict[int, str] = field(default_factory=dict)
    too_large: dict[int, str] = field(default_factory=dict)
    not_the_agents: dict[str, str] = field(default_factory=dict)

    def add(self, task: int, data: Mapping[str, Any]) -> None:
        """Counts one task."""
        self.total += 1
        try:
            check_notes(data)
        except NotesError as error:
            self.foreign_notes[task] = str(error)
            return
        steps = get_field(data, self.schema.steps_path)
        if not isinstance(steps, list):
            self.without_steps.append(task)
            return
        try:
            chat = chat_of(data, self.schema.steps_path, self.read_options)
        except ReadError as error:
            self.not_readable[task] = str(error)
            return
        self.longest = max(self.longest, len(steps))
        if self.schema.max_steps and len(steps) > self.schema.max_steps and (chat is None or is_chat_data(data)):
            self.too_long.append(task)
        try:
            found = self.schema.with_values(shown_data(data))
        except TooManyControlsError as error:
            self.too_large[task] = str(error)
            return
        editors = [editor for editor, value in found if editor_text(value) is not None]
        if not editors and not self.schema.structures_in(data):
            self.without_fields.append(task)
        if chat is not None:
            self._add_chat(task, data, chat, editors)

    def _add_chat(self, task: int, data: Mapping[str, Any], chat: Chat, editors: Iterable[Editor]) -> None:
        reached = set()
        kinds = set()
        for editor in editors:
            target = chat.target(editor.path)
            if target is not None:
                reached.add((target.message, target.part, target.kind))
                kinds.add(target.kind)
                if target.step is None:
                    self.not_the_agents.setdefault(editor.control, chat.trace.messages[target.message].role)
        said = {
            (target.message, target.part, target.kind) for target in chat.targets.values() if target.step is not None
        }
        missed = any(place not in reached for place in said if place[2] in kinds)
        if missed and is_chat_data(data) and task not in self.too_long:
            self.not_reached.append(task)


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
    if census.not_reached:
        yield problem(
            f"{_of(census.not_reached, census.total)} have a text or a call of the agent's for which the labeling "
            f"config has no editor: {named_tasks(census.not_reached)}",
            f"Push any of the traces again with --project {project}: the config grows to fit all tasks.",
        )
    if census.foreign_notes:
        task, reason = next(iter(census.foreign_notes.items()))
        yield problem(
            f"{_of(list(census.foreign_notes), census.total)} cannot be read, so nothing prefills their editors, and "
            f"`pull` rejects their annotations: {named_tasks(census.foreign_notes)} (task {task}: {reason})",
            "Delete them in Label Studio, and push their traces.",
        )
    if census.not_readable:
        task, reason = next(iter(census.not_readable.items()))
        yield problem(
            f"{_of(list(census.not_readable), census.total)} have several speakers and cannot be read, so `pull` "
            f"rejects their annotations: {named_tasks(census.not_readable)} (task {task}: {reason})",
            "Say how they were recorded, with `from`, `messages_key` and `roles` in trajedit.yaml, and give it to "
            "doctor and pull with --options.",
        )
    if census.too_large:
        task, reason = next(iter(census.too_large.items()))
        yield problem(
            f"{_of(list(census.too_large), census.total)} cannot be prefilled: {named_tasks(census.too_large)} (task "
            f"{task}: {reason})",
            "What is typed there is read all the same. Push such traces in parts.",
        )
    for editor, role in list(census.not_the_agents.items())[:_NAMED]:
        yield warning(
            f"the editor `{editor}` is on what the {role} said: `pull` counts its corrections apart, and no training "
            "file has them",
            "Remove it from the labeling config, unless you want to know of such corrections.",
        )
    failed = census.without_steps or census.without_fields or census.too_long
    odd = census.foreign_notes or census.not_reached or census.not_readable or census.too_large
    if not (failed or odd):
        tasks = "the only task" if census.total == 1 else f"all {census.total} tasks"
        yield ok(f"the editors reach every step of {tasks}")


def named_tasks(tasks: Iterable[int]) -> str:
    """The ids of the first five tasks, and how many more there are."""
    ids = sorted(tasks)
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return f"{'task' if len(ids) == 1 else 'tasks'} {', '.join(map(str, ids[:_NAMED]))}{more}"


def _of(tasks: list[int], total: int) -> str:
    return f"{len(tasks)} of {total} tasks"
