"""The report in a real Chromium, opened from the disk as a person opens it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from ls_trajedit.demo.local_label_studio import LocalLabelStudio
from ls_trajedit.report.write import write_report
from tests.support.report_folder import branch, edit, inserted, label, record, removed, write_folder

from .command_line import Person, read_json, write_traces
from .editor_page import correct, editor, label_next, submit
from .project_api import annotate, tasks, text_result

NEWS = [
    record(
        1,
        "ana",
        edit(0, "action", "web_search(queyr='SF')", "web_search(query='SF')", 2, 1, reason="It is called query."),
        edit(2, "thought", "Two lines\nhere", "Two lines here", 1, 0),
        annotation=11,
        steps=3,
        labels=[label(0, "correctness", "incorrect"), label(2, "correctness", "correct")],
    ),
    record(1, "ben", edit(0, "action", "web_search(queyr='SF')", "lookup('SF')", 20, 1), annotation=12, steps=3),
    record(2, "ana", annotation=13, steps=3),
    record(3, "ben", edit(None, "final_answer", "It is sunny.", "It rains.", 7, 2), annotation=14, steps=3),
]
STEPS = [
    {"thought": "Look around.", "action": "ls", "observation": "a.txt"},
    {"thought": "Make room.", "action": "rm a.txt", "observation": ""},
    {"thought": "Read it.", "action": "cat b.txt"},
]
STRUCTURE = [
    record(
        1,
        "ana",
        edit(1, "action", "rm a.txt", "rm -i a.txt", 3, 1),
        edit(2, "action", "cat b.txt", "cat c.txt", 1, 1),
        annotation=11,
        steps=STEPS,
        structure=[
            inserted(-1, {"thought": "First, where am I?", "action": "pwd"}, reason="It does not know."),
            removed(1, "It deletes what is needed."),
            inserted(1, {"action": "cp a.txt b.txt"}),
            inserted(1, {"action": "cp a.txt c.txt"}, 1),
        ],
        labels=[label(1, "correctness", "incorrect")],
    ),
    record(2, "ben", edit(0, "action", "act", "go", 3, 1), trace="tr1~0a1b2c3d4e5f", branch=branch("tr1", 2)),
    record(3, "ben", trace="tr1~5f4e3d2c1b0a", branch=branch("tr1", 2, superseded=True)),
]
HOSTILE = (
    '</script><script>window.hacked = 1</script><!-- <img src=x onerror="window.hacked = 2"> javascript:alert(1) '
    "</textarea> & &lt; \u202eright to left\u2028 שלום"
)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser without a network, in which every error of a page fails the test."""
    with browser.new_context(viewport={"width": 1200, "height": 900}, offline=True) as opened:
        problems: list[str] = []
        opened.on("weberror", lambda error: problems.append(str(error.error)))
        opened.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        yield opened
        assert problems == []


def opened(context: BrowserContext, folder: Path, address: str = "") -> Page:
    """The report of the folder's data in a new page, with its corrections read and on the screen."""
    path = write_report(folder, folder / "report.html").path
    page = context.new_page()
    page.goto(f"{path.as_uri()}{address}")
    expect(page.locator("#filters")).to_be_visible()
    page.evaluate("document.getElementById('corrections').scrollIntoView()")
    return page


@pytest.fixture
def news(context: BrowserContext, tmp_path: Path) -> Page:
    return opened(context, write_folder(tmp_path, NEWS))


def corrections(page: Page) -> Locator:
    return page.locator(".correction")


def check_keys(page: Page, expected: list[str], total: int = 4) -> None:
    """Waits until exactly these corrections of the total are shown, in this order."""
    number = len(expected)
    said = f"{total} corrections" if number == total else f"{number} of {total} corrections"
    expect(page.locator("#count")).to_have_text(said)
    for place, key in enumerate(expected):
        expect(corrections(page).nth(place)).to_have_attribute("data-key", key)
    expect(corrections(page)).to_have_count(number)


