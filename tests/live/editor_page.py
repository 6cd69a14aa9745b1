"""Label Studio's editor page in the hands of a person: opens a task, reads and types into its editors, submits.

Everything goes by what Label Studio itself promises or a person sees: the names of controls, its `data-testid`
attributes, the words on the page.
"""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Locator, Page, Request, Response, expect

__all__ = [
    "choose",
    "correct",
    "draft_saved",
    "editor",
    "label_next",
    "leave_box",
    "open_task",
    "shown",
    "skip",
    "submit",
    "type_instead",
    "visible_cards",
    "visible_editors",
]

_OPENED = """(task) => {
  const store = window.Htx?.annotationStore
  return store?.selected && !window.Htx.isLoading && (task === null || Number(store.store.task?.id) === task)
}"""
_ANNOTATION = re.compile(r"/api/(tasks/\d+/annotations|annotations/\d+)/?(\?|$)")
_DRAFT = re.compile(r"/api/(tasks/\d+/drafts|annotations/\d+/drafts|drafts/\d+)/?(\?|$)")


def open_task(page: Page, project: int, task: int) -> None:
    """Opens the task from the project's list, and waits until nothing more is loaded into it."""
    # The page shows the task as the list has it first, with empty editors, and once more with its predictions.
    details = re.compile(rf"/api/tasks/{task}/?\?")
    with page.expect_response(lambda response: details.search(response.url) is not None, timeout=60_000):
        page.goto(f"projects/{project}/data?task={task}")
    _wait_until_open(page, task)


def label_next(page: Page, project: int) -> int:
    """Opens the first task that waits for this person, as the button "Label All Tasks" does; returns its id."""
    page.goto(f"projects/{project}/data?labeling=1")
    _wait_until_open(page, None)
    return int(page.evaluate("Number(window.Htx.annotationStore.store.task.id)"))


def shown(page: Page, text: str) -> Locator:
    """The places of the editor page at which exactly `text` stands."""
    return page.locator("#label-studio-dm").get_by_text(text, exact=True)


def editor(page: Page, control: str) -> Locator:
    """The box of the control. Label Studio puts a random id behind the name of one that has a text."""
    return page.locator(f'textarea[name="{control}"], textarea[name^="{control}:"]')


def visible_editors(page: Page) -> list[str]:
    """The controls of all boxes that are to be seen, in the order of the page."""
    boxes = page.locator("textarea[name]").filter(visible=True).all()
    return [str(box.get_attribute("name")).split(":")[0] for box in boxes]


def visible_cards(page: Page) -> list[str]:
    """The titles of all cards that are to be seen, such as "Step 1"."""
    title = re.compile(r"^(Step \d+|Final answer)$")
    return page.locator("#label-studio-dm").get_by_text(title).filter(visible=True).all_inner_texts()


def correct(page: Page, control: str, wrong: str, right: str) -> None:
    """Marks `wrong` in the control's box and types `right` over it; an empty one deletes what was marked."""
    box = editor(page, control)
    start = box.input_value().index(wrong)
    box.click()
    box.evaluate("(box, [from, to]) => box.setSelectionRange(from, to)", [start, start + len(wrong)])
    if right:
        page.keyboard.type(right)
    else:
        page.keyboard.press("Delete")


def type_instead(page: Page, control: str, text: str) -> None:
    """Types `text` over all that is in the control's box; an empty one clears it."""
    editor(page, control).click()
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    page.keyboard.type(text)


def leave_box(page: Page) -> None:
    """Takes the focus from the box that has it."""
    page.evaluate("document.activeElement.blur()")


def choose(page: Page, step: int, choice: str) -> None:
    """Ticks the label `choice` of the step, counted from 0."""
    page.locator(f'input[name="{choice}"]').nth(step).check()


def submit(page: Page) -> dict[str, Any]:
    """Presses Submit; returns the annotation that Label Studio saved."""
    return _press(page, "bottombar-submit-button", "Submit")


def skip(page: Page) -> dict[str, Any]:
    """Presses Skip; returns the annotation that Label Studio saved."""
    return _press(page, "bottombar-skip-button", "Skip")


def draft_saved(page: Page) -> dict[str, Any]:
    """Leaves the box that has the focus and waits until Label Studio has saved a draft."""
    with page.expect_response(lambda response: _saves(response.request, _DRAFT), timeout=30_000) as response:
        leave_box(page)
    return _json_of(response.value)


def _wait_until_open(page: Page, task: int | None) -> None:
    page.wait_for_function(_OPENED, arg=task, timeout=60_000)
    page.wait_for_load_state("networkidle")
    expect(page.locator("textarea[name]").first).to_be_attached(timeout=60_000)


def _press(page: Page, button: str, words: str) -> dict[str, Any]:
    # The buttons of older versions have only their words.
    pressed = page.get_by_test_id(button).or_(page.get_by_role("button", name=re.compile(f"^{words}", re.IGNORECASE)))
    with page.expect_response(lambda response: _saves(response.request, _ANNOTATION)) as response:
        pressed.first.click()
    return _json_of(response.value)


def _saves(request: Request, address: re.Pattern[str]) -> bool:
    return request.method in ("POST", "PATCH") and address.search(request.url) is not None


def _json_of(response: Response) -> dict[str, Any]:
    assert response.ok, response.text()
    return dict(response.json())
