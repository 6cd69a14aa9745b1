"""Most of what a pull writes is copied from the files of the one before. Whatever happened in between, to the project,
to the files or to the state, it is what converting every task gives; and only blocks that changed are converted."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.formats.registry import formats_named
from ls_trajedit.converters.training.rules import TrainingRules
from ls_trajedit.converters.training.split import parse_splits
from ls_trajedit.label_studio.client import Answer, Server
from ls_trajedit.label_studio.http_times import Moment
from ls_trajedit.output.summary import Summary
from ls_trajedit.output.wanted import WantedFiles
from ls_trajedit.pull.run import PullRequest, pull
from tests.support.branches import OPTIONS, PLAIN_CONFIG, branch_of_plain, labelled, plain_parent, typed

from .hostile_label_studio import PROJECT, TOKEN, HostileLabelStudio

EVERY = tuple(format_.name for format_ in formats_named(("all",)))
SPLIT = parse_splits("train=0.7,test=0.3")
PLANS = {
    "the interchange format": WantedFiles(),
    "every format": WantedFiles(formats=EVERY, rules=TrainingRules(accept_branches=True)),
    "splits, and no corrections": WantedFiles(
        formats=("trl-dpo", "trl-sft", "prm"), rules=TrainingRules(stale="exclude", split=SPLIT)
    ),
    "Parquet": WantedFiles(
        formats=("trl-sft", "trl-dpo"), as_tool_calls=True, rules=TrainingRules(split=SPLIT), with_parquet=True
    ),
}


class DirectServer(Server):
    """A server whose answers come without HTTP."""

    def __init__(self, label_studio: HostileLabelStudio) -> None:
        self.url = "http://label-studio.test"
        self._label_studio = label_studio

    def ask(self, path: str, doing: str, not_found: str | None = None, **parameters: Any) -> Answer:
        target = f"/{path}?{urlencode(parameters)}"
        reply = self._label_studio.reply("GET", target, {"Authorization": f"Token {TOKEN}"})
        assert reply.status == 200, reply
        return Answer(json.loads(reply.body), len(reply.body), Moment(self._label_studio.now, self._label_studio.now))


@dataclass
class World:
    """A project, and a folder that it is pulled into. `converted` is how many tasks the last pull converted, 0 when it
    copied all."""

    folder: Path
    draw: random.Random
    wanted: WantedFiles = field(default_factory=WantedFiles)
    rules: ReadingRules = field(default_factory=ReadingRules)
    project: HostileLabelStudio = field(default_factory=HostileLabelStudio)
    converted: int = 0

    def __post_init__(self) -> None:
        self.project.label_config = PLAIN_CONFIG

    def pull(self, into: Path | None = None, *, start_over: bool = False) -> Summary:
        server = DirectServer(self.project)
        self.converted = 0
        progress: list[tuple[int, int | None]] = []
        request = PullRequest(server.project(PROJECT), OPTIONS, self.rules, into or self.folder, self.wanted)
        summary = pull(server, request, start_over, lambda done, total: progress.append((done, total)))
        # Reading reports the tasks of each page first; converting begins again with the first of them.
        self.converted = next((total or 0 for _, total in reversed(progress)), 0)
        return summary

    def check(self) -> Summary:
        """Pulls, and compares all that is written with what a first pull writes."""
        summary = self.pull()
        fresh = self.folder.parent / "fresh"
        first = self.pull(fresh)
        assert files(self.folder) == files(fresh)
        assert (summary.counts, summary.files, summary.training) == (first.counts, first.files, first.training)
        shutil.rmtree(fresh)
        return summary

    def annotated(self) -> list[tuple[int, int]]:
        return [(number, i) for number, task in self.project.tasks.items() for i in range(len(task["annotations"]))]

    def create(self) -> None:
        for _ in range(self.draw.randint(1, 12)):
            data = plain_parent()["data"]
            name = f"t{self.draw.randint(0, 10**6)}"
            task = self.draw.choice([data["task_description"], "Go.", f"Do {name}.", "  "])
            self.project.add_task({**data, "id": name, "task_description": task})

    def skip_ids(self) -> None:
        """Somebody imports into another project."""
        self.project._last_id += self.draw.randint(1, 40)

    def correct(self) -> None:
        step = self.draw.randint(0, 1)
        text = self.draw.choice(
            ["get(key='a')", "put(key='a', value=3)", "\ud800 é\u2028", f"say({self.draw.random()})"]
        )
        results = [typed(f"step_{step}__{self.draw.choice(['action', 'thought'])}", text)]
        if self.draw.random() < 0.3:
            results.append(labelled("step_1__action", self.draw.choice(["right", "wrong"])))
        if self.draw.random() < 0.1:
            results.append({"from_name": "nobody", "type": "textarea", "value": 7})
        self.project.annotate(self.any_task(), *results, completed_by=self.draw.randint(1, 4))

    def look(self) -> None:
        self.project.annotate(self.any_task(), completed_by=self.draw.randint(1, 4))

    def correct_again(self) -> None:
        if self.annotated():
            text = typed("step_0__action", f"get(key='{self.draw.choice('abc')}')")
            self.project.change_annotation(*self.draw.choice(self.annotated()), result=[text])

    def skip(self) -> None:
        if self.annotated():
            self.project.change_annotation(*self.draw.choice(self.annotated()), was_cancelled=True)

    def delete_annotation(self) -> None:
        if self.annotated():
            self.project.delete_annotation(*self.draw.choice(self.annotated()))

    def delete_tasks(self) -> None:
        """Some, or all of a block and its neighbours."""
        numbers = sorted(self.project.tasks)
        start = self.draw.randrange(len(numbers))
        for number in numbers[start : start + self.draw.choice([1, 1, 2, 20])][: len(numbers) - 1]:
            self.project.delete_task(number)

    def merge(self) -> None:
        """As "Remove duplicated tasks" does: annotations move, one task goes, and no date changes."""
        if len(self.project.tasks) > 1:
            kept, gone = self.draw.sample(list(self.project.tasks), 2)
            self.project.tasks[kept]["annotations"] += self.project.tasks.pop(gone)["annotations"]

    def branch(self) -> None:
        """A branch of a correction, which perhaps somebody judges."""
        self.project.annotate(
            number := self.any_task(), typed("step_0__action", f"get(key='{self.draw.choice('ab')}')")
        )
        task = self.project.tasks[number]
        try:
            data = branch_of_plain({**task, "annotations": task["annotations"][-1:]})["data"]
        except AssertionError:
            return  # what stands there cannot be continued
        branch = self.project.add_task(data)
        if self.draw.random() < 0.7:
            self.project.annotate(branch, *self.draw.choice([[], [typed("step_1__thought", "Fine.")]]))

    def any_task(self) -> int:
        return self.draw.choice(list(self.project.tasks))


def files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    return {name: content for name, content in found.items() if not name.startswith(".ls-trajedit")}


def records(folder: Path) -> dict[tuple[int, int], Any]:
    path = folder / "trajectory_corrections.json"
    found = json.loads(path.read_bytes())["records"] if path.exists() else []
    return {(record["source"]["task_id"], record["source"]["annotation_id"]): record for record in found}


def changes(before: dict[tuple[int, int], Any], now: dict[tuple[int, int], Any]) -> tuple[int, int, int]:
    changed = sum(now[key] != before[key] for key in now.keys() & before.keys())
    return len(now.keys() - before.keys()), changed, len(before.keys() - now.keys())


STEPS: list[Callable[[World], None]] = [
    *[World.create, World.skip_ids, World.correct, World.correct, World.correct, World.look, World.correct_again],
    *[World.skip, World.delete_annotation, World.delete_tasks, World.merge, World.branch, World.branch],
]


@pytest.mark.parametrize("plan", PLANS)
def test_a_history_of_pulls_ends_in_the_files_of_a_first_pull(tmp_path: Path, plan: str) -> None:
    world = World(tmp_path / "data", random.Random(plan), PLANS[plan])
    for _ in range(6):
        world.create()
    copied = 0
    known: dict[tuple[int, int], Any] = {}
    for _ in range(20):
        for step in world.draw.choices(STEPS, k=world.draw.randint(1, 3)):
            step(world)
        world.project.pass_time()
        summary = world.pull()
        copied += 0 < world.converted < len(world.project.tasks) / 2
        now = records(world.folder)
        assert summary.changes is not None
        if "trajectory_corrections.json" in files(world.folder):
            found = summary.changes
            assert (found.new, found.changed, found.removed) == changes(known, now)
        known = now
        world.check()
    assert copied > 5
