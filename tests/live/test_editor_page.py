"""What annotators see and do on Label Studio's editor page, and what `pull` makes of it.

One project, one task for each test. The server validates predictions (see conftest.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from ls_trajedit.demo.local_label_studio import LocalLabelStudio, add_user

from .command_line import Finished, Person, read_json, read_lines, write_traces
from .conftest import logged_in
from .editor_page import (
    choose,
    correct,
    draft_saved,
    editor,
    label_next,
    leave_box,
    open_task,
    skip,
    submit,
    type_instead,
    visible_cards,
    visible_editors,
)
from .project_api import call, tasks

OPTIONS = """\
editable_fields: [action, note]
edit_final_answer: true
require_reason_on_edit: true
step_labels:
  correctness: [correct, incorrect]
  error_types: [wrong argument, wrong tool]
"""
SKIPPED = {"id": "skipped", "task": "Too hard.", "steps": [{"action": "give_up()"}]}
WINDOWS = {
    "id": "windows",
    "task": "Clean up the logs.",
    "steps": [
        {"action": "dir C:\\logs\r\ntype a.log\r\n", "note": "look first"},
        {"action": "del a.log\r\ndel b.log", "note": ""},
        {"action": {"name": "search", "arguments": {"query": "wether", "limit": 5}}},
        "echo doen",
    ],
    "final_answer": "All logs are gone.",
    "source": {"agent": "a-7"},
}
NOT_JSON = {"id": "not-json", "task": "How much is 6 times 7?", "steps": [{"action": {"expression": "6*7"}}]}
SHARED = {"id": "shared", "task": "Find it.", "steps": [{"action": "search(queyr)", "thought": "guess"}]}
DRAFT = {"id": "draft", "task": "Think about it.", "steps": [{"action": "think()"}]}
PASSWORD = "a-password-for-this-test"


class Project:
    """The project that all tests here share, and its owner at a shell."""

    def __init__(self, person: Person, number: int, ids: dict[str, int]) -> None:
        self.person = person
        self.number = number
        self.tasks = ids

    def pull(self, folder: Path, *options: str, status: int = 0) -> Finished:
        return self.person.run("pull", "--project", self.number, "-o", folder, *options, status=status)


@pytest.fixture(scope="module")
def project(label_studio: LocalLabelStudio, tmp_path_factory: pytest.TempPathFactory) -> Project:
    person = Person.at(tmp_path_factory.mktemp("shell"), label_studio)
    (person.folder / "trajedit.yaml").write_text(OPTIONS)
    write_traces(person.folder / "traces.jsonl", [SKIPPED, WINDOWS, NOT_JSON, DRAFT])
    number = person.push("traces.jsonl", "--title", "Editor page")
    return Project(person, number, {task["data"]["id"]: task["id"] for task in tasks(label_studio, number)})


def records_of(folder: Path, trace_id: str) -> list[dict[str, Any]]:
    """The records of the trace in the corrections file."""
    records = read_json(folder / "trajectory_corrections.json")["records"]
    return [record for record in records if record["trace_id"] == trace_id]


def test_a_skipped_task_is_counted_and_in_no_file(project: Project, page: Page, tmp_path: Path) -> None:
    assert label_next(page, project.number) == project.tasks["skipped"]
    correct(page, "step_0__action__corrected", "give_up", "retry")
    skip(page)

    assert project.pull(tmp_path, "--json").json["skipped"] == 1
    assert records_of(tmp_path, "skipped") == []
    assert read_lines(tmp_path / "rejects.jsonl") == []


def test_newlines_a_cleared_field_json_a_bare_step_a_reason_and_labels_all_come_back(
    project: Project, page: Page, tmp_path: Path
) -> None:
    open_task(page, project.number, project.tasks["windows"])
    json_text = '{\n  "name": "search",\n  "arguments": {\n    "query": "wether",\n    "limit": 5\n  }\n}'
    expect(editor(page, "step_2__action__corrected")).to_have_value(json_text)
    expect(editor(page, "step_3__action__corrected")).to_have_value("echo doen")

    correct(page, "step_0__action__corrected", "a.log", "b.log")
    editor(page, "step_0__action__reason").click()
    page.keyboard.type("There is no a.log.")
    type_instead(page, "step_0__note__corrected", "")
    correct(page, "step_2__action__corrected", "wether", "weather")
    correct(page, "step_3__action__corrected", "doen", "done")
    choose(page, 0, "incorrect")
    choose(page, 0, "wrong argument")
    choose(page, 0, "wrong tool")
    choose(page, 1, "correct")
    submit(page)

    project.pull(tmp_path)
    (record,) = records_of(tmp_path, "windows")
    assert record["original_trace"] == {
        "task": "Clean up the logs.",
        "steps": [
            {"action": "dir C:\\logs\r\ntype a.log\r\n", "note": "look first"},
            {"action": "del a.log\r\ndel b.log", "note": ""},
            {"action": {"name": "search", "arguments": {"query": "wether", "limit": 5}}},
            "echo doen",
        ],
        "final_answer": "All logs are gone.",
    }
    assert record["corrected_trace"] == {
        "task": "Clean up the logs.",
        "steps": [
            {"action": "dir C:\\logs\r\ntype b.log\r\n", "note": ""},
            {"action": "del a.log\r\ndel b.log", "note": ""},
            {"action": {"name": "search", "arguments": {"query": "weather", "limit": 5}}},
            "echo done",
        ],
        "final_answer": "All logs are gone.",
    }
    told = ["step_index", "field", "edit_distance_chars", "edit_distance_words", "reason"]
    assert [[edit[key] for key in told] for edit in record["edits"]] == [
        [0, "action", 1, 1, "There is no a.log."],
        [0, "note", 10, 2, ""],
        [2, "action", 1, 1, ""],
        [3, "action", 2, 1, ""],
    ]
    assert (record["n_edits"], record["total_edit_distance"]) == (4, 14)
    assert record["source"]["step_labels"] == [
        {"step_index": 0, "name": "correctness", "choices": ["incorrect"]},
        {"step_index": 0, "name": "error_type", "choices": ["wrong argument", "wrong tool"]},
        {"step_index": 1, "name": "correctness", "choices": ["correct"]},
    ]
    assert record["source"]["extra"] == {"source": {"agent": "a-7"}}


def test_only_what_a_task_has_is_to_be_seen(project: Project, page: Page) -> None:
    open_task(page, project.number, project.tasks["windows"])
    assert visible_cards(page) == ["Step 1", "Step 2", "Step 3", "Step 4", "Final answer"]
    corrected = [name for name in visible_editors(page) if name.endswith("__corrected")]
    # Step 2 has an empty note, steps 3 and 4 have none.
    assert corrected == [
        "step_0__action__corrected",
        "step_0__note__corrected",
        "step_1__action__corrected",
        "step_1__note__corrected",
        "step_2__action__corrected",
        "step_3__action__corrected",
        "final_answer__corrected",
    ]

    open_task(page, project.number, project.tasks["not-json"])
    assert visible_cards(page) == ["Step 1"]
    assert visible_editors(page) == ["step_0__action__corrected", "step_0__action__reason"]


def test_json_that_is_broken_in_the_browser_is_rejected_with_a_reason(
    project: Project, page: Page, tmp_path: Path
) -> None:
    open_task(page, project.number, project.tasks["not-json"])
    correct(page, "step_0__action__corrected", "}", "")
    saved = submit(page)

    refused = project.pull(tmp_path, "--strict", status=5)
    assert "rejected because of\n  not JSON, although the original is  1\n" in refused.stdout
    assert f"1 annotation rejected (--strict): {tmp_path / 'rejects.jsonl'}" in refused.stderr
    (reject,) = read_lines(tmp_path / "rejects.jsonl")
    assert (reject["task_id"], reject["annotation_id"]) == (project.tasks["not-json"], saved["id"])
    assert reject["reason"] == "not_json"
    assert "`step_0__action__corrected` corrects `steps[0].action`" in reject["detail"]
    assert records_of(tmp_path, "not-json") == []
    for file in ("trajectory_sft.jsonl", "trajectory_dpo.jsonl"):
        assert "not-json" not in [row["trace_id"] for row in read_lines(tmp_path / file)]


def test_two_annotators_of_one_task_make_two_records(
    page: Page, browser: Browser, label_studio: LocalLabelStudio, tmp_path: Path
) -> None:
    person = Person.at(tmp_path, label_studio)
    number = person.push(write_traces(tmp_path / "traces.jsonl", [SHARED]), "--title", "Two annotators")
    call(label_studio, "PATCH", f"/api/projects/{number}", json={"maximum_annotations": 2})
    email = f"second-of-{number}@example.com"
    add_user(label_studio, email, PASSWORD)

    label_next(page, number)
    correct(page, "step_0__action__corrected", "queyr", "query")
    # In a box these keys do nothing; outside they submit. Neither may lose what was typed.
    page.keyboard.press("Control+Enter")
    expect(editor(page, "step_0__action__corrected")).to_have_value("search(query)")
    leave_box(page)
    with page.expect_response(lambda response: response.request.method == "POST" and "/annotations" in response.url):
        page.keyboard.press("Control+Enter")

    with logged_in(browser, label_studio.url, email, PASSWORD) as second:
        label_next(second, number)
        expect(editor(second, "step_0__action__corrected")).to_have_value("search(queyr)")
        type_instead(second, "step_0__action__corrected", "lookup(query)")
        submit(second)

    person.run("pull", "--project", number, "--annotators", "email")
    owners, seconds = records_of(tmp_path / "data", "shared")
    assert [owners["annotator"], seconds["annotator"]] == [label_studio.username, email]
    assert owners["corrected_trace"]["steps"] == [{"action": "search(query)", "thought": "guess"}]
    assert seconds["corrected_trace"]["steps"] == [{"action": "lookup(query)", "thought": "guess"}]
    assert owners["original_trace"] == seconds["original_trace"]
    rows = read_lines(tmp_path / "data" / "trajectory_dpo.jsonl")
    assert [row["chosen"] for row in rows] == [owners["corrected_trace"], seconds["corrected_trace"]]


def test_a_draft_is_counted_as_a_draft(project: Project, page: Page, tmp_path: Path) -> None:
    open_task(page, project.number, project.tasks["draft"])
    correct(page, "step_0__action__corrected", "think", "rest")
    draft_saved(page)

    pulled = project.pull(tmp_path)
    assert "  drafts          1   (tasks with unsubmitted work, which is not read)\n" in pulled.stdout
    assert records_of(tmp_path, "draft") == []
