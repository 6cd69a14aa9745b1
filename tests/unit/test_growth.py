"""No reader does more than in proportion to what it reads. Counted, not timed: benchmarks/growth.py measures the same
inputs, and prints times."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ls_trajedit.backend.requests import BadRequestError
from ls_trajedit.traces.errors import TrajeditError

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
try:
    READERS = list(importlib.import_module("growth").readers())
finally:
    sys.path.remove(str(BENCHMARKS))


def calls_of(work: Callable[[], object]) -> int:
    """How many functions, Python's and C's, were called."""
    count = 0

    def note(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        with suppress(TrajeditError, BadRequestError):
            work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_twice_as_much_takes_twice_as_many_calls(reader: Any) -> None:
    """Four times as many would be quadratic; sorting is a little more than twice."""
    smaller, larger = reader.make(reader.size // 2), reader.make(reader.size)
    before, after = calls_of(lambda: reader.read(smaller)), calls_of(lambda: reader.read(larger))
    assert after / before < 1.2 * len(larger) / len(smaller) + 0.05


def test_what_is_quadratic_is_noticed() -> None:
    def quadratic(size: int) -> None:
        for _ in range(size):
            for _ in range(size):
                len("")

    assert calls_of(lambda: quadratic(200)) / calls_of(lambda: quadratic(100)) > 3.9
