"""A branch on Label Studio's editor page: what came before is seen and cannot be changed, and what is new can be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from ls_trajedit.converters.annotations.convert_task import convert_task
from ls_trajedit.converters.annotations.outcome import Edited
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.demo.local_label_studio import LocalLabelStudio
from ls_trajedit.label_config.branch_data import SUPERSEDED, superseded_data
from ls_trajedit.label_config.branch_view import LOCKED
from ls_trajedit.label_config.chat_config import chat_shape, write_chat_config
from ls_trajedit.label_config.predict import predict
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.label_config.write_config import write_config
from ls_trajedit.live_diff.script import live_diff_script
from ls_trajedit.traces.options import Options
from tests.support.branches import (
    OPTIONS,
    PLAIN_CONFIG,
    PLAIN_SHAPE,
    branch_of_chat,
    branch_of_plain,
    chat_parent,
    plain_parent,
)

from .editor_page import open_task, submit, type_instead, visible_cards, visible_editors
from .live_diff_page import reset_button
from .project_api import annotations_of, call, tasks


class Project:
    """A project with a trace, its branch, and the branch as it is once its correction has changed."""

    def __init__(
        self, label_studio: LocalLabelStudio, config: str, parent: dict[str, Any], branch: dict[str, Any]
    ) -> None:
        self.label_studio = label_studio
        self.config = config
        settings = {"title": "Branches", "label_config": config, "show_collab_predictions": True}
        self.number = call(label_studio, "POST", "/api/projects", json=settings)["id"]
        new = [
            {"data": data, "predictions": [{"model_version": "m", "result": predict({"data": data}, config)}]}
            for data in (parent["data"], branch["data"], {**superseded_data(branch["data"]), "id": "old"})
        ]
        call(label_studio, "POST", f"/api/projects/{self.number}/import", json=new)
        call(label_studio, "PATCH", f"/api/projects/{self.number}", json={"model_version": "m"})
        self.parent, self.branch, self.superseded = (task["id"] for task in tasks(label_studio, self.number))

    def outcome(self, task: int) -> Edited:
        """What became of the only annotation of the task."""
        (found,) = [found for found in tasks(self.label_studio, self.number) if found["id"] == task]
        found["annotations"] = annotations_of(self.label_studio, task)
        (outcome,) = convert_task(found, read_config(self.config), ReadingRules())
        assert isinstance(outcome, Edited), outcome
        return outcome


@pytest.fixture(scope="module")
def plain(label_studio: LocalLabelStudio) -> Project:
    return Project(label_studio, PLAIN_CONFIG, plain_parent(), branch_of_plain(plain_parent()))


@pytest.fixture(scope="module")
def chats(label_studio: LocalLabelStudio) -> Project:
    parent = chat_parent()
    branch = branch_of_chat(parent)
    options = Options(editable_fields=["reasoning", "content", "tool_calls[*].arguments"])
    return Project(
        label_studio, write_chat_config(options, chat_shape([parent["data"], branch["data"]])), parent, branch
    )


def test_the_locked_steps_are_seen_above_the_new_ones(plain: Project, page: Page) -> None:
    open_task(page, plain.number, plain.branch)
    expect(page.get_by_text(LOCKED)).to_be_visible()
    locked = page.locator(".trajedit-locked-steps").filter(visible=True)
    assert locked.inner_text() == "Step 1\nthought: Look.\naction: get(key='a')\nobservation: 7"
    assert locked.locator("textarea, [contenteditable=true]").count() == 0
    assert visible_cards(page) == ["Step 2", "Final answer"]
    assert visible_editors(page) == ["step_0__thought__corrected", "step_0__action__corrected"]
    expect(page.get_by_text(SUPERSEDED)).to_be_hidden()


def test_a_trace_that_continues_nothing_shows_nothing_of_it(plain: Project, page: Page) -> None:
    open_task(page, plain.number, plain.parent)
    assert visible_cards(page) == ["Step 1", "Step 2", "Final answer"]
    expect(page.get_by_text(LOCKED)).to_be_hidden()
    expect(page.get_by_text(SUPERSEDED)).to_be_hidden()


def test_a_branch_whose_correction_has_changed_says_so(plain: Project, page: Page) -> None:
    open_task(page, plain.number, plain.superseded)
    expect(page.get_by_text(SUPERSEDED)).to_be_visible()
    expect(page.get_by_text(LOCKED)).to_be_visible()


def test_a_correction_of_a_new_step_is_read_along_the_whole_trace(plain: Project, page: Page) -> None:
    open_task(page, plain.number, plain.branch)
    type_instead(page, "step_0__action__corrected", "put(key='a', value=14)")
    submit(page)
    record = plain.outcome(plain.branch).record
    assert [(edit.step_index, edit.edited_text) for edit in record.edits] == [(1, "put(key='a', value=14)")]
    assert record.corrected_trace.steps[0] == {"thought": "Look.", "action": "get(key='a')", "observation": "7"}


def test_the_live_diff_calls_a_step_by_its_number_in_the_whole_trace(plain: Project, page: Page) -> None:
    page.add_init_script(live_diff_script())
    open_task(page, plain.number, plain.branch)
    type_instead(page, "step_0__action__corrected", "put(1)")
    expect(reset_button(page, "Step 2, action")).to_be_visible()
    mark = page.locator(".trajedit-edited-mark").filter(visible=True)
    expect(mark).to_have_text("1 edited")


def test_the_cards_of_a_repeater_count_from_the_start_of_the_whole_trace(
    label_studio: LocalLabelStudio, page: Page
) -> None:
    config = write_config(replace(OPTIONS, layout="repeater"), PLAIN_SHAPE)
    settings = {"title": "Repeated", "label_config": config}
    number = call(label_studio, "POST", "/api/projects", json=settings)["id"]
    new = [{"data": plain_parent()["data"]}, {"data": branch_of_plain(plain_parent())["data"]}]
    call(label_studio, "POST", f"/api/projects/{number}/import", json=new)
    parent, branch = (task["id"] for task in tasks(label_studio, number))
    titles = page.locator(".trajedit-repeated .trajedit-title").filter(visible=True)
    after = "title => getComputedStyle(title, '::after').content"
    open_task(page, number, branch)
    assert titles.all_inner_texts() == ["Step 2"]
    assert titles.first.evaluate(after) == "none"
    expect(page.get_by_text(LOCKED)).to_be_visible()
    open_task(page, number, parent)
    assert titles.all_inner_texts() == ["Step", "Step"]
    assert "counter" in titles.first.evaluate(after)
    expect(page.get_by_text(LOCKED)).to_be_hidden()


def test_a_conversation_shows_what_the_agent_did_before_without_boxes(chats: Project, page: Page) -> None:
    open_task(page, chats.number, chats.branch)
    heard = page.locator(".trajedit-heard").filter(visible=True)
    assert [text.split("\n") for text in heard.all_inner_texts()] == [
        ["user", "Double a."],
        ["assistant", 'get({"key":"a"})'],
        ["tool", "7"],
    ]
    assert visible_cards(page) == ["Step 2", "Step 3"]
    assert visible_editors(page) == [
        "step_0__reasoning__corrected",
        "step_0__call_0__arguments__corrected",
        "step_1__content__corrected",
    ]
    expect(page.get_by_text(SUPERSEDED)).to_be_hidden()
    type_instead(page, "step_1__content__corrected", "It is 14.")
    submit(page)
    record = chats.outcome(chats.branch).record
    assert [(edit.step_index, edit.field, edit.edited_text) for edit in record.edits] == [(1, "content", "It is 14.")]


def test_a_conversation_whose_correction_has_changed_says_so(chats: Project, page: Page) -> None:
    open_task(page, chats.number, chats.superseded)
    expect(page.get_by_text(SUPERSEDED)).to_be_visible()
    open_task(page, chats.number, chats.parent)
    expect(page.get_by_text(SUPERSEDED)).to_be_hidden()
