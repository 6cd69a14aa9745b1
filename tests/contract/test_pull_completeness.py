"""Pages of tasks with something wrong, and tasks that change while they are read: all are read, or the pull fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .hostile_label_studio import HostileLabelStudio, corrected
from .misbehaviour import changed_page, empty_page, saying
from .puller import Puller
from .reply import Fault

# More than one page of the first pull; all have been changed again after it, so that they are two of the second, too.
TASKS = 150


@pytest.fixture
def puller(puller: Puller) -> Puller:
    """Somebody who has pulled, before all tasks changed."""
    puller.pull_before_all_change(TASKS)
    return puller


def without(index: int) -> Fault:
    return changed_page(lambda tasks, total: (tasks[:index] + tasks[index + 1 :], total))


def with_total(change: Callable[[int], int]) -> Fault:
    return changed_page(lambda tasks, total: (tasks, change(total)))


first_page_again = changed_page(lambda tasks, total: ([{**task, "id": task["id"] - 50} for task in tasks], total))
in_disorder = changed_page(lambda tasks, total: (tasks[::-1], total))
not_all_of_it: Any = {"tasks": [{"id": 101, "data": {}, "annotations": [{"id": 1000}]}], "total": 50}
no_annotations: Any = {"tasks": [{"id": 101, "data": {}, "annotations": None}], "total": 50}

INCOMPLETE: dict[str, tuple[Fault, str]] = {
    "an empty page too early": (empty_page, "reported 50 tasks after task 100 but returned 0"),
    "the same page twice": (first_page_again, "returned 50 (or repeats)"),
    "a page in disorder": (in_disorder, "(or repeats)"),
    "an annotation without its result": (saying(not_all_of_it), "annotation 1000 arrived without its `result`"),
    "a task whose annotations are null": (saying(no_annotations), "task 101 arrived without its annotations"),
    "a total that grows": (with_total(lambda total: total + 7), "reported 7 tasks after task"),
}


@pytest.mark.parametrize("kind", ["tasks", "changed"])
@pytest.mark.parametrize("failure", INCOMPLETE)
def test_an_incomplete_answer_is_an_error_and_the_files_stay(puller: Puller, failure: str, kind: str) -> None:
    fault, words = INCOMPLETE[failure]
    before, times = puller.outputs(), puller.times()
    puller.label_studio.misbehave(fault, on=kind, nth=2)
    if failure == "a total that grows":
        lasting = changed_page(lambda tasks, total: (tasks, 7 if total == 0 else total))
        puller.label_studio.misbehave(lasting, on=kind, nth=3, times=20)
    ran = puller.pull(*(["--full"] if kind == "tasks" else []))
    assert ran.exit_code == 5
    assert ran.err.startswith("ls-trajedit: ")
    assert words in ran.err
    assert "No file was changed; run the command again" in ran.err
    assert (puller.outputs(), puller.times()) == (before, times)
    heal(puller)


def heal(puller: Puller) -> None:
    """The next pull, from a server that has recovered, has everything."""
    puller.label_studio.heal()
    assert puller.pull().exit_code == 0
    assert puller.completions() == [f"better {number}" for number in sorted(puller.label_studio.tasks)]


@pytest.mark.parametrize("kind", ["tasks", "changed"])
def test_a_task_that_is_left_out_of_a_page_once_is_asked_for_again(puller: Puller, kind: str) -> None:
    puller.label_studio.misbehave(without(20), on=kind)
    assert puller.pull(*(["--full"] if kind == "tasks" else [])).exit_code == 0
    assert puller.completions() == [f"better {number}" for number in sorted(puller.label_studio.tasks)]


@pytest.mark.parametrize("kind", ["tasks", "changed"])
def test_a_task_that_is_left_out_of_every_page_is_an_error(puller: Puller, kind: str) -> None:
    before = puller.outputs()
    left_out = changed_page(lambda tasks, total: ([task for task in tasks if task["id"] != 21], total))
    for asked in ("tasks", "changed", "counts"):
        puller.label_studio.misbehave(left_out, on=asked, times=50)
    ran = puller.pull(*(["--full"] if kind == "tasks" else []))
    assert ran.exit_code == 5
    changed = "changed " if kind == "changed" else ""
    assert f"Label Studio reported 150 {changed}tasks but returned 149. No file was changed; run the" in ran.err
    assert puller.outputs() == before
    heal(puller)


def test_a_total_that_is_too_small_does_not_end_a_full_pull_early(puller: Puller) -> None:
    puller.label_studio.misbehave(with_total(lambda _: 100), on="tasks")
    assert puller.pull("--full").exit_code == 0
    assert len(puller.completions()) == TASKS


def test_a_project_that_counts_more_than_there_is_is_an_error(puller: Puller) -> None:
    before = puller.outputs()
    one_more = saying(
        {"id": 12, "title": "Traces", "label_config": puller.label_studio.label_config, "task_number": TASKS + 1}
    )
    puller.label_studio.misbehave(one_more, on="project", times=10)
    ran = puller.pull()
    assert ran.exit_code == 5
    assert (
        "project 12: Label Studio reported 151 tasks but returned 150. No file was changed; run the command again."
        in ran.err
    )
    assert puller.outputs() == before


def delete_a_task_that_was_read(label_studio: HostileLabelStudio) -> None:
    label_studio.delete_task(5)


def delete_a_task_that_comes_next(label_studio: HostileLabelStudio) -> None:
    label_studio.delete_task(120)


def delete_a_task_on_each_side(label_studio: HostileLabelStudio) -> None:
    label_studio.delete_task(5)
    label_studio.delete_task(120)


def add_a_task(label_studio: HostileLabelStudio) -> None:
    label_studio.annotate(label_studio.add_task(), corrected("new"))


def replace_a_task(label_studio: HostileLabelStudio) -> None:
    label_studio.delete_task(5)
    add_a_task(label_studio)


def change_a_task_that_was_read(label_studio: HostileLabelStudio) -> None:
    label_studio.change_annotation(5, 0, result=[corrected("changed meanwhile")])


def change_a_task_that_comes_next(label_studio: HostileLabelStudio) -> None:
    label_studio.change_annotation(120, 0, result=[corrected("changed meanwhile")])


@pytest.mark.parametrize("kind", ["tasks", "changed"])
@pytest.mark.parametrize(
    "happens",
    [
        delete_a_task_that_was_read,
        delete_a_task_that_comes_next,
        delete_a_task_on_each_side,
        add_a_task,
        replace_a_task,
        change_a_task_that_was_read,
        change_a_task_that_comes_next,
    ],
)
def test_what_happens_between_two_pages_is_seen_now_or_by_the_next_pull(
    puller: Puller, happens: Callable[[HostileLabelStudio], None], kind: str
) -> None:
    puller.label_studio.pass_time()
    puller.label_studio.meanwhile(lambda: happens(puller.label_studio), on=kind)
    ran = puller.pull("--json", *(["--full"] if kind == "tasks" else []))
    assert ran.exit_code == 0
    # Nothing is doubled or half there.
    assert ran.json()["tasks"] in (len(puller.label_studio.tasks), TASKS)
    numbers = [record["source"]["task_id"] for record in puller.read("trajectory_corrections.json")["records"]]
    assert len(numbers) == len(set(numbers))
    assert set(puller.label_studio.tasks) - set(numbers) <= {TASKS * 2 + 1}

    puller.label_studio.pass_time()
    assert puller.pull().exit_code == 0
    fresh = puller.folder.parent / "fresh"
    assert puller.pull(into=fresh).exit_code == 0
    assert puller.outputs() == puller.outputs(fresh)


def test_a_project_in_which_tasks_come_and_go_all_the_time_is_an_error(puller: Puller) -> None:
    """Not a pull that never ends."""
    before = puller.outputs()
    puller.label_studio.meanwhile(puller.label_studio.add_task, on="changed")
    for number in range(1, 20):
        puller.label_studio.meanwhile(puller.label_studio.add_task, on="tasks", nth=number)
        puller.label_studio.meanwhile(puller.label_studio.add_task, on="counts", nth=number)
    ran = puller.pull()
    assert ran.exit_code == 5
    assert "Label Studio reported" in ran.err
    assert ran.asked.count("counts") == 3
    assert puller.outputs() == before
