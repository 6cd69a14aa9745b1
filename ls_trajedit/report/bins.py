"""The groups of steps and of edit distances, in the charts of the report as well as in its filters."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FINAL_ANSWER_KEY", "SIZES", "START_KEY", "Bin", "bin_of", "step_bins"]

FINAL_ANSWER_KEY = "final"
"""The key of the final answer, where steps have the keys of their groups."""

START_KEY = "start"
"""The key of what stands before the first step."""

MOST_STEP_BINS = 30


@dataclass(frozen=True)
class Bin:
    """The whole numbers from `low` to `high`, or without an end when that is None. `key` is its name in an address."""

    key: str
    label: str
    low: int
    high: int | None


def _bin(low: int, high: int | None) -> Bin:
    if high is None:
        return Bin(f"{low}-", f"{low:,} or more", low, None)
    if low == high:
        return Bin(str(low), f"{low:,}", low, high)
    return Bin(f"{low}-{high}", f"{low:,}–{high:,}", low, high)  # noqa: RUF001 (it is a range)


SIZES = tuple(
    _bin(low, high)
    for low, high in ((0, 0), (1, 1), (2, 3), (4, 10), (11, 30), (31, 100), (101, 300), (301, 1000), (1001, None))
)
"""Distances. An edit that changes only white space has 0 words."""


def step_bins(steps: int) -> tuple[Bin, ...]:
    """The steps from 1 to `steps`: each on its own or, when there are many, in groups of equal length.

    >>> [bin.label for bin in step_bins(3)]
    ['1', '2', '3']
    >>> [bin.key for bin in step_bins(45)][:2]
    ['1-2', '3-4']
    """
    width = -(-steps // MOST_STEP_BINS) or 1
    return tuple(_bin(low, min(low + width - 1, steps)) for low in range(1, steps + 1, width))


def bin_of(number: int, bins: tuple[Bin, ...]) -> Bin:
    """The group that `number` is in. Raises StopIteration when it is in none of them."""
    return next(found for found in bins if found.low <= number and (found.high is None or number <= found.high))
