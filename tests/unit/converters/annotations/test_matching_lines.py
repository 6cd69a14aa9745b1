"""Which lines of a text are which lines of its correction, and that finding out stays cheap."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ls_trajedit.converters.annotations.matching_lines import matching_lines
from ls_trajedit.converters.annotations.newlines import restore_newlines
from tests.support.work import executed_lines

LINES = st.lists(st.sampled_from(["", "a", "b", "}"]), max_size=12)


@pytest.mark.parametrize(
    ("old", "new", "pairs"),
    [
        ("", "", []),
        ("abc", "abc", [(0, 0), (1, 1), (2, 2)]),
        ("abc", "aBc", [(0, 0), (2, 2)]),
        ("abc", "abXc", [(0, 0), (1, 1), (2, 3)]),
        ("abc", "ac", [(0, 0), (2, 1)]),
        # A line that stays counts for more than lines that stand in the same places.
        ("ab}", "bX}", [(1, 0), (2, 2)]),
        # Of equal lines, those stay that stand where they stood.
        ("aaaaaaa", "Xaa", [(5, 1), (6, 2)]),
        ("aaaaaaa", "XaaYaaZ", [(1, 1), (2, 2), (4, 4), (5, 5)]),
        # Of two that changed places, the first one stays.
        ("axyb", "ayxb", [(0, 0), (1, 2), (3, 3)]),
    ],
)
def test_lines_that_are_the_same(old: str, new: str, pairs: list[tuple[int, int]]) -> None:
    assert matching_lines(list(old), list(new)) == pairs


@given(LINES, LINES)
def test_pairs_rise_and_are_equal_lines(old: list[str], new: list[str]) -> None:
    pairs = matching_lines(old, new)
    assert all(old[i] == new[j] for i, j in pairs)
    assert all(a < c and b < d for (a, b), (c, d) in pairwise(pairs))


@settings(max_examples=20)
@given(st.lists(st.integers(0, 10_000), min_size=300, max_size=400, unique=True), st.data())
def test_where_much_was_changed_lines_that_occur_once_say_what_is_what(numbers: list[int], data: st.DataObject) -> None:
    changed = set(data.draw(st.lists(st.integers(0, len(numbers) - 1), min_size=150, max_size=200, unique=True)))
    old = [str(number) for number in numbers]
    new = [f"new {line}" if place in changed else line for place, line in enumerate(old)]
    assert matching_lines(old, new) == [(place, place) for place in range(len(old)) if place not in changed]


def test_many_equal_lines_that_were_changed_here_and_there_are_matched_by_their_places() -> None:
    old = ["a"] * 2000
    new = ["b" if place % 7 == 0 else "a" for place in range(2000)]
    assert matching_lines(old, new) == [(place, place) for place in range(2000) if place % 7]


# An original with mixed line ends, and what a browser gives back after an edit, each of about n characters.
HOSTILE: dict[str, Callable[[int], tuple[str, str]]] = {
    "equal lines": lambda n: ("a\r\na\n" * (n // 5), "b\n" + "a\n" * (n // 5) + "c\n" + "a\n" * (n // 5 - 3) + "d\n"),
    "empty lines": lambda n: ("\r\n\n" * (n // 3), "x\n" + "\n" * (n // 3) + "y"),
    "blank lines": lambda n: (" \r\n\t\n" * (n // 5), "\t\n \n" * (n // 4)),
    "all different": lambda n: ("".join(f"{i}\r\n{i}x\n" for i in range(n // 12)), "y\n" * (n // 2)),
    "another order": lambda n: (
        "".join(f"{i}\r\n{i}x\n" for i in range(n // 12)),
        "".join(f"{i}\n{i}x\n" for i in reversed(range(n // 12))),
    ),
    "two kinds": lambda n: (
        "".join("ab"[i * i % 7 % 2] + ("\r\n" if i % 3 else "\n") for i in range(n // 3)),
        "".join("ab"[i * i % 11 % 2] + "\n" for i in range(n // 2)),
    ),
    "one long line": lambda n: ("x" * n + "\r\ny\n", "x" * n + "z\ny\n"),
    "emoji": lambda n: ("😀\r\n😁\n" * (n // 5), "😁\n😀\n" * (n // 4)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_the_work_grows_with_the_lines_and_no_faster(name: str) -> None:
    once = executed_lines(lambda: restore_newlines(*HOSTILE[name](4_000)))
    twice = executed_lines(lambda: restore_newlines(*HOSTILE[name](8_000)))
    # The first part of the work has a bound of its own, whatever the length: so twice is the most.
    assert twice <= 2.2 * once + 1000


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_but_line_ends_changes(name: str) -> None:
    original, edited = HOSTILE[name](3_000)
    restored = restore_newlines(original, edited)
    assert restored.replace("\r\n", "\n").replace("\r", "\n") == edited
