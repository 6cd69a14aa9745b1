"""Label Studio on PostgreSQL: the tests of push, pull and backend that could go differently there.

PostgreSQL keeps task data as jsonb, which forgets the order of keys and how some numbers are written, and what one
writer does is seen only when it commits. The tests that are imported run on this Label Studio, because its fixtures
have the names that they ask for.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from ls_trajedit.demo.local_label_studio import LocalLabelStudio
from ls_trajedit.label_config.branch_data import plain_branch_data, superseded_data
from ls_trajedit.label_config.branch_note import Branch, Parent, branch_of
from ls_trajedit.label_config.chat_data import written_trace
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.label_config.task_data import restore_trace
from ls_trajedit.label_config.write_config import write_config
from ls_trajedit.traces.model import Message, Reasoning, Text
from ls_trajedit.traces.options_file import parse_options
from ls_trajedit.traces.shape import shape_of
from tests.contract.conftest import HOSTS, StartHost
from tests.support.branches import CHAT_CONFIG, branch_of_chat, chat_parent

from . import test_push
from .command_line import Person, read_json, read_lines, write_traces
from .databases import Database, PostgresqlServer
from .editor_page import correct, editor, open_task, submit
from .living_project import LivingProject
from .project_api import annotate, call, tasks, text_result
from .pulled_files import OUTPUTS, pull_here, pulled_files
from .test_continue import test_steps_without_roles_go_on_below_the_steps_that_are_locked
from .test_incremental_pull import (
    CORRECTED,
    check_random_changes,
    fully_pulled,
    person,
    project,
    proxy,
    test_annotations_that_move_when_duplicate_tasks_are_merged_are_not_lost,
    test_what_another_person_does_while_a_pull_runs_is_seen_before_or_after_and_by_the_next_pull,
)
from .test_pull_and_convert import annotated, test_convert_of_the_export_writes_what_pull_writes

__all__ = [
    "annotated",
    "person",
    "project",
    "proxy",
    "test_annotations_that_move_when_duplicate_tasks_are_merged_are_not_lost",
    "test_convert_of_the_export_writes_what_pull_writes",
    "test_steps_without_roles_go_on_below_the_steps_that_are_locked",
    "test_what_another_person_does_while_a_pull_runs_is_seen_before_or_after_and_by_the_next_pull",
]

SEARCH = {
    "type": "function",
    "function": {
        "name": "search",
        "description": "Searches.",
        "parameters": {"type": "object", "properties": {"query": {}, "page": {}, "k": {}}, "required": ["query"]},
    },
}
# Nothing of this is in the order that PostgreSQL gives it, and every kind of number is in it that PostgreSQL changes.
TRACE: dict[str, Any] = {
    "task": "Find it",
    "tools": [SEARCH],
    "steps": [
        {
            "thought": "Look.",
            "action": "search('SF wether', 2, 5)",
            "args": {"size": 1e25, "low": -0.0, "k": 1.0},
            "note": {"zz": 1e22, "one": 1.0, "low": -0.0, "k": [{"b": 2**70, "a": -0.0}]},
        },
        {"action": "stop()", "thought": "Done.", "args": {"big": 2**70, "a": 1}},
    ],
    "id": "p",
}
OPTIONS = "tools_key: tools\neditable_fields: [action, args]\n"
# What is in the box of `args` is the JSON of the file, with an indent.
ARGS = '{\n  "size": 1e+25,\n  "low": -0.0,\n  "k": 1.0\n}'
MORE_ARGS = '{\n  "big": 1180591620717411303424,\n  "a": 1\n}'
CHOSEN = ("--options", "trajedit.yaml", "--tools")
FORMATS = (*CHOSEN, "--format", "trl-dpo", "--format", "native", "--format", "corrections")


@pytest.fixture(scope="session")
def label_studio(label_studio_on_postgresql: LocalLabelStudio) -> LocalLabelStudio:
    return label_studio_on_postgresql


@pytest.fixture(scope="session")
def database(postgresql: PostgresqlServer) -> Database:
    return postgresql


def exact(value: Any) -> str:
    """The value as JSON, in which the order of keys and the kinds of numbers count."""
    return json.dumps(value)


def test_a_project_can_be_pushed_to_again(label_studio: LocalLabelStudio, tmp_path: Path) -> None:
    for test in (
        test_push.test_the_same_push_twice_changes_nothing,
        test_push.test_longer_traces_grow_the_config_shorter_ones_do_not_shrink_it_and_annotations_stay_readable,
    ):
        folder = tmp_path / test.__name__
        folder.mkdir()
        test(label_studio, Person.at(folder, label_studio))


def test_what_nobody_touched_comes_out_as_it_went_in_and_arguments_get_their_names(
    label_studio: LocalLabelStudio, page: Page, tmp_path: Path
) -> None:
    person = Person.at(tmp_path, label_studio)
    (tmp_path / "trajedit.yaml").write_text(OPTIONS)
    project = person.push(write_traces(tmp_path / "traces.jsonl", [TRACE]), "--title", "Round trip")
    (task,) = tasks(label_studio, project)
    assert [exact(list(step)) for step in task["data"]["steps"]] == [
        '["args", "note", "action", "thought"]',
        '["args", "action", "thought"]',
    ], "this database is meant to keep data as jsonb"

    open_task(page, project, task["id"])
    expect(editor(page, "step_0__args__corrected")).to_have_value(ARGS)
    expect(editor(page, "step_1__args__corrected")).to_have_value(MORE_ARGS)
    correct(page, "step_0__action__corrected", "wether", "weather")
    correct(page, "step_1__args__corrected", "1180591620717411303424", "1e30")
    submit(page)

    person.run("pull", "--project", project, *FORMATS)
    expected = json.loads(json.dumps(TRACE))
    expected["steps"][0]["action"] = "search('SF weather', 2, 5)"
    expected["steps"][1]["args"]["big"] = 1e30
    (native,) = read_lines(tmp_path / "data" / "native" / "corrected.jsonl")
    assert exact(native) == exact(expected)
    first, _ = read_lines(tmp_path / "data" / "trl" / "dpo.jsonl")
    arguments = [first[side][0]["tool_calls"][0]["function"]["arguments"] for side in ("chosen", "rejected")]
    assert exact(arguments) == exact(
        [{"query": "SF weather", "page": 2, "k": 5}, {"query": "SF wether", "page": 2, "k": 5}]
    )
    (record,) = read_json(tmp_path / "data" / "trajectory_corrections.json")["records"]
    assert exact(record["original_trace"]["steps"]) == exact(TRACE["steps"])
    assert exact(record["source"]["extra"]) == exact({"tools": [SEARCH]})
    assert [(edit["field"], edit["original_text"]) for edit in record["edits"]] == [
        ("action", "search('SF wether', 2, 5)"),
        ("args", MORE_ARGS),
    ]

    exported = call(label_studio, "GET", f"/api/projects/{project}/export", params={"exportType": "JSON"})
    (tmp_path / "export.json").write_text(json.dumps(exported))
    person.run("convert", "export.json", "--project", project, "-o", "converted", *FORMATS)
    for name in ("trajectory_corrections.json", "native/corrected.jsonl", "trl/dpo.jsonl"):
        assert (tmp_path / "converted" / name).read_bytes() == (tmp_path / "data" / name).read_bytes()


def test_a_branch_comes_back_exactly_also_after_it_was_marked_as_superseded(label_studio: LocalLabelStudio) -> None:
    options = parse_options(OPTIONS, "trajedit.yaml")
    config = write_config(options, replace(shape_of([TRACE], options), has_branches=True))
    branch = Branch(Parent("p", 1, 2, 0, "5d7a"), 2)
    new = [Message("assistant", (Reasoning("Done."), Text("stop()")))]
    plain = plain_branch_data("p~1", TRACE, TRACE["steps"][:1], new, branch, read_config(config))
    chat = branch_of_chat(chat_parent())["data"]
    project = call(label_studio, "POST", "/api/projects", json={"title": "Branches", "label_config": config})["id"]
    call(label_studio, "POST", f"/api/projects/{project}/import", json=[{"data": plain}])
    (task,) = tasks(label_studio, project)
    for _ in range(2):
        made = restore_trace(task["data"])
        assert exact(made) == exact(
            {**TRACE, "id": "p~1", "steps": [TRACE["steps"][0], {"thought": "Done.", "action": "stop()"}]}
        )
        assert branch_of(task["data"]) in (branch, replace(branch, superseded=True))
        changed = {"data": superseded_data(task["data"])}
        task = call(label_studio, "PATCH", f"/api/tasks/{task['id']}", json=changed)
    room = {"title": "Branches", "label_config": CHAT_CONFIG}
    project = call(label_studio, "POST", "/api/projects", json=room)["id"]
    call(label_studio, "POST", f"/api/projects/{project}/import", json=[{"data": chat}])
    (task,) = tasks(label_studio, project)
    assert written_trace(task["data"])[0] == written_trace(chat)[0]


def test_a_backend_prefills_the_boxes_with_what_was_in_the_file(
    label_studio: LocalLabelStudio, start_host: StartHost, page: Page, tmp_path: Path
) -> None:
    backend = start_host(HOSTS[0]).url
    person = Person.at(tmp_path, label_studio)
    (tmp_path / "trajedit.yaml").write_text(OPTIONS)
    traces = write_traces(tmp_path / "traces.jsonl", [TRACE])
    project = person.push(traces, "--title", "With backend", "--backend", backend)
    (task,) = tasks(label_studio, project)
    assert task["predictions"] == []
    open_task(page, project, task["id"])
    expect(editor(page, "step_0__action__corrected")).to_have_value("search('SF wether', 2, 5)")
    expect(editor(page, "step_0__args__corrected")).to_have_value(ARGS)
    submit(page)
    counts = person.run("pull", "--project", project, "--json").json
    assert (counts["edited"], counts["unedited"], counts["rejected"]) == (0, 1, 0)


def test_traces_without_an_id_are_imported_once_also_after_an_earlier_version_has_imported_them(
    label_studio: LocalLabelStudio, tmp_path: Path
) -> None:
    person = Person.at(tmp_path, label_studio)
    (tmp_path / "trajedit.yaml").write_text("task_key: task\n")
    unnamed = {key: value for key, value in TRACE.items() if key != "id"}
    other = {**unnamed, "task": "Find something else"}
    traces = write_traces(tmp_path / "traces.jsonl", [unnamed])
    project = person.push(traces, "--title", "Without ids")
    # Earlier versions noted no layout.
    call(label_studio, "POST", f"/api/projects/{project}/import", json=[{"data": other}])
    write_traces(traces, [unnamed, other])
    for _ in range(2):
        again = person.run("push", traces, "--project", project)
        assert again.stdout.splitlines()[1:] == ["  imported       0", "  already there  2"]
    assert len(tasks(label_studio, project)) == 2


def test_whatever_happens_in_a_project_pulls_of_what_changed_end_in_the_files_of_a_full_pull(
    label_studio: LocalLabelStudio, database: Database, tmp_path: Path
) -> None:
    check_random_changes(label_studio, database, tmp_path, seed=4)


def test_a_change_that_is_committed_only_after_a_pull_is_in_the_next_one(
    label_studio: LocalLabelStudio, postgresql: PostgresqlServer, tmp_path: Path
) -> None:
    project = LivingProject(label_studio, postgresql, Random(0), 3)
    person, number, data = Person.at(tmp_path, label_studio), project.number, tmp_path / "data"
    late, early = project.tasks[:2]
    annotation = annotate(label_studio, late, [text_result(*CORRECTED, "first()")])["id"]
    pull_here(person, number, data)
    project.age()
    with postgresql.connect() as writer:
        writer.execute(
            "UPDATE task_completion SET updated_at = now(), "
            """result = jsonb_set(result, '{0,value,text,0}', '"late()"') WHERE id = %s""",
            [annotation],
        )
        writer.execute("UPDATE task SET updated_at = now() WHERE id = %s", [late])
        annotate(label_studio, early, [text_result(*CORRECTED, "early()")])
        pull_here(person, number, data)
        before = pulled_files(data)[OUTPUTS[0]]
        assert b"early()" in before
        assert b"late()" not in before
        writer.commit()
    pull_here(person, number, data)
    after = pulled_files(data)
    assert b"early()" in after[OUTPUTS[0]]
    assert b"late()" in after[OUTPUTS[0]]
    assert after == fully_pulled(person, number, "fresh")
