"""How far a correction is from its original, counted by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.converters.annotations.distances import distance_in_characters, distance_in_words
from ls_trajedit.converters.annotations.newlines import restore_newlines
from tests.support.strategies import texts


@pytest.mark.parametrize(
    ("original", "edited", "characters", "words"),
    [
        ("", "", 0, 0),
        ("web_search(queyr='SF weather')", "web_search(query='SF weather')", 2, 1),
        ("kitten", "sitting", 3, 1),
        ("", "abc", 3, 1),
        ("one two three", "", 13, 3),
        ("It is sunny.", "It is sunny in San Francisco.", 17, 4),
        ("a b c", "a c", 2, 1),
        ("a b", "b a", 2, 2),
        ("a b", "a  b", 1, 0),
        ("a\tb\n", " a b", 3, 0),
        ("a\u00a0b", "a b", 1, 0),
        ("Straße", "Strasse", 2, 1),
        ("a\r\nb", "a\nb", 1, 0),
    ],
)
def test_distances_of_plain_texts(original: str, edited: str, characters: int, words: int) -> None:
    assert distance_in_characters(original, edited) == characters
    assert distance_in_words(original, edited) == words


@pytest.mark.parametrize(
    ("original", "edited", "characters"),
    [
        ("😀", "", 1),
        ("😀", "😁", 1),
        ("a😀b", "ab", 1),
        ("e\u0301", "", 2),
        ("e\u0301", "é", 2),
        ("e\u0301", "e", 1),
        ("👩\u200d👧", "👩", 2),
        ("🇩🇪", "🇩🇰", 1),
        ("שלום", "שלם", 1),
        ("\ud83d", "", 1),
        ("\udc80a", "\udc81a", 1),
        ("\x00\x01", "\x01", 1),
    ],
)
def test_a_character_is_a_code_point_however_wide_and_whatever_it_looks_like(
    original: str, edited: str, characters: int
) -> None:
    assert distance_in_characters(original, edited) == characters


def table(a: list[str], b: list[str]) -> int:
    """The textbook's table of edit distances."""
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, start=1):
        diagonal, row[0] = row[0], i
        for j, right in enumerate(b, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (left != right))
    return row[-1]


@given(texts(), texts())
def test_distances_are_those_of_the_textbook(a: str, b: str) -> None:
    assert distance_in_characters(a, b) == distance_in_characters(b, a) == table(list(a), list(b))
    assert distance_in_words(a, b) == distance_in_words(b, a) == table(a.split(), b.split())


# The page's script is held to the same file (tests/live/test_live_diff_texts.py).
TEXT_PAIRS = json.loads((Path(__file__).parents[3] / "support" / "text_pairs.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("pair", TEXT_PAIRS, ids=[f"{number}" for number in range(len(TEXT_PAIRS))])
def test_the_numbers_that_the_page_is_held_to_are_those_of_the_textbook(pair: dict[str, Any]) -> None:
    original, edited = pair["original"], restore_newlines(pair["original"], pair["edited"])
    assert pair["characters"] == table(list(original), list(edited)) == distance_in_characters(original, edited)
    assert pair["words"] == table(original.split(), edited.split()) == distance_in_words(original, edited)
