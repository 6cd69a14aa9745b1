"""Train and test splits, chosen by a hash of the task alone.

So all annotators' versions of a task are in one split, and no row changes its split when others are added or removed.
Where many traces have one task, a split can be far from its share: that is counted, and said.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fractions import Fraction

__all__ = ["SplitCounts", "Splits", "parse_splits", "split_file_name", "task_digest"]

# A file has it in its name.
_NAME = re.compile(r"[A-Za-z0-9_]{1,100}", re.ASCII)
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
        from fractions import Fraction

        place, end = Fraction(int.from_bytes(task_digest(task), "big"), 1 << 64), Fraction(0)
        for name, share in self.shares:
            end += share
            if place < end:
                return name
        raise AssertionError("the shares add up to 1")

    def __str__(self) -> str:
        return ",".join(f"{name}={float(share)}" for name, share in self.shares)


@dataclass
class SplitCounts:
    """How many traces there are in each split, and how many have each task, by its digest. `same_task` is how many have
    the commonest one of the tasks that were counted elsewhere."""

    traces: Counter[str] = field(default_factory=Counter)
    tasks: Counter[bytes] = field(default_factory=Counter)
    same_task: int = 0

    def add(self, split: str, task: str) -> None:
        """Counts a trace."""
        self.traces[split] += 1
        self.tasks[task_digest(task)] += 1

    def update(self, other: SplitCounts) -> None:
        """Adds what another part of the same run counted."""
        self.traces.update(other.traces)
        self.tasks.update(other.tasks)
        self.same_task = max(self.same_task, other.same_task)

    def uneven(self, splits: Splits) -> Iterator[dict[str, Any]]:
        """The splits that are empty, or far from their share because traces have the same task, as the manifest has
        them: `traces` is how many there are in it, `expected` how many its share is, and `same_task` how many have the
        commonest task.

        Chance alone is not far: a split counts when it is off by more than twice the standard deviation of as many
        independent traces, and the commonest task has more traces than one such deviation.

        >>> counts = SplitCounts()
        >>> for number in range(20):
        ...     counts.add("train", "Go.")
        >>> [(found["split"], found["traces"], found["expected"]) for found in counts.uneven(parse_splits("train=1"))]
        []
        >>> [(found["split"], found["traces"]) for found in counts.uneven(parse_splits("train=0.8,test=0.2"))]
        [('train', 20), ('test', 0)]
        """
        total = sum(self.traces.values())
        commonest = max(self.same_task, max(self.tasks.values(), default=0))
        for name, share in splits.shares:
            expected = float(share * total)
            deviation = math.sqrt(expected * float(1 - share))
            is_off = abs(self.traces[name] - expected) > 2 * deviation and commonest > max(1.0, deviation)
            if total and (is_off or not self.traces[name]):
                yield {
                    "split": name,
                    "traces": self.traces[name],
                    "expected": round(expected, 1),
                    "of": total,
                    "same_task": commonest,
                }


def task_digest(task: str) -> bytes:
    """Eight bytes that stand for a task, and say in which split it is."""
    return hashlib.blake2b(task.encode("utf-8", "surrogatepass"), digest_size=8).digest()


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
    from fractions import Fraction

    try:
        return Fraction(text)
    except ZeroDivisionError:
        raise ValueError(f"`{text}` is not a share") from None
