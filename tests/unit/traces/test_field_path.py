"""Where a field stands, the way Label Studio writes it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ls_trajedit.traces.field_path import (
    MISSING,
    FieldPath,
    drop_field,
    format_path,
    get_field,
    is_showable_key,
    parse_path,
    set_field,
)

KEYS = st.from_regex(r"[A-Za-z0-9_]+", fullmatch=True)
PATHS = st.tuples(KEYS, st.lists(KEYS | st.integers(0, 99), max_size=4)).map(lambda both: (both[0], *both[1]))


@given(PATHS)
def test_a_path_reads_back_as_it_was_written(path: FieldPath) -> None:
    assert parse_path(format_path(path)) == path


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("action", ("action",)),
        ("args.query", ("args", "query")),
        ("steps[3].action", ("steps", 3, "action")),
        ("tool_calls[0].function.arguments", ("tool_calls", 0, "function", "arguments")),
        ("a[0][12]", ("a", 0, 12)),
        ("0.1", ("0", "1")),
    ],
)
def test_a_path_is_written_as_in_a_labeling_config(text: str, path: FieldPath) -> None:
    assert parse_path(text) == path
    assert format_path(path) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "a b",
        "a-b",
        "a[",
        "a[]",
        "a[-1]",
        "a[x]",
        "[0]",
        "a]",
        "$a",
        "é",
        "a[٣]",
        "a\n",
        "a['b']",
    ],
)
def test_what_label_studio_could_not_follow_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a path that Label Studio can show"):
        parse_path(text)


@pytest.mark.parametrize(
    ("key", "can_be_shown"), [("a_1", True), ("1", True), ("a b", False), ("a.b", False), ("é", False), ("", False)]
)
def test_only_plain_keys_can_be_shown(key: str, can_be_shown: bool) -> None:
    assert is_showable_key(key) is can_be_shown


TRACE: dict[str, Any] = {"a": [{"b": None}, [1, 2]], "c": "text", "d": {"e": {"f": 0}}}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((), TRACE),
        (("a", 0, "b"), None),
        (("a", 1, 1), 2),
        (("d", "e", "f"), 0),
        (("a", 2), MISSING),
        (("a", "b"), MISSING),
        (("c", 0), MISSING),
        (("c", "length"), MISSING),
        (("d", 0), MISSING),
        (("a", 0, "b", "x"), MISSING),
        (("x", "y"), MISSING),
    ],
)
def test_the_value_at_a_path_or_that_there_is_none(path: FieldPath, value: Any) -> None:
    assert get_field(TRACE, path) is value or get_field(TRACE, path) == value
    assert (get_field(TRACE, path) is MISSING) == (value is MISSING)


def test_setting_a_field_changes_a_copy_and_keeps_the_order_of_keys() -> None:
    before = copy.deepcopy(TRACE)
    changed = set_field(TRACE, ("a", 0, "b"), "new")
    assert before == TRACE
    assert changed == {"a": [{"b": "new"}, [1, 2]], "c": "text", "d": {"e": {"f": 0}}}
    assert list(changed) == ["a", "c", "d"]
    assert changed["d"] is TRACE["d"], "what is not on the way is shared, so that long traces cost little"
    assert set_field(TRACE, (), 1) == 1


@pytest.mark.parametrize("path", [("x", "y"), ("a", 9, "b"), ("c", "d", "e")])
def test_setting_a_field_needs_something_to_be_there(path: FieldPath) -> None:
    with pytest.raises((KeyError, IndexError, TypeError, AttributeError)):
        set_field(TRACE, path, 1)


def test_dropping_a_field_changes_a_copy_and_only_that_field() -> None:
    before = copy.deepcopy(TRACE)
    assert drop_field(TRACE, ("d", "e", "f")) == {"a": [{"b": None}, [1, 2]], "c": "text", "d": {"e": {}}}
    assert drop_field(TRACE, ("a", 0, "b")) == {"a": [{}, [1, 2]], "c": "text", "d": {"e": {"f": 0}}}
    assert drop_field(TRACE, ("c", "x")) is TRACE
    assert before == TRACE
