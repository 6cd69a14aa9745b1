"""Text that `datasets` gives back as it is."""

from __future__ import annotations

import pytest
from hypothesis import given

from ls_trajedit.converters.training.datasets_text import loadable, well_formed
from tests.support.strategies import texts


@pytest.mark.parametrize(
    "text",
    [
        *("2024-01-01", "0000-01-01", "2024-01-01T10", "2024-01-01T10:00", "2024-01-01 10:00:00"),
        *("2024-01-01T10:00:00Z", "2024-01-01T10:00:00+01:00", "2024-01-01T10:00:00.123Z"),
    ],
)
def test_text_that_would_become_a_time_gets_a_space_at_the_end(text: str) -> None:
    assert loadable(text) == text + " "
    assert loadable(text + "\n") == text + "\n"
    assert loadable(" " + text) == " " + text


@pytest.mark.parametrize(
    "text", ["", "null", "42", "2024", "2024-01", "20240101", "10:00", "true", "{}", "é", "a\r\nb", "\x00", "\u2028"]
)
def test_all_other_text_stays_as_it_is(text: str) -> None:
    assert loadable(text) == well_formed(text) == text


def test_a_lone_surrogate_becomes_the_replacement_character() -> None:
    assert loadable("a\udc80b") == well_formed("a\udc80b") == "a\ufffdb"
    assert loadable("\ud83d") == "\ufffd"
    assert loadable("😀") == "😀"


@given(texts())
def test_what_comes_out_can_be_encoded_and_does_not_change_again(text: str) -> None:
    loadable(text).encode("utf-8")
    assert loadable(loadable(text)) == loadable(text)
