"""How far a correction is from its original: the two distances that the corrections file and the live diff show."""

from __future__ import annotations

from rapidfuzz.distance import Levenshtein

__all__ = ["distance_in_characters", "distance_in_words"]


def distance_in_characters(original: str, edited: str) -> int:
    """The Levenshtein distance over Unicode code points.

    >>> distance_in_characters("web_search(queyr='SF weather')", "web_search(query='SF weather')")
    2
    """
    return Levenshtein.distance(original, edited)


def distance_in_words(original: str, edited: str) -> int:
    """The Levenshtein distance over the words, split at whitespace (`str.split`).

    >>> distance_in_words("It is sunny.", "It is sunny in San Francisco.")
    4
    """
    return Levenshtein.distance(original.split(), edited.split())
