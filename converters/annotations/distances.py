"""How far a correction is from its original: the two distances that the corrections file and the live diff show.

The exact distance of two texts with little in common costs the product of their lengths. So there is a budget: a
distance is exact as far as it costs no more than that, and else it is the smallest that it can be, and marked as such.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Distance", "distance_in_characters", "distance_in_words"]

# The live diff's script has the same numbers. A distance up to `_ALWAYS_EXACT` is exact, however long the texts are,
# and so is one of which the product with the length of the longer text is in the budget: whatever was changed in texts
# of up to 100,000 characters, or 31,622 words, which cost more each. The worst of these takes about a second.
_ALWAYS_EXACT = 10_000
_CHARACTERS_BUDGET = 10_000_000_000
_WORDS_BUDGET = 1_000_000_000
# Texts that are alike cost what they differ in when the search begins with few edits.
_FEW = 64


class Distance(NamedTuple):
    """The distance of two texts or, where `is_lower_bound`, a number that the distance is not below."""

    number: int
    is_lower_bound: bool = False


def distance_in_characters(original: str, edited: str) -> Distance:
    """The Levenshtein distance over Unicode code points.

    >>> distance_in_characters("web_search(queyr='SF weather')", "web_search(query='SF weather')").number
    2
    """
    return _distance(original, edited, _CHARACTERS_BUDGET)


def distance_in_words(original: str, edited: str) -> Distance:
    """The Levenshtein distance over the words, split at whitespace (`str.split`).

    >>> distance_in_words("It is sunny.", "It is sunny in San Francisco.").number
    4
    """
    return _distance(original.split(), edited.split(), _WORDS_BUDGET)


def _distance(a: Sequence[str], b: Sequence[str], budget: int) -> Distance:
    # 41 modules, for this one function, which only what was edited needs.
    from rapidfuzz.distance import Levenshtein

    longer = max(len(a), len(b))
    if longer <= _ALWAYS_EXACT:
        return Distance(Levenshtein.distance(a, b))
    most = max(_ALWAYS_EXACT, budget // longer)
    found = Levenshtein.distance(a, b, score_cutoff=most, score_hint=_FEW)
    if found <= most:
        return Distance(found)
    return Distance(max(found, abs(len(a) - len(b))), is_lower_bound=True)
