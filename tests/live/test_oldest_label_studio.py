"""The oldest Label Studio that works, from a push to the files. `make test` installs it into `.venv-oldest`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from ls_trajedit.demo.local_label_studio import EXECUTABLE_VARIABLE, LocalLabelStudio, run_label_studio
from ls_trajedit.doctor.access import OLDEST_TESTED
from tests.contract.conftest import HOSTS, StartHost

from .command_line import Person, read_json, write_traces
from .conftest import START_SECONDS, logged_in
from .editor_page import correct, editor, leave_box, open_task, submit, visible_cards, visible_editors
from .project_api import annotate, annotations_of, call, tasks, text_result

PROGRAM = Path(__file__).parents[2] / ".venv-oldest" / "bin" / "label-studio"
OPTIONS = "edit_final_answer: true\nrequire_reason_on_edit: true\n"
LONG = {
    "id": "long",
    "task": "Find it.",
    "steps": [{"action": "search(queyr)"}, {"action": "open(1)"}, {"action": "read()"}],
    "final_answer": "There.",
}
SHORT = {"id": "short", "task": "Count it.", "steps": [{"action": "cuont()"}]}


@pytest.fixture(scope="module")
def oldest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalLabelStudio]:
    if not PROGRAM.exists():
        pytest.fail("the oldest Label Studio is not installed: run `make oldest`")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(EXECUTABLE_VARIABLE, str(PROGRAM))
        with run_label_studio(tmp_path_factory.mktemp("oldest"), start_seconds=START_SECONDS) as running:
            yield running


@pytest.fixture
def oldest_page(browser: Browser, oldest: LocalLabelStudio) -> Iterator[Page]:
    with logged_in(browser, oldest.url, oldest.username, oldest.password) as opened:
        yield opened


@pytest.fixture
def person(oldest: LocalLabelStudio, tmp_path: Path) -> Person:
    (tmp_path / "trajedit.yaml").write_text(OPTIONS, encoding="utf-8")
    write_traces(tmp_path / "traces.jsonl", [LONG, SHORT])
    return Person.at(tmp_path, oldest)


def ids(label_studio: LocalLabelStudio, project: int) -> dict[str, int]:
    return {task["data"]["id"]: task["id"] for task in tasks(label_studio, project)}


def corrected(folder: Path) -> dict[str, list[dict[str, Any]]]:
    records = read_json(folder / "trajectory_corrections.json")["records"]
    return {record["trace_id"]: record["corrected_trace"]["steps"] for record in records}


def assert_same_files(one: Path, other: Path) -> None:
    for name in ("trajectory_corrections.json", "trajectory_sft.jsonl", "trajectory_dpo.jsonl", "rejects.jsonl"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


def test_it_is_the_version_that_doctor_calls_tested(oldest: LocalLabelStudio, person: Person) -> None:
    number = person.push("traces.jsonl", "--title", "Doctor")
    findings = person.run("doctor", "--project", number, "--json").json
    version = ".".join(map(str, OLDEST_TESTED))
    assert findings["findings"][0]["text"].startswith(f"Label Studio {version} (Community, by its version) answers at")
    assert (findings["problems"], findings["warnings"]) == (0, 0)


@pytest.mark.parametrize("prefill", ["predictions", "backend"])
def test_a_correction_on_the_page_comes_back_and_what_a_trace_lacks_is_out_of_sight(
    oldest: LocalLabelStudio, oldest_page: Page, person: Person, start_host: StartHost, prefill: str
) -> None:
    backend = ["--backend", start_host(HOSTS[0]).url] if prefill == "backend" else []
    number = person.push("traces.jsonl", "--title", "Oldest", *backend)
    task = ids(oldest, number)["short"]
    open_task(oldest_page, number, task)
    expect(editor(oldest_page, "step_0__action__corrected")).to_have_value("cuont()")
    assert visible_cards(oldest_page) == ["Step 1"]
    assert visible_editors(oldest_page) == ["step_0__action__corrected", "step_0__action__reason"]
    box = editor(oldest_page, "step_0__action__reason").bounding_box()
    assert box is not None
    assert box["width"] > 300

    correct(oldest_page, "step_0__action__corrected", "cuont", "count")
    leave_box(oldest_page)
    submit(oldest_page)
    assert len(annotations_of(oldest, task)) == 1
    person.run("pull", "--project", number)
    assert corrected(person.folder / "data") == {"short": [{"action": "count()"}]}


def test_steps_are_removed_and_inserted_and_boxes_that_nobody_filled_say_nothing(
    oldest: LocalLabelStudio, oldest_page: Page, person: Person
) -> None:
    (person.folder / "trajedit.yaml").write_text("allow_remove: true\nallow_insert: 1\n", encoding="utf-8")
    number = person.push("traces.jsonl", "--title", "Structure")
    open_task(oldest_page, number, ids(oldest, number)["long"])
    hidden = editor(oldest_page, "step_0__insert_1__action")
    expect(hidden).to_be_hidden()
    cards = oldest_page.locator(".trajedit-step")
    cards.nth(0).locator('input[name="Insert a step after it"]').check()
    expect(hidden).to_be_visible()
    hidden.click()
    oldest_page.keyboard.type("wait()")
    leave_box(oldest_page)
    cards.nth(1).locator('input[name="Remove this step"]').check()
    expect(editor(oldest_page, "step_1__action__corrected")).to_be_hidden()
    cards.nth(2).locator('input[name="Insert a step after it"]').check()
    taken_back = editor(oldest_page, "step_2__insert_1__action")
    taken_back.click()
    oldest_page.keyboard.type("no_step()")
    leave_box(oldest_page)
    cards.nth(2).locator('input[name="Insert a step after it"]').uncheck()
    expect(taken_back).to_be_hidden()
    submit(oldest_page)
    person.run("pull", "--project", number)
    assert corrected(person.folder / "data") == {
        "long": [{"action": "search(queyr)"}, {"action": "wait()"}, {"action": "read()"}]
    }


def test_pulls_of_what_changed_are_full_pulls_and_convert_writes_the_same(
    oldest: LocalLabelStudio, person: Person
) -> None:
    number = person.push("traces.jsonl", "--title", "Pulls")
    assert person.run("push", "traces.jsonl", "--project", number, "--json").json["imported"] == 0
    tasks_by_id = ids(oldest, number)
    annotate(oldest, tasks_by_id["long"], [text_result("step_0__action__corrected", "step_0__action", "search(query)")])
    person.run("pull", "--project", number, "-o", "changed")
    annotate(oldest, tasks_by_id["short"], [text_result("step_0__action__corrected", "step_0__action", "count()")])
    person.run("pull", "--project", number, "-o", "changed")
    person.run("pull", "--project", number, "-o", "full")
    assert corrected(person.folder / "changed") == {
        "long": [{"action": "search(query)"}, {"action": "open(1)"}, {"action": "read()"}],
        "short": [{"action": "count()"}],
    }
    exported = call(oldest, "GET", f"/api/projects/{number}/export", params={"exportType": "JSON"})
    (person.folder / "export.json").write_text(json.dumps(exported), encoding="utf-8")
    person.run("convert", "export.json", "--project", number, "-o", "converted")
    assert_same_files(person.folder / "changed", person.folder / "full")
    assert_same_files(person.folder / "full", person.folder / "converted")


def test_the_live_diff_shows_what_is_being_changed(oldest: LocalLabelStudio, browser: Browser, person: Person) -> None:
    number = person.push("traces.jsonl", "--title", "Live diff")
    script = person.folder / "live-diff.js"
    person.run("live-diff", "-o", script)
    with logged_in(browser, oldest.url, oldest.username, oldest.password) as page:
        page.add_init_script(path=script)
        open_task(page, number, ids(oldest, number)["short"])
        correct(page, "step_0__action__corrected", "cuont", "count")
        expect(page.locator(".trajedit-edited-count")).to_have_text("1 field edited, 1 reason missing")
        assert page.locator(".trajedit-changes").filter(visible=True).count() == 1
