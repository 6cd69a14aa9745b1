"""Most of what a pull writes is copied from the files of the one before. Whatever happened in between, to the project,
to the files or to the state, it is what converting every task gives; and only blocks that changed are converted."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import zlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
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
        summary, converted = self.pull(), self.converted
        fresh = self.folder.parent / "fresh"
        first, self.converted = self.pull(fresh), converted
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
    for _ in range(12):
        for step in world.draw.choices(STEPS, k=world.draw.randint(1, 3)):
            step(world)
        world.project.pass_time()
        summary = world.check()
        copied += 0 < world.converted < len(world.project.tasks) / 2
        now = records(world.folder)
        assert summary.changes is not None
        if "trajectory_corrections.json" in files(world.folder):
            found = summary.changes
            assert (found.new, found.changed, found.removed) == changes(known, now)
        known = now
    assert copied > 2


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Somebody who has pulled 80 corrected tasks, in ten blocks and one more."""
    world = World(tmp_path / "data", random.Random(1), WantedFiles(formats=("corrections", "trl-sft")))
    for number in range(80):
        data = {**plain_parent()["data"], "id": f"t{number}"}
        world.project.add_task(data)
    for task in list(world.project.tasks):
        world.project.annotate(task, typed("step_0__action", f"get(key='{task}')"))
    world.project.pass_time()
    world.pull()
    world.project.pass_time()
    return world


def block(number: int) -> range:
    return range(8 * number, 8 * number + 8)


def change(world: World, *numbers: int) -> None:
    for number in numbers:
        world.project.change_annotation(number, 0, result=[typed("step_0__action", f"look({number})")])
    world.project.pass_time()


@pytest.mark.parametrize(
    ("changed", "converted"),
    [([9], 8), ([8, 15], 8), ([15, 16], 16), ([1], 7), ([80], 1), ([1, 40, 80], 16), (list(range(1, 81)), 80)],
)
def test_no_more_is_converted_than_the_blocks_that_changed(world: World, changed: list[int], converted: int) -> None:
    """Task 1 is the first of a block without task 0, and task 80 is alone in one."""
    change(world, *changed)
    summary = world.check()
    assert world.converted == converted
    assert summary.changes is not None
    assert (summary.changes.new, summary.changes.changed, summary.changes.removed) == (0, len(changed), 0)


def test_new_tasks_and_deleted_ones_convert_their_blocks(world: World) -> None:
    new = world.project.add_task({**plain_parent()["data"], "id": "new"})
    assert new > 80
    for number in (*block(3), 41):
        world.project.delete_task(number)
    world.project.pass_time()
    summary = world.check()
    # The new one, which has a block of its own, and the other seven of the block of 41.
    assert world.converted == 8
    assert summary.changes is not None
    assert (summary.changes.new, summary.changes.changed, summary.changes.removed) == (0, 0, 9)


def test_files_in_which_nothing_changes_are_not_written(world: World) -> None:
    before = {world.folder / name: (world.folder / name).stat().st_mtime_ns for name in files(world.folder)}
    world.project.annotate(9, {"from_name": "nobody", "type": "textarea", "value": 7})
    world.project.pass_time()
    world.pull()
    changed = {path.relative_to(world.folder).as_posix() for path in before if path.stat().st_mtime_ns != before[path]}
    assert changed == {"manifest.json", "rejects.jsonl"}
    world.check()


def test_the_first_branch_and_the_last_convert_everything(world: World) -> None:
    """Rows say whether a run has branches at all."""
    data = branch_of_plain(dict(world.project.tasks[9]))["data"]
    branch = world.project.add_task(data)
    world.project.pass_time()
    world.pull()
    assert world.converted == 81
    world.project.delete_task(branch)
    world.project.pass_time()
    world.pull()
    assert world.converted == 80
    world.check()


