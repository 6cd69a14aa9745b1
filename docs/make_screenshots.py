"""Takes the pictures in docs/images: the bundled examples in a real Label Studio, with corrections typed into one, and
the report of what the demo's annotators corrected.

Run by `make screenshots`. Needs what the tests need: the extras `demo` and `test`, and Chromium on PATH.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import Browser, Locator, Page, sync_playwright

from ls_trajedit.demo.local_label_studio import LocalLabelStudio, run_label_studio
from ls_trajedit.demo.run import run_demo
from ls_trajedit.inputs import Input, load_traces
from ls_trajedit.label_studio.client import connect
from ls_trajedit.label_studio.tasks import data_pages
from ls_trajedit.live_diff.script import live_diff_script
from ls_trajedit.push import create_project, push_prefilled
from ls_trajedit.report.write import write_report
from ls_trajedit.traces.errors import SetupError
from ls_trajedit.traces.options_file import parse_options


@dataclass(frozen=True)
class Example:
    """A trace among the examples, what the pictures of it are called, and the box in their middle; None for the top."""

    picture: str
    traces: str
    options: str
    corrections: str
    trace: str
    middle: str | None = None


ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
IMAGES = ROOT / "docs" / "images"

# What is at the top of the window in each picture of the report.
REPORT_PICTURES = {"report": "header", "report-corrections": "#corrections"}
EDITORS = (
    Example("editor", "traces.jsonl", "trajedit.yaml", "corrections.json", "traj_001"),
    Example(
        "conversation",
        "chats.jsonl",
        "chats.yaml",
        "chat_corrections.json",
        "chat_001",
        middle="step_0__call_1__arguments__corrected",
    ),
    Example(
        "structure",
        "traces.jsonl",
        "trajedit.yaml",
        "corrections.json",
        "traj_013",
        middle="step_2__structure_reason",
    ),
)
THEMES = {"Light": ".png", "Dark": "-dark.png"}
WIDTH, HEIGHT = 1000, 820
# 1400 pixels across, so that a README column of 800 or so still shows the text at a readable size.
SCALE = 1.4

_OPENED = """task => {
  const store = window.Htx?.annotationStore;
  return store?.selected && !window.Htx.isLoading && Number(store.store.task?.id) === task;
}"""

_TO_THE_MIDDLE = """box => {
  const scrolling = document.querySelector(".lsf-main-content");
  // What is around it moves, too, when a box is clicked that was out of sight.
  for (let outer = scrolling.parentElement; outer; outer = outer.parentElement) outer.scrollTop = 0;
  const top = box.getBoundingClientRect().top - scrolling.getBoundingClientRect().top;
  scrolling.scrollTop += top - scrolling.clientHeight / 2;
}"""


def main() -> None:
    """Writes every picture; raises SetupError when Label Studio or Chromium is not installed."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SetupError("Chromium is not installed: install the package `chromium`, so that it is on PATH")
    IMAGES.mkdir(exist_ok=True)
    with (
        TemporaryDirectory(prefix="ls-trajedit-screenshots-") as folder,
        _report() as report,
        run_label_studio(Path(folder)) as label_studio,
        sync_playwright() as playwright,
    ):
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        for example, (theme, ending) in product(EDITORS, THEMES.items()):
            # A project each: what was typed into one is kept as a draft.
            page = _opened(browser, label_studio, theme, *_push(label_studio, example))
            _type(page, _correction(example))
            if example.middle:
                box = page.locator(f'textarea[name^="{example.middle}"]')
                box.evaluate(_TO_THE_MIDDLE)
            name = f"{example.picture}{ending}"
            page.screenshot(path=IMAGES / name)
            page.context.close()
            _tell(name)
        _show_report(browser, report)
        browser.close()


@contextmanager
def _report() -> Iterator[Path]:
    """The report of the demo: all example traces, corrected by two annotators."""
    with TemporaryDirectory(prefix="ls-trajedit-screenshots-") as folder:
        data = Path(folder) / "data"
        with run_demo(data, lambda line: None):
            pass
        yield write_report(data, Path(folder) / "report.html").path


def _show_report(browser: Browser, report: Path) -> None:
    for scheme, ending in (("light", ".png"), ("dark", "-dark.png")):
        context = browser.new_context(
            viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=SCALE, color_scheme=scheme
        )
        page = context.new_page()
        page.goto(report.as_uri())
        page.locator("#filters").wait_for()
        for name, top in REPORT_PICTURES.items():
            page.locator(top).first.evaluate("element => element.scrollIntoView()")
            if top == "#corrections":
                page.locator(".correction").nth(9).wait_for()
            page.screenshot(path=IMAGES / f"{name}{ending}")
            _tell(f"{name}{ending}")
        context.close()


