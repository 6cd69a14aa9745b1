"""What is counted about the rows of a training file."""

from __future__ import annotations

from ls_trajedit.converters.formats.base import Tally, TrainingRow
from ls_trajedit.converters.training.counts import Omission

ROWS = [TrainingRow({}, 5), TrainingRow({}, 7, is_pair=True, is_stale=True), Omission.EMPTY, Omission.EMPTY]


def test_rows_and_what_is_left_out_are_counted() -> None:
    tally = Tally()
    for row in ROWS:
        tally.add(row)
    counted = tally.as_json()
    assert (counted["characters"], counted["pairs"], counted["stale"]) == (12, 1, 1)
    assert counted["left_out"] == {**{omission.value: 0 for omission in Omission}, "empty": 2}


def test_the_tallies_of_two_parts_make_that_of_the_whole() -> None:
    whole, first, second = Tally(), Tally(), Tally()
    for number, row in enumerate(ROWS):
        whole.add(row)
        (first if number % 2 else second).add(row)
    first.update(second)
    assert first == whole
