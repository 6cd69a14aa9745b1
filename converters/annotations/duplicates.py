"""The same task, and the same annotation, more than once in what is read.

Exports that were joined hold a task twice, and target storage writes a task again for each of its annotations. Ids are
those of one Label Studio, so two tasks with one id may be of two servers: `created_at` tells them apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from ls_trajedit.converters.annotations.rules import time_or_earliest
from ls_trajedit.traces.json_text import same_json

__all__ = ["JoinedTasks", "SeenTasks", "TaskKey", "join_tasks", "task_key", "without_duplicates"]

TaskKey = tuple[int | str | None, int | str]
"""The project and the id of a task."""

_BLOCK = 512


class JoinedTasks(NamedTuple):
    """What several places of tasks with one key are: how many tasks, and how many annotations were there once more. A
    task whose data differs between the places is in `tasks` once for each."""

    tasks: list[dict[str, Any]]
    n_tasks: int
    duplicates: int


def task_key(task: Mapping[str, Any]) -> TaskKey | None:
    """What two places of one task have in common; None for a task without an id."""
    number, project = task.get("id"), task.get("project")
    if isinstance(number, bool) or not isinstance(number, int | str):
        return None
    return (project if isinstance(project, int | str) else None), number


class SeenTasks:
    """The keys of tasks. Label Studio numbers tasks in sequence, so those of a million take less than 1 MB."""

    def __init__(self) -> None:
        self._blocks: dict[tuple[int | str | None, int], int] = {}
        self._others: set[TaskKey] = set()

    def add(self, key: TaskKey) -> bool:
        """Adds a key, and returns whether it was there before."""
        project, number = key
        if isinstance(number, str):
            was_there = key in self._others
            self._others.add(key)
            return was_there
        block, bit = (project, number // _BLOCK), 1 << number % _BLOCK
        seen = self._blocks.get(block, 0)
        self._blocks[block] = seen | bit
        return bool(seen & bit)


def without_duplicates(task: dict[str, Any]) -> JoinedTasks:
    """`task` with each of its annotations once."""
    annotations = task["annotations"]
    if len(annotations) < 2 or len({id_ for a in annotations if (id_ := _id(a)) is not None}) == len(annotations):
        return JoinedTasks([task], 1, 0)
    return join_tasks([task])


def join_tasks(places: Sequence[dict[str, Any]]) -> JoinedTasks:
    """The tasks in `places`, which have one `task_key`, with the annotations of all places of each, each once.

    Of an annotation that is there several times the one with the newest `updated_at` counts; of equally new ones that
    whose task was updated last, then the last. If the task's data differs between the places, each annotation goes with
    the data beside which it first was as it is: most likely that is what the annotator saw. Data with which no
    annotation goes is left out, if other data of the task is left.
    """
    # The few comparisons of times and data are not worth caching: hardly any task is there more than a few times.
    versions: list[_Version] = []
    for task in places:
        version = next((known for known in versions if known.is_of(task)), None)
        if version is None:
            version = _Version(task)
            versions.append(version)
        version.places.append(task)
    tasks: list[dict[str, Any]] = []
    found = kept = 0
    groups = _groups(versions)
    for group in groups:
        copies: list[list[_Copy]] = []
        by_id: dict[int | str, list[list[_Copy]]] = {}
        for version in group:
            for place in version.places:
                for annotation in place["annotations"]:
                    _file_copy(_Copy(annotation, version, place, found), copies, by_id)
                    found += 1
        kept += len(copies)
        for same in copies:
            newest = max(same, key=_Copy.age)
            as_new = [copy for copy in same if copy.is_as(newest)]
            seen = min(as_new, key=lambda copy: (copy.task_changed, copy.position))
            seen.version.annotations.append(newest.annotation)
        used = [version for version in group if version.annotations] or group[-1:]
        tasks += [version.joined() for version in used]
    return JoinedTasks(tasks, len(groups), found - kept)


@dataclass(eq=False)
class _Version:
    """The places in which a task has the same data, and the annotations that go with it."""

    first: dict[str, Any]
    places: list[dict[str, Any]] = field(default_factory=list)
    annotations: list[Any] = field(default_factory=list)

    def is_of(self, task: Mapping[str, Any]) -> bool:
        return _may_be_one(self.first, task) and same_json(self.first.get("data"), task.get("data"))

    def joined(self) -> dict[str, Any]:
        newest = max(enumerate(self.places), key=lambda numbered: (_time(numbered[1]), numbered[0]))[1]
        return {**newest, "annotations": self.annotations}


@dataclass(eq=False)
class _Copy:
    """An annotation in one place."""

    annotation: Any
    version: _Version
    place: dict[str, Any]
    position: int

    @property
    def changed(self) -> datetime:
        return _time(self.annotation)

    @property
    def task_changed(self) -> datetime:
        return _time(self.place)

    def age(self) -> tuple[datetime, datetime, int]:
        return self.changed, self.task_changed, self.position

    def is_as(self, other: _Copy) -> bool:
        if self is other:
            return True
        results = (self.annotation.get("result"), other.annotation.get("result"))
        return self.changed == other.changed and same_json(*results)

    def is_one_with(self, other: _Copy) -> bool:
        for key in ("unique_id", "created_at"):
            if None not in (values := (self.annotation.get(key), other.annotation.get(key))):
                return bool(values[0] == values[1])
        return True


def _groups(versions: list[_Version]) -> list[list[_Version]]:
    """The versions of each task together."""
    groups: list[list[_Version]] = []
    for version in versions:
        group = next((known for known in groups if _may_be_one(known[0].first, version.first)), None)
        if group is None:
            groups.append([version])
        else:
            group.append(version)
    return groups


def _file_copy(copy: _Copy, copies: list[list[_Copy]], by_id: dict[int | str, list[list[_Copy]]]) -> None:
    number = _id(copy.annotation)
    known = by_id.setdefault(number, []) if number is not None else []
    same = next((found for found in known if found[0].is_one_with(copy)), None)
    if same is None:
        same = []
        known.append(same)
        copies.append(same)
    same.append(copy)


def _id(annotation: Any) -> int | str | None:
    number = annotation.get("id") if isinstance(annotation, dict) else None
    return number if isinstance(number, int | str) and not isinstance(number, bool) else None


def _may_be_one(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    made = (a.get("created_at"), b.get("created_at"))
    return None in made or made[0] == made[1]


def _time(item: Any) -> datetime:
    times = item if isinstance(item, dict) else {}
    return time_or_earliest(times.get("updated_at") or times.get("created_at"))
