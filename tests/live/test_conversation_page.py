"""A conversation on Label Studio's editor page: what is to be seen, what the live diff says, and what is saved."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from ls_trajedit.demo.local_label_studio import LocalLabelStudio
from ls_trajedit.label_config.chat_config import chat_shape, write_chat_config
from ls_trajedit.label_config.predict import predict
from ls_trajedit.live_diff.script import live_diff_script
from ls_trajedit.traces.options import Options
from tests.support.conversations import TRIP, call, data_of

from .conftest import logged_in
from .editor_page import editor, open_task, submit, type_instead, visible_cards, visible_editors
from .live_diff_page import announcement, changes, edited_count, missing, reset_button
from .project_api import call as ask
from .project_api import tasks

SHORT = {"id": "short", "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]}
SILENT = {
    "id": "silent",
    "messages": [
        {"role": "user", "content": "Go."},
        {"role": "assistant", "content": None, "tool_calls": [call("a", "look_up", '{"user": ')]},
        {"role": "tool", "tool_call_id": "a", "content": ""},
        {"role": "user", "content": ""},
        {"role": "assistant", "content": "Sorry."},
    ],
}
FLIGHT = "step_0__call_0__arguments__corrected"
LOOK_UP = "step_0__call_1__arguments__corrected"
NAME = "step_0__call_0__name__corrected"


class Project:
    """A project of conversations, whose config has room for the longest of them."""

    def __init__(self, label_studio: LocalLabelStudio, *fields: str) -> None:
        datas = [data_of(source) for source in (TRIP, SHORT, SILENT)]
        options = Options(editable_fields=list(fields)) if fields else Options()
        config = write_chat_config(options, chat_shape(datas))
        settings = {"title": "Conversations", "label_config": config, "show_collab_predictions": True}
        self.number = ask(label_studio, "POST", "/api/projects", json=settings)["id"]
        new = [
            {"data": data, "predictions": [{"model_version": "m", "result": predict({"data": data}, config)}]}
            for data in datas
        ]
        ask(label_studio, "POST", f"/api/projects/{self.number}/import", json=new)
        ask(label_studio, "PATCH", f"/api/projects/{self.number}", json={"model_version": "m"})
        self.tasks: dict[str, int] = {task["data"]["id"]: task["id"] for task in tasks(label_studio, self.number)}

    def open(self, page: Page, name: str) -> None:
        open_task(page, self.number, self.tasks[name])


@pytest.fixture(scope="module")
def project(label_studio: LocalLabelStudio) -> Project:
    return Project(label_studio)


@pytest.fixture
def diff_page(browser: Browser, label_studio: LocalLabelStudio) -> Iterator[Page]:
    """A page of a fresh browser, logged in, that has the live diff."""
    with logged_in(browser, label_studio.url, label_studio.username, label_studio.password) as opened:
        opened.add_init_script(live_diff_script())
        yield opened


def seen(page: Page, css_class: str) -> Locator:
    return page.locator(f".{css_class}").filter(visible=True)


def test_the_conversation_is_seen_as_it_was_with_boxes_only_where_the_agent_spoke(project: Project, page: Page) -> None:
    project.open(page, "trip")
    assert visible_cards(page) == ["Step 1", "Step 2"]
    assert visible_editors(page) == ["step_0__content__corrected", FLIGHT, LOOK_UP, "step_1__content__corrected"]
    assert seen(page, "trajedit-who").all_inner_texts() == ["user", "critic", "user"]
    first, second = seen(page, "trajedit-call").all()
    expect(first).to_contain_text("find_flight")
    expect(first).to_contain_text("flight 59")
    expect(second).to_contain_text("<b>Ann</b>")
    expect(page.locator(".trajedit-heard .trajedit-image canvas").first).to_be_visible()


def test_line_breaks_stay_a_long_result_scrolls_and_the_system_prompt_unfolds(project: Project, page: Page) -> None:
    project.open(page, "trip")
    heard = seen(page, "trajedit-heard").first
    assert "I want to fly.\n  Here is my seat:" in heard.inner_text()
    result = seen(page, "trajedit-result").first
    # What is out of sight is not laid out.
    result.scroll_into_view_if_needed()
    page.wait_for_function("(result) => result.scrollHeight > 2 * result.clientHeight", arg=result.element_handle())
    prompt = page.locator(".trajedit-said").get_by_text("You book flights.")
    expect(prompt).to_be_hidden()
    page.get_by_text("System prompt").click()
    expect(prompt).to_be_visible()


def test_a_shorter_conversation_shows_nothing_of_the_longer_one(project: Project, page: Page) -> None:
    project.open(page, "short")
    assert visible_cards(page) == ["Step 1"]
    assert visible_editors(page) == ["step_0__content__corrected"]
    assert seen(page, "trajedit-who").all_inner_texts() == ["user"]
    for absent in ("trajedit-system", "trajedit-call", "trajedit-result", "trajedit-image"):
        expect(seen(page, absent)).to_have_count(0)


def test_a_step_without_text_and_a_message_without_text_are_there(project: Project, page: Page) -> None:
    project.open(page, "silent")
    assert visible_cards(page) == ["Step 1", "Step 2"]
    assert visible_editors(page) == [FLIGHT, "step_1__content__corrected"]
    expect(editor(page, FLIGHT)).to_have_value('{"user": ')
    assert seen(page, "trajedit-who").all_inner_texts() == ["user", "user"]


def test_a_right_to_left_original_reads_like_its_box(project: Project, page: Page) -> None:
    project.open(page, "trip")
    lines = page.locator(".trajedit-step").nth(1).locator(".trajedit-original [class*='richtext__line']")
    places = lines.evaluate_all(
        """lines => lines.map((line) => {
          const range = document.createRange();
          range.selectNodeContents(line);
          const [text, box] = [range.getBoundingClientRect(), line.parentElement.getBoundingClientRect()];
          const isAt = (side) => Math.abs(box[side] - text[side]) < 2;
          return isAt('right') ? 'right' : isAt('left') ? 'left' : 'middle';
        })"""
    )
    assert places == ["right", "left"]
    box = editor(page, "step_1__content__corrected")
    original = page.locator(".trajedit-step").nth(1).locator(".trajedit-original")
    heights = [round(found.evaluate("(found) => found.getBoundingClientRect().height")) for found in (box, original)]
    assert heights[0] == heights[1]


def test_arguments_that_do_not_fit_the_declared_tool_are_named_while_typing(project: Project, diff_page: Page) -> None:
    page = diff_page
    project.open(page, "trip")
    for typed, said in (
        ('{"orign": "SFO"}', "`find_flight` has no `orign`; did you mean `origin`? `origin` is missing."),
        ('{"origin": "SFO", "limit": "5"}', "`limit` must be a whole number, and is a string."),
        ('{"origin": "SFO", "limit": 5.5}', "`limit` must be a whole number, and is a number."),
        ('{"origin": null}', "`origin` must be a string, and is null."),
        (
            '{"origin": "SFO", "filters": {"airlines": ["A", 1], "aline": 1}}',
            "`filters.airlines[1]` must be a string, and is a whole number. `filters` has no `aline`.",
        ),
        ("[1]", "The arguments are not a JSON object."),
        ('{"origin": ', "This field holds JSON, and its text is not JSON: it will be rejected."),
        ('{"origin": "LAX"}', ""),
    ):
        editor(page, FLIGHT).fill(typed)
        expect(missing(page, FLIGHT)).to_have_text(said)
    editor(page, LOOK_UP).fill("{}")
    expect(changes(page, LOOK_UP)).to_be_visible()
    expect(missing(page, LOOK_UP)).to_have_text("")
    editor(page, LOOK_UP).fill('{"anything": 1}')
    expect(missing(page, LOOK_UP)).to_have_text("`look_up` has no `anything`.")
    expect(reset_button(page, "Step 1, look_up (call 2), arguments")).to_be_visible()
    expect(announcement(page)).to_contain_text("`look_up` has no `anything`. 2 fields edited")


def test_another_layout_of_the_same_arguments_is_not_an_edit(project: Project, diff_page: Page) -> None:
    page = diff_page
    project.open(page, "trip")
    editor(page, FLIGHT).fill('{"limit": 5, "origin": "SFO"}')
    expect(changes(page, FLIGHT).get_by_text("same value", exact=True)).to_be_visible()
    expect(edited_count(page)).to_be_hidden()
    editor(page, FLIGHT).fill('{"limit": 6, "origin": "SFO"}')
    expect(changes(page, FLIGHT).get_by_text("edited", exact=True)).to_be_visible()
    expect(edited_count(page)).to_have_text("1 field edited")


def test_recorded_arguments_that_were_not_json_are_checked_once_they_are_edited(
    project: Project, diff_page: Page
) -> None:
    page = diff_page
    project.open(page, "silent")
    type_instead(page, FLIGHT, '{"user": "u1"')
    expect(missing(page, FLIGHT)).to_have_text("The arguments are not JSON.")
    type_instead(page, FLIGHT, '{"user": "u1"}')
    expect(missing(page, FLIGHT)).to_have_text("")


def test_a_corrected_name_is_checked_and_is_the_one_that_the_arguments_are_checked_against(
    label_studio: LocalLabelStudio, diff_page: Page
) -> None:
    page = diff_page
    project = Project(label_studio, "tool_calls[*].name", "tool_calls[*].arguments")
    project.open(page, "trip")
    editor(page, NAME).fill("lookup")
    expect(missing(page, NAME)).to_have_text("The trace declares no tool `lookup`; did you mean `look_up`?")
    editor(page, NAME).fill("look_up")
    expect(missing(page, NAME)).to_have_text("")
    editor(page, FLIGHT).fill('{"origin": "LAX"}')
    expect(missing(page, FLIGHT)).to_have_text("`look_up` has no `origin`.")


def test_what_was_typed_is_saved_under_the_names_of_the_parts(project: Project, page: Page) -> None:
    project.open(page, "trip")
    type_instead(page, FLIGHT, '{"origin": "LAX"}')
    type_instead(page, "step_1__content__corrected", "Flight 1.")
    saved: list[dict[str, Any]] = submit(page)["result"]
    texts = {result["from_name"]: result["value"]["text"] for result in saved}
    assert texts == {
        "step_0__content__corrected": ["Two questions to the system."],
        FLIGHT: ['{"origin": "LAX"}'],
        LOOK_UP: [json.dumps({"user": "u1"}, indent=2)],
        "step_1__content__corrected": ["Flight 1."],
    }
