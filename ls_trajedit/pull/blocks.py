"""What the tasks of a block became, as the state keeps it: what they add to each count, and where their rows end.

A block says nothing of where its rows begin in a file, so that it stays as it is when those before it change.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.converters.chunk import ConvertedChunk
from ls_trajedit.converters.formats.base import RowFormat, Tally
from ls_trajedit.converters.sums import Sums, add_sums, sums_in
from ls_trajedit.converters.training.counts import TrainingCounts
from ls_trajedit.output.manifest import counts_from_json
from ls_trajedit.output.row_ranges import NO_ROWS, RowRange
from ls_trajedit.traces.json_text import json_line, parse_json

__all__ = ["Block", "BlockError", "BlockRows", "BlockSums", "parse_block"]

_DIGEST_BYTES = 8
_LARGEST = (1 << 48, 1 << 62, 1 << 32)


class BlockError(ValueError):
    """Something is not what a block was kept as."""


@dataclass
class Block:
    """What the tasks of a block add to a run; `ranges` are their rows in each file, by its name."""

    counts: Counts = field(default_factory=Counts)
    training: TrainingCounts = field(default_factory=TrainingCounts)
    tallies: dict[str, Tally] = field(default_factory=dict)
    ranges: dict[str, RowRange] = field(default_factory=dict)

    def add(self, chunk: ConvertedChunk, files: Mapping[str, RowFormat]) -> None:
        """Adds what the next tasks became; of their rows, those in `files`."""
        self.counts.update(chunk.counts)
        self.training.update(chunk.training)
        for name, tally in chunk.tallies.items():
            self.tallies.setdefault(name, Tally()).update(tally)
        for name, rows in chunk.rows.items():
            if name in files:
                self.ranges[name] = self.ranges.get(name, NO_ROWS).followed_by(rows, files[name].separator)

    def to_bytes(self) -> bytes:
        """What `parse_block` reads."""
        digests = b"".join(digest * number for digest, number in sorted(self.training.splits.tasks.items()))
        sums = {
            "counts": self.counts.as_json(),
            "training": self.training.as_sums(),
            "tallies": {name: tally.as_sums() for name, tally in self.tallies.items()},
        }
        # orjson does not take a named tuple for a list.
        ranges = {name: tuple(found) for name, found in self.ranges.items()}
        return json_line({"sums": sums, "tasks": digests.hex(), "ranges": ranges})


@dataclass(frozen=True)
class BlockRows:
    """A block that was read: `sums` is what it adds to each count, and `tasks` has a digest for each trace that is in
    one of the splits."""

    sums: Sums
    tasks: bytes
    ranges: Mapping[str, RowRange]


def parse_block(raw: bytes | None) -> BlockRows:
    """The block of which `Block.to_bytes` made these bytes; one without tasks for None. Raises BlockError for anything
    else."""
    if raw is None:
        return BlockRows({}, b"", {})
    try:
        value = parse_json(raw)
        tasks = bytes.fromhex(value["tasks"])
        ranges = {name: _range(*found) for name, found in value["ranges"].items()}
        if not isinstance(value["sums"], dict) or len(tasks) % _DIGEST_BYTES:
            raise BlockError("not sums")
        return BlockRows(value["sums"], tasks, ranges)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise BlockError("not a block") from None


def _range(*numbers: Any) -> RowRange:
    if not all(type(number) is int and 0 <= number < most for number, most in zip(numbers, _LARGEST, strict=True)):
        raise BlockError("not a range")
    found = RowRange(*numbers)
    if (found.rows == 0) != (found.length == 0):
        raise BlockError("rows without bytes")
    return found


class BlockSums:
    """What blocks add up to. Every method raises BlockError when they hold something else than was counted."""

    def __init__(self) -> None:
        self._sums: Sums = {}
        self._tasks = array("Q")
        self._rows: Counter[str] = Counter()

    def add(self, block: BlockRows) -> None:
        """Adds a block."""
        self._add(block.sums)
        self._tasks.frombytes(block.tasks)
        for name, found in block.ranges.items():
            self._rows[name] += found.rows

    def update(self, other: BlockSums) -> None:
        """Adds what other blocks add up to."""
        self._add(other._sums)
        self._tasks.extend(other._tasks)
        self._rows.update(other._rows)

    def counts(self) -> Counts:
        """The counts."""
        with _explained():
            return counts_from_json(Counts().as_json() | sums_in(self._sums, "counts"))

    def training(self) -> TrainingCounts:
        """The counts of training rows."""
        commonest = max((sum(1 for _ in same) for _, same in groupby(sorted(self._tasks))), default=0)
        with _explained():
            return TrainingCounts.from_sums(sums_in(self._sums, "training"), commonest)

    def tally(self, file: str) -> Tally:
        """The tally of a file."""
        with _explained():
            return Tally.from_sums(sums_in(sums_in(self._sums, "tallies"), file))

    def rows(self, file: str) -> int:
        """How many rows a file has."""
        return self._rows[file]

    def _add(self, sums: Sums) -> None:
        with _explained():
            add_sums(self._sums, sums)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError):
        raise BlockError("not what was counted") from None