def pick(page: Page, name: str, value: str) -> None:
    page.select_option(f"[name={name}]", value)


def test_a_correction_shows_what_went_and_what_came_by_characters(news: Page) -> None:
    first = corrections(news).first
    expect(first.locator("h3")).to_have_text("tr1 step 1 · action")
    expect(first.locator(".facts")).to_contain_text("by ana · 2 characters, 1 word")
    expect(first.locator(".reason")).to_have_text("Reason It is called query.")
    expect(first.locator(".labels li")).to_have_text(["correctness: incorrect"])
    diff = first.locator(".diff")
    assert "".join(diff.locator("span, del").all_text_contents()) == "web_search(queyr='SF')"
    assert "".join(diff.locator("span, ins").all_text_contents()) == "web_search(query='SF')"
    assert sum(len(text) for text in diff.locator("del, ins").all_text_contents()) <= 4
    # A line break that went can be seen.
    expect(corrections(news).nth(1).locator("del")).to_have_text("↵")


def test_filters_go_together_and_say_how_many_are_left(news: Page) -> None:
    check_keys(news, ["11.1.action", "11.3.thought", "12.1.action", "14.final.final_answer"])
    pick(news, "annotator", "ana")
    check_keys(news, ["11.1.action", "11.3.thought"])
    pick(news, "field", "thought")
    check_keys(news, ["11.3.thought"])
    expect(news.locator("#count")).to_have_text("1 of 4 corrections")
    news.get_by_role("button", name="Clear").click()
    expect(news.locator("#count")).to_have_text("4 corrections")
    for name, value, left in [
        ("step", "final", ["14.final.final_answer"]),
        ("step", "1", ["11.1.action", "12.1.action"]),
        ("size", "1", ["11.3.thought"]),
        ("size", "11-30", ["12.1.action"]),
        ("label", "correctness:incorrect", ["11.1.action"]),
    ]:
        pick(news, name, value)
        check_keys(news, left)
        pick(news, name, "")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("LOOKUP(", ["12.1.action"]),
        ("called query", ["11.1.action"]),
        ("tr3", ["14.final.final_answer"]),
        ("web_search(queyr", ["11.1.action", "12.1.action"]),
    ],
)
def test_text_is_found_in_texts_reasons_and_ids(news: Page, text: str, left: list[str]) -> None:
    news.fill("[name=q]", text)
    check_keys(news, left)


def test_what_nothing_matches_says_so(news: Page) -> None:
    news.fill("[name=q]", "no such text")
    expect(news.locator("#count")).to_have_text("0 of 4 corrections. Clear the filters to see all.")
    expect(corrections(news)).to_have_count(0)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("large", ["12.1.action", "14.final.final_answer", "11.1.action", "11.3.thought"]),
        ("small", ["11.3.thought", "11.1.action", "14.final.final_answer", "12.1.action"]),
        ("step", ["11.1.action", "12.1.action", "11.3.thought", "14.final.final_answer"]),
        ("field", ["11.1.action", "12.1.action", "14.final.final_answer", "11.3.thought"]),
        ("annotator", ["11.1.action", "11.3.thought", "12.1.action", "14.final.final_answer"]),
    ],
)
def test_the_order_can_be_chosen(news: Page, order: str, expected: list[str]) -> None:
    pick(news, "sort", order)
    check_keys(news, expected)


def test_both_texts_side_by_side(news: Page) -> None:
    pick(news, "view", "split")
    last = corrections(news).last
    expect(last.locator(".side").nth(0).locator(".diff")).to_have_text("It is sunny.")
    expect(last.locator(".side").nth(1).locator(".diff")).to_have_text("It rains.")


