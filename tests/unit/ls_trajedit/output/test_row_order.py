"""Rows that were written in any order come back in order, and memory does not hold the position of each."""

from __future__ import annotations

import tracemalloc
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ls_trajedit.output.row_order import RowOrder

KEYS = st.tuples(st.integers(-(2**63), 2**63 - 1) | st.integers(0, 5), st.integers(0, 5))


@given(st.lists(KEYS, max_size=40), st.integers(1, 7), st.integers(1, 7))
def test_rows_come_back_in_the_order_of_their_keys_and_equal_ones_as_they_were_written(
    keys: list[tuple[int, int]], piece: int, held: int
) -> None:
    order = RowOrder(BytesIO(), held=held, piece=piece)
    for number, key in enumerate(keys):
        order.note(key, 100 * number, number)
    numbers = sorted(range(len(keys)), key=lambda number: keys[number])
    assert order.rows == len(keys)
    assert list(order.places()) == [(100 * number, number) for number in numbers]


@pytest.mark.parametrize(
    ("keys", "kept"),
    [
        ([], True),
        ([(1, 1)], True),
        ([(0, 0), (0, 0)], True),
        ([(1, 1), (1, 2), (2, 1)], True),
        ([(1, 2), (1, 1)], False),
        ([(2, 1), (1, 2)], False),
        ([(2, 1), (1, 2), (3, 1)], False),
    ],
)
def test_it_knows_whether_there_is_anything_to_put_in_order(keys: list[tuple[int, int]], kept: bool) -> None:
    order = RowOrder(BytesIO())
    for key in keys:
        order.note(key, 0, 0)
    assert order.is_kept is kept


@pytest.mark.parametrize("step", [1, -1])
def test_memory_does_not_grow_with_the_number_of_rows(tmp_path: Path, step: int) -> None:
    peaks = []
    for count in (5_000, 50_000):
        with (tmp_path / "notes").open("w+b") as notes:
            # Small pieces, because tracemalloc makes every row slow.
            order = RowOrder(notes, held=256, piece=4_096)
            tracemalloc.start()
            try:
                for number in range(count):
                    order.note((step * number, 1), number, 1)
                if step < 0:
                    assert sum(1 for _ in order.places()) == count
                peaks.append(tracemalloc.get_traced_memory()[1])
            finally:
                tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]
