"""Numbers that parts of a run counted, added up."""

from __future__ import annotations

from typing import Any

import pytest

from ls_trajedit.converters.sums import Sums, add_sums, number_in, numbers_in, sums_in


def test_sums_are_added_name_by_name() -> None:
    total: Sums = {"a": 1, "b": {"c": 2}}
    add_sums(total, {"a": 2, "b": {"c": 1, "d": {"e": 5}}, "f": 7})
    assert total == {"a": 3, "b": {"c": 3, "d": {"e": 5}}, "f": 7}


def test_a_sum_shares_nothing_with_its_parts() -> None:
    part: Sums = {"b": {"c": 2}}
    total: Sums = {}
    add_sums(total, part)
    add_sums(total, part)
    assert (total, part) == ({"b": {"c": 4}}, {"b": {"c": 2}})


@pytest.mark.parametrize("value", [None, True, -1, 1.5, "1", [1], {"c": None}, {"c": {"d": -1}}])
def test_nothing_else_is_added(value: Any) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        add_sums({}, {"a": value})


@pytest.mark.parametrize(("total", "part"), [({"a": 1}, {"a": {}}), ({"a": {}}, {"a": 1})])
def test_a_number_is_not_added_to_numbers(total: Sums, part: Sums) -> None:
    with pytest.raises(ValueError, match="a number and numbers"):
        add_sums(total, part)


def test_what_is_asked_for_must_be_of_its_kind() -> None:
    value: Sums = {"a": 1, "b": {"c": 2}, "d": {"e": {}}}
    assert (number_in(value, "a"), number_in(value, "x")) == (1, 0)
    assert (numbers_in(value, "b"), numbers_in(value, "x"), sums_in(value, "d")) == ({"c": 2}, {}, {"e": {}})
    for ask, name in ((number_in, "b"), (numbers_in, "a"), (numbers_in, "d"), (sums_in, "a")):
        with pytest.raises(ValueError, match=f"`{name}`"):
            ask(value, name)