def test_the_address_keeps_filters_order_and_view(news: Page, context: BrowserContext) -> None:
    pick(news, "annotator", "ben")
    pick(news, "sort", "small")
    pick(news, "view", "split")
    news.fill("[name=q]", "SUNNY")
    expect(news).to_have_url(re.compile(r"#q=SUNNY&annotator=ben&sort=small&view=split$"))
    again = context.new_page()
    again.goto(news.url)
    expect(again.locator("#count")).to_have_text("1 of 4 corrections")
    assert [again.input_value(f"[name={name}]") for name in ("annotator", "sort", "view")] == ["ben", "small", "split"]


def test_a_link_to_a_correction_opens_it_whatever_is_filtered(news: Page) -> None:
    expect(corrections(news)).to_have_count(4)
    link = corrections(news).last.locator("h3 a")
    address = str(link.get_attribute("href"))
    link.click()
    expect(corrections(news).last).to_be_focused()
    expect(corrections(news).last).to_have_class(re.compile("target"))
    pick(news, "annotator", "ana")
    expect(corrections(news)).to_have_count(2)
    news.evaluate("address => { location.hash = address }", address)
    expect(news.locator(".correction.target")).to_have_attribute("data-key", "14.final.final_answer")
    expect(news.locator(".correction.target")).to_be_focused()


def test_an_address_that_leads_nowhere_shows_everything_and_says_so(context: BrowserContext, tmp_path: Path) -> None:
    page = opened(context, write_folder(tmp_path, NEWS), "#correction=99.1.action&field=nonsense&step=7&sort=upwards")
    expect(page.locator("#count")).to_have_text("There is no correction 99.1.action in this report. 4 corrections")
    expect(corrections(page)).to_have_count(4)


def test_a_bar_and_its_row_in_the_table_lead_to_what_they_count(news: Page) -> None:
    bar = news.locator("g[data-address='step=1']")
    bar.click()
    expect(news.locator("#count")).to_have_text("2 of 4 corrections")
    expect(news.locator("#corrections-title")).to_be_in_viewport()
    numbers = news.locator(".chart-annotators .numbers")
    numbers.locator("summary").click()
    numbers.get_by_role("link", name="ben").click()
    expect(news.locator("#count")).to_have_text("2 of 4 corrections")
    assert [news.input_value(f"[name={name}]") for name in ("step", "annotator")] == ["", "ben"]


def test_every_chart_has_its_text_for_those_who_do_not_see_it(news: Page) -> None:
    charts = news.get_by_role("img")
    assert charts.count() == 6
    for chart in charts.all():
        assert chart.locator("> title").text_content()
        assert chart.locator("> desc").text_content()
    tables = news.locator("figure table")
    assert tables.count() == 5


@pytest.fixture
def structure(context: BrowserContext, tmp_path: Path) -> Page:
    """The report of a trace of which a step was removed, with steps in its place, and of two branches."""
    return opened(context, write_folder(tmp_path, STRUCTURE))


def test_removed_and_inserted_steps_stand_in_their_places(structure: Page) -> None:
    expect(corrections(structure).locator("h3")).to_have_text(
        [
            "tr1 before step 1 · inserted",
            "tr1 step 2 · action",
            "tr1 step 2 · removed",
            "tr1 after step 2 · inserted, 1 of 2",
            "tr1 after step 2 · inserted, 2 of 2",
            "tr1 step 3 · action",
            "tr1~0a1b2c3d4e5f step 1 · action",
        ]
    )
    first, edited, removed_, *_ = corrections(structure).all()
    expect(first.locator(".name")).to_have_text(["thought", "action"])
    expect(first.locator("ins")).to_have_text(["First, where am I?", "pwd"])
    expect(first.locator(".reason")).to_have_text("Reason It does not know.")
    expect(first.locator(".facts")).to_contain_text("by ana · 21 characters")
    # A label is of the step that was recorded, not of one that was put beside it.
    expect(structure.locator(".labels")).to_have_count(2)
    expect(edited.locator(".facts")).to_contain_text("not in the corrected trace: the step was removed")
    expect(removed_.locator("del")).to_have_text(["Make room.", "rm a.txt"])
    expect(removed_.locator(".reason")).to_have_text("Reason It deletes what is needed.")
    expect(removed_.locator(".labels li")).to_have_text(["correctness: incorrect"])
    line, colour = (
        "element => getComputedStyle(element).textDecorationLine",
        "element => getComputedStyle(element).color",
    )
    assert removed_.locator("del").first.evaluate(line) == "line-through"
    assert removed_.locator("del").first.evaluate(colour) == removed_.locator(".facts").evaluate(colour)
    assert first.locator("ins").first.evaluate(line) == "underline"


