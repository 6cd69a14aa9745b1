"""The one line of a refusal that a person sees."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ls_trajedit.backend.refusal import reason_phrase


@pytest.mark.parametrize(
    ("message", "phrase"),
    [
        ("no steps", "no steps"),
        ('add <TextArea toName="x"/> to <View>, </View>', 'add TextArea toName="x" to View, View'),
        ("a\r\nSet-Cookie: b\tc", "a Set-Cookie: b c"),
        ("señor \x00\x7f\u2028", "se?or ?"),
        ("x" * 500, "x" * 397 + "..."),
    ],
)
def test_it_is_one_line_of_plain_text(message: str, phrase: str) -> None:
    assert reason_phrase(message) == phrase


@given(st.text())
def test_nothing_can_leave_the_status_line(message: str) -> None:
    phrase = reason_phrase(message)
    assert len(phrase) <= 400
    assert all(" " <= character <= "~" and character not in "<>" for character in phrase)
