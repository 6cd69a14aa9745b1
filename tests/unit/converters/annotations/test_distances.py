"""How far a correction is from its original, counted by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.converters.annotations.chat import make_edit
from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.converters.annotations.distances import distance_in_characters, distance_in_words
from ls_trajedit.converters.annotations.newlines import restore_newlines
from ls_trajedit.converters.annotations.outcome import Edited
from ls_trajedit.converters.record import parse_record
from ls_trajedit.converters.training.rules import TrainingRules
from ls_trajedit.converters.training.sample import is_noise
from ls_trajedit.traces.json_text import json_line
from tests.support.samples import hand_made_outcome
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
    assert distance_in_characters(original, edited) == (characters, False)
    assert distance_in_words(original, edited) == (words, False)


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
    assert distance_in_characters(original, edited) == (characters, False)


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
    assert distance_in_characters(a, b) == distance_in_characters(b, a) == (table(list(a), list(b)), False)
    assert distance_in_words(a, b) == distance_in_words(b, a) == (table(a.split(), b.split()), False)


# The page's script is held to the same file (tests/live/test_live_diff_texts.py).
TEXT_PAIRS = json.loads((Path(__file__).parents[3] / "support" / "text_pairs.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("pair", TEXT_PAIRS, ids=[f"{number}" for number in range(len(TEXT_PAIRS))])
def test_the_numbers_that_the_page_is_held_to_are_those_of_the_textbook(pair: dict[str, Any]) -> None:
    original, edited = pair["original"], restore_newlines(pair["original"], pair["edited"])
    assert pair["characters"] == table(list(original), list(edited)) == distance_in_characters(original, edited).number
    assert pair["words"] == table(original.split(), edited.split()) == distance_in_words(original, edited).number


LONG = 200_000


@pytest.mark.parametrize(
    ("original", "edited", "characters"),
    [
        # Whatever was changed in texts of up to 100,000 characters is counted exactly.
        ("x" * 100_000, "y" * 100_000, 100_000),
        ("x" * 100_000, "", 100_000),
        # A change of up to 10,000 characters is counted exactly in texts of any length.
        ("x" * 2_000_000, "y" + "x" * 1_999_998 + "y", 2),
        ("x" * 2_000_000 + "a" * 10_000, "z" * 10_000 + "x" * 2_000_000, 20_000),
        ("x" * 2_000_000, "y" * 5_000 + "x" * 1_990_000 + "y" * 5_000, 10_000),
    ],
)
def test_distances_in_the_budget_are_exact(original: str, edited: str, characters: int) -> None:
    found = distance_in_characters(original, edited)
    if characters <= 10_000 or len(original) <= 100_000:
        assert found == (characters, False)
    else:
        assert found == (10_001, True)


@pytest.mark.parametrize(
    ("original", "edited", "least"),
    [
        # 10,000,000,000 / 200,000 = 50,000 edits are in the budget.
        ("x" * LONG, "y" * LONG, 50_001),
        ("😀" * LONG, "😁" * LONG, 50_001),
        # 10,000 are, however long the texts; and as many as one text is longer are there in any case.
        ("x" * 1_500_000, "y" * 1_500_000, 10_001),
        ("x" * 1_000_000, "y" * 1_500_000, 500_000),
    ],
)
def test_a_distance_beyond_the_budget_is_a_lower_bound(original: str, edited: str, least: int) -> None:
    assert distance_in_characters(original, edited) == (least, True)


def test_words_have_a_budget_of_their_own() -> None:
    words = [str(number) for number in range(LONG)]
    others = [f"{number}." for number in range(LONG)]
    assert distance_in_words(" ".join(words), " ".join(others)) == (10_001, True)
    assert distance_in_words(" ".join(words[:31_000]), " ".join(others[:31_000])) == (31_000, False)
    assert distance_in_words(" ".join(words), " ".join([*others[:300], *words[300:]])) == (300, False)


@given(texts(), texts())
def test_an_edit_names_the_distances_that_are_lower_bounds_and_only_those(a: str, b: str) -> None:
    edit = make_edit(0, "action", a, b, "")
    assert edit.lower_bounds == ()
    assert b"lower_bounds" not in json_line(edit)


def test_an_edit_beyond_the_budget_says_so_in_its_record_and_comes_back() -> None:
    trace = {"id": "t", "task": "Do it.", "steps": [{"action": "x" * 1_500_000}]}
    outcome = hand_made_outcome(trace, {"steps[0].action": "y" * 1_500_000})
    assert isinstance(outcome, Edited)
    (edit,) = outcome.record.edits
    assert (edit.edit_distance_chars, edit.edit_distance_words) == (10_001, 1)
    assert edit.lower_bounds == ("edit_distance_chars",)
    assert outcome.record.lower_bounds == ("total_edit_distance",)
    written = json.loads(json_line(outcome.record))
    assert list(written) == [
        *("trace_id", "annotator", "task", "original_trace", "corrected_trace", "edits", "n_edits"),
        *("total_edit_distance", "lower_bounds", "source"),
    ]
    assert parse_record(written) == outcome.record
    counts = Counts()
    counts.add(outcome)
    assert counts.as_json()["lower_bounds"] == 1
    # It is too large to be noise, whatever counts as noise.
    assert not is_noise(edit, TrainingRules(min_edit_chars=20_000))