def test_changed_steps_stand_on_their_side_of_both_texts(structure: Page) -> None:
    pick(structure, "view", "split")
    removed_ = structure.locator("[data-key='11.remove.2'] .side")
    expect(removed_.nth(0).locator("del")).to_have_text(["Make room.", "rm a.txt"])
    expect(removed_.nth(1)).to_have_text("Correctednot there")
    added = structure.locator("[data-key='11.insert.2.2'] .side")
    expect(added.nth(0)).to_have_text("Originalnot there")
    expect(added.nth(1).locator("ins")).to_have_text(["cp a.txt c.txt"])


def test_kinds_of_corrections_are_filtered_and_reached_from_their_charts(structure: Page) -> None:
    edits = ["11.2.action", "11.3.action", "2.1.action"]
    check_keys(structure, ["11.insert.0.1", edits[0], "11.remove.2", "11.insert.2.1", "11.insert.2.2", *edits[1:]], 7)
    for kind, step, left in [
        ("edited", "", edits),
        ("removed", "", ["11.remove.2"]),
        ("inserted", "", ["11.insert.0.1", "11.insert.2.1", "11.insert.2.2"]),
        ("inserted", "start", ["11.insert.0.1"]),
        ("inserted", "2", ["11.insert.2.1", "11.insert.2.2"]),
        ("", "2", ["11.2.action", "11.remove.2", "11.insert.2.1", "11.insert.2.2"]),
    ]:
        pick(structure, "kind", kind)
        pick(structure, "step", step)
        check_keys(structure, left, 7)
    for address, left in [
        ("kind=inserted&step=start", ["11.insert.0.1"]),
        ("kind=removed&step=2", ["11.remove.2"]),
        ("kind=edited&step=2", ["11.2.action"]),
        ("label=correctness%3Aincorrect", ["11.2.action", "11.remove.2"]),
    ]:
        structure.locator(f"g[data-address='{address}']").click()
        check_keys(structure, left, 7)
    # A link to one of them, and their order.
    structure.evaluate("location.hash = 'correction=11.insert.2.2'")
    expect(structure.locator("[data-key='11.insert.2.2']")).to_be_focused()
    pick(structure, "sort", "step")
    expect(corrections(structure).first).to_have_attribute("data-key", "11.insert.0.1")
    structure.fill("[name=q]", "WHERE AM I")
    check_keys(structure, ["11.insert.0.1"], 7)


def test_a_branch_says_what_it_continues(structure: Page) -> None:
    facts = structure.locator("[data-key='2.1.action'] .facts")
    expect(facts).to_contain_text("round 2, continues tr1")
    rounds = structure.locator(".agreement", has_text="Rounds")
    expect(rounds.locator("dd")).to_have_text(["0% 0 of 1 traces", "0% 0 of 1 traces"])
    rounds.locator("summary").click()
    expect(rounds.locator("tbody tr")).to_have_text(
        [re.compile(r"tr1~0a1b2c3d4e5f\s*2\s*tr1\s*3\s*1"), re.compile(r"tr1~5f4e3d2c1b0a\s*2\s*tr1\s*3\s*superseded")]
    )
    rounds.get_by_role("link", name="tr1~0a1b2c3d4e5f").click()
    check_keys(structure, ["2.1.action"], 7)


