"""`ls-trajedit push` on projects that already hold something: traces, annotations, somebody's own styling."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from ls_trajedit.demo.local_label_studio import LocalLabelStudio

from .command_line import Person, read_json, write_traces
from .editor_page import editor, open_task, shown
from .project_api import annotate, annotations_of, call, project_of, tasks, text_result


def trace(trace_id: str, *actions: str) -> dict[str, Any]:
    """A trace with one step for each action, and a note in each step."""
    steps = [{"action": action, "note": f"note on {action}"} for action in actions]
    return {"id": trace_id, "task": f"Task of {trace_id}.", "steps": steps}


@pytest.fixture
def person(label_studio: LocalLabelStudio, tmp_path: Path) -> Person:
    return Person.at(tmp_path, label_studio)


def everything(label_studio: LocalLabelStudio, project: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What there is in the project that a push could change."""
    settings = project_of(label_studio, project)
    kept = ("label_config", "model_version", "show_collab_predictions", "task_number", "total_predictions_number")
    held = ("id", "data", "predictions", "annotations", "updated_at")
    found = [{key: task[key] for key in held} for task in tasks(label_studio, project)]
    return {key: settings[key] for key in kept}, found


def predicted_controls(task: dict[str, Any], model_version: str) -> list[str]:
    """The controls that the task's prediction of this version fills."""
    (prediction,) = [found for found in task["predictions"] if found["model_version"] == model_version]
    return [result["from_name"] for result in prediction["result"]]


def test_the_same_push_twice_changes_nothing(label_studio: LocalLabelStudio, person: Person) -> None:
    write_traces(person.folder / "traces.jsonl", [trace("a", "one", "two"), trace("b", "one")])
    project = person.push("traces.jsonl", "--title", "Twice")
    before = everything(label_studio, project)
    assert [task["data"]["id"] for task in before[1]] == ["a", "b"]

    again = person.run("push", "traces.jsonl", "--project", project)
    assert again.stdout == (
        f"project {project}: {label_studio.url}/projects/{project}/\n  imported       0\n  already there  2\n"
    )
    assert again.stderr == ""
    assert everything(label_studio, project) == before


def test_longer_traces_grow_the_config_shorter_ones_do_not_shrink_it_and_annotations_stay_readable(
    label_studio: LocalLabelStudio, person: Person
) -> None:
    write_traces(person.folder / "short.jsonl", [trace("short", "one", "tow")])
    write_traces(person.folder / "long.jsonl", [trace("long", "one", "two", "three", "four")])
    write_traces(person.folder / "shorter.jsonl", [trace("shorter", "one")])
    project = person.push("short.jsonl", "--title", "Growing")
    (short,) = tasks(label_studio, project)
    annotate(label_studio, short["id"], [text_result("step_1__action__corrected", "step_1__action", "two")])
    assert 'name="step_2__action__corrected"' not in project_of(label_studio, project)["label_config"]

    person.push("long.jsonl", "--project", project)
    grown = project_of(label_studio, project)
    assert 'name="step_3__action__corrected"' in grown["label_config"]
    person.push("shorter.jsonl", "--project", project)
    assert project_of(label_studio, project)["label_config"] == grown["label_config"]

    filled = [predicted_controls(task, grown["model_version"]) for task in tasks(label_studio, project)]
    assert filled == [
        ["step_0__action__corrected", "step_1__action__corrected"],
        [f"step_{step}__action__corrected" for step in range(4)],
        ["step_0__action__corrected"],
    ]
    person.run("pull", "--project", project)
    (record,) = read_json(person.folder / "data" / "trajectory_corrections.json")["records"]
    assert [(edit["step_index"], edit["edited_text"]) for edit in record["edits"]] == [(1, "two")]


def test_a_change_that_would_orphan_annotations_is_refused(label_studio: LocalLabelStudio, person: Person) -> None:
    write_traces(person.folder / "traces.jsonl", [trace("a", "one", "two")])
    write_traces(person.folder / "more.jsonl", [trace("b", "one", "two")])
    (person.folder / "notes.yaml").write_text("editable_fields: [note]\n")
    project = person.push("traces.jsonl", "--title", "Orphans", "--options", "notes.yaml")
    (task,) = tasks(label_studio, project)
    annotate(label_studio, task["id"], [text_result("step_1__note__corrected", "step_1__note", "a better note")])
    before = everything(label_studio, project)

    refused = person.run("push", "more.jsonl", "--project", project, status=3).stderr
    assert "`step_1__note__corrected` (1)" in refused
    assert "step_0__note__corrected" not in refused
    assert everything(label_studio, project) == before


def test_a_new_editable_field_opens_prefilled_in_old_tasks_too(
    label_studio: LocalLabelStudio, person: Person, page: Page
) -> None:
    write_traces(person.folder / "traces.jsonl", [trace("a", "one")])
    project = person.push("traces.jsonl", "--title", "New field")
    (person.folder / "trajedit.yaml").write_text("editable_fields: [action, note]\n")
    pushed = person.run("push", "traces.jsonl", "--project", project)
    assert "added predictions for the editors of 1 existing task" in pushed.stderr

    (task,) = tasks(label_studio, project)
    open_task(page, project, task["id"])
    expect(editor(page, "step_0__action__corrected")).to_have_value("one")
    expect(editor(page, "step_0__note__corrected")).to_have_value("note on one")


