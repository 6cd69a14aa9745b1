"""Nouns after numbers, in messages."""

from __future__ import annotations

__all__ = ["plural"]


def plural(number: int, noun: str) -> str:
    """The form of `noun`, one that takes an s, that goes with `number`.

    >>> f"1 {plural(1, 'row')}, 2 {plural(2, 'row')}"
    '1 row, 2 rows'
    """
    return noun if number == 1 else f"{noun}s"