def test_text_of_a_trace_is_only_ever_text(context: BrowserContext, tmp_path: Path) -> None:
    hostile = [
        record(
            1,
            HOSTILE,
            edit(0, HOSTILE, HOSTILE, HOSTILE.replace("hacked", "Hacked"), reason=HOSTILE),
            trace=HOSTILE,
            description=HOSTILE,
            labels=[label(0, HOSTILE, HOSTILE)],
        ),
        record(1, "ben", edit(0, HOSTILE, HOSTILE, "fine"), annotation=2),
    ]
    page = opened(context, write_folder(tmp_path, hostile, title=HOSTILE, reasons={HOSTILE: 1}))
    first = corrections(page).first
    assert first.locator("h3 bdi").first.text_content() == HOSTILE
    assert "".join(first.locator(".diff span, .diff del").all_text_contents()) == HOSTILE
    assert (first.locator(".reason bdi").text_content() or "").strip() == HOSTILE.strip()
    assert page.evaluate("window.hacked") is None
    assert page.locator("img, textarea, iframe").count() == 0
    assert page.locator("script:not([type])").count() == 4
    addresses = page.locator("a").evaluate_all("links => links.map(link => link.protocol)")
    assert set(addresses) == {"file:", "http:"}
    pick(page, "field", HOSTILE)
    pick(page, "annotator", HOSTILE)
    expect(page.locator("#count")).to_have_text("1 of 2 corrections")
    with_address = context.new_page()
    with_address.goto(page.url)
    expect(with_address.locator("#count")).to_have_text("1 of 2 corrections")
    # Characters that turn the direction around do not reach beyond their own text.
    assert first.locator(".diff").evaluate("box => getComputedStyle(box).unicodeBidi") == "isolate"


def test_the_page_runs_nothing_that_was_not_in_it(browser: Browser, tmp_path: Path) -> None:
    with browser.new_context() as context:
        page = opened(context, write_folder(tmp_path, NEWS))
        ran = page.evaluate(
            """() => {
          const script = document.createElement("script");
          try { script.textContent = "window.hacked = 1" } catch { return "refused" }
          document.body.append(script);
          return window.hacked
        }"""
        )
    assert ran == "refused"


def _with_tasks_from(records: list[dict[str, Any]], first: int) -> list[dict[str, Any]]:
    return [
        {**row, "source": {**row["source"], "task_id": first + number, "annotation_id": 20 + number}}
        for number, row in enumerate(records)
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_barrier_of_weight_is_found_in_either_theme(browser: Browser, tmp_path: Path, scheme: Any) -> None:
    folder = write_folder(tmp_path, [*NEWS, *_with_tasks_from(STRUCTURE, 4)], reasons={"not JSON": 1})
    # The checker is a script of its own, which the page's policy would not let in.
    with browser.new_context(color_scheme=scheme, bypass_csp=True) as context:
        for address in ("", "#view=split&correction=11.1.action"):
            page = opened(context, folder, address)
            expect(page.locator("[data-key='20.remove.2']")).to_be_attached()
            for numbers in page.locator(".numbers summary").all():
                numbers.click()
            found = Axe().run(page).response["violations"]
            assert [f"{one['id']}: {one['nodes'][0]['html']}" for one in found] == []


def test_the_theme_is_that_of_the_system(browser: Browser, tmp_path: Path) -> None:
    folder = write_folder(tmp_path, NEWS)
    paper = {}
    for scheme in ("light", "dark"):
        with browser.new_context(color_scheme=scheme) as context:
            page = opened(context, folder)
            paper[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
            went, came = page.locator("del").first, page.locator("ins").first
            # Colour is not the only sign.
            line = "element => getComputedStyle(element).textDecorationLine"
            assert [went.evaluate(line), came.evaluate(line)] == ["line-through", "underline"]
    brightness = {scheme: sum(map(int, re.findall(r"\d+", colour))) for scheme, colour in paper.items()}
    assert brightness["light"] > 600
    assert brightness["dark"] < 200


def test_everything_can_be_reached_with_the_keyboard(news: Page) -> None:
    # A page that nothing has scrolled: Chromium goes on with Tab from where a script has scrolled to.
    page = news.context.new_page()
    page.goto(news.url)
    expect(page.locator("#filters")).to_be_visible()
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "(({tagName, name, className, textContent}) => name || className || `${tagName}: ${textContent}`)"
                "(document.activeElement)"
            )
        )
    assert reached[0] == "skip"
    wanted = ["q", "step", "field", "annotator", "size", "label", "sort", "view", "self", "A: Open in Label Studio"]
    assert [name for name in wanted if name not in reached] == []
    assert reached.count("self") == 4