def test_a_branch_converts_the_block_of_what_it_continues(world: World) -> None:
    first = world.project.add_task(branch_of_plain(dict(world.project.tasks[9]))["data"])
    second = world.project.add_task(branch_of_plain(dict(world.project.tasks[40]))["data"])
    world.project.pass_time()
    world.pull()
    # Judging the branch makes what its parent, task 40, says after the correction regenerated.
    world.project.annotate(second)
    world.project.pass_time()
    world.pull()
    assert world.converted == len([number for number in world.project.tasks if number // 8 in (5, second // 8)])
    world.check()
    # Another correction of task 9 makes the first branch superseded.
    change(world, 9)
    summary = world.check()
    assert world.converted == len([number for number in world.project.tasks if number // 8 in (1, first // 8)])
    assert summary.counts.get("superseded", 0) == 0  # nobody has judged it


def test_other_options_and_full_convert_everything(world: World) -> None:
    world.wanted = PLANS["Parquet"]
    world.pull()
    assert world.converted == 80
    world.rules = replace(world.rules, annotators="hash")
    world.pull()
    assert world.converted == 80
    world.pull(start_over=True)
    assert world.converted == 80
    world.check()


def edit_state(world: World, *statements: str) -> None:
    with closing(sqlite3.connect(world.folder / ".ls-trajedit" / "state.sqlite", isolation_level=None)) as connection:
        connection.create_function(
            "checksum", 3, lambda n, view, value: zlib.crc32(value, zlib.crc32(f"{n} {view} ".encode()))
        )
        for statement in statements:
            connection.execute(statement)


def keep_time(path: Path, content: bytes) -> None:
    """Changes a file behind the back of whoever looks at its size and time."""
    status = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def one_letter(world: World) -> None:
    path = world.folder / "trl" / "sft.jsonl"
    keep_time(path, path.read_bytes().replace(b"Double", b"Treble", 1))


def two_rows_swapped(world: World) -> None:
    path = world.folder / "trl" / "sft.jsonl"
    first, second, *rest = path.read_bytes().splitlines(keepends=True)
    keep_time(path, b"".join([second, first, *rest]))


def a_file_touched(world: World) -> None:
    (world.folder / "trl" / "sft.jsonl").touch()


def a_file_gone(world: World) -> None:
    (world.folder / "trl" / "sft.jsonl").unlink()


def a_file_cut(world: World) -> None:
    path = world.folder / "trl" / "sft.jsonl"
    path.write_bytes(path.read_bytes()[:100])


def every_block_gone(world: World) -> None:
    edit_state(world, "DELETE FROM blocks")


def a_block_gone(world: World) -> None:
    edit_state(world, "DELETE FROM blocks WHERE number = 4")


def a_block_too_many(world: World) -> None:
    edit_state(
        world, "INSERT INTO blocks SELECT 1000, view, checksum(1000, view, value), value FROM blocks WHERE number = 4"
    )


def blocks_swapped(world: World) -> None:
    edit_state(
        world,
        "UPDATE blocks SET number = -number WHERE number IN (4, 5)",
        "UPDATE blocks SET number = 9 + number WHERE number < 0",
        "UPDATE blocks SET checksum = checksum(number, view, value)",
    )


def another_view(world: World) -> None:
    edit_state(world, "UPDATE blocks SET view = 'none', checksum = checksum(number, 'none', value) WHERE number = 4")


def another_count(world: World) -> None:
    edit_state(
        world,
        """UPDATE blocks SET value = CAST(replace(value, '"edited":8', '"edited":9') AS BLOB) WHERE number = 4""",
        "UPDATE blocks SET checksum = checksum(number, view, value)",
    )


def another_task_in_a_block(world: World) -> None:
    edit_state(world, "UPDATE tasks SET id = 2000 WHERE id = 33")


HARMLESS = [
    *[one_letter, two_rows_swapped, a_file_touched, a_file_gone, a_file_cut, every_block_gone, a_block_gone],
    *[a_block_too_many, blocks_swapped, another_view, another_count, another_task_in_a_block],
]


@pytest.mark.parametrize("damage", HARMLESS)
def test_what_somebody_did_to_the_files_or_the_blocks_is_not_copied(
    world: World, damage: Callable[[World], None], capsys: pytest.CaptureFixture[str]
) -> None:
    damage(world)
    change(world, 9)
    world.check()
    assert capsys.readouterr().err == ""


def bytes_of_a_block(world: World) -> None:
    edit_state(world, "UPDATE blocks SET value = CAST(replace(value, 'edited', 'Edited') AS BLOB) WHERE number = 4")


def text_of_a_block(world: World) -> None:
    edit_state(world, "UPDATE blocks SET value = 'text' WHERE number = 4")


def a_view_alone(world: World) -> None:
    edit_state(world, "UPDATE blocks SET view = 'x' WHERE number = 4")


def not_a_block(world: World) -> None:
    edit_state(
        world,
        "UPDATE blocks SET value = x'7b7d' WHERE number = 4",
        "UPDATE blocks SET checksum = checksum(number, view, value)",
    )


@pytest.mark.parametrize("damage", [bytes_of_a_block, text_of_a_block, a_view_alone, not_a_block])
def test_a_damaged_block_is_reported_and_everything_pulled(
    world: World, damage: Callable[[World], None], capsys: pytest.CaptureFixture[str]
) -> None:
    damage(world)
    change(world, 9)
    world.check()
    assert "the state of the last pull is damaged (" in capsys.readouterr().err


def test_a_state_with_any_bytes_flipped_ends_in_the_right_files(world: World) -> None:
    """Copying rows by what a state says of them may never copy others."""
    change(world, 9)
    state = world.folder / ".ls-trajedit" / "state.sqlite"
    whole, before = state.read_bytes(), world.folder.parent / "before"
    shutil.copytree(world.folder, before)
    fresh = world.folder.parent / "expected"
    world.pull(fresh)
    expected = files(fresh)
    for _ in range(40):
        shutil.rmtree(world.folder)
        shutil.copytree(before, world.folder)
        content = bytearray(whole)
        for _ in range(world.draw.choice([1, 1, 8, 64])):
            # After what says whose it is, and of which version.
            content[world.draw.randrange(72, len(content))] = world.draw.randrange(256)
        state.write_bytes(content)
        world.pull()
        assert files(world.folder) == expected


def test_a_table_that_does_not_find_its_tasks_is_reported(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """A flipped byte in a tree of SQLite's can hide tasks from whoever asks for a range of ids. Here, the first and the
    last place of each page that holds tasks are exchanged, so that what is looked for is on the other side."""
    state = world.folder / ".ls-trajedit" / "state.sqlite"
    content = bytearray(state.read_bytes())
    for start in range(0, len(content), 4096):
        page = memoryview(content)[start : start + 4096]
        cells = int.from_bytes(page[3:5], "big")
        if page[0] == 13 and cells > 1 and b'"task_description"' in bytes(page):
            last = 8 + 2 * (cells - 1)
            first, page[8:10] = bytes(page[8:10]), page[last : last + 2]
            page[last : last + 2] = first
    state.write_bytes(content)
    change(world, 9)
    world.check()
    assert "the state of the last pull is damaged (" in capsys.readouterr().err
