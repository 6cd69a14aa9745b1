"""What `ls-trajedit report` costs for 10,000 corrections, and how long at a time its page keeps Chromium busy."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from convert import write_export
from made_up_traces import OPTIONS
from measure import LS_TRAJEDIT, machine, run
from playwright.sync_api import Browser, Page, sync_playwright

# A task that keeps the page from responding for more than 50 ms is a long task; the pauses between frames show shorter
# ones.
WATCH = """
window.longTasks = []; window.pauses = [];
new PerformanceObserver(list => window.longTasks.push(...list.getEntries().map(task => task.duration)))
  .observe({ type: "longtask", buffered: true });
let last = performance.now();
requestAnimationFrame(function watch(now) { window.pauses.push(now - last); last = now; requestAnimationFrame(watch) });
"""
TAKE = """() => {
  const found = [Math.max(0, ...window.longTasks), Math.max(0, ...window.pauses)];
  window.longTasks = []; window.pauses = [];
  return found
}"""
FIRST_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"
# Waits until the browser is idle, so that everything an action causes is counted with it.
SETTLED = "() => new Promise(resolve => requestIdleCallback(() => requestIdleCallback(resolve)))"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corrections", type=int, default=10_000)
    asked = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("Chromium is not installed: install the package `chromium`, so that it is on PATH")
    print(machine("jinja2"))
    with tempfile.TemporaryDirectory(prefix="ls-trajedit-benchmark-") as name:
        folder = Path(name)
        (folder / "trajedit.yaml").write_text(OPTIONS)
        # Three of ten annotations have two edits.
        write_export(folder / "export.json", asked.corrections * 10 // 6)
        options = ["--options", folder / "trajedit.yaml"]
        run([LS_TRAJEDIT, "convert", folder / "export.json", *options, "-o", folder / "data"])
        cost = run([LS_TRAJEDIT, "report", folder / "data"])
        report = folder / "data" / "report.html"
        size = report.stat().st_size / 1e6
        print(
            f"report: {cost.wall:.2f} s, {cost.cpu:.2f} s of CPU, {cost.peak:.0f} MB of memory; {size:.1f} MB written"
        )
        with sync_playwright() as playwright:
            arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
            browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
            use(browser, report)
            browser.close()


def use(browser: Browser, report: Path) -> None:
    """Uses the page as people do, and prints for each action how long the page was busy at most."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.add_init_script(WATCH)
    page.goto(report.as_uri())
    page.wait_for_selector("#filters")
    print(f"first paint after {page.evaluate(FIRST_PAINT):.0f} ms")
    print(f"{'':24}{'longest task':>14}{'longest pause':>16}")
    show(page, "open")
    page.evaluate("document.getElementById('corrections').scrollIntoView()")
    page.mouse.move(600, 500)
    for _ in range(60):
        page.mouse.wheel(0, 600)
        page.evaluate("() => new Promise(requestAnimationFrame)")
    show(page, "scroll with the wheel")
    for tenth in (9, 2, 7, 4, 10, 1, 6, 3, 8, 5):
        page.evaluate("tenth => window.scrollTo(0, document.documentElement.scrollHeight * tenth / 10)", tenth)
        page.evaluate(SETTLED)
    show(page, "drag the scroll bar")
    page.locator("[name=q]").press_sequentially("weather tomorrow")
    show(page, "type into the search")
    page.fill("[name=q]", "")
    show(page, "clear it")
    page.select_option("[name=sort]", "large")
    show(page, "sort")
    page.select_option("[name=view]", "split")
    show(page, "side by side")


def show(page: Page, what: str) -> None:
    page.evaluate(SETTLED)
    task, pause = page.evaluate(TAKE)
    print(f"{what:24}{f'{task:.0f} ms' if task else 'under 50 ms':>14}{f'{pause:.0f} ms':>16}")


if __name__ == "__main__":
    main()
