"""Whatever happens in a project: an incremental pull writes, byte for byte, what a full pull into a new folder does."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable

import pytest

from .hostile_label_studio import CONFIG, HostileLabelStudio, corrected
from .puller import Puller

Step = Callable[[HostileLabelStudio, random.Random], None]


def annotated(label_studio: HostileLabelStudio) -> list[tuple[int, int]]:
    return [(number, index) for number, task in label_studio.tasks.items() for index in range(len(task["annotations"]))]


def create(label_studio: HostileLabelStudio, draw: random.Random) -> None:
    for _ in range(draw.randint(1, 3)):
        label_studio.add_task()


def annotate(label_studio: HostileLabelStudio, draw: random.Random) -> None:
    if label_studio.tasks:
        results = [corrected(f"text {draw.randint(0, 9)}")] if draw.random() < 0.8 else []
        label_studio.annotate(draw.choice(list(label_studio.tasks)), *results, completed_by=draw.randint(1, 3))


def edit_again(label_studio: HostileLabelStudio, draw: random.Random) -> None:
    if annotated(label_studio):
        control = draw.choice(["better", "better", "better2", "nobody"])
        original = {"better2": "second"}.get(control, "first")
        result = [corrected(f"text {draw.randint(0, 9)}", control, original)]
        label_studio.change_annotation(*draw.choice(annotated(label_studio)), result=result)


def skip(label_studio: HostileLabelStudio, draw: random.Random) -> None:
    if annotated(label_studio):
        label_studio.change_annotation(*draw.choice(annotated(label_studio)), was_cancelled=draw.random() < 0.7)


def delete_annotation(label_studio: HostileLabelStudio, draw: random.Random) -> None:
    if annotated(label_studio):
        label_studio.delete_annotation(*draw.choice(annotated(label_studio)))


def delete_task(label_studio: HostileLabelStudio, draw: random.Random) -> None:
    if label_studio.tasks:
        label_studio.delete_task(draw.choice(list(label_studio.tasks)))


def replace_task(label_studio: HostileLabelStudio, draw: random.Random) -> None:
    delete_task(label_studio, draw)
    annotate(label_studio, draw)
    label_studio.add_task()


def merge_tasks(label_studio: HostileLabelStudio, draw: random.Random) -> None:
    """As "Remove duplicated tasks" does: annotations move, one task goes, and no date changes."""
    if len(label_studio.tasks) > 1:
        kept, gone = draw.sample(list(label_studio.tasks), 2)
        label_studio.tasks[kept]["annotations"] += label_studio.tasks.pop(gone)["annotations"]


def begin_draft(label_studio: HostileLabelStudio, draw: random.Random) -> None:
    if label_studio.tasks:
        label_studio.tasks[draw.choice(list(label_studio.tasks))]["drafts"] = draw.randint(0, 1)


def change_config(label_studio: HostileLabelStudio, draw: random.Random) -> None:
    other = '<View><Text name="first" value="$steps[1].action"/><TextArea name="better" toName="first"/></View>'
    label_studio.label_config = draw.choice([CONFIG, other])


def rename(label_studio: HostileLabelStudio, draw: random.Random) -> None:
    label_studio.title = f"Traces {draw.randint(0, 3)}"


STEPS: list[Step] = [
    *[create, annotate, annotate, annotate, edit_again, edit_again, skip, delete_annotation, delete_task],
    *[replace_task, merge_tasks, begin_draft, change_config, rename],
]


@pytest.mark.parametrize("seed", range(3))
def test_an_incremental_pull_writes_what_a_full_pull_writes(puller: Puller, seed: int) -> None:
    draw = random.Random(seed)
    create(puller.label_studio, draw)
    for number in range(30):
        for step in draw.choices(STEPS, k=draw.randint(1, 4)):
            step(puller.label_studio, draw)
        puller.label_studio.pass_time(minutes=draw.choice([0, 1, 30]))

        incremental = puller.pull("--json")
        assert incremental.exit_code == 0
        assert ("tasks" in incremental.asked) <= (number == 0 or "counts" in incremental.asked)
        fresh = puller.folder.parent / "fresh"
        full = puller.pull("--json", into=fresh)
        assert full.exit_code == 0
        assert puller.outputs() == puller.outputs(fresh)
        shutil.rmtree(fresh)

        times = puller.times()
        again = puller.pull("--json").json()
        assert again["up_to_date"]
        assert puller.times() == times


def test_the_changes_that_are_reported_add_up_to_the_records(puller: Puller) -> None:
    draw = random.Random(11)
    create(puller.label_studio, draw)
    records: dict[tuple[int, int], object] = {}
    for _ in range(30):
        for step in draw.choices(STEPS, k=3):
            step(puller.label_studio, draw)
        changes = puller.pull("--json").json()["changes"]
        found = puller.read("trajectory_corrections.json")["records"]
        now = {(record["source"]["task_id"], record["source"]["annotation_id"]): record for record in found}
        assert changes == {
            "new": len(now.keys() - records.keys()),
            "changed": sum(now[key] != records[key] for key in now.keys() & records.keys()),
            "removed": len(records.keys() - now.keys()),
        }
        records = dict(now)
