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
    of_some = {
        *(Omission.BROKEN_CALL, Omission.UNUSABLE_TOOLS, Omission.NO_PROMPT),
        *(Omission.UNSURE, Omission.UNKNOWN_LABEL, Omission.INCORRECT),
        *(Omission.REMOVED, Omission.NO_NEXT, Omission.ANSWERS_OTHERS, Omission.RESTRUCTURED, Omission.REGENERATED),
    }
    assert counted["left_out"] == {**{o.value: 0 for o in Omission if o not in of_some}, "empty": 2}
    assert "images_left_out" not in counted


def test_what_only_conversations_have_is_counted_where_it_occurs() -> None:
    tally = Tally()
    for row in (Omission.BROKEN_CALL, TrainingRow({}, 5, images_left_out=2)):
        tally.add(row)
    counted = tally.as_json()
    assert (counted["left_out"]["broken_call"], counted["images_left_out"]) == (1, 2)
    assert "no_prompt" not in counted["left_out"]


def test_the_tallies_of_two_parts_make_that_of_the_whole() -> None:
    whole, first, second = Tally(), Tally(), Tally()
    for number, row in enumerate(ROWS):
        whole.add(row)
        (first if number % 2 else second).add(row)
    first.update(second)
    assert first == whole
