"""What is counted about the rows of a training file."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ls_trajedit.converters.formats.base import Tally, TrainingRow
from ls_trajedit.converters.sums import Sums, add_sums
from ls_trajedit.converters.training.counts import Omission
from ls_trajedit.traces.json_text import json_line, parse_json

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


ARGUMENTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.just(2**63)
    | st.floats(0, 1)
    | st.sampled_from(["x", "1", "2024-01-01", "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b", "0", "\ud800"]), inner, max_size=2)
    ),
    max_leaves=4,
)


@st.composite
def rows(draw: st.DrawFn) -> TrainingRow | Omission:
    """A row of calls and words, or why there is none."""
    if draw(st.integers(0, 4)) == 0:
        return draw(st.sampled_from(list(Omission)))
    values: dict[str, object] = {}
    for column in draw(st.lists(st.sampled_from(["chosen", "rejected", "completion", "prompt"]), unique=True)):
        call = {
            "function": {"name": "f", "arguments": draw(st.dictionaries(st.sampled_from("ab"), ARGUMENTS, max_size=2))}
        }
        message: dict[str, object] = {"role": "assistant", "content": ""}
        values[column] = [message | draw(st.sampled_from([{}, {"tool_calls": [call]}]))]
    numbers = draw(st.tuples(st.integers(0, 9), st.booleans(), st.booleans(), st.integers(0, 2)))
    return TrainingRow(values, *numbers)


@given(st.lists(st.lists(rows(), max_size=4), max_size=5))
def test_a_tally_comes_back_from_the_sum_of_what_its_parts_were_kept_as(
    parts: list[list[TrainingRow | Omission]],
) -> None:
    whole, total = Tally(), cast("Sums", {})
    for part in parts:
        tally = Tally()
        for row in part:
            tally.add(row)
        whole.update(tally)
        add_sums(total, parse_json(json_line(tally.as_sums())))
    found = Tally.from_sums(total)
    assert found.as_json() == whole.as_json()
    assert found.omissions_json() == whole.omissions_json()


def test_arguments_may_be_nested_as_deeply_as_json_may() -> None:
    deep: object = 1
    for _ in range(450):
        deep = {"a": deep}
    call = {"function": {"name": "f", "arguments": {"x": deep, "y": 2**63}}}
    tally = Tally()
    tally.add(TrainingRow({"chosen": [{"tool_calls": [call]}]}))
    kept = parse_json(json_line(tally.as_sums()))
    assert Tally.from_sums(kept).calls.changes() == {"y": "integers_become_floats"}


@pytest.mark.parametrize(
    "value",
    [
        {"characters": {}},
        {"left_out": 3},
        {"left_out": {"empty": {}}},
        {"calls": {"chosen": 1}},
        {"calls": {"chosen": {"messages": 1}}},
        {"calls": {"chosen": {"messages": {"x": 1}}}},
        {"calls": {"chosen": {"messages": {"[1]": 1}}}},
        {"calls": {"chosen": {"places": {"[]": 1}}}},
        {"calls": {"chosen": {"places": {"{}": {}}}}},
        {"calls": {"chosen": {"places": {"[null]": {}}}}},
        {"calls": {"chosen": {"places": {"[]": {"keys": {"7": 1}}}}}},
    ],
)
def test_what_no_tally_was_kept_as_is_refused(value: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whoever keeps them has one message for all
        Tally.from_sums(value)
