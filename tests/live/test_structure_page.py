"""Removing steps and inserting others on Label Studio's editor page: what an annotator sees, and what is submitted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from ls_trajedit.demo.local_label_studio import LocalLabelStudio, run_label_studio
from ls_trajedit.live_diff.script import live_diff_script

from .command_line import Person, write_traces
from .conftest import START_SECONDS, VALIDATE_PREDICTIONS, logged_in
from .editor_page import (
    correct,
    draft_saved,
    editor,
    leave_box,
    open_task,
    submit,
    type_instead,
    visible_cards,
    visible_editors,
)
from .live_diff_page import announcement, changes, counts, diff_shown, edited_count, missing, reset_button
from .project_api import tasks

REMOVE = "Remove this step"
AFTER = "Insert a step after it"
SECOND_AFTER = "Insert a second step after it"
BEFORE = "Insert a step before it"
OPTIONS = (
    "editable_fields: [thought, action]\nedit_final_answer: true\nrequire_reason_on_edit: true\n"
    "allow_remove: true\nallow_insert: 2\n"
)
STEPS = [
    {"thought": "Look it up.", "action": "search(queyr)", "observation": "Nothing."},
    {"thought": "Again.", "action": "search(query)", "observation": "Found."},
    {"thought": "Enough.", "action": "stop()"},
]
CONVERSATION: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": "Book it."},
        {
            "role": "assistant",
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "look_up", "arguments": '{"user": "u1"}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": "Ann"},
        {"role": "assistant", "content": "Done."},
    ],
    "tools": [
        {
            "type": "function",
            "function": {"name": "book", "parameters": {"type": "object", "properties": {"seat": {"type": "string"}}}},
        }
    ],
}


class Project:
    """A project of traces and its tasks by the ids of the traces."""

    def __init__(
        self, label_studio: LocalLabelStudio, folder: Path, options: str, traces: list[dict[str, Any]]
    ) -> None:
        person = Person.at(folder, label_studio)
        (folder / "trajedit.yaml").write_text(options, encoding="utf-8")
        write_traces(folder / "traces.jsonl", traces)
        self.number = person.push("traces.jsonl", "--title", "Structure")
        self.tasks = {task["data"]["id"]: task["id"] for task in tasks(label_studio, self.number)}

    def open(self, page: Page, name: str) -> None:
        open_task(page, self.number, self.tasks[name])


def plain_traces(*names: str) -> list[dict[str, Any]]:
    return [{"id": name, "task": "Find it.", "steps": STEPS, "final_answer": "Found."} for name in names]


@pytest.fixture(scope="module")
def project(label_studio: LocalLabelStudio, tmp_path_factory: pytest.TempPathFactory) -> Project:
    traces = plain_traces("submitted", "reset", "short", "looks")
    traces[2]["steps"] = STEPS[:1]
    return Project(label_studio, tmp_path_factory.mktemp("plain"), OPTIONS, traces)


@pytest.fixture(scope="module")
def chats(label_studio: LocalLabelStudio, tmp_path_factory: pytest.TempPathFactory) -> Project:
    options = "allow_remove: true\nallow_insert: 1\n"
    conversations = [{"id": name, **CONVERSATION} for name in ("submitted", "checked")]
    return Project(label_studio, tmp_path_factory.mktemp("chats"), options, conversations)


@pytest.fixture
def page_with_diff(browser: Browser, label_studio: LocalLabelStudio) -> Iterator[Page]:
    """A page of a fresh browser, logged in, that has the live diff."""
    with logged_in(browser, label_studio.url, label_studio.username, label_studio.password) as opened:
        opened.add_init_script(live_diff_script())
        yield opened


def card(page: Page, step: int) -> Locator:
    return page.locator(".trajedit-step").nth(step)


def choice(page: Page, step: int, name: str) -> Locator:
    """The box to tick in the card of the step."""
    return card(page, step).locator(f'input[name="{name}"]')


def write(page: Page, control: str, text: str) -> None:
    """Types into an empty box."""
    editor(page, control).click()
    page.keyboard.type(text)
    leave_box(page)


def results_of(annotation: dict[str, Any]) -> dict[str, tuple[str, str, list[str]]]:
    """By control: the tag that it points at, its type, and the texts or choices in it."""
    return {
        result["from_name"]: (result["to_name"], result["type"], *result["value"].values())
        for result in annotation["result"]
    }


def untouched(*without: str) -> dict[str, tuple[str, str, list[str]]]:
    """What is submitted of the editors that nobody touched, and of their reasons."""
    found = {}
    for number, step in enumerate(STEPS):
        for field in ("thought", "action"):
            original = f"step_{number}__{field}"
            found[f"{original}__corrected"] = (original, "textarea", [step[field]])
            found[f"{original}__reason"] = (original, "textarea", [""])
    found["final_answer__corrected"] = ("final_answer", "textarea", ["Found."])
    found["final_answer__reason"] = ("final_answer", "textarea", [""])
    return {name: value for name, value in found.items() if name not in without}


def test_steps_are_removed_and_inserted_and_nothing_that_was_typed_is_lost(project: Project, page: Page) -> None:
    project.open(page, "submitted")
    shown = [
        f"step_{step}__{field}__{box}"
        for step in range(3)
        for field in ("thought", "action")
        for box in ("corrected", "reason")
    ]
    shown += ["final_answer__corrected", "final_answer__reason"]
    assert visible_editors(page) == shown

    # Removed, its boxes are out of sight; taken back, what was typed before is there.
    correct(page, "step_1__action__corrected", "query", "best")
    choice(page, 1, REMOVE).check()
    expect(editor(page, "step_1__action__corrected")).to_be_hidden()
    expect(editor(page, "step_1__structure_reason")).to_be_visible()
    struck = card(page, 1).locator(".trajedit-original").first
    assert "line-through" in struck.evaluate("node => getComputedStyle(node).textDecorationLine")
    choice(page, 1, REMOVE).uncheck()
    expect(editor(page, "step_1__action__corrected")).to_have_value("search(best)")
    assert visible_editors(page) == shown

    choice(page, 2, REMOVE).check()
    write(page, "step_2__structure_reason", "Nothing happens.")
    expect(choice(page, 0, SECOND_AFTER)).to_be_hidden()
    choice(page, 0, AFTER).check()
    write(page, "step_0__insert_1__action", "open(1)")
    choice(page, 0, SECOND_AFTER).check()
    choice(page, 0, BEFORE).check()
    write(page, "step_0__before_1__thought", "A plan first.")
    write(page, "step_0__before_1_reason", "None was there.")
    assert "step_0__insert_1__action" in draft_result(page, "step_0__insert_1__observation", "Opened.")

    page.reload()
    project.open(page, "submitted")
    expect(editor(page, "step_0__insert_1__action")).to_have_value("open(1)")
    expect(editor(page, "step_0__insert_1__observation")).to_have_value("Opened.")
    expect(editor(page, "step_0__before_1__thought")).to_have_value("A plan first.")
    expect(choice(page, 2, REMOVE)).to_be_checked()
    expect(editor(page, "step_2__structure_reason")).to_have_value("Nothing happens.")
    choice(page, 0, SECOND_AFTER).uncheck()

    original = "step_0__thought"
    assert results_of(submit(page)) == {
        **untouched(),
        "step_1__action__corrected": ("step_1__action", "textarea", ["search(best)"]),
        "step_0__structure": (original, "choices", [AFTER, BEFORE]),
        "step_0__insert_1__thought": (original, "textarea", [""]),
        "step_0__insert_1__action": (original, "textarea", ["open(1)"]),
        "step_0__insert_1__observation": (original, "textarea", ["Opened."]),
        "step_0__insert_1_reason": (original, "textarea", [""]),
        "step_0__before_1__thought": (original, "textarea", ["A plan first."]),
        "step_0__before_1__action": (original, "textarea", [""]),
        "step_0__before_1__observation": (original, "textarea", [""]),
        "step_0__before_1_reason": (original, "textarea", ["None was there."]),
        "step_2__structure": ("step_2__thought", "choices", [REMOVE]),
        "step_2__structure_reason": ("step_2__thought", "textarea", ["Nothing happens."]),
    }


def draft_result(page: Page, control: str, text: str) -> set[str]:
    """Types into an empty box; returns the controls in the draft that Label Studio saves then."""
    editor(page, control).click()
    page.keyboard.type(text)
    return {result["from_name"] for result in draft_saved(page)["result"]}


def test_a_task_with_fewer_steps_shows_nothing_of_the_others(project: Project, page: Page) -> None:
    project.open(page, "short")
    assert visible_cards(page) == ["Step 1", "Final answer"]
    expect(page.locator(".trajedit-structure").filter(visible=True)).to_have_count(1)
    choice(page, 0, REMOVE).check()
    assert visible_editors(page) == ["step_0__structure_reason", "final_answer__corrected", "final_answer__reason"]
    assert "step_1__structure" not in results_of(submit(page))


def test_a_step_of_a_conversation_is_inserted_and_another_removed(chats: Project, page: Page) -> None:
    chats.open(page, "submitted")
    choice(page, 0, AFTER).check()
    write(page, "step_0__insert_1__call_0__name", "book")
    write(page, "step_0__insert_1__call_0__arguments", '{"seat": "1A"}')
    write(page, "step_0__insert_1__heard", "booked")
    choice(page, 1, REMOVE).check()
    expect(editor(page, "step_1__content__corrected")).to_be_hidden()
    anchor = "step_0__call_0__arguments"
    assert results_of(submit(page)) == {
        "step_0__call_0__arguments__corrected": (anchor, "textarea", ['{\n  "user": "u1"\n}']),
        "step_1__content__corrected": ("step_1__content", "textarea", ["Done."]),
        "step_0__structure": (anchor, "choices", [AFTER]),
        "step_0__insert_1__reasoning": (anchor, "textarea", [""]),
        "step_0__insert_1__content": (anchor, "textarea", [""]),
        "step_0__insert_1__call_0__name": (anchor, "textarea", ["book"]),
        "step_0__insert_1__call_0__arguments": (anchor, "textarea", ['{"seat": "1A"}']),
        "step_0__insert_1__heard": (anchor, "textarea", ["booked"]),
        "step_1__structure": ("step_1__content", "choices", [REMOVE]),
    }


def test_the_live_diff_counts_removed_and_inserted_steps_and_takes_each_back(
    project: Project, page_with_diff: Page
) -> None:
    page = page_with_diff
    project.open(page, "reset")
    correct(page, "step_1__action__corrected", "query", "best")
    expect(edited_count(page)).to_have_text("1 field edited, 1 reason missing")
    choice(page, 1, REMOVE).check()
    # What a removed step was edited to counts no more.
    expect(edited_count(page)).to_have_text("1 step removed, 1 reason missing")
    expect(announcement(page)).to_have_text("1 step removed, 1 reason missing")
    expect(card(page, 1).locator(".trajedit-edited-mark")).to_have_text("removed")
    write(page, "step_1__structure_reason", "Twice the same.")
    expect(edited_count(page)).to_have_text("1 step removed")

    choice(page, 0, AFTER).check()
    inserted = page.locator(".trajedit-inserted").filter(visible=True)
    expect(inserted).to_contain_text("nothing is inserted while all its boxes are empty")
    expect(edited_count(page)).to_have_text("1 step removed")
    write(page, "step_0__insert_1__observation", "Opened.")
    expect(inserted).to_contain_text("The agent does nothing in this step: it will be rejected.")
    write(page, "step_0__insert_1__action", "open it")
    expect(counts(page, "step_0__insert_1__action")).to_have_text("2 words, 7 characters")
    assert diff_shown(page, "step_0__insert_1__action") == "{+open it+}"
    expect(changes(page, "step_0__insert_1__action").get_by_text("inserted", exact=True)).to_be_visible()
    expect(edited_count(page)).to_have_text("1 step removed, 1 step inserted, 1 reason missing")
    told = (
        "Inserted step after Step 1, action: 2 words, 7 characters. 1 step removed, 1 step inserted, 1 reason missing"
    )
    expect(announcement(page)).to_have_text(told)

    # Unticked, it counts no more, and what is typed is there when it is ticked again.
    choice(page, 0, AFTER).uncheck()
    expect(edited_count(page)).to_have_text("1 step removed")
    choice(page, 0, AFTER).check()
    expect(edited_count(page)).to_have_text("1 step removed, 1 step inserted, 1 reason missing")

    reset_button(page, "Inserted step after Step 1").press("Enter")
    expect(choice(page, 0, AFTER)).not_to_be_checked()
    expect(choice(page, 0, AFTER)).to_be_focused()
    expect(editor(page, "step_0__insert_1__action")).to_have_value("")
    reset_button(page, "Step 2").click()
    expect(choice(page, 1, REMOVE)).not_to_be_checked()
    expect(edited_count(page)).to_have_text("1 field edited, 1 reason missing")
    expect(editor(page, "step_1__action__corrected")).to_have_value("search(best)")
    assert "step_0__structure" not in results_of(submit(page))


def test_the_live_diff_checks_the_call_of_an_inserted_step(chats: Project, page_with_diff: Page) -> None:
    page = page_with_diff
    chats.open(page, "checked")
    choice(page, 1, AFTER).check()
    arguments, name = "step_1__insert_1__call_0__arguments", "step_1__insert_1__call_0__name"
    inserted = page.locator(".trajedit-inserted").filter(visible=True)
    write(page, arguments, '{"seat": 1')
    expect(missing(page, arguments)).to_have_text("The arguments are not JSON.")
    expect(inserted).to_contain_text("The call has no tool: it will be rejected.")
    write(page, name, "boook")
    expect(missing(page, name)).to_have_text("The trace declares no tool `boook`; did you mean `book`?")
    expect(inserted).not_to_contain_text("The call has no tool")
    type_instead(page, name, "book")
    expect(changes(page, name).get_by_text("inserted", exact=True)).to_be_visible()
    type_instead(page, arguments, '{"seat": 1}')
    expect(missing(page, arguments)).to_have_text("`seat` must be a string, and is a whole number.")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_of_removed_and_inserted_steps_is_accessible(
    project: Project, page_with_diff: Page, theme: str
) -> None:
    page = page_with_diff
    project.open(page, "looks")
    page.evaluate("theme => document.documentElement.setAttribute('data-color-scheme', theme)", theme)
    choice(page, 1, REMOVE).check()
    choice(page, 0, AFTER).check()
    write(page, "step_0__insert_1__action", "open it")
    expect(edited_count(page)).to_contain_text("1 step removed, 1 step inserted")
    # Label Studio's own text boxes have no labels.
    struck = "[data-trajedit-removed] .trajedit-original"
    parts = [".trajedit-structure", ".trajedit-inserted .trajedit-title", ".trajedit-changes", struck]
    found = Axe().run(page, context={"include": [[part] for part in parts]}).response
    assert {rule["id"] for rule in found["passes"]} >= {"label", "button-name"}
    serious = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    assert serious == [], json.dumps(serious)[:3000]


def test_a_repeater_has_the_same_for_each_step(migrated_folder: Path, browser: Browser, tmp_path: Path) -> None:
    never = dict.fromkeys(VALIDATE_PREDICTIONS, "false")
    with run_label_studio(migrated_folder, extra_env=never, start_seconds=START_SECONDS) as label_studio:
        project = Project(label_studio, tmp_path, OPTIONS + "layout: repeater\n", plain_traces("submitted"))
        with logged_in(browser, label_studio.url, label_studio.username, label_studio.password) as page:
            project.open(page, "submitted")
            expect(choice(page, 0, BEFORE)).to_be_visible()
            expect(choice(page, 1, BEFORE)).to_be_hidden()
            choice(page, 0, BEFORE).check()
            write(page, "step_0__before_1__action", "plan()")
            choice(page, 1, AFTER).check()
            write(page, "step_1__insert_1__action", "open(1)")
            choice(page, 2, REMOVE).check()
            expect(editor(page, "step_2__action__corrected")).to_be_hidden()
            found = results_of(submit(page))
            assert {name: value[2] for name, value in found.items() if name not in untouched()} == {
                "step_0__structure": [BEFORE],
                "step_0__before_1__thought": [""],
                "step_0__before_1__action": ["plan()"],
                "step_0__before_1__observation": [""],
                "step_0__before_1_reason": [""],
                "step_1__structure": [AFTER],
                "step_1__insert_1__thought": [""],
                "step_1__insert_1__action": ["open(1)"],
                "step_1__insert_1__observation": [""],
                "step_1__insert_1_reason": [""],
                "step_2__structure": [REMOVE],
                "step_2__structure_reason": [""],
            }
