"""Places in a source: through keys, indices, JSON in strings and parts of texts."""

from __future__ import annotations

from typing import Any

import pytest

from ls_trajedit.traces.places import JSON_TEXT, Place, Span, Under, correct_source, format_place, read_place

CALL = {"function": {"name": "f", "arguments": '{"city":"SF","n":1}'}}


def test_a_place_goes_through_the_json_in_a_string() -> None:
    place: Place = ("function", "arguments", JSON_TEXT, "city")
    assert read_place(CALL, place) == "SF"
    assert correct_source(CALL, {place: "NYC"}) == {"function": {"name": "f", "arguments": '{"city":"NYC","n":1}'}}
    assert CALL["function"]["arguments"] == '{"city":"SF","n":1}'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"a": 1, "b": "é"}', '{"a": 2, "b": "é"}'),
        ('{"a": 1, "b": "\\u00e9"}', '{"a": 2, "b": "\\u00e9"}'),
        ('{\n  "a": 1\n}', '{\n  "a": 2\n}'),
        ('{\n    "a": 1\n}', '{\n    "a": 2\n}'),
        ('{ "a":1 }', '{"a":2}'),
    ],
)
def test_json_in_a_string_keeps_its_style_where_it_has_a_usual_one(before: str, after: str) -> None:
    assert correct_source({"x": before}, {("x", JSON_TEXT, "a"): 2}) == {"x": after}


def test_an_empty_string_stands_for_an_object_without_keys() -> None:
    assert read_place({"arguments": ""}, ("arguments", JSON_TEXT)) == {}
    assert correct_source({"arguments": ""}, {("arguments", JSON_TEXT): {"limit": 5}}) == {"arguments": '{"limit":5}'}


def test_several_calls_in_one_text_are_corrected_each_at_its_own_place() -> None:
    text = 'Look. <tool_call>{"name": "f", "arguments": {}}</tool_call> and <tool_call>{"name": "g"}</tool_call>'
    first, second = (
        (text.index('{"name": "f"'), text.index("</tool_call>")),
        (text.index('{"name": "g"'), len(text) - 12),
    )
    corrected = correct_source(
        [text], {(0, Span(*first), JSON_TEXT, "name"): "longer", (0, Span(*second), JSON_TEXT, "name"): "h"}
    )
    assert corrected == [
        'Look. <tool_call>{"name": "longer", "arguments": {}}</tool_call> and <tool_call>{"name": "h"}</tool_call>'
    ]


def test_the_input_of_a_freeform_tool_is_an_object_with_one_text() -> None:
    place: Place = ("input", Under("input"))
    assert read_place({"input": "*** patch"}, place) == {"input": "*** patch"}
    assert correct_source({"input": "*** patch"}, {place: {"input": "better"}}) == {"input": "better"}


@pytest.mark.parametrize("value", [{"input": 5}, {"input": "x", "more": 1}, {}, "x"])
def test_what_does_not_fit_a_freeform_tool_is_an_error(value: Any) -> None:
    with pytest.raises(ValueError, match="an object with one text"):
        correct_source({"input": "x"}, {("input", Under("input")): value})


def test_people_see_keys_and_indices() -> None:
    assert format_place(("messages", 3, "content", 1, "input")) == "messages[3].content[1].input"
    assert format_place((0, "value", Span(3, 9), JSON_TEXT, "name")) == "[0].value.name"
