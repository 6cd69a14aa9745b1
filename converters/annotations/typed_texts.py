"""Which of the texts in a box say something."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["said_texts"]


def said_texts(texts: Iterable[str]) -> list[str]:
    """The texts that are not blank, each once.

    >>> said_texts(["", "Look.", " ", "Look."])
    ['Look.']
    """
    return [text for text in dict.fromkeys(texts) if text.strip()]
