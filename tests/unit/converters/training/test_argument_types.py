"""Which arguments of calls `datasets` loads as other values: what version 5.2.0 was seen to do."""

from __future__ import annotations

from typing import Any

import pytest

from ls_trajedit.converters.training.argument_types import CallColumns

FLOATS, TIMES, PARSED = "integers_become_floats", "strings_become_times", "strings_are_parsed"


def row(arguments: dict[str, Any], column: str = "chosen") -> dict[str, Any]:
    call = {"id": "s00000c00", "type": "function", "function": {"name": "f", "arguments": arguments}}
    return {"prompt": [], column: [{"role": "assistant", "content": "", "tool_calls": [call]}]}


def changes_of(*arguments: dict[str, Any]) -> dict[str, str]:
    columns = CallColumns()
    for one in arguments:
        columns.add(row(one))
    return dict(columns.changes())


@pytest.mark.parametrize(
    ("arguments", "changes"),
    [
        ([{"x": 0}, {"x": 1}, {"x": 0.5}], {"x": FLOATS}),
        ([{"x": 0, "y": 1}, {"x": 0.5, "y": 1}], {"x": FLOATS}),
        ([{"x": 1.0}, {"x": 2}], {"x": FLOATS}),
        ([{"x": None}, {"x": 2}, {"x": 2.0}], {"x": FLOATS}),
        ([{"x": [1, 2]}, {"x": [0.5]}], {"x[]": FLOATS}),
        ([{"x": [1, 0.5]}], {"x[]": FLOATS}),
        ([{"x": {"a": 1}}, {"x": {"a": 0.5}}], {"x.a": FLOATS}),
        ([{"x": None}, {"x": {"a": 0.5}}, {"x": {"a": 1}}], {"x.a": FLOATS}),
        ([{"x": [{"a": 1}]}, {"x": [{"a": 0.5}]}], {"x[].a": FLOATS}),
        ([{"x": 2**63}, {"x": 1}], {"x": FLOATS}),
        ([{"x": 0}, {"y": 1, "x": 0.5}], {}),
        ([{}, {"x": 1}, {"x": 0.5}], {}),
        ([{"x": {}}, {"x": {"a": 0.5}}, {"x": {"a": 1}}], {}),
        ([{"x": [{"a": 1}]}, {"x": [{"b": 0.5}]}], {}),
        ([{"x": True}, {"x": 2}], {}),
        ([{"x": True}, {"x": 0.5}, {"x": 1}], {}),
        ([{"x": 1}, {"x": 0.5}, {"x": "a"}], {}),
        ([{"x": "1"}, {"x": 2}], {"x": PARSED}),
        ([{"x": "true"}, {"x": True}], {"x": PARSED}),
        ([{"x": "null"}, {"x": 1}], {"x": PARSED}),
        ([{"x": "1"}, {"x": {"a": 1}}], {"x": PARSED}),
        ([{"x": "1"}, {"x": [1]}], {"x": PARSED}),
        ([{"x": [1, "2"]}], {"x[]": PARSED}),
        ([{"x": "a"}, {"x": 2}], {}),
        ([{"x": "1"}, {"x": "2"}], {}),
        ([{"x": "2024-01-01"}, {"x": "2024-01-02T10:00:00Z"}], {"x": TIMES}),
        ([{"x": "2024-01-01"}, {"x": None}], {"x": TIMES}),
        ([{"x": ["2024-01-01"]}, {"x": []}], {"x[]": TIMES}),
        ([{"x": "2024-01-01"}, {"x": "a"}], {}),
        ([{"x": 1}, {"x": 2}, {"x": None}], {}),
    ],
)
def test_one_type_for_a_place_changes_some_values(arguments: list[dict[str, Any]], changes: dict[str, str]) -> None:
    assert changes_of(*arguments) == changes
    assert changes_of(*reversed(arguments)) == changes


def test_a_column_in_which_messages_differ_stays_as_it_is() -> None:
    columns = CallColumns()
    for one in (row({"x": 0}), {"prompt": [], "chosen": [{"role": "assistant", "content": "No."}]}, row({"x": 0.5})):
        columns.add(one)
    assert columns.changes() == {}


def test_the_columns_of_two_parts_make_those_of_the_whole() -> None:
    parts = [CallColumns(), CallColumns()]
    whole = CallColumns()
    for number, value in enumerate((0, 1, 0.5, None, {"a": 1})):
        for column in ("chosen", "rejected", "completion", "prompt"):
            for columns in (whole, parts[number % 2]):
                columns.add(row({"x": value, "y": [number]}, column))
    parts[0].update(parts[1])
    assert parts[0] == whole
    apart = [CallColumns(), CallColumns()]
    apart[0].add(row({"x": 0}, "rejected"))
    apart[1].add(row({"x": 0.5}, "rejected"))
    apart[0].update(apart[1])
    assert apart[0].changes() == {"x": FLOATS}
