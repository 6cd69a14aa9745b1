"""Edits too small to learn from: a pair that differs by a blank is noise."""

from __future__ import annotations

from typing import Any

from ls_trajedit.converters.training.rules import TrainingRules

__all__ = ["is_noise"]


def is_noise(edit: dict[str, Any], rules: TrainingRules) -> bool:
    """Whether the rules call this edit of a record noise.

    >>> edit = {"original_text": "f( x )", "edited_text": "f(x)", "edit_distance_chars": 2}
    >>> is_noise(edit, TrainingRules()), is_noise(edit, TrainingRules(ignore_whitespace_edits=True))
    (False, True)
    """
    if edit["edit_distance_chars"] < rules.min_edit_chars:
        return True
    return rules.ignore_whitespace_edits and _squeezed(edit["original_text"]) == _squeezed(edit["edited_text"])


def _squeezed(text: str) -> str:
    return "".join(text.split())
