"""Training and test sides, told by the task alone.

So all annotators' versions of a task are on one side, and no row changes sides when others come or go.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["Split", "parse_split", "split_file_name"]

_NAME = re.compile(r"[A-Za-z0-9_]+", re.ASCII)
_SHARE = re.compile(r"\d*\.?\d+|\d+/\d+", re.ASCII)


@dataclass(frozen=True)
class Split:
    """The sides in order, each with its share; the shares add up to 1."""

    shares: tuple[tuple[str, Fraction], ...]

    @property
    def sides(self) -> tuple[str, ...]:
        """The names of the sides."""
        return tuple(name for name, _ in self.shares)

    def side(self, task: str) -> str:
        """The side of every row about that task.

        >>> parse_split("train=0.5,test=0.5").side("Find the weather in San Francisco.")
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


def split_file_name(file: str, side: str) -> str:
    """What a file is called that holds one side.

    >>> split_file_name("trl/dpo.jsonl", "test")
    'trl/dpo.test.jsonl'
    """
    stem, dot, ending = file.rpartition(".")
    return f"{stem}.{side}{dot}{ending}"


def parse_split(text: str) -> Split:
    """The split that a text such as `train=0.9,test=0.1` stands for. Raises ValueError when it is none."""
    shares = []
    for part in text.split(","):
        name, _, share = (word.strip() for word in part.partition("="))
        if not _NAME.fullmatch(name) or not _SHARE.fullmatch(share):
            raise ValueError(f"`{part.strip()}` is no side with a share, such as `train=0.9`")
        shares.append((name, _fraction(share)))
    names = [name for name, _ in shares]
    if len({name.lower() for name in names}) < len(names):
        raise ValueError("a side is there twice")
    if not all(share for _, share in shares):
        raise ValueError("a side has a share of 0; leave it out")
    total = sum(share for _, share in shares)
    if total != 1:
        raise ValueError(f"the shares add up to {float(total):g}, not to 1")
    return Split(tuple(shares))


def _fraction(text: str) -> Fraction:
    try:
        return Fraction(text)
    except ZeroDivisionError:
        raise ValueError(f"`{text}` is no share") from None
