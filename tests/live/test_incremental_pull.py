"""A pull of what changed since the last one, against a pull of everything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.demo.local_label_studio import LocalLabelStudio
from ls_trajedit.traces.options import Options

from .command_line import Person
from .databases import Database
from .label_studio_proxy import LabelStudioProxy, proxy_to
from .living_project import CONFIG, LivingProject, trace
from .project_api import annotate, tasks, text_result
from .pulled_files import OUTPUTS, pull_here, pulled_files, times_of_change, up_to_date_here

STEPS = 10
MOST_ACTIONS = 3
FIRST_PAGE = 100
DEFAULT_RULES = ReadingRules()
CORRECTED = ("step_0__action__corrected", "step_0__action")


@pytest.fixture
def project(label_studio: LocalLabelStudio, database: Database) -> LivingProject:
    """A project of a dozen tasks, always the same."""
    return LivingProject(label_studio, database, Random(0), 12)


@pytest.fixture
def proxy(label_studio: LocalLabelStudio) -> Iterator[LabelStudioProxy]:
    with proxy_to(label_studio) as running:
        yield running


@pytest.fixture
def person(label_studio: LocalLabelStudio, proxy: LabelStudioProxy, tmp_path: Path) -> Person:
    """Somebody whose requests are noted."""
    return replace(Person.at(tmp_path, label_studio), url=proxy.url)


def fully_pulled(
    person: Person, project: int, name: str, options: Options | None = None, rules: ReadingRules = DEFAULT_RULES
) -> dict[str, bytes]:
    """What a pull of everything writes into a new folder."""
    pull_here(person, project, person.folder / name, full=True, options=options, rules=rules)
    return pulled_files(person.folder / name)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_happens_in_a_project_pulls_of_what_changed_end_in_the_files_of_a_full_pull(
    label_studio: LocalLabelStudio, database: Database, tmp_path: Path, seed: int
) -> None:
    check_random_changes(label_studio, database, tmp_path, seed)


def check_random_changes(label_studio: LocalLabelStudio, database: Database, tmp_path: Path, seed: int) -> None:
    """Changes a project at random, and compares the pull of what changed with a pull of everything after each step."""
    random = Random(seed)
    project = LivingProject(label_studio, database, random, 10)
    here = Person.at(tmp_path, label_studio), project.number
    data = tmp_path / "data"
    pull_here(*here, data)
    for step in range(STEPS):
        project.age()
        before, done = pulled_files(data), len(project.done)
        for _ in range(random.randint(1, MOST_ACTIONS)):
            project.act()
        told = f"seed {seed}, step {step}: {project.done[done:]}"

        fresh = tmp_path / f"fresh-{step}"
        counts = pull_here(*here, fresh, full=True).counts
        wanted = pulled_files(fresh)
        assert (counts["tasks"], counts["annotations"]) == (len(project.tasks), len(project.annotations)), told
        assert wanted == before or not up_to_date_here(*here, data), told
        times = times_of_change(data)
        pull_here(*here, data)
        assert pulled_files(data) == wanted, told
        assert up_to_date_here(*here, data), told
        after = times_of_change(data)
        assert {name for name in OUTPUTS if times[name] == after[name]} == {
            name for name in OUTPUTS if before[name] == wanted[name]
        }, told
        assert pull_here(*here, data).is_up_to_date, told
        assert times_of_change(data) == after, told


def test_a_pull_with_nothing_new_asks_three_things_reads_no_task_and_rewrites_nothing(
    project: LivingProject, person: Person, proxy: LabelStudioProxy
) -> None:
    number, data = project.number, person.folder / "data"
    person.run("pull", "--project", number)
    project.age()
    files, times = pulled_files(data), times_of_change(data)

    proxy.forget()
    again = person.run("pull", "--project", number)
    assert again.stdout.startswith("up to date: nothing changed since the last pull\n")
    assert len(proxy.requests) <= 3
    assert proxy.tasks_read == []
    assert (pulled_files(data), times_of_change(data)) == (files, times)
    checked = person.run("pull", "--project", number, "--check")
    assert (checked.stdout, checked.stderr) == ("", "data: up to date\n")

    project.annotate(project.tasks[5])
    proxy.forget()
    checked = person.run("pull", "--project", number, "--check", status=1)
    assert (checked.stdout, checked.stderr) == ("", f"data: there is something to pull from project {number}\n")
    assert (pulled_files(data), times_of_change(data)) == (files, times)
    told = person.run("pull", "--project", number, "--json").json
    assert set(proxy.tasks_read) == {project.tasks[5]}
    assert (told["up_to_date"], told["changes"]) == (False, {"new": 1, "changed": 0, "removed": 0})
    person.run("pull", "--project", number, "--check")
    assert pulled_files(data) == fully_pulled(person, number, "fresh")


def test_only_what_changed_is_read_also_when_the_number_of_tasks_stays_the_same(
    project: LivingProject, person: Person, proxy: LabelStudioProxy
) -> None:
    number, data = project.number, person.folder / "data"
    person.run("pull", "--project", number)
    project.age()
    gone, corrected = project.tasks[2], project.tasks[3]
    project.call("PATCH", f"/api/tasks/{corrected}", json={"data": trace(100, "sarch()")})
    project.call("DELETE", f"/api/tasks/{gone}")
    made = project.make_task()
    assert project_of(project)["task_number"] == 12

    proxy.forget()
    person.run("pull", "--project", number)
    assert sorted(proxy.tasks_read) == [corrected, made]
    assert pulled_files(data) == fully_pulled(person, number, "fresh")


def test_other_options_and_another_labeling_config_rebuild_the_files_without_reading_a_task(
    label_studio: LocalLabelStudio, database: Database, person: Person, proxy: LabelStudioProxy
) -> None:
    project = LivingProject(label_studio, database, Random(0), 0)
    number, data = project.number, person.folder / "data"
    less = "\n".join(line for line in CONFIG.splitlines() if "step_1__action__corrected" not in line)
    project.configure(less)
    for _ in range(6):
        project.annotate(project.make_task())
    pull_here(person, number, data)
    project.age()

    def check(name: str, options: Options | None = None, rules: ReadingRules = DEFAULT_RULES) -> dict[str, bytes]:
        """A pull with the options writes other files than there were, the right ones."""
        before = pulled_files(data)
        proxy.forget()
        pull_here(person, number, data, options=options, rules=rules)
        assert proxy.tasks_read == []
        after = pulled_files(data)
        assert after != before
        assert after == fully_pulled(person, number, name, options, rules)
        return after

    check("another-task-key", Options(task_key="id"))
    check("defaults-again")
    check("hashed", rules=ReadingRules(annotators="hash"))
    check("reasons-required", rules=ReadingRules(require_reason=True))
    rejected = check("ids-again")["rejects.jsonl"]
    assert b"step_1__action__corrected" in rejected

    # One editor more: what was a result of no control is a correction now.
    project.configure(CONFIG)
    assert len(check("one-editor-more")["rejects.jsonl"]) < len(rejected)

    # Restyled: the same schema, so not a byte changes.
    files, times = pulled_files(data), times_of_change(data)
    project.configure(CONFIG.replace("<View>", '<View className="wide">', 1))
    proxy.forget()
    assert pull_here(person, number, data).is_up_to_date
    assert proxy.tasks_read == []
    assert (pulled_files(data), times_of_change(data)) == (files, times)


def test_annotations_that_move_when_duplicate_tasks_are_merged_are_not_lost(
    project: LivingProject, person: Person
) -> None:
    number, data = project.number, person.folder / "data"
    project.make_duplicate()
    pull_here(person, number, data)
    project.age()
    annotations = len(project.annotations)

    # Label Studio moves the copy's annotations to the other task, dates no change of it, and deletes the copy.
    project.merge_duplicates()
    assert (project_of(project)["task_number"], len(project.annotations)) == (12, annotations)
    assert not up_to_date_here(person, number, data)
    assert pull_here(person, number, data).counts["annotations"] == annotations
    assert pulled_files(data) == fully_pulled(person, number, "fresh")


def test_what_another_person_does_while_a_pull_runs_is_seen_before_or_after_and_by_the_next_pull(
    label_studio: LocalLabelStudio, database: Database, person: Person, proxy: LabelStudioProxy
) -> None:
    project = LivingProject(label_studio, database, Random(0), 0)
    number, data = project.number, person.folder / "data"
    project.call("POST", f"/api/projects/{number}/import", json=[{"data": trace(n)} for n in range(FIRST_PAGE + 20)])
    ids = sorted(task["id"] for task in tasks(label_studio, number))
    early, late = ids[:FIRST_PAGE], ids[FIRST_PAGE:]
    for task in (*early[:3], *late[:3]):
        annotate(label_studio, task, [text_result(*CORRECTED, "first()")])
    project.age()
    before = records(fully_pulled(person, number, "before"))
    pages = 0

    def work(path: str) -> None:
        """Between the first page and the second: new corrections, deletions, and a task more."""
        nonlocal pages
        if "fields=all" in path:
            pages += 1
            if pages == 2:
                for task in (early[0], late[0]):
                    (annotation,) = project.call("GET", f"/api/tasks/{task}/annotations")
                    body = {"result": [text_result(*CORRECTED, "second()")]}
                    project.call("PATCH", f"/api/annotations/{annotation['id']}", json=body)
                for task in (early[1], late[1]):
                    project.call("DELETE", f"/api/tasks/{task}")
                project.annotate(project.make_task())

    proxy.on_request = work
    person.run("pull", "--project", number)
    assert pages >= 2
    proxy.on_request = lambda path: None
    after = records(fully_pulled(person, number, "after"))
    assert before.keys() != after.keys()
    found = records(pulled_files(data))
    for key, record in found.items():
        assert record in (before.get(key), after.get(key))
    assert {key for key in before if key in after} <= found.keys()

    person.run("pull", "--project", number)
    assert pulled_files(data) == pulled_files(person.folder / "after")


def records(files: dict[str, bytes]) -> dict[int, Any]:
    """The records by the ids of their annotations."""
    found = json.loads(files["trajectory_corrections.json"])["records"]
    return {record["source"]["annotation_id"]: record for record in found}


def project_of(project: LivingProject) -> dict[str, Any]:
    found = project.call("GET", f"/api/projects/{project.number}")
    assert isinstance(found, dict)
    return found
