"""Line ends across a browser's textarea: a change by the browser alone is not an edit, and lost line ends come back."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ls_trajedit.converters.annotations.newlines import restore_newlines, same_but_newlines
from tests.support.strategies import texts

LINES = st.lists(st.sampled_from(["", "a", "b", "ä\u2028", " x ", "\x85"]), min_size=1, max_size=7)
END = st.sampled_from(["\r\n", "\r", "\n"])


def browser(text: str) -> str:
    """What a textarea that somebody typed into gives back."""
    return re.sub("\r\n|\r", "\n", text)


@given(texts())
def test_what_a_browser_gives_back_is_the_same_text(text: str) -> None:
    assert same_but_newlines(text, browser(text))
    assert same_but_newlines(text, text)


@given(texts(), texts())
def test_two_texts_are_the_same_exactly_when_the_browser_makes_them_so(a: str, b: str) -> None:
    assert same_but_newlines(a, b) == (browser(a) == browser(b))


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("a\r\nb", "a\nb", True),
        ("a\rb", "a\nb", True),
        ("a\r\nb\rc\n", "a\nb\r\nc\r", True),
        ("a\r\n\r\nb", "a\n\nb", True),
        ("a\n\rb", "a\n\nb", True),
        ("a\r\nb", "a\n\nb", False),
        ("a\nb", "a b", False),
        ("a\n", "a", False),
        ("a\u2028b", "a\nb", False),
        ("a\x85b", "a\nb", False),
        ("a\x0bb", "a\nb", False),
    ],
)
def test_only_the_line_ends_that_a_browser_folds_are_alike(a: str, b: str, same: bool) -> None:
    assert same_but_newlines(a, b) is same


@given(LINES, LINES, END)
def test_an_edit_gets_the_one_kind_of_line_end_back_that_its_original_has(
    old: list[str], new: list[str], end: str
) -> None:
    if len(old) > 1:
        assert restore_newlines(end.join(old), "\n".join(new)) == end.join(new)


@given(texts(), texts())
def test_restoring_changes_line_ends_and_nothing_else(original: str, edited: str) -> None:
    restored = restore_newlines(original, edited)
    assert browser(restored) == browser(edited)
    assert set(re.findall("\r\n|\r", restored)) <= set(re.findall("\r\n|\r", original + "x" + edited))


@given(texts(), texts().map(browser))
def test_text_that_never_had_windows_line_ends_gets_none(original: str, edited: str) -> None:
    assert restore_newlines(browser(original), edited) == edited


@given(LINES, END)
def test_an_edit_that_still_holds_a_carriage_return_did_not_come_through_a_browser_and_stays(
    lines: list[str], end: str
) -> None:
    assert restore_newlines(end.join(lines), "a\rb\n") == "a\rb\n"


@pytest.mark.parametrize(
    ("original", "edited", "restored"),
    [
        # The last line changed; the others keep what they had.
        ("one\r\ntwo\nthree\r\nfour", "one\ntwo\nthree\nFOUR", "one\r\ntwo\nthree\r\nFOUR"),
        # A line came in: it gets what most lines have.
        ("one\r\ntwo\nthree\r\n", "one\nnew\ntwo\nthree\n", "one\r\nnew\r\ntwo\nthree\r\n"),
        ("one\ntwo\rthree\n", "one\nnew\ntwo\nthree\n", "one\nnew\ntwo\rthree\n"),
        # A line went.
        ("one\r\ntwo\nthree\rfour", "one\nthree\nfour", "one\r\nthree\rfour"),
        # Text was added after a last line that had no line end.
        ("one\r\ntwo\n\r\nlast", "one\ntwo\n\nlast\nmore", "one\r\ntwo\n\r\nlast\r\nmore"),
        # The line end at the very end was removed.
        ("one\r\ntwo\nthree\r\n", "one\ntwo\nthree", "one\r\ntwo\nthree"),
        # All of it is new.
        ("a\r\nb\r\nc\n", "x\ny\n", "x\r\ny\r\n"),
    ],
)
def test_where_line_ends_are_mixed_each_line_keeps_its_own(original: str, edited: str, restored: str) -> None:
    assert restore_newlines(original, edited) == restored


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), END), min_size=2, max_size=6, unique_by=lambda pair: pair[0]),
    st.data(),
)
def test_when_one_line_of_many_changes_all_others_keep_their_ends(
    lines: list[tuple[str, str]], data: st.DataObject
) -> None:
    changed = data.draw(st.integers(0, len(lines) - 1))
    original = "".join(text + end for text, end in lines)
    edited = "".join(("new" if number == changed else text) + "\n" for number, (text, _) in enumerate(lines))
    found = re.findall("([a-z]+)(\r\n|\r|\n)", restore_newlines(original, edited))
    assert [text for text, _ in found] == ["new" if i == changed else text for i, (text, _) in enumerate(lines)]
    assert [end for i, (_, end) in enumerate(found) if i != changed] == [
        e for i, (_, e) in enumerate(lines) if i != changed
    ]