def test_printing_shows_all_corrections_on_white_without_the_filters(news: Page, tmp_path: Path) -> None:
    news.evaluate("window.scrollTo(0, 0)")
    news.emulate_media(media="print", color_scheme="dark")
    news.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(news.locator("#filters")).to_be_hidden()
    expect(news.locator("#left-out")).to_be_hidden()
    expect(corrections(news)).to_have_count(4)
    expect(corrections(news).last).to_be_visible()
    assert news.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert len(news.pdf(path=tmp_path / "report.pdf")) > 10_000


def test_a_narrow_window_needs_no_scrolling_sideways(browser: Browser, tmp_path: Path) -> None:
    long_word = "x" * 400
    folder = write_folder(tmp_path, [*NEWS, record(9, long_word, edit(0, long_word, long_word, "y"), trace=long_word)])
    with browser.new_context(viewport={"width": 360, "height": 800}) as context:
        page = opened(context, folder)
        expect(corrections(page).first).to_be_attached()
        assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_long_stretches_that_did_not_change_are_folded(context: BrowserContext, tmp_path: Path) -> None:
    long_text = "word " * 1000
    folder = write_folder(tmp_path, [record(1, "ana", edit(0, "action", long_text + "old", long_text + "new"))])
    page = opened(context, folder)
    diff = corrections(page).first.locator(".diff")
    assert len(diff.inner_text()) < 600
    diff.get_by_role("button", name="unchanged characters").click()
    assert "".join(diff.locator("span, ins").all_text_contents()) == long_text + "new"


def test_a_distance_that_is_a_lower_bound_says_so(context: BrowserContext, tmp_path: Path) -> None:
    long = edit(0, "action", "x\r\ny\n" * 40_000, "z\n" * 90_000, 20_001, 10_001)
    long["lower_bounds"] = ["edit_distance_chars"]
    sums = {"lower_bounds": ["total_edit_distance"]}
    short = record(2, "ana", edit(0, "action", "a", "b", 1, 1))
    page = opened(context, write_folder(tmp_path, [{**record(1, "ana", long), **sums}, short]))
    first, second = corrections(page).all()
    expect(first.locator(".facts")).to_contain_text("≥ 20,001 characters, 10,001 words")
    expect(second.locator(".facts")).to_contain_text(" · 1 character, 1 word")
    expect(page.locator("#sizes, [data-chart='sizes'], main").first).to_contain_text(
        "Of 1 of the edits, a distance is the least"
    )
    # What went and what came, and not a piece for each of 170,000 lines.
    assert first.locator("del, ins").count() < 20


def test_ids_that_are_not_numbers_are_shown_without_a_link(context: BrowserContext, tmp_path: Path) -> None:
    named, large = record(1, "ana", edit(0, "action", "a", "b")), record(2, "ana", edit(0, "action", "c", "d"))
    named["source"] |= {"task_id": "t-1", "annotation_id": "a-1"}
    large["source"] |= {"task_id": 2**53 + 1, "annotation_id": 2**53 + 1}
    page = opened(context, write_folder(tmp_path, [named, large]))
    assert [found.get_attribute("data-key") for found in corrections(page).all()] == [
        "a-1.1.action",
        "9007199254740993.1.action",
    ]
    links = page.get_by_role("link", name="in Label Studio")
    expect(links).to_have_count(1)
    assert "task=9007199254740993&annotation=9007199254740993" in (links.get_attribute("href") or "")


