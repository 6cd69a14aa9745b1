"""The page's script on texts alone: what changed between two, and how much, in a real Chromium."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page

from ls_trajedit.converters.annotations.distances import distance_in_characters, distance_in_words
from ls_trajedit.converters.annotations.newlines import restore_newlines
from tests.support.strategies import texts

TEXT_PAIRS = json.loads((Path(__file__).parents[1] / "support" / "text_pairs.json").read_text(encoding="utf-8"))
SIGNS = {"same": "{}", "deleted": "[-{}-]", "inserted": "{{+{}+}}"}
LOREM = ("lorem", "ipsum", "dolor", "sit", "amet", "consectetur", "elit", "sed", "do", "eiusmod", "tempor")


@pytest.fixture(scope="module")
def script(browser: Browser) -> Iterator[Page]:
    """An empty page that knows `trajedit`."""
    page = browser.new_page()
    page.evaluate(
        f"{(files('ls_trajedit.live_diff') / 'diff.js').read_text(encoding='utf-8')}; window.trajedit = trajedit"
    )
    yield page
    page.close()


def ask(script: Page, function: str, original: str, edited: str) -> Any:
    """What `trajedit.<function>(original, edited)` returns. As JSON both ways: it keeps half of a surrogate pair."""
    call = f"(pair) => JSON.stringify(trajedit.{function}(...JSON.parse(pair)))"
    return json.loads(script.evaluate(call, json.dumps([original, edited])))


def shown(script: Page, original: str, edited: str) -> str:
    """The diff in one line: `[-what went-]{+what came+}`."""
    return "".join(SIGNS[segment["kind"]].format(segment["text"]) for segment in ask(script, "diff", original, edited))


def folded(text: str) -> str:
    return re.sub("\r\n|\r", "\n", text)


def test_the_numbers_are_those_that_pull_writes(script: Page) -> None:
    for pair in TEXT_PAIRS:
        wanted = {"words": pair["words"], "characters": pair["characters"]}
        assert ask(script, "distances", pair["original"], pair["edited"]) == wanted, ascii(pair)


@given(texts(), texts())
@example("a\r\n\r\nb\rc", "b\nc\n")
def test_the_numbers_of_any_two_texts_are_those_that_pull_writes(script: Page, original: str, edited: str) -> None:
    restored = restore_newlines(original, edited)
    assert ask(script, "distances", original, edited) == {
        "words": distance_in_words(original, restored).number,
        "characters": distance_in_characters(original, restored).number,
    }


@settings(max_examples=25)
@given(st.lists(st.sampled_from(LOREM), min_size=60, max_size=300), st.randoms(use_true_random=False))
def test_the_numbers_of_long_texts_are_right_whether_little_or_much_was_changed(
    script: Page, words: list[str], random: Any
) -> None:
    for share in (0.02, 0.3, 1.0):
        edited = [random.choice(LOREM) + "s" if random.random() < share else word for word in words]
        pair = " ".join(words), " ".join(edited)
        assert ask(script, "distances", *pair) == {
            "words": distance_in_words(*pair).number,
            "characters": distance_in_characters(*pair).number,
        }


@given(texts(), texts())
def test_what_stayed_and_what_went_are_the_original_and_what_stayed_and_what_came_the_edited_text(
    script: Page, original: str, edited: str
) -> None:
    segments = ask(script, "diff", original, edited)
    assert "".join(s["text"] for s in segments if s["kind"] != "inserted") == folded(original)
    assert "".join(s["text"] for s in segments if s["kind"] != "deleted") == folded(edited)
    assert all(s["text"] for s in segments)
    changed = folded(original) != folded(edited)
    assert any(s["kind"] != "same" for s in segments) == changed


@pytest.mark.parametrize(
    ("original", "edited", "diff"),
    [
        # One character of a dense call is one character.
        ("web_search(quer='SF')", "web_search(query='SF')", "web_search(quer{+y+}='SF')"),
        (
            "web_search(queyr='SF weather')",
            "web_search(query='SF weather')",
            "web_search(que[-yr-]{+ry+}='SF weather')",
        ),
        ('{"limit":5,"query":"wether"}', '{"limit":6,"query":"weather"}', '{"limit":[-5-]{+6+},"query":"we{+a+}ther"}'),
        # White space and line breaks.
        ("a b", "a  b", "a {+ +}b"),
        ("a b", "a\nb", "a[- -]{+\n+}b"),
        ("a\tb", "a b", "a[-\t-]{+ +}b"),
        ("foo(a,b)", "foo(a, b)", "foo(a,{+ +}b)"),
        ("one\ntwo", "one\nnew\ntwo", "one\n{+new+}{+\n+}two"),
        # Words.
        ("open the old door", "open the new door", "open the [-old-]{+new+} door"),
        ("It is sunny.", "It is sunny in San Francisco.", "It is sunny{+ in San Francisco+}."),
        ("keep all of it", "keep it", "keep [-all of -]it"),
        ("one two", "uno dos", "[-one two-]{+uno dos+}"),
        ("is nice", "was nicer", "[-is-]{+was+} nice{+r+}"),
        # What a reader takes for one character is not cut in two.
        ("cafe\u0301s here", "cafes here", "caf[-e\u0301-]{+e+}s here"),
        ("hello 👩\u200d👧s", "hello 👩s", "hello [-👩\u200d👧s-]{+👩s+}"),
        ("\u05e9\u05dc\u05d5\u05dd now", "\u05e9\u05dc\u05dd now", "\u05e9\u05dc[-\u05d5-]\u05dd now"),
        # A difference in line ends alone does not count.
        ("a\r\nb", "a\nb", "a\nb"),
        ("", "", ""),
    ],
)
def test_the_diff_is_by_words_and_inside_a_word_by_characters(
    script: Page, original: str, edited: str, diff: str
) -> None:
    assert shown(script, original, edited) == diff


@pytest.mark.parametrize(
    ("text", "seen"), [("\n", "↵\n"), ("\t", "→\t"), ("  ", "··"), ("a b", "a b"), ("a\tb", "a→\tb"), ("\u00a0", "⍽")]
)
def test_white_space_that_changed_can_be_seen(script: Page, text: str, seen: str) -> None:
    visible = "(text) => ['inserted', 'deleted', 'same'].map((kind) => trajedit.visible({kind, text}))"
    assert script.evaluate(visible, text) == [seen, seen, text]


def test_two_long_texts_with_little_in_common_have_a_coarse_diff_and_not_thousands_of_pieces(script: Page) -> None:
    original = " ".join(f"{word}{number}" for number, word in enumerate([*LOREM] * 300))
    edited = " ".join(f"{word}{number * 7 % 3600}" for number, word in enumerate([*LOREM] * 300))
    segments = ask(script, "diff", original, edited)
    assert "".join(s["text"] for s in segments if s["kind"] != "deleted") == edited
    assert 1 < len(segments) <= 1500


def test_the_words_around_a_change_in_a_long_text_stay(script: Page) -> None:
    words = [*LOREM] * 200
    edited = [*words[:1000], "new", *words[1000:1500], *words[1510:]]
    segments = ask(script, "diff", " ".join(words), " ".join(edited))
    assert [s["text"].split() for s in segments if s["kind"] != "same"] == [["new"], words[1500:1510]]


# Texts that cost much when one is careless: original and edited, each of about n characters.
HOSTILE = {
    "equal characters": "['a'.repeat(n), 'b' + 'a'.repeat(n - 2) + 'c']",
    "other characters": "['a'.repeat(n), 'b'.repeat(n)]",
    "other words": "[0, 1].map((k) => Array.from({length: n / 8}, (_, i) => 'vw'[k] + i).join(' '))",
    "words in another order": "[1, 7].map((k) => Array.from({length: n / 8}, (_, i) => 'w' + (i * k) % 1e5).join(' '))",
    "typos": (
        "[0, 1].map((k) => Array.from({length: n / 8}, "
        "(_, i) => 'word' + i % 50 + (i % 3 ? '' : 's'.repeat(k))).join(' '))"
    ),
    "mixed line ends": r"['a\r\nb\n'.repeat(n / 5), 'x\n' + 'a\nc\n'.repeat(n / 4)]",
    "lines": (
        r"[['\r\n', 1], ['\n', 3]].map(([end, k]) => Array.from({length: n / 8}, "
        r"(_, i) => 'l' + i * k + (i % 2 ? '\n' : end)).join(''))"
    ),
    "white space": r"[' \t'.repeat(n / 2), '\t '.repeat(n / 2) + ' ']",
    "emoji": "['😀👩\u200d👧'.repeat(n / 7), '😁👩\u200d👦'.repeat(n / 7)]",
    "one long line": "['ab'.repeat(n / 2) + 'x', 'y' + 'ba'.repeat(n / 2)]",
}
# Each time that a part of the script runs counts as one; ten million take about 30 ms.
MOST_AT_ONCE = 10_000_000


@pytest.fixture
def work(script: Page) -> Iterator[Callable[[str], int]]:
    """Evaluates an expression, and gives how many times parts of the script ran for it."""
    session = script.context.new_cdp_session(script)
    session.send("Profiler.enable")
    session.send("Profiler.startPreciseCoverage", {"callCount": True, "detailed": True})

    def count(expression: str) -> int:
        session.send("Profiler.takePreciseCoverage")
        script.evaluate(expression)
        found = session.send("Profiler.takePreciseCoverage")["result"]
        return sum(part["count"] for one in found for function in one["functions"] for part in function["ranges"])

    yield count
    session.send("Profiler.stopPreciseCoverage")
    session.detach()


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_costs_a_key_more_than_its_budget(script: Page, work: Callable[[str], int], name: str) -> None:
    for size in (40_000, 1_000_000):
        script.evaluate(f"n => {{ window.pair = {HOSTILE[name]} }}", size)
        # What a key does at once: the diff, which looks at each character a few times, and no more often.
        assert work("() => void trajedit.diff(...pair)") <= MOST_AT_ONCE + 12 * size
        # And what it does in slices, of which each is short.
        script.evaluate("() => { window.steps = trajedit.distancesInSteps(...pair) }")
        for _ in range(30):
            assert work("() => void (window.step = steps.next())") <= MOST_AT_ONCE + 12 * size


@pytest.mark.parametrize(
    ("original", "edited", "counted"),
    [
        ("'x'.repeat(1e6)", "'y'.repeat(1e6)", {"words": 1, "characters": 10_001, "lowerBounds": ["characters"]}),
        ("'x'.repeat(1e6)", "'y'.repeat(1.5e6)", {"words": 1, "characters": 500_000, "lowerBounds": ["characters"]}),
        ("'x'.repeat(1e6)", "'y' + 'x'.repeat(1e6 - 2) + 'y'", {"words": 1, "characters": 2}),
        # Of more mixed line ends than the page looks at, the words are right, and the characters at least so many.
        (
            r"'a\r\na\n'.repeat(15000)",
            r"'a\n'.repeat(29999) + 'b\n'",
            {"words": 1, "characters": 1, "lowerBounds": ["characters"]},
        ),
    ],
)
def test_beyond_the_budget_the_page_gives_a_lower_bound_as_pull_does(
    script: Page, original: str, edited: str, counted: dict[str, Any]
) -> None:
    assert script.evaluate(f"trajedit.distances({original}, {edited})") == counted


@pytest.mark.parametrize("name", HOSTILE)
def test_what_the_page_counts_is_what_pull_counts_or_a_bound_of_it(script: Page, name: str) -> None:
    original, edited = script.evaluate(f"n => {HOSTILE[name]}", 6_000)
    restored = restore_newlines(original, edited)
    found = script.evaluate("([original, edited]) => trajedit.distances(original, edited)", [original, edited])
    assert found == {
        "words": distance_in_words(original, restored).number,
        "characters": distance_in_characters(original, restored).number,
    }