def test_a_broken_file_imports_nothing_unless_its_broken_traces_are_to_be_skipped(
    label_studio: LocalLabelStudio, person: Person
) -> None:
    write_traces(person.folder / "traces.jsonl", [trace("a", "one"), {"id": "b", "steps": "none"}, trace("a", "two")])
    with (person.folder / "traces.jsonl").open("a") as file:
        file.write('{"id": "c", "steps": [\n')
    titles = {found["title"] for found in call(label_studio, "GET", "/api/projects?page_size=1000")["results"]}

    refused = person.run("push", "traces.jsonl", "--title", "Broken file", status=5)
    places = [line.split(" ")[0] for line in refused.stderr.removeprefix("ls-trajedit: ").splitlines()]
    assert places == ["traces.jsonl:2:", "traces.jsonl:3:", "traces.jsonl:4:", "3"]
    found = {found["title"] for found in call(label_studio, "GET", "/api/projects?page_size=1000")["results"]}
    assert found == titles

    pushed = person.run("push", "traces.jsonl", "--title", "Rest of a broken file", "--skip-invalid", "--json")
    assert {key: pushed.json[key] for key in ("imported", "already_there", "rejected")} == {
        "imported": 1,
        "already_there": 0,
        "rejected": 3,
    }
    assert "traces.jsonl:3: `id` 'a' is already in line 1" in pushed.stderr
    assert [task["data"]["id"] for task in tasks(label_studio, pushed.json["project"])] == ["a"]


def test_a_project_restyled_by_hand_keeps_its_looks(label_studio: LocalLabelStudio, person: Person) -> None:
    write_traces(person.folder / "traces.jsonl", [trace("a", "one")])
    write_traces(person.folder / "more.jsonl", [trace("b", "one")])
    project = person.push("traces.jsonl", "--title", "Restyled")
    config = project_of(label_studio, project)["label_config"]
    start, end = config.index("<Style>") + len("<Style>"), config.index("</Style>")
    restyled = f"{config[:start]}.trajedit {{ color: teal; }}{config[end:]}"
    call(label_studio, "PATCH", f"/api/projects/{project}", json={"label_config": restyled})

    assert person.run("push", "more.jsonl", "--project", project).stderr == ""
    after = project_of(label_studio, project)
    assert (after["label_config"], after["task_number"]) == (restyled, 2)


def test_tasks_that_somebody_else_imported_are_known_and_prefilled(
    label_studio: LocalLabelStudio, person: Person, page: Page
) -> None:
    config = '<View><Text name="t" value="$task"/><TextArea name="opinion" toName="t"/></View>'
    body = {"title": "By somebody else", "label_config": config}
    project = call(label_studio, "POST", "/api/projects", json=body)["id"]
    imported = [trace("a", "one", "two"), {"task": "No trace at all."}]
    call(label_studio, "POST", f"/api/projects/{project}/import", json=[{"data": data} for data in imported])
    write_traces(person.folder / "traces.jsonl", [trace("a", "one", "two"), trace("b", "one")])

    pushed = person.run("push", "traces.jsonl", "--project", project)
    assert pushed.stdout.splitlines()[1:] == ["  imported       1", "  already there  1"]
    theirs, other, ours = tasks(label_studio, project)
    assert [theirs["data"], other["data"]] == imported
    open_task(page, project, theirs["id"])
    expect(editor(page, "step_1__action__corrected")).to_have_value("two")
    open_task(page, project, ours["id"])
    expect(editor(page, "step_0__action__corrected")).to_have_value("one")
    open_task(page, project, other["id"])
    expect(shown(page, "No trace at all.").and_(page.locator("span"))).to_be_visible()
    assert annotations_of(label_studio, other["id"]) == []


def test_the_repeater_layout_is_refused_with_advice_that_works_where_predictions_are_validated(
    label_studio: LocalLabelStudio, person: Person
) -> None:
    write_traces(person.folder / "traces.jsonl", [trace("a", "one", "two")])
    (person.folder / "repeater.yaml").write_text("layout: repeater\n")
    push = ["push", "traces.jsonl", "--title", "Repeater", "--options", "repeater.yaml"]
    refused = person.run(*push, status=3).stderr
    assert "validates predictions and accepts none for a Repeater" in refused
    (project,) = re.findall(r"Set `layout: unrolled` and push with --project (\d+)", refused)

    assert person.push("traces.jsonl", "--project", project) == int(project)
    (task,) = tasks(label_studio, int(project))
    version = project_of(label_studio, int(project))["model_version"]
    assert predicted_controls(task, version) == ["step_0__action__corrected", "step_1__action__corrected"]
