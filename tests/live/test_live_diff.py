"""The live diff on Label Studio's editor page: what annotators see while they type, and that nothing is in its way.

How it gets into the page is tested in test_live_diff_ways.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Response, expect

from ls_trajedit.demo.local_label_studio import LocalLabelStudio
from ls_trajedit.live_diff.script import live_diff_script
from tests.contract.conftest import HOSTS, StartHost

from .command_line import Person, read_json, write_traces
from .conftest import logged_in
from .editor_page import correct, draft_saved, editor, leave_box, open_task, submit, type_instead
from .live_diff_page import (
    announcement,
    changes,
    counts,
    diff_shown,
    edited_count,
    missing,
    nothing_shows,
    reset_button,
)
from .project_api import annotate, call, tasks, text_result

ACTION = "step_0__action__corrected"
THOUGHT = "step_0__thought__corrected"
REASON = "step_0__action__reason"
OPTIONS = "editable_fields: [thought, action]\nedit_final_answer: true\nrequire_reason_on_edit: true\n"
TRACE = {
    "task": "What is the weather?",
    "steps": [
        {"thought": "Look it up.", "action": "web_search(queyr='SF weather')"},
        {"thought": "Clean up.\r\nThen go.", "action": {"name": "search", "limit": 5}},
    ],
    "final_answer": "It is sunny.",
}
HOSTILE = (
    "<script>window.hacked = 1</script></textarea><img src=x onerror='window.hacked=1'> javascript:hack() "
    "\u05e9\u05dc\u05d5\u05dd \u202eabc"
)
IDS = (
    *("looks", "keys", "escape", "pause", "hostile", "first", "second", "undo", "tabs"),
    *("others", "theme", "twice", "numbers", "removed", "json", "reload"),
)


class Project:
    """A project of traces, all alike but for their ids, and its owner at a shell."""

    def __init__(self, person: Person, number: int, ids: dict[str, int]) -> None:
        self.person = person
        self.number = number
        self.tasks = ids

    def open(self, page: Page, name: str) -> None:
        open_task(page, self.number, self.tasks[name])


def pushed(person: Person, label_studio: LocalLabelStudio, options: str, traces: list[dict[str, Any]]) -> Project:
    (person.folder / "trajedit.yaml").write_text(options)
    write_traces(person.folder / "traces.jsonl", traces)
    number = person.push("traces.jsonl", "--title", "Live diff")
    return Project(person, number, {task["data"]["id"]: task["id"] for task in tasks(label_studio, number)})


@pytest.fixture(scope="module")
def project(label_studio: LocalLabelStudio, tmp_path_factory: pytest.TempPathFactory) -> Project:
    traces: list[dict[str, Any]] = [{"id": name, **TRACE} for name in IDS]
    traces[IDS.index("hostile")]["steps"] = [{"action": HOSTILE}]
    return pushed(Person.at(tmp_path_factory.mktemp("shell"), label_studio), label_studio, OPTIONS, traces)


@pytest.fixture
def page(browser: Browser, label_studio: LocalLabelStudio) -> Iterator[Page]:
    """A page of a fresh browser, logged in, that has the live diff."""
    with logged_in(browser, label_studio.url, label_studio.username, label_studio.password) as opened:
        opened.add_init_script(live_diff_script())
        yield opened


def test_what_was_typed_shows_under_its_box_and_is_counted(project: Project, page: Page) -> None:
    project.open(page, "looks")
    expect(nothing_shows(page)).to_have_count(0)

    correct(page, ACTION, "queyr", "query")
    expect(counts(page, ACTION)).to_have_text("1 word, 2 characters changed")
    assert diff_shown(page, ACTION) == "web_search(que[-yr-]{+ry+}='SF weather')"
    expect(changes(page, ACTION).get_by_text("edited", exact=True)).to_be_visible()
    expect(missing(page, ACTION)).to_have_text("The reason is missing.")
    expect(edited_count(page)).to_have_text("1 field edited, 1 reason missing")

    correct(page, THOUGHT, "it up", "it\n up")
    expect(changes(page, THOUGHT)).to_be_visible()
    assert diff_shown(page, THOUGHT) == "Look it{+↵\n+} up."
    expect(edited_count(page)).to_have_text("2 fields edited, 2 reasons missing")
    cards = page.locator(".trajedit-step")
    expect(cards.nth(0)).to_contain_text("2 edited")
    expect(cards.nth(1)).not_to_contain_text("edited")
    told = "Step 1, thought: 0 words, 1 character changed. 2 fields edited, 2 reasons missing"
    expect(announcement(page)).to_have_text(told)

    editor(page, REASON).click()
    page.keyboard.type("A typo.")
    expect(missing(page, ACTION)).to_be_hidden()
    expect(edited_count(page)).to_have_text("2 fields edited, 1 reason missing")

    type_instead(page, ACTION, "web_search(queyr='SF weather')")
    expect(changes(page, ACTION)).to_have_count(0)
    expect(cards.nth(0)).to_contain_text("1 edited")


def test_one_field_is_reset_from_the_keyboard_and_undo_brings_the_edit_back(project: Project, page: Page) -> None:
    project.open(page, "keys")
    correct(page, ACTION, "queyr", "query")
    correct(page, "step_1__thought__corrected", "go", "stop")
    expect(changes(page, "step_1__thought__corrected")).to_be_visible()
    editor(page, ACTION).click()
    page.keyboard.press("Tab")
    expect(reset_button(page, "Step 1, action")).to_be_focused()
    page.keyboard.press("Enter")
    expect(editor(page, ACTION)).to_have_value("web_search(queyr='SF weather')")
    expect(changes(page, ACTION)).to_have_count(0)
    expect(editor(page, ACTION)).to_be_focused()
    expect(changes(page, "step_1__thought__corrected")).to_be_visible()

    page.keyboard.press("Control+Z")
    expect(editor(page, ACTION)).to_have_value("web_search(query='SF weather')")
    expect(counts(page, ACTION)).to_have_text("1 word, 2 characters changed")

    reset_button(page, "Step 2, thought").click()
    expect(editor(page, "step_1__thought__corrected")).to_have_value("Clean up.\nThen go.")
    expect(edited_count(page)).to_have_text("1 field edited, 1 reason missing")
    results = {r["from_name"]: r["value"]["text"] for r in submit(page)["result"]}
    assert results[ACTION] == ["web_search(query='SF weather')"]
    project.person.run("pull", "--project", project.number)
    (record,) = read_json(project.person.folder / "data" / "trajectory_corrections.json")["records"]
    assert [edit["field"] for edit in record["edits"]] == ["action"]


def test_the_undo_of_the_browser_takes_back_what_was_typed(project: Project, page: Page) -> None:
    project.open(page, "escape")
    editor(page, ACTION).click()
    page.keyboard.press("End")
    page.keyboard.type("now")
    expect(counts(page, ACTION)).to_have_text("1 word, 3 characters changed")
    for _ in "now":
        page.keyboard.press("Control+Z")
    expect(editor(page, ACTION)).to_have_value("web_search(queyr='SF weather')")
    expect(changes(page, ACTION)).to_have_count(0)


def test_escape_throws_nothing_away(project: Project, page: Page) -> None:
    project.open(page, "escape")
    correct(page, ACTION, "queyr", "query")
    page.keyboard.press("Escape")
    expect(editor(page, ACTION)).to_have_value("web_search(query='SF weather')")
    expect(editor(page, ACTION)).to_be_focused()
    page.keyboard.type("!")
    expect(editor(page, ACTION)).to_have_value("web_search(query!='SF weather')")


def test_a_pause_in_typing_saves_a_draft_with_the_cursor_where_it_is(project: Project, page: Page) -> None:
    project.open(page, "pause")
    with page.expect_response(lambda response: _is_draft(response), timeout=30_000) as saved:
        correct(page, ACTION, "queyr", "query")
    texts = {r["from_name"]: r["value"]["text"] for r in saved.value.json()["result"]}
    assert texts[ACTION] == ["web_search(query='SF weather')"]
    expect(editor(page, ACTION)).to_be_focused()
    page.keyboard.type("2")
    expect(editor(page, ACTION)).to_have_value("web_search(query2='SF weather')")


def test_a_draft_shows_what_was_edited_when_the_task_is_opened_again(project: Project, page: Page) -> None:
    project.open(page, "reload")
    correct(page, ACTION, "queyr", "query")
    draft_saved(page)
    project.open(page, "reload")
    expect(counts(page, ACTION)).to_have_text("1 word, 2 characters changed")


def test_text_that_looks_like_markup_stays_text(project: Project, page: Page) -> None:
    project.open(page, "hostile")
    editor(page, ACTION).click()
    page.keyboard.press("Control+Home")
    typed = "new </textarea><i onclick='hack()'>javascript:</i><b>\u05e9\u05dc</b>\u202e "
    page.keyboard.insert_text(typed)
    expect(changes(page, ACTION)).to_be_visible()
    assert diff_shown(page, ACTION).startswith(f"{{+{typed}+}}<script>window.hacked = 1</script>")
    kinds = "(panel) => Array.from(panel.shadowRoot.querySelectorAll('*'), (node) => node.localName)"
    assert set(changes(page, ACTION).evaluate(kinds)) == {"button", "div", "ins", "p", "span"}
    assert page.evaluate("window.hacked") is None


def test_each_task_has_its_own(project: Project, page: Page) -> None:
    project.open(page, "first")
    correct(page, ACTION, "queyr", "query")
    expect(changes(page, ACTION)).to_be_visible()
    draft_saved(page)
    _click_task(page, project, "second")
    expect(nothing_shows(page)).to_have_count(0)
    correct(page, THOUGHT, "Look", "See")
    expect(counts(page, THOUGHT)).to_have_text("1 word, 4 characters changed")
    expect(edited_count(page)).to_have_text("1 field edited, 1 reason missing")
    leave_box(page)
    _click_task(page, project, "first")
    expect(counts(page, ACTION)).to_have_text("1 word, 2 characters changed")
    expect(changes(page, THOUGHT)).to_have_count(0)


def test_label_studios_undo_redo_and_reset_are_followed(project: Project, page: Page) -> None:
    project.open(page, "undo")
    correct(page, ACTION, "queyr", "query")
    leave_box(page)
    expect(changes(page, ACTION)).to_be_visible()
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(changes(page, ACTION)).to_have_count(0)
    expect(edited_count(page)).to_be_hidden()
    page.get_by_role("button", name="Redo", exact=True).click()
    expect(counts(page, ACTION)).to_have_text("1 word, 2 characters changed")
    page.get_by_role("button", name="Reset", exact=True).last.click()
    expect(nothing_shows(page)).to_have_count(0)


def test_a_submitted_annotation_a_second_one_the_prediction_and_all_side_by_side(project: Project, page: Page) -> None:
    project.open(page, "tabs")
    correct(page, ACTION, "queyr", "query")
    submit(page)
    project.open(page, "tabs")
    expect(counts(page, ACTION)).to_have_text("1 word, 2 characters changed")

    page.get_by_role("button", name="Create an annotation").or_(page.get_by_label("Create an annotation")).first.click()
    expect(nothing_shows(page)).to_have_count(0)
    type_instead(page, THOUGHT, "See it up.")
    expect(counts(page, THOUGHT)).to_have_text("1 word, 4 characters changed")
    expect(changes(page, ACTION)).to_have_count(0)
    leave_box(page)

    page.get_by_text("ls-traje", exact=False).first.click()
    expect(page.get_by_test_id("htx-textbox-content").first).to_be_visible()
    expect(nothing_shows(page)).to_have_count(0)

    page.get_by_text("Compare All").click()
    panels = page.locator(".trajedit-changes").filter(visible=True)
    expect(panels).to_have_count(2)
    expect(panels.get_by_role("button")).to_have_count(0)


def test_a_correction_by_another_annotator_shows(project: Project, label_studio: LocalLabelStudio, page: Page) -> None:
    changed = text_result(ACTION, "step_0__action", "web_search(query='SF weather')\nclose()")
    annotate(label_studio, project.tasks["others"], [changed])
    project.open(page, "others")
    expect(counts(page, ACTION)).to_have_text("2 words, 10 characters changed")


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_what_it_adds_has_no_serious_finding_of_axe(project: Project, page: Page, theme: str) -> None:
    page.evaluate("(theme) => localStorage.setItem('preferred-color-scheme', theme)", theme)
    project.open(page, "theme")
    expect(page.locator("html")).to_have_attribute("data-color-scheme", theme.lower())
    type_instead(page, ACTION, "web_search(query='SF')\nand more")
    type_instead(page, "step_1__action__corrected", "no JSON")
    expect(edited_count(page)).to_contain_text("2 fields edited")
    expect(announcement(page)).to_contain_text("2 fields edited")
    additions = [".trajedit-changes", ".trajedit-edited-count", ".trajedit-edited-mark", ".trajedit-announcement"]
    found = Axe().run(page, context={"include": [[part] for part in additions]}).response
    assert {rule["id"] for rule in found["passes"]} >= {"color-contrast", "button-name"}
    serious = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    assert serious == [], json.dumps(serious)[:3000]


def test_the_theme_can_change_while_it_shows(project: Project, page: Page) -> None:
    project.open(page, "theme")
    type_instead(page, ACTION, "web_search(query='SF')")
    came = changes(page, ACTION).locator("ins").first
    colour = "(node) => [getComputedStyle(node).color, getComputedStyle(node).backgroundColor]"
    seen = []
    for theme in ("light", "dark"):
        page.evaluate("(theme) => document.documentElement.setAttribute('data-color-scheme', theme)", theme)
        seen.append(came.evaluate(colour))
        assert "underline" in came.evaluate("(node) => getComputedStyle(node).textDecorationLine")
    assert seen[0] != seen[1]


def test_two_copies_are_one(project: Project, page: Page) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    older = live_diff_script().replace('const VERSION = "', 'const VERSION = "0.0.')
    page.add_init_script(older)
    project.open(page, "twice")
    correct(page, ACTION, "queyr", "query")
    expect(changes(page, ACTION)).to_have_count(1)
    expect(page.locator(".trajedit-edited-count")).to_have_count(1)
    (told,) = {text for text in said if "ls-trajedit live diff" in text}
    assert told.startswith("ls-trajedit live diff: the page already has it; ")
    assert "0.0." in told


def test_the_page_says_how_many_words_and_characters_pull_writes(project: Project, page: Page) -> None:
    project.open(page, "numbers")
    edits = {
        (0, "thought"): (THOUGHT, "😀 Look it up, e\u0301!"),
        (1, "thought"): ("step_1__thought__corrected", "Clean  up.\nThen\ngo now."),
        (None, "final_answer"): ("final_answer__corrected", ""),
    }
    told = {}
    for place, (control, text) in edits.items():
        editor(page, control).fill(text)
        expect(counts(page, control)).to_have_text(re.compile("changed"))
        told[place] = counts(page, control).inner_text()
    editor(page, "step_1__action__corrected").fill('{"limit": 5,\n"name": "search"}')
    expect(changes(page, "step_1__action__corrected")).to_have_count(0)
    submit(page)
    project.person.run("pull", "--project", project.number)
    records = read_json(project.person.folder / "data" / "trajectory_corrections.json")["records"]
    (record,) = (record for record in records if record["trace_id"] == "numbers")
    pulled = {
        (edit["step_index"], edit["field"]): (edit["edit_distance_words"], edit["edit_distance_chars"])
        for edit in record["edits"]
    }
    assert {place: tuple(map(int, re.findall(r"\d+", text))) for place, text in told.items()} == pulled


def test_text_that_is_no_json_where_json_belongs_is_told(project: Project, page: Page) -> None:
    project.open(page, "json")
    control = "step_1__action__corrected"
    correct(page, control, "5", "five")
    expect(missing(page, control)).to_contain_text(
        "This field holds JSON, and its text is not JSON: it will be rejected."
    )
    correct(page, control, "five", "6")
    expect(missing(page, control)).to_have_text("The reason is missing.")
    correct(page, control, "6", "5")
    expect(changes(page, control)).to_have_count(0)


def test_it_can_be_taken_off_the_page(project: Project, page: Page) -> None:
    project.open(page, "removed")
    correct(page, ACTION, "queyr", "query")
    expect(changes(page, ACTION)).to_be_visible()
    page.evaluate("window.trajeditLiveDiff.remove()")
    expect(nothing_shows(page)).to_have_count(0)
    correct(page, ACTION, "SF", "LA")
    expect(editor(page, ACTION)).to_have_value("web_search(query='LA weather')")
    expect(nothing_shows(page)).to_have_count(0)


def test_what_the_options_switch_off_does_not_show(label_studio: LocalLabelStudio, page: Page, tmp_path: Path) -> None:
    options = "show_diff: false\nshow_edit_distance: false\nallow_reset: false\n"
    project = pushed(Person.at(tmp_path, label_studio), label_studio, options, [{"id": "off", **TRACE}])
    project.open(page, "off")
    correct(page, ACTION, "queyr", "query")
    panel = changes(page, ACTION)
    expect(panel.get_by_text("edited", exact=True)).to_be_visible()
    expect(edited_count(page)).to_have_text("1 field edited")
    expect(panel.get_by_role("button")).to_have_count(0)
    for part in (".diff", ".counts", ".missing"):
        expect(panel.locator(part)).to_be_hidden()


def test_repeated_steps_are_told_apart(label_studio: LocalLabelStudio, page: Page, tmp_path: Path) -> None:
    person = Person.at(tmp_path, label_studio)
    (tmp_path / "trajedit.yaml").write_text("layout: repeater\n")
    write_traces(tmp_path / "traces.jsonl", [{"id": "repeated", **TRACE}])
    number = person.push("traces.jsonl", "--title", "Live diff", "--prefill", "none")
    (task,) = tasks(label_studio, number)
    results = [
        text_result("step_0__action__corrected", "step_0__action", "web_search(query='SF weather')"),
        text_result("step_1__action__corrected", "step_1__action", '{"name": "search", "limit": 6}'),
    ]
    annotate(label_studio, task["id"], results)
    open_task(page, number, task["id"])
    expect(counts(page, "step_0__action__corrected")).to_have_text("1 word, 2 characters changed")
    expect(reset_button(page, "Step 1, action")).to_be_visible()
    expect(reset_button(page, "Step 2, action")).to_be_visible()
    cards = page.locator(".trajedit-step")
    expect(cards.nth(1)).to_contain_text("1 edited")


def test_a_page_with_another_config_is_left_alone(label_studio: LocalLabelStudio, page: Page) -> None:
    config = (
        '<View><Text name="a" value="$text"/>'
        '<TextArea name="b" toName="a" editable="true" transcription="true" maxSubmissions="1" rows="2"/></View>'
    )
    number = call(label_studio, "POST", "/api/projects", json={"title": "Another", "label_config": config})["id"]
    call(label_studio, "POST", f"/api/projects/{number}/import", json=[{"text": "one two"}])
    (task,) = tasks(label_studio, number)
    annotate(label_studio, task["id"], [text_result("b", "a", "one three")])
    open_task(page, number, task["id"])
    type_instead(page, "b", "one four")
    expect(editor(page, "b")).to_have_value("one four")
    expect(nothing_shows(page)).to_have_count(0)
    # Escape is Label Studio's there, as it always was.
    page.keyboard.press("Escape")
    expect(editor(page, "b")).to_have_value("one three")


def test_a_config_by_another_hand_that_asks_for_it_has_it(label_studio: LocalLabelStudio, page: Page) -> None:
    config = (
        '<View className="trajedit trajedit-show-diff trajedit-show-edit-distance">'
        '<Text name="said" value="$turns[0].text"/>'
        '<TextArea name="better" toName="said" editable="true" transcription="true" maxSubmissions="1" rows="2"/>'
        '<TextArea name="why_reason" toName="said" editable="true" transcription="true" maxSubmissions="1" rows="2"/>'
        "</View>"
    )
    number = call(label_studio, "POST", "/api/projects", json={"title": "By hand", "label_config": config})["id"]
    call(label_studio, "POST", f"/api/projects/{number}/import", json=[{"turns": [{"text": "one two"}]}])
    (task,) = tasks(label_studio, number)
    annotate(label_studio, task["id"], [text_result("better", "said", "one three")])
    open_task(page, number, task["id"])
    expect(counts(page, "better")).to_have_text("1 word, 4 characters changed")
    assert diff_shown(page, "better") == "one [-two-]{+three+}"
    expect(edited_count(page)).to_have_text("1 field edited")
    type_instead(page, "why_reason", "because")
    expect(edited_count(page)).to_have_text("1 field edited")


def test_a_long_field_that_is_rewritten_is_counted_without_freezing(
    label_studio: LocalLabelStudio, page: Page, tmp_path: Path
) -> None:
    old = " ".join(f"word{number * 7919 % 10007}" for number in range(2000))
    new = " ".join(f"term{number * 6271 % 10007}" for number in range(2000))
    trace = {"id": "long", "task": "Write.", "steps": [{"action": old}]}
    project = pushed(Person.at(tmp_path, label_studio), label_studio, "", [trace])
    project.open(page, "long")
    editor(page, ACTION).fill(new)
    expect(changes(page, ACTION)).to_be_visible()
    expect(counts(page, ACTION)).to_have_text(re.compile(r"^2000 words, \d{5} characters changed$"))


def test_a_text_beyond_the_budget_is_counted_as_at_least_so_much_while_keys_still_arrive(
    label_studio: LocalLabelStudio, page: Page, tmp_path: Path
) -> None:
    # One line of 120,000 characters, of which none stays.
    original, edited = "a" * 120_000, "b" * 120_000
    trace = {"id": "long", "task": "Write.", "steps": [{"action": original}]}
    project = pushed(Person.at(tmp_path, label_studio), label_studio, "", [trace])
    project.open(page, "long")
    editor(page, ACTION).fill(edited)
    page.keyboard.press("Control+End")
    page.keyboard.type("xyz")
    expect(editor(page, ACTION)).to_have_value(edited + "xyz")
    at_least = re.compile(r"^1 word, ≥ \d{5} characters changed$")
    expect(counts(page, ACTION)).to_have_text(at_least, timeout=60_000)
    # What went and what came is shown from both ends.
    assert len(diff_shown(page, ACTION)) < 50_000
    page.keyboard.type("!")
    expect(editor(page, ACTION)).to_have_value(edited + "xyz!")


def test_auto_annotation_leaves_what_is_being_typed_alone(
    label_studio: LocalLabelStudio, start_host: StartHost, page: Page, tmp_path: Path
) -> None:
    backend = start_host(HOSTS[0])
    person = Person.at(tmp_path, label_studio)
    traces = write_traces(tmp_path / "traces.jsonl", [{"id": "auto", **TRACE}])
    number = person.push(traces, "--title", "Auto-Annotation", "--backend", backend.url)
    (connected,) = call(label_studio, "GET", "/api/ml", params={"project": number})
    interactive = {"url": backend.url, "project": number, "is_interactive": True}
    call(label_studio, "PATCH", f"/api/ml/{connected['id']}", json=interactive)
    (task,) = tasks(label_studio, number)
    open_task(page, number, task["id"])
    page.get_by_test_id("bottombar-auto-annotation-toggle").check(force=True)
    with page.expect_response(lambda response: "/interactive-annotating" in response.url):
        correct(page, ACTION, "queyr", "query")
        expect(announcement(page)).to_contain_text("1 field edited")
        leave_box(page)
    expect(counts(page, ACTION)).to_have_text("1 word, 2 characters changed")
    expect(editor(page, ACTION)).to_have_value("web_search(query='SF weather')")


def _is_draft(response: Response) -> bool:
    return response.request.method == "POST" and re.search(r"/drafts/?(\?|$)", response.url) is not None


def _click_task(page: Page, project: Project, name: str) -> None:
    """Opens another task from the list beside the open one."""
    wanted = project.tasks[name]
    rows = page.locator("[class*=row-wrapper]")
    rows.nth(sorted(project.tasks.values()).index(wanted)).click()
    page.wait_for_function(
        "(task) => Number(window.Htx?.annotationStore?.store.task?.id) === task && !window.Htx.isLoading", arg=wanted
    )
    expect(page.locator("textarea[name]").first).to_be_attached()
