"""Which known word a misspelt one is near to."""

from __future__ import annotations

from ls_trajedit.traces.spelling import nearest


def test_only_a_near_spelling_is_suggested() -> None:
    assert nearest("actoin", ["thought", "action"]) == "; did you mean `action`?"
    assert nearest("xyz", ["thought", "action"]) == ""
    assert nearest("x", []) == ""
