"""What PostgreSQL's jsonb forgets, noted and restored."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.traces.json_text import json_line, parse_json
from ls_trajedit.traces.jsonb import Layout, as_jsonb, is_jsonb, layout_of, noted_layout, restore_layout
from tests.support.strategies import exact, json_values


# What `SELECT …::jsonb` gives in PostgreSQL 15 for what Python's json module writes.
@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (1e22, "10000000000000000000000"),
        (1.2345678901234567e17, "123456789012345660"),
        (-1e16, "-10000000000000000"),
        (9999999999999998.0, "9999999999999998.0"),
        (-0.0, "0.0"),
        (1.0, "1.0"),
        (1, "1"),
        (1e-7, "1e-07"),
        (2**70, "1180591620717411303424"),
        ({"b": 1, "aa": 2, "a": 3, "é": 4, "zz": 5}, '{"a": 3, "b": 1, "aa": 2, "zz": 5, "é": 4}'),
        ({"thought": [{"y": -0.0, "x": 1}], "action": True}, '{"action": true, "thought": [{"x": 1, "y": 0.0}]}'),
    ],
)
def test_what_comes_back(value: Any, stored: str) -> None:
    assert json.dumps(as_jsonb(value), ensure_ascii=False) == stored


@given(json_values())
def test_a_value_gets_its_layout_back(value: Any) -> None:
    stored = parse_json(json_line(as_jsonb(value)))
    noted = noted_layout(parse_json(json_line(as_jsonb(layout_of(value).as_json()))))
    assert noted == layout_of(value)
    assert exact(restore_layout(stored, noted)) == exact(value)
    assert exact(restore_layout(value, noted)) == exact(value)
    assert is_jsonb(stored)
    assert is_jsonb(value) == (exact(stored) == exact(value)) == (layout_of(value) == Layout())


def test_objects_with_the_same_keys_in_several_orders_get_each_its_own() -> None:
    value = [{"x": 1, "a": 2}, {"a": 3, "x": 4}, {"x": 5, "a": 6}]
    layout = layout_of(value)
    assert layout == Layout(keys=(("x", "a"), ("a", "x")), exceptions=(((1,), 1),))
    assert exact(restore_layout(as_jsonb(value), layout)) == exact(value)


def test_a_value_that_has_not_been_in_postgresql_stays_the_same_object() -> None:
    value = {"steps": [{"thought": "t", "action": "a"}, {"action": "b", "thought": "u"}]}
    assert restore_layout(value, layout_of(value)) is value


def test_a_number_is_restored_only_where_it_is_still_the_same_number() -> None:
    layout = layout_of([1e22, -0.0, -0.0, 1e22, -0.0, 1e22])
    assert exact(restore_layout([10**22, 0.0, 0, 1e21, False, "1e+22"], layout)) == exact(
        [1e22, -0.0, 0, 1e21, False, "1e+22"]
    )
    assert exact(restore_layout({"0": 10**22}, layout)) == exact({"0": 10**22})


def test_json_may_be_nested_deeply() -> None:
    deep: Any = {"b": -0.0, "a": 1}
    for _ in range(240):
        deep = {"y": [deep], "x": 1}
    layout = layout_of(deep)
    assert exact(restore_layout(as_jsonb(deep), layout)) == exact(deep)
