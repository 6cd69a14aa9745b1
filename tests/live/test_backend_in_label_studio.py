"""Backends that a real Label Studio is connected to, as `push --backend` does it and as annotators meet them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Response, expect

from ls_trajedit.demo.local_label_studio import LocalLabelStudio, run_label_studio
from tests.contract.conftest import CREDENTIALS, HOSTS, StartHost

from .command_line import Person, read_json, write_traces
from .editor_page import correct, editor, label_next, leave_box, open_task, submit, type_instead
from .project_api import call, tasks

USER, PASSWORD = CREDENTIALS
TRACE = {
    "id": "traj_001",
    "task_description": "Find the weather in San Francisco.",
    "steps": [
        {"thought": "Look it up.", "action": "web_search(queyr='SF weather')"},
        {"thought": "Open it.", "action": "open_url(results[0])\r\n"},
        {"thought": "Read it.", "action": "read()"},
        {"thought": "Done.", "action": "finish()"},
    ],
}


@pytest.mark.parametrize(
    ("host", "authenticated"),
    [(HOSTS[0], False), (HOSTS[0], True), (HOSTS[1], True)],
    ids=["serve", "serve-with-password", "label-studio-ml-with-password"],
)
def test_a_backend_connected_by_push_prefills_the_editors(
    label_studio: LocalLabelStudio, start_host: StartHost, page: Page, tmp_path: Path, host: str, authenticated: bool
) -> None:
    secrets = {"BASIC_AUTH_USER": USER, "BASIC_AUTH_PASS": PASSWORD} if authenticated else {}
    backend = start_host(host, **secrets).url
    person = Person.at(tmp_path, label_studio)
    traces = write_traces(tmp_path / "traces.jsonl", [TRACE])
    user = ["--backend-user", USER] if authenticated else []
    pushed = person.run(
        "push", traces, "--title", "With backend", "--backend", backend, *user, "--json", environment=secrets
    )
    project = pushed.json["project"]
    (task,) = tasks(label_studio, project)
    assert task["predictions"] == []

    open_task(page, project, task["id"])
    for control, original in (
        ("step_0__action__corrected", "web_search(queyr='SF weather')"),
        ("step_1__action__corrected", "open_url(results[0])\n"),
        ("step_2__action__corrected", "read()"),
        ("step_3__action__corrected", "finish()"),
    ):
        expect(editor(page, control)).to_have_value(original)
    submit(page)
    counts = person.run("pull", "--project", project, "--json").json
    assert (counts["edited"], counts["unedited"]) == (0, 1)


def test_a_wrong_password_for_the_backend_is_told_and_nothing_is_imported(
    label_studio: LocalLabelStudio, start_host: StartHost, tmp_path: Path
) -> None:
    backend = start_host(HOSTS[0], BASIC_AUTH_USER=USER, BASIC_AUTH_PASS=PASSWORD).url
    person = Person.at(tmp_path, label_studio)
    traces = write_traces(tmp_path / "traces.jsonl", [TRACE])
    push = ("push", traces, "--title", "Wrong password", "--backend", backend, "--backend-user", USER)
    refused = person.run(*push, status=3, environment={"BASIC_AUTH_PASS": "not-the-password"}).stderr
    assert "authentication parameters were either not provided or are incorrect" in refused
    assert "not-the-password" not in refused
    (project,) = re.findall(r"push with --project (\d+)", refused)
    assert tasks(label_studio, int(project)) == []


def test_with_auto_annotation_on_nothing_that_was_typed_is_replaced(
    label_studio: LocalLabelStudio, start_host: StartHost, page: Page, tmp_path: Path
) -> None:
    backend = start_host(HOSTS[0])
    person = Person.at(tmp_path, label_studio)
    traces = write_traces(tmp_path / "traces.jsonl", [TRACE])
    project = person.push(traces, "--title", "Auto-Annotation", "--backend", backend.url)
    (connected,) = call(label_studio, "GET", "/api/ml", params={"project": project})
    # What "Interactive preannotations" in the project's settings does: without it the page has no such switch.
    interactive = {"url": backend.url, "project": project, "is_interactive": True}
    call(label_studio, "PATCH", f"/api/ml/{connected['id']}", json=interactive)

    label_next(page, project)
    page.get_by_test_id("bottombar-auto-annotation-toggle").check(force=True)

    def asks_the_backend(response: Response) -> bool:
        return "/interactive-annotating" in response.url

    for control, wrong, right in (
        ("step_0__action__corrected", "queyr", "query"),
        ("step_1__action__corrected", "[0]", "[1]"),
        ("step_2__action__corrected", "read", "read_all"),
    ):
        with page.expect_response(asks_the_backend) as asked:
            correct(page, control, wrong, right)
            leave_box(page)
        assert asked.value.ok
    with page.expect_response(asks_the_backend):
        type_instead(page, "step_3__action__corrected", "")
        leave_box(page)
    expect(editor(page, "step_0__action__corrected")).to_have_value("web_search(query='SF weather')")
    submit(page)

    person.run("pull", "--project", project)
    (record,) = read_json(tmp_path / "data" / "trajectory_corrections.json")["records"]
    assert [step["action"] for step in record["corrected_trace"]["steps"]] == [
        "web_search(query='SF weather')",
        "open_url(results[1])\r\n",
        "read_all()",
        "",
    ]
    assert record["n_edits"] == 4


def test_a_config_without_editors_is_refused_in_words_that_the_person_sees(
    label_studio: LocalLabelStudio, start_host: StartHost, page: Page
) -> None:
    config = '<View><Text name="t" value="$text"/><Choices name="c" toName="t"><Choice value="a"/></Choices></View>'
    body = {"title": "No editors", "label_config": config}
    project = call(label_studio, "POST", "/api/projects", json=body)["id"]

    page.goto(f"/projects/{project}/settings/ml")
    page.get_by_role("button", name="Add machine learning model").click()
    page.fill("input[name=title]", "ls-trajedit")
    page.fill("input[name=url]", start_host(HOSTS[0]).url)
    page.get_by_text("Validate and Save").click()
    reason = page.get_by_text("the labeling config has no TextArea that corrects a field").first
    expect(reason).to_be_visible()
    expect(reason).to_contain_text("`ls-trajedit config` writes one")


def test_a_backend_takes_over_from_imported_predictions_and_covers_a_new_field(
    label_studio: LocalLabelStudio, start_host: StartHost, page: Page, tmp_path: Path
) -> None:
    person = Person.at(tmp_path, label_studio)
    first = write_traces(tmp_path / "first.jsonl", [TRACE])
    both = write_traces(tmp_path / "both.jsonl", [TRACE, {**TRACE, "id": "traj_002"}])
    project = person.push(first, "--title", "Imported, then a backend")
    person.push(both, "--project", project, "--backend", start_host(HOSTS[0]).url)
    old, new = (task["id"] for task in tasks(label_studio, project))

    for task in (old, new):
        open_task(page, project, task)
        expect(editor(page, "step_0__action__corrected")).to_have_value("web_search(queyr='SF weather')")

    (tmp_path / "trajedit.yaml").write_text("editable_fields: [thought, action]\n")
    person.push(both, "--project", project)
    open_task(page, project, old)
    expect(editor(page, "step_0__action__corrected")).to_have_value("web_search(queyr='SF weather')")
    expect(editor(page, "step_0__thought__corrected")).to_have_value("Look it up.")


def test_a_label_studio_that_refuses_local_addresses_is_explained(
    migrated_folder: Path, start_host: StartHost, tmp_path: Path
) -> None:
    guarded = {"ML_BLOCK_LOCAL_IP": "true", "SSRF_PROTECTION_ENABLED": "true"}
    with run_label_studio(migrated_folder, extra_env=guarded) as label_studio:
        person = Person.at(tmp_path, label_studio)
        traces = write_traces(tmp_path / "traces.jsonl", [TRACE])
        backend = start_host(HOSTS[0]).url
        refused = person.run("push", traces, "--title", "Guarded", "--backend", backend, status=3).stderr
        assert f"does not connect backends at local or private addresses such as {backend}" in refused
        assert "ML_BLOCK_LOCAL_IP=false and SSRF_PROTECTION_ENABLED=false" in refused
        assert "reserved network address" not in refused
        (project,) = re.findall(r"push with --project (\d+)", refused)
        assert tasks(label_studio, int(project)) == []

        lost = ["--project", project, "--backend", "http://no-such-host.invalid:9"]
        refused = person.run("push", traces, *lost, status=3).stderr
        assert "cannot find the host of the backend http://no-such-host.invalid:9" in refused
        person.push(traces, "--project", project)
        assert len(tasks(label_studio, int(project))) == 1
