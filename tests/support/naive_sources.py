"""Random sources of annotations, and which of the annotations in them count, worked out in the simplest possible way.

Servers with equal ids, annotations that are changed over time, ids that are used again, and copies of all of it in any
form in which Label Studio writes them. What counts follows `docs/reading-rules.md` ("The same annotation more than
once") word by word, with a list and some loops, and none of the code that it checks.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

from tests.support.loop import text_result

__all__ = ["Expected", "Seen", "World", "expected", "random_sources", "random_world", "seen_in"]

_Item = TypeVar("_Item")

_JUNK = (
    b"",
    b"\n",
    b"done\n",
    b"a,b\n1,2\n",
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR",
    b'{"status": "finished"}',
    b'{"id": 4, "data": {"steps": []}}',
    b'["a", "b"]',
    b'[{"id": 1, "text": "no task"}]',
    b'{"images": [{"id": 1}], "annotations": [{"id": 1, "image_id": 1, "bbox": [1, 2, 3, 4]}]}',
    b'"a"',
    b"null",
    gzip.compress(b"also not one\n"),
)


@dataclass(frozen=True)
class World:
    """The bytes of each source under its name, and the tasks in them in the order of names and then of positions, as
    an export would have them. `junk` are the names of those that are no annotations."""

    files: dict[str, bytes]
    places: list[dict[str, Any]]
    junk: frozenset[str]


Seen = tuple[object, ...]
"""What a record says: project, task, annotation, annotator, the recorded and the corrected action."""


@dataclass
class Expected:
    """What counts: how often each record is there, and how many of everything else."""

    records: Counter[Seen] = field(default_factory=Counter)
    tasks: int = 0
    duplicates: int = 0
    skipped: int = 0
    rejected: int = 0


def expected(places: list[dict[str, Any]]) -> Expected:
    """What counts of the tasks in `places`, which are in the order in which they are read."""
    found = Expected()
    for group in _same(places, _is_same_task):
        found.tasks += 1
        copies = [(task, annotation) for task in group for annotation in task["annotations"]]
        for same in _same(copies, lambda a, b: _is_same_annotation(a[1], b[1])):
            found.duplicates += len(same) - 1
            newest_task, newest = same[0]
            for task, annotation in same[1:]:  # of equally new ones the last
                if (annotation["updated_at"], task["updated_at"]) >= (newest["updated_at"], newest_task["updated_at"]):
                    newest_task, newest = task, annotation
            as_it_is = [
                task
                for task, annotation in same
                if (annotation["updated_at"], annotation["result"]) == (newest["updated_at"], newest["result"])
            ]
            data = min(as_it_is, key=lambda task: task["updated_at"])["data"]  # the first of equally old ones
            _count(found, group[0], data, newest)
    return found


def seen_in(record: dict[str, Any]) -> Seen:
    """What a record in a file of corrections says."""
    source = record["source"]
    return (
        source["project_id"],
        source["task_id"],
        source["annotation_id"],
        record["annotator"],
        record["original_trace"]["steps"][0]["action"],
        record["corrected_trace"]["steps"][0]["action"],
    )


def _count(found: Expected, task: dict[str, Any], data: dict[str, Any], annotation: dict[str, Any]) -> None:
    recorded = data["steps"][0]["action"]
    if annotation["was_cancelled"]:
        found.skipped += 1
    elif any(result["from_name"] == "nobody_declared_this" for result in annotation["result"]):
        found.rejected += 1
    else:
        typed = [result["value"]["text"][0] for result in annotation["result"]]
        person = annotation["completed_by"]
        name = str(person["id"] if isinstance(person, dict) else person)
        corrected = typed[0] if typed else recorded
        found.records[(task.get("project"), task["id"], annotation["id"], name, recorded, corrected)] += 1


def _same(items: list[_Item], is_same: Callable[[_Item, _Item], bool]) -> list[list[_Item]]:
    groups: list[list[_Item]] = []
    for item in items:
        for group in groups:
            if is_same(group[0], item):
                group.append(item)
                break
        else:
            groups.append([item])
    return groups


def _is_same_task(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return (
        one.get("id") is not None
        and (one["id"], one.get("project")) == (other.get("id"), other.get("project"))
        and not _differ(one, other, "created_at")
    )


def _is_same_annotation(one: dict[str, Any], other: dict[str, Any]) -> bool:
    if one["id"] != other["id"]:
        return False
    if "unique_id" in one and "unique_id" in other:
        return bool(one["unique_id"] == other["unique_id"])
    return not _differ(one, other, "created_at")


def _differ(one: dict[str, Any], other: dict[str, Any], key: str) -> bool:
    return one.get(key) is not None and other.get(key) is not None and one[key] != other[key]


def random_world(random: Random) -> World:
    """Tasks of up to three servers, as they were at several times, in up to a dozen sources."""
    servers = random.randint(1, 3)
    # What another tool wrote may lack when it was made; then nothing tells the tasks of two servers apart.
    left_out = random.choice([(), ("created_at",), ("created_at", "project")]) if servers == 1 else ()
    tasks = [_Task(random, server, number, left_out) for server in range(servers) for number in range(1, 4)]
    if random.random() < 0.5:
        tasks = tasks[: random.randint(1, 3)]
    return random_sources(random, lambda: random.choice(tasks).snapshot(random))


def random_sources(random: Random, task: Callable[[], dict[str, Any]]) -> World:
    """Up to a dozen sources of what `task` returns, each time it is called."""
    files: dict[str, bytes] = {}
    places: list[dict[str, Any]] = []
    junk: set[str] = set()
    names = [_name(random, number) for number in range(random.randint(1, 12))]
    for name in sorted(names):
        if random.random() < 0.2 and len(junk) < len(names) - 1:
            files[name] = random.choice(_JUNK)
            junk.add(name)
            continue
        raw, read = _source(random, [task() for _ in range(random.choice([1, 1, 1, 2, 5]))])
        files[name] = _packed(random, raw)
        places += read
    return World(files, places, frozenset(junk))


def _name(random: Random, number: int) -> str:
    folder = random.choice(["", "", "deep/er/"])
    return f"{folder}{random.randint(100, 999)}-{number}{random.choice(['', '.json', '.jsonl', '.gz', '.zst', '.txt'])}"


class _Task:
    """A task of a server, as it was at any time. All servers use the same ids, and two of three the same project."""

    def __init__(self, random: Random, server: int, number: int, left_out: tuple[str, ...]) -> None:
        self.left_out = left_out
        self.fixed = {"id": number, "project": min(server, 1), "created_at": f"2026-11-0{server + 1}T00:00:00Z"}
        self.name = f"server {server} task {number}"
        self.annotations: list[list[dict[str, Any]]] = []
        for count in range(random.randint(0, 4)):
            # Sometimes an id that another annotation of the task had, which was deleted.
            id_ = random.choice([number * 10 + count, number * 10 + max(0, count - 1)])
            fixed = {
                "id": id_,
                "unique_id": f"{self.name} {count}",
                "created_at": f"2026-11-10T00:00:0{count}Z",
                "completed_by": random.randint(1, 3),
            }
            versions = [self._version(random, count, version) for version in range(random.randint(1, 4))]
            self.annotations.append([{**fixed, **version} for version in versions])

    def _version(self, random: Random, count: int, version: int) -> dict[str, Any]:
        typed = [text_result("step_0__action__corrected", "step_0__action", f"{self.name} by {count} at {version}")]
        undeclared = [text_result("nobody_declared_this", "step_0__action", "x")]
        return {
            # A clock that stands still now and then.
            "updated_at": f"2026-11-11T00:00:0{max(0, version - random.randint(0, 1))}Z",
            "result": random.choice([typed, typed, typed, typed, [], undeclared]),
            "was_cancelled": random.random() < 0.1,
        }

    def snapshot(self, random: Random) -> dict[str, Any]:
        """The task with some of its annotations."""
        time = random.randint(0, 3)
        fixed = {key: value for key, value in self.fixed.items() if key not in self.left_out}
        held = [random.choice(versions) for versions in self.annotations if random.random() < 0.8]
        data = {
            "id": self.name,
            "task_description": "Do it.",
            "steps": [{"thought": "hm", "action": f"{self.name} data {random.choice([0, 0, time])}"}],
        }
        return {
            **fixed,
            "updated_at": f"2026-11-12T00:00:0{time}Z",
            "data": data,
            "annotations": [dict(annotation) for annotation in held],
        }


def _source(random: Random, tasks: list[dict[str, Any]]) -> tuple[bytes, list[dict[str, Any]]]:
    """What is in a source that holds `tasks`, and the tasks as they are read from it."""
    form = random.choice(["array", "indented", "lines", "objects", "task", "object", "pretty"])
    if form in ("array", "indented"):
        return json.dumps(tasks, indent=2 if form == "indented" else None).encode(), tasks
    if form == "lines":
        return "".join(json.dumps(task) + "\n" for task in tasks).encode(), tasks
    with_annotation = [task for task in tasks if task["annotations"]]
    if form == "task" or not with_annotation:
        return json.dumps(tasks[0], indent=random.choice([None, 2])).encode(), tasks[:1]
    objects, places = [], []
    for task in with_annotation:
        for annotation in task["annotations"]:
            bare = {key: value for key, value in annotation.items() if key != "unique_id"}
            person = {"id": bare["completed_by"], "email": "a@example.com", "first_name": "", "last_name": ""}
            inner = {key: value for key, value in task.items() if key != "annotations"}
            bare = {**bare, "completed_by": person}
            objects.append({**bare, "task": inner})
            places.append({**inner, "annotations": [bare]})
    if form == "objects":
        return "\n".join(map(json.dumps, objects)).encode(), places
    return json.dumps(objects[0], indent=2 if form == "pretty" else None).encode(), places[:1]


def _packed(random: Random, raw: bytes) -> bytes:
    how = random.choice(["plain", "plain", "gzip", "members", "zstd"])
    if how == "gzip":
        return gzip.compress(raw)
    if how == "members":
        middle = random.randint(0, len(raw))
        return gzip.compress(raw[:middle]) + gzip.compress(raw[middle:])
    if how == "zstd":
        return _zstd(raw)
    return raw


def _zstd(raw: bytes) -> bytes:
    try:
        from compression.zstd import compress
    except ImportError:
        from backports.zstd import compress
    packed: bytes = compress(raw)
    return packed
