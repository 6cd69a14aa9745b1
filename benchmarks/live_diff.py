"""The live diff's own time for each key, on Label Studio's editor page in Chromium.

Compared with a naive implementation: both distances by the textbook's table, and a word diff by the longest common
subsequence, all from scratch for each key. Both are timed in the same page.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from measure import machine
from playwright.sync_api import Page, expect, sync_playwright

from ls_trajedit.demo.local_label_studio import LocalLabelStudio, run_label_studio
from ls_trajedit.inputs import Input, load_traces
from ls_trajedit.label_studio.client import connect
from ls_trajedit.live_diff.script import live_diff_script
from ls_trajedit.push import create_project, push_prefilled
from ls_trajedit.traces.options import Options

WORDS = (500, 2000, 4000)
STEPS = 200
KEYS = "a correction of it "
BOX = 'textarea[name^="step_0__action__corrected:"]'

# Inserted before the script, in its own scope, so that the callbacks that it gives the browser are timed.
TIMED = """
const spent = (window.spent = { frames: [] });
const timed = (called) => (...given) => {
  const started = performance.now();
  try { return called(...given); } finally { spent.frames.push(performance.now() - started); }
};
const requestAnimationFrame = (called) => window.requestAnimationFrame(timed(called));
const setTimeout = (called, wait, ...given) => window.setTimeout(timed(called), wait, ...given);
const MutationObserver = class extends window.MutationObserver {
  constructor(called) { super(timed(called)); }
};
"""
NAIVE = """([original, edited]) => {
  const table = (a, b) => {
    let row = Array.from({length: b.length + 1}, (_, column) => column);
    for (let i = 1; i <= a.length; i++) {
      const next = [i];
      for (let j = 1; j <= b.length; j++) {
        next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
      }
      row = next;
    }
    return row[b.length];
  };
  const longest = (a, b) => {
    const rows = Array.from({length: a.length + 1}, () => new Array(b.length + 1).fill(0));
    for (let i = 1; i <= a.length; i++) for (let j = 1; j <= b.length; j++) {
      rows[i][j] = a[i - 1] === b[j - 1] ? rows[i - 1][j - 1] + 1 : Math.max(rows[i - 1][j], rows[i][j - 1]);
    }
    return rows[a.length][b.length];
  };
  const words = (text) => text.split(/\\s+/).filter(Boolean);
  const started = performance.now();
  table(Array.from(original), Array.from(edited));
  table(words(original), words(edited));
  longest(words(original), words(edited));
  return performance.now() - started;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=STEPS, help="number of steps in the open task")
    steps = parser.parse_args().steps
    sys.stdout.write(f"{machine()}\n")
    sys.stdout.write(
        "| words | characters | edited before | a key, median | longest | counting afterwards | naive | ratio |\n"
    )
    sys.stdout.write("|---|---|---|---|---|---|---|---|\n")
    with TemporaryDirectory() as folder, run_label_studio(Path(folder)) as label_studio:
        project, tasks = _push(label_studio, Path(folder), steps)
        with _page(label_studio) as page:
            for count, task in zip(WORDS, tasks, strict=True):
                _measure(page, project, task, count)


def _measure(page: Page, project: int, task: int, count: int) -> None:
    page.goto(f"/projects/{project}/data?task={task}")
    original = _text(count)
    box = page.locator(BOX)
    expect(box).to_have_value(original, timeout=180_000)
    page.wait_for_load_state("networkidle")
    for share in (0.0, 0.05, 0.5, 1.0):
        picked = random.Random(7)
        words = [f"new{number}" if picked.random() < share else word for number, word in enumerate(original.split())]
        box.fill(" ".join(words))
        _settle(page)
        middle = len(" ".join(words[: count // 2]))
        box.evaluate("(box, at) => box.setSelectionRange(at, at)", middle)
        keys = []
        for key in KEYS:
            page.evaluate("() => { window.spent.frames = [] }")
            page.keyboard.type(key)
            _drawn(page)
            keys.append(sum(page.evaluate("() => window.spent.frames")))
        page.evaluate("() => { window.spent.frames = [] }")
        _settle(page)
        counting = [0.0, *page.evaluate("() => window.spent.frames")]
        naive = page.evaluate(NAIVE, [original, box.input_value()])
        key = statistics.median(keys)
        sys.stdout.write(
            f"| {count} | {len(original)} | {share:.0%} | {key:.1f} ms | {max(keys):.1f} ms "
            f"| {sum(counting):.0f} ms, {max(counting):.1f} ms at once | {naive:.0f} ms | {naive / key:.0f} |\n"
        )
        sys.stdout.flush()


def _drawn(page: Page) -> None:
    """Waits until the page has drawn what was typed."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def _settle(page: Page) -> None:
    """Waits until the page has drawn what was typed, and everything is counted."""
    _drawn(page)
    page.wait_for_function(
        "() => !Array.from(document.querySelectorAll('.trajedit-changes'), (own) =>"
        " own.shadowRoot.querySelector('[aria-busy]')).some((counting) => counting)"
    )


def _text(count: int) -> str:
    """That many words, each of 6 characters including the space after it."""
    picked = random.Random(count)
    return " ".join("".join(picked.choices("etaoinshrdlu", k=5)) for _ in range(count))


def _push(label_studio: LocalLabelStudio, folder: Path, steps: int) -> tuple[int, list[int]]:
    path = folder / "traces.jsonl"
    short = [{"action": f"search(query='number {number}')"} for number in range(steps - 1)]
    traces = [{"id": f"{count}", "task": "Write.", "steps": [{"action": _text(count)}, *short]} for count in WORDS]
    path.write_text("".join(json.dumps(trace) + "\n" for trace in traces))
    options = Options()
    loaded = load_traces([Input(path)], options)
    server = connect(label_studio.url, label_studio.token)
    target = create_project(server, "Live diff", options, loaded)
    pushed = push_prefilled(server, target, options, loaded, lambda done, total: None)
    from ls_trajedit.label_studio.tasks import data_pages

    by_id = {task["data"]["id"]: task["id"] for page in data_pages(server, pushed.project) for task in page.tasks}
    return pushed.project, [by_id[f"{count}"] for count in WORDS]


@contextmanager
def _page(label_studio: LocalLabelStudio) -> Iterator[Page]:
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        page = browser.new_page(base_url=label_studio.url, viewport={"width": 1400, "height": 1000})
        page.goto("/user/login/")
        page.fill("#email", label_studio.username)
        page.fill("#password", label_studio.password)
        page.click("#login-form button[type=submit]")
        page.wait_for_url(lambda address: "/user/login" not in address)
        page.add_init_script(live_diff_script().replace('"use strict";\n', f'"use strict";\n{TIMED}', 1))
        yield page
        browser.close()


if __name__ == "__main__":
    main()
