"""What a training format is: its files, and what one record becomes in each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.converters.training.omission import Omission
from ls_trajedit.converters.training.sample import Sample

__all__ = ["Format", "RowFormat", "Rows", "TrainingRow"]


@dataclass(frozen=True)
class TrainingRow:
    """`values` is what stands in the file. The rest is counted: the characters of it that are learned, whether it is
    a pair, and whether what it follows is stale."""

    values: dict[str, Any]
    trained_characters: int = 0
    is_pair: bool = False
    is_stale: bool = False


Rows = Callable[[Sample], Iterator[TrainingRow | Omission]]


@dataclass(frozen=True)
class RowFormat:
    """`rows` gives what stands in `file` for a record, and what is left out of it.

    Rows are joined by `separator`, with `head` before the first and `tail` behind the last; `tail` is given what was
    counted, and the sides of the split. The defaults are those of JSON lines, where a line end follows each row.
    `rows` and `tail` are functions of a module, and no lambdas, so that a format can be sent to a worker process.
    A file that is not `has_splits` has the rows of all sides.
    """

    file: str
    rows: Rows
    head: bytes = b""
    separator: bytes = b"\n"
    tail: Callable[[Counts, Sequence[str]], bytes] | None = None
    has_splits: bool = True


@dataclass(frozen=True)
class Format:
    """`is_for_training` tells files that a trainer takes as they are from those of the interchange format, which know
    nothing of templates, splits and policies."""

    name: str
    files: tuple[RowFormat, ...]
    is_for_training: bool = True
