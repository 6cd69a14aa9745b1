"""Both traces side by side: what stands over what, what is the same before it, and what is stale after it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ls_trajedit.converters.record import Insertion, Removal, StructureChange
from ls_trajedit.converters.training.alignment import Alignment, aligned


def remove(step: int) -> Removal:
    return Removal(step, "")


def insert(after: int, position: int = 0, heard: int = 0) -> Insertion:
    return Insertion(after, position, {"heard": heard}, "")


def of(*structure: StructureChange, length: int = 4, others: Sequence[int] = ()) -> Alignment:
    """The alignment of a trace in which somebody else spoke after the steps `others`."""
    return aligned(structure, length, lambda step: int(step in others), lambda insertion: insertion.step["heard"])


def changes(alignment: Alignment) -> list[Any]:
    return [
        (change.kind, change.chosen, change.rejected, change.kept, change.place, change.answers_others)
        for change in alignment.changes
    ]


def test_steps_have_an_index_a_position_or_both() -> None:
    alignment = of(insert(-1), remove(0), insert(1), insert(1, 1), remove(3))
    assert [(step.index, step.position) for step in alignment.steps] == [
        *((None, 0), (0, None), (1, 1), (None, 2), (None, 3), (2, 4), (3, None))
    ]
    assert alignment.positions == {1: 1, 2: 4}
    assert alignment.indices == [None, 1, None, None, 2]


@pytest.mark.parametrize(
    ("alignment", "expected"),
    [
        (of(insert(0)), [("insertion", 1, 1, None, 1, False)]),
        (of(remove(0)), [("removal", 0, 0, 1, 0, False)]),
        (of(remove(3)), [("removal", None, 3, None, 3, False)]),
        (of(insert(3)), [("insertion", 4, None, None, 4, False)]),
        (of(insert(0), remove(1)), [("replacement", 1, 1, None, 1, False)]),
        (of(remove(1), insert(1)), [("replacement", 1, 1, None, 1, False)]),
        # One run, although what is removed and inserted alternates.
        (
            of(insert(0), remove(1), insert(1), remove(2), insert(2)),
            [
                ("replacement", 1, 1, None, 1, False),
                ("replacement", 2, 2, None, 2, False),
                ("insertion", 3, 3, None, 3, False),
            ],
        ),
        (
            of(remove(0), insert(0), remove(1), remove(2)),
            [
                ("replacement", 0, 0, None, 0, False),
                ("removal", 1, 1, 3, 1, False),
                ("removal", 1, 2, 3, 1, False),
            ],
        ),
        # Two runs, with a kept step between them.
        (of(remove(0), insert(1)), [("removal", 0, 0, 1, 0, False), ("insertion", 1, 2, None, 1, False)]),
    ],
)
def test_each_change_has_the_other_side(alignment: Alignment, expected: list[Any]) -> None:
    assert changes(alignment) == expected


@pytest.mark.parametrize(
    ("alignment", "expected"),
    [
        (of(remove(1), others=[1]), [True]),
        (of(remove(1), others=[0, 2]), [False]),
        # What is inserted after a removed step stands before what was said then, and what is inserted before it, too.
        (of(remove(1), insert(1), others=[1]), [False]),
        (of(insert(0), remove(1), others=[1]), [False]),
        (of(remove(1), insert(1), insert(1, 1), others=[1]), [False, True]),
        (of(remove(0), remove(1), insert(1), others=[0]), [True, False]),
        (of(remove(0), remove(1), others=[0]), [True, False]),
        # What an inserted step is said to hear is in the prompt of what follows it, and not in its own.
        (of(insert(0, heard=1)), [False]),
        (of(insert(0, heard=1), remove(1)), [False]),
        (of(remove(0), insert(0, heard=1), remove(1)), [False, False]),
        (of(remove(0), remove(1), insert(1, heard=1)), [False, True]),
    ],
)
def test_nothing_stands_over_what_answers_somebody_else(alignment: Alignment, expected: list[bool]) -> None:
    assert [change.answers_others for change in alignment.changes] == expected


@pytest.mark.parametrize(
    ("alignment", "expected"),
    [
        (of(insert(1)), 2),
        (of(remove(1)), 1),
        (of(remove(1), others=[1]), 0),
        (of(remove(1), insert(1), others=[1]), 1),
        (of(remove(3)), 3),
    ],
)
def test_before_which_position_both_traces_are_the_same(alignment: Alignment, expected: int) -> None:
    assert alignment.last_same_prompt == expected


@pytest.mark.parametrize(
    ("alignment", "edited", "expected"),
    [
        (of(insert(0)), (), [(2, 2)]),
        # The next step was recorded after what the removed one heard, unless somebody edited it.
        (of(remove(1)), (), [(2, 1)]),
        (of(remove(1)), (2,), [(2, 2)]),
        (of(remove(3)), (), []),
        # The first one stands before what others said to the removed step.
        (of(remove(1), others=[1]), (2,), [(1, 1)]),
        (of(remove(1), insert(1), others=[1]), (), [(2, 2), (2, 2)]),
        (of(remove(1), insert(1)), (), [(3, 2), (2, 2)]),
    ],
)
def test_from_where_on_all_is_stale(
    alignment: Alignment, edited: tuple[int, ...], expected: list[tuple[int, int]]
) -> None:
    assert list(alignment.stale_from(lambda step: True, edited)) == expected
    assert list(alignment.stale_from(lambda step: False, edited)) == []