def _tell(name: str) -> None:
    sys.stdout.write(f"docs/images/{name}: {(IMAGES / name).stat().st_size // 1024} KB\n")


def _correction(example: Example) -> dict[str, Any]:
    corrections = json.loads((EXAMPLES / example.corrections).read_text(encoding="utf-8"))
    return next(found for found in corrections if found["trace_id"] == example.trace)


def _push(label_studio: LocalLabelStudio, example: Example) -> tuple[int, int]:
    """A project with the example's trace, and the task in it."""
    options = parse_options((EXAMPLES / example.options).read_text(encoding="utf-8"), example.options)
    lines = (EXAMPLES / example.traces).read_text(encoding="utf-8").splitlines()
    with TemporaryDirectory(prefix="ls-trajedit-screenshots-") as folder:
        path = Path(folder) / example.traces
        path.write_text(next(line for line in lines if json.loads(line)["id"] == example.trace), encoding="utf-8")
        loaded = load_traces([Input(path)], options)
    server = connect(label_studio.url, label_studio.token)
    target = create_project(server, "Agent traces", options, loaded)
    push_prefilled(server, target, options, loaded, lambda done, total: None)
    (task,) = (task for page in data_pages(server, target.project.id) for task in page.tasks)
    return target.project.id, task["id"]


def _opened(browser: Browser, label_studio: LocalLabelStudio, theme: str, project: int, task: int) -> Page:
    """The task, the only one of the project, in a fresh browser with that theme and without the side panels."""
    context = browser.new_context(
        base_url=label_studio.url,
        viewport={"width": WIDTH, "height": HEIGHT},
        device_scale_factor=SCALE,
    )
    context.add_init_script(f"localStorage.setItem('preferred-color-scheme', '{theme}')")
    context.add_init_script(live_diff_script())
    page = context.new_page()
    page.goto("/user/login/")
    page.fill("#email", label_studio.username)
    page.fill("#password", label_studio.password)
    page.click("#login-form button[type=submit]")
    page.wait_for_url(lambda url: "/user/login" not in url)
    page.goto(f"/projects/{project}/data?labeling=1")
    page.wait_for_function(_OPENED, arg=task, timeout=60_000)
    page.wait_for_selector(".trajedit textarea:visible")
    page.click('#info-history [data-tooltip="Collapse Group"]')
    return page


def _type(page: Page, correction: Mapping[str, Any]) -> None:
    """Types the edits and their reasons into their boxes, chooses the labels of the steps, and removes and inserts
    steps."""
    for edit in correction["edits"]:
        index = edit["step_index"]
        # `tool_calls[1].arguments` is `call_1__arguments` in the name of a control.
        field = re.sub(r"^tool_calls\[(\d+)\]\.", r"call_\1__", edit["field"])
        name = field if index is None else f"step_{index}__{field}"
        for control, text in ((f"{name}__corrected", edit["text"]), (f"{name}__reason", edit["reason"])):
            _fill(page, control, text)
    page.locator(".trajedit-changes:visible").nth(len(correction["edits"]) - 1).wait_for()
    cards = page.locator(".trajedit-step")
    for label in correction["labels"]:
        card = cards.nth(label["step_index"])
        for choice in (label["correctness"], *label["error_types"]):
            _choose(card, choice)
    for removed in correction.get("removed", ()):
        _choose(cards.nth(removed["step_index"]), "Remove this step")
        _fill(page, f"step_{removed['step_index']}__structure_reason", removed["reason"])
    for inserted in correction.get("inserted", ()):
        _choose(cards.nth(inserted["after"]), "Insert a step after it")
        for field, text in (*inserted["step"].items(), ("", inserted["reason"])):
            _fill(page, f"step_{inserted['after']}__insert_1_{f'_{field}' if field else 'reason'}", text)
    page.evaluate("document.querySelector('.lsf-main-content').scrollTop = 0")


def _choose(card: Locator, choice: str) -> None:
    card.locator(f'label:has(input[name="{choice}"])').click()


def _fill(page: Page, control: str, text: str) -> None:
    page.locator(f'textarea[name^="{control}"]').fill(text)
    page.keyboard.press("Tab")


if __name__ == "__main__":
    main()
