"""Which steps a corrected trace has, and where."""

from __future__ import annotations

from typing import Any

from ls_trajedit.converters.record import Insertion, Removal
from ls_trajedit.converters.structure import Kept, corrected_order, corrected_position, restructured_trace

FIRST, SECOND = Insertion(1, 0, "first", ""), Insertion(1, 1, "second", "")
BEFORE, LAST = Insertion(-1, 0, "before", ""), Insertion(2, 0, "last", "")
# In no order: it does not matter.
STRUCTURE = (SECOND, LAST, Removal(1, ""), BEFORE, FIRST)


def test_insertions_stand_in_their_gaps_in_order() -> None:
    assert corrected_order(STRUCTURE, 3) == (BEFORE, Kept(0), FIRST, SECOND, Kept(2), LAST)


def test_a_step_has_another_index_in_the_corrected_trace_or_none() -> None:
    assert [corrected_position(STRUCTURE, 3, index) for index in range(4)] == [1, None, 4, 6]
    assert [corrected_position((), 3, index) for index in range(4)] == [0, 1, 2, 3]


def test_a_plain_trace_gets_and_loses_steps_wherever_they_stand_in_it() -> None:
    trace: dict[str, Any] = {"id": "t", "run": {"turns": ["a", "b", "c"], "model": "m"}, "answer": "x"}
    assert restructured_trace(trace, ("run", "turns"), STRUCTURE) == {
        "id": "t",
        "run": {"turns": ["before", "a", "first", "second", "c", "last"], "model": "m"},
        "answer": "x",
    }
    assert trace["run"]["turns"] == ["a", "b", "c"]
