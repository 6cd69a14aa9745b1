"""Train and test splits, chosen by a hash of the task alone.

So all annotators' versions of a task are in one split, and no row changes its split when others are added or removed.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["Splits", "parse_splits", "split_file_name"]

_NAME = re.compile(r"[A-Za-z0-9_]+", re.ASCII)
_SHARE = re.compile(r"\d*\.?\d+|\d+/\d+", re.ASCII)


@dataclass(frozen=True)
class Splits:
    """The name of each split with its share, in order. The shares add up to 1."""

    shares: tuple[tuple[str, Fraction], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the splits."""
        return tuple(name for name, _ in self.shares)

    def split_of(self, task: str) -> str:
        """The name of the split that every row about this task belongs to.

        >>> parse_splits("train=0.5,test=0.5").split_of("Find the weather in San Francisco.")
        'train'
        """
        digest = hashlib.blake2b(task.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        place, end = Fraction(int.from_bytes(digest, "big"), 1 << 64), Fraction(0)
        for name, share in self.shares:
            end += share
            if place < end:
                return name
        raise AssertionError("the shares add up to 1")

    def __str__(self) -> str:
        return ",".join(f"{name}={float(share)}" for name, share in self.shares)


def split_file_name(file: str, split: str) -> str:
    """The name of the file that holds one split of `file`.

    >>> split_file_name("trl/dpo.jsonl", "test")
    'trl/dpo.test.jsonl'
    """
    stem, dot, ending = file.rpartition(".")
    return f"{stem}.{split}{dot}{ending}"


def parse_splits(text: str) -> Splits:
    """The splits in a string such as `train=0.9,test=0.1`. Raises ValueError when it is anything else."""
    shares = []
    for part in text.split(","):
        name, _, share = (word.strip() for word in part.partition("="))
        if not _NAME.fullmatch(name) or not _SHARE.fullmatch(share):
            raise ValueError(f"`{part.strip()}` is not a split with its share, such as `train=0.9`")
        shares.append((name, _fraction(share)))
    names = [name for name, _ in shares]
    if len({name.lower() for name in names}) < len(names):
        raise ValueError("two splits have the same name")
    if not all(share for _, share in shares):
        raise ValueError("a split has a share of 0; leave it out")
    total = sum(share for _, share in shares)
    if total != 1:
        raise ValueError(f"the shares add up to {float(total):g}, not to 1")
    return Splits(tuple(shares))


def _fraction(text: str) -> Fraction:
    try:
        return Fraction(text)
    except ZeroDivisionError:
        raise ValueError(f"`{text}` is not a share") from None