def test_ten_thousand_corrections_are_shown_as_far_as_they_are_near(context: BrowserContext, tmp_path: Path) -> None:
    many = (
        record(
            task, "ana", *(edit(step, "action", f"act {task}", f"Act {task}", 1 + step) for step in range(10)), steps=10
        )
        for task in range(1, 1001)
    )
    page = opened(context, write_folder(tmp_path, many))
    expect(page.locator("#count")).to_have_text("10,000 corrections")
    assert corrections(page).count() < 200
    # To the end, as with the scroll bar, and back: what is near comes, and what is far goes.
    page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
    last = page.locator("[data-key='1000.10.action']")
    expect(last).to_be_visible()
    expect(page.locator("[data-key='1.1.action']")).to_have_count(0)
    expect(last).to_have_attribute("aria-posinset", "10000")
    assert corrections(page).count() < 200
    page.evaluate("document.getElementById('corrections').scrollIntoView()")
    expect(page.locator("[data-key='1.1.action']")).to_be_visible()
    expect(last).to_have_count(0)
    # A link into the middle, and a filter over all of them.
    page.evaluate("location.hash = 'correction=500.5.action'")
    expect(page.locator("[data-key='500.5.action']")).to_be_focused()
    expect(page.locator("[data-key='500.5.action']")).to_be_in_viewport()
    page.fill("[name=q]", "act 777")
    expect(page.locator("#count")).to_have_text("10 of 10,000 corrections")
    expect(corrections(page)).to_have_count(10)


def test_a_link_leads_to_the_task_in_label_studio_and_pull_writes_the_report(
    page: Page, label_studio: LocalLabelStudio, tmp_path: Path
) -> None:
    person = Person.at(tmp_path, label_studio)
    trace = {"id": "linked", "task": "Find it.", "steps": [{"action": "search(queyr)", "thought": "guess"}]}
    number = person.push(write_traces(tmp_path / "traces.jsonl", [trace]), "--title", "Report")
    label_next(page, number)
    correct(page, "step_0__action__corrected", "queyr", "query")
    submit(page)
    ((task,),) = [[found["id"] for found in tasks(label_studio, number)]]

    told = person.run("pull", "--project", number, "--report").stderr
    assert "data/report.html: written\n" in told
    before = (tmp_path / "data" / "report.html").read_bytes()
    assert "data/report.html: up to date\n" in person.run("pull", "--project", number, "--report").stderr
    # Up to date, and the report has gone: it comes back. The same bytes, and not on its own.
    (tmp_path / "data" / "report.html").unlink()
    assert "up to date: nothing changed" in person.run("pull", "--project", number).stdout
    assert not (tmp_path / "data" / "report.html").exists()
    person.run("pull", "--project", number, "--report")
    assert (tmp_path / "data" / "report.html").read_bytes() == before
    # A new annotation is in it at once.
    edited = text_result("step_0__action__corrected", "step_0__action", "lookup(query)")
    newer = annotate(label_studio, task, [edited])
    person.run("pull", "--project", number, "--report")
    assert (tmp_path / "data" / "report.html").read_bytes() != before
    assert read_json(tmp_path / "data" / "trajectory_corrections.json")["n_edited"] == 2
    person.run("verify", "data")
    refused = person.run("pull", "--project", number, "--report", "--check", status=2)
    assert "--check writes nothing" in refused.stderr

    # Of an older annotation's link, Label Studio now and then shows the newest annotation; that is its own doing.
    page.goto((tmp_path / "data" / "report.html").as_uri() + f"#correction={newer['id']}.1.action")
    page.locator(".correction.target").get_by_role("link", name="Open linked in Label Studio").click()
    page.wait_for_url(f"{label_studio.url}/projects/{number}/data?task={task}&annotation={newer['id']}*")
    expect(editor(page, "step_0__action__corrected")).to_have_value("lookup(query)", timeout=60_000)
