"""The same task, and the same annotation, more than once in what is read.

Exports that were joined hold a task twice, and target storage writes a task again for each of its annotations. Ids are
those of one Label Studio, so two tasks with one id may be of two servers: `created_at` tells them apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any, Generic, NamedTuple, TypeVar

from ls_trajedit.converters.annotations.rules import time_or_earliest
from ls_trajedit.traces.json_text import canonical_json, same_json

__all__ = ["JoinedTasks", "SeenTasks", "TaskKey", "join_tasks", "task_key", "without_duplicates"]

TaskKey = tuple[int | str | None, int | str]
"""The project and the id of a task."""

_BLOCK = 512
_Item = TypeVar("_Item")


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

    Target storage says less than an export. So what the place that counts says nothing of, such as drafts or the
    prediction that was shown, is as another place says, if the annotation is the same there.
    """
    versions: list[_Version] = []
    by_data: dict[str, _Dated[_Version]] = {}
    found = 0
    for task in places:
        same_data = by_data.setdefault(canonical_json(task.get("data")), _Dated())
        version = same_data.first(task.get("created_at"))
        if version is None:
            version = _Version(task)
            versions.append(version)
            same_data.add(task.get("created_at"), version)
        version.places.append(_Place(task, found))
        found += len(task["annotations"])
    tasks: list[dict[str, Any]] = []
    kept = 0
    groups = _groups(versions)
    for group in groups:
        copies: list[list[_Copy]] = []
        by_id: dict[int | str, _Copies] = {}
        for version in group:
            for place in version.places:
                for position, annotation in enumerate(place.task["annotations"], start=place.position):
                    _file_copy(_Copy(annotation, version, place.task, position), copies, by_id)
        kept += len(copies)
        for same in copies:
            newest = max(same, key=_Copy.age)
            as_new = [copy for copy in same if copy.is_as(newest)]
            seen = min(as_new, key=lambda copy: (copy.task_changed, copy.position))
            seen.version.annotations.append(_whole(newest, as_new))
        used = [version for version in group if version.annotations] or group[-1:]
        tasks += [version.joined() for version in used]
    return JoinedTasks(tasks, len(groups), found - kept)


class _Place(NamedTuple):
    """A task in one place. `position` is how many annotations were in the places before."""

    task: dict[str, Any]
    position: int


@dataclass(eq=False)
class _Version:
    """The places in which a task has the same data, and the annotations that go with it."""

    first: dict[str, Any]
    places: list[_Place] = field(default_factory=list)
    annotations: list[Any] = field(default_factory=list)

    def joined(self) -> dict[str, Any]:
        said: dict[str, Any] = {}
        for place in sorted(self.places, key=lambda place: _time(place.task)):
            said |= place.task
        return {**said, "annotations": self.annotations}


@dataclass(eq=False)
class _Copy:
    """An annotation in one place. `position` is how many were read before it, whatever the data beside it."""

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


class _Dated(Generic[_Item]):
    """Items, each with what tells it from others: a time, most often. None is not known, and may be that of any."""

    def __init__(self) -> None:
        self._items: list[_Item] = []
        self._first: dict[str, int] = {}

    def add(self, made: Any, item: _Item) -> None:
        """Adds one more item."""
        self._first.setdefault(canonical_json(made), len(self._items))
        self._items.append(item)

    def first(self, made: Any) -> _Item | None:
        """The first item that may be the one that was made then."""
        if made is None:
            return self._items[0] if self._items else None
        positions = [self._first[text] for text in ("null", canonical_json(made)) if text in self._first]
        return self._items[min(positions)] if positions else None


class _Copies:
    """The copies of annotations of one id, those of each annotation in a list of their own. Two are of one annotation
    when they have the same `unique_id` or, where one lacks that, the same `created_at`, and where that is not known."""

    def __init__(self) -> None:
        self._all: _Dated[tuple[int, list[_Copy]]] = _Dated()
        self._without_id: _Dated[tuple[int, list[_Copy]]] = _Dated()
        self._by_id: dict[str, tuple[int, list[_Copy]]] = {}
        self._count = 0

    def of(self, annotation: Mapping[str, Any]) -> list[_Copy] | None:
        """The copies that were filed for this annotation, None when it is a new one."""
        unique, made = annotation.get("unique_id"), annotation.get("created_at")
        if unique is None:
            found = [self._all.first(made)]
        else:
            found = [self._by_id.get(canonical_json(unique)), self._without_id.first(made)]
        return min((each for each in found if each is not None), key=itemgetter(0), default=(0, None))[1]

    def add(self, annotation: Mapping[str, Any], copies: list[_Copy]) -> None:
        """Files the copies of a new annotation."""
        unique, made, numbered = annotation.get("unique_id"), annotation.get("created_at"), (self._count, copies)
        self._count += 1
        self._all.add(made, numbered)
        if unique is None:
            self._without_id.add(made, numbered)
        else:
            self._by_id.setdefault(canonical_json(unique), numbered)


def _groups(versions: list[_Version]) -> list[list[_Version]]:
    """The versions of each task together."""
    groups: list[list[_Version]] = []
    dated: _Dated[list[_Version]] = _Dated()
    for version in versions:
        made = version.first.get("created_at")
        group = dated.first(made)
        if group is None:
            group = []
            groups.append(group)
            dated.add(made, group)
        group.append(version)
    return groups


def _whole(newest: _Copy, as_new: list[_Copy]) -> Any:
    """The annotation that counts, with what only other copies say that are as new."""
    if len(as_new) == 1:
        return newest.annotation
    said: dict[str, Any] = {}
    for copy in sorted(as_new, key=_Copy.age):
        said |= copy.annotation
    return said | newest.annotation


def _file_copy(copy: _Copy, copies: list[list[_Copy]], by_id: dict[int | str, _Copies]) -> None:
    number = _id(copy.annotation)
    known = None if number is None else by_id.setdefault(number, _Copies())
    same = None if known is None else known.of(copy.annotation)
    if same is None:
        same = []
        copies.append(same)
        if known is not None:
            known.add(copy.annotation, same)
    same.append(copy)


def _id(annotation: Any) -> int | str | None:
    number = annotation.get("id") if isinstance(annotation, dict) else None
    return number if isinstance(number, int | str) and not isinstance(number, bool) else None


def _time(item: Any) -> datetime:
    times = item if isinstance(item, dict) else {}
    return time_or_earliest(times.get("updated_at") or times.get("created_at"))
