"""Which known word a misspelt one was probably meant to be."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["nearest"]


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean X?` for the spelling in `known` nearest to `word`, or nothing when none is near."""
    # It compiles patterns of its own.
    import difflib

    found = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean `{found[0]}`?" if found else ""
