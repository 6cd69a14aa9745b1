"""Calls and results that stand as tags in text."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ls_trajedit.traces.model import Call, Part, Result, Text
from ls_trajedit.traces.places import Place, Span, correct_source, read_place
from ls_trajedit.traces.readers.tags import tagged_parts, tool_responses
from tests.support.strategies import texts

AT = ("value",)


def short(part: Part) -> Any:
    match part:
        case Text(text):
            return text
        case Call(name, arguments, identity):
            return (name, arguments, identity) if identity else (name, arguments)
        case Result(_, _, name):
            return [part.text, name]
    raise AssertionError(part)


def parts(text: str) -> list[Any]:
    return [short(part) for part in tagged_parts(text, AT)]


def responses(text: str) -> list[Any]:
    return [short(part) for part in tool_responses(text, AT)]


LOOK = '<tool_call>\n{"name": "look", "arguments": {"at": "é"}}\n</tool_call>'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  Just text.\n", ["  Just text.\n"]),
        (LOOK, [("look", {"at": "é"})]),
        (f"\n {LOOK}\n\n", [("look", {"at": "é"})]),
        (f"  I look.\n\n{LOOK}\n", ["  I look.", ("look", {"at": "é"})]),
        (f"{LOOK}\n{LOOK}", [("look", {"at": "é"}), ("look", {"at": "é"})]),
        (f"{LOOK}\nDone. ", [("look", {"at": "é"}), "Done. "]),
        (f"One\n{LOOK}\nTwo", ["One", ("look", {"at": "é"}), "\nTwo"]),
        (f"One {LOOK} {LOOK} Two {LOOK} ", ["One", *[("look", {"at": "é"})] * 2, " Two", ("look", {"at": "é"})]),
        ('<tool_call>{"arguments": {}, "name": "f", "id": "c1"}</tool_call>', [("f", {}, "c1")]),
        ('<tool_call>{"name": "f"}</tool_call>', [("f", {})]),
        ('<tool_call>{"name": "f", "parameters": {"a": 1}}</tool_call>', [("f", {"a": 1})]),
        ('<tool_call>{"name": "f", "arguments": "{\\"a\\": 1}"}</tool_call>', [("f", {"a": 1})]),
        ('<tool_call>{"name": "f", "arguments": "{a"}</tool_call>', [("f", "{a")]),
        (
            "<tool_call>\n{'name': 'f', 'arguments': {'a': None, 'b': True}}\n</tool_call>",
            [("f", {"a": None, "b": True})],
        ),
        ('<tool_call>\n{"name": "f"}\n\n{"name": "g"}\n</tool_call>', [("f", {}), ("g", {})]),
    ],
)
def test_tags_become_calls_and_the_rest_stays_text(text: str, expected: list[Any]) -> None:
    assert parts(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "<tool_call>",
        "<tool_call></tool_call>",
        '<tool_call>{"name": "f", "arguments": {</tool_call>',
        '<tool_call>{"arguments": {}}</tool_call>',
        '<tool_call>{"name": 1}</tool_call>',
        '<tool_call>["f"]</tool_call>',
        "<tool_call>f(1)</tool_call>",
        "<tool_call>{'name': 'f', 'arguments': {1: 2}}</tool_call>",
        "<tool_call>{'name': 'f', 'arguments': (1, 2)}</tool_call>",
        "<tool_call>{'name': open('x')}</tool_call>",
        '<tool_call>{"name": "f"}\nand then\n</tool_call>',
        "<tool_call><function=f><parameter=a>1</parameter></function></tool_call>",
    ],
)
def test_what_is_not_a_call_stays_as_the_model_wrote_it(text: str) -> None:
    assert parts(text) == [text]
    assert parts(f"{text} {LOOK}") == [text, ("look", {"at": "é"})]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" 3 ", [" 3 "]),
        ("<tool_response>\n3\n</tool_response>", [["3", None]]),
        ("<tool_response></tool_response>", [["", None]]),
        (
            '<tool_response>{"name": "f", "content": 3}</tool_response>\n<tool_response>{"name": "f"}</tool_response>',
            [['{"name": "f", "content": 3}', "f"], ['{"name": "f"}', None]],
        ),
        ("<tool_response>{'name': 'f', 'content': None}</tool_response>", [["{'name': 'f', 'content': None}", "f"]]),
        ("Here:\n<tool_response>3</tool_response>\nGo on. ", ["Here:", ["3", None], "Go on."]),
        ("<tool_response>3", ["<tool_response>3"]),
    ],
)
def test_responses_become_results_and_the_rest_stays_text(text: str, expected: list[Any]) -> None:
    assert responses(text) == expected


@pytest.mark.parametrize(
    ("call", "name", "arguments", "expected"),
    [
        ('{"name": "f", "arguments": {}}', "g", {"b": "ü"}, '{"name": "g", "arguments": {"b": "ü"}}'),
        ('{"name":"f","arguments":{"b":1}}', "g", {}, '{"name":"g","arguments":{}}'),
        ("{'name': 'f', 'arguments': {}}", "g", {"b": None}, "{'name': 'g', 'arguments': {'b': None}}"),
        (
            '{"name": "f", "arguments": "{\\"a\\": 1}"}',
            "g",
            {"a": 2},
            '{"name": "g", "arguments": "{\\"a\\": 2}"}',
        ),
    ],
)
def test_both_corrections_of_a_call_are_put_back_in_its_own_style(
    call: str, name: str, arguments: Any, expected: str
) -> None:
    text = "Say {}\n<tool_call>{}</tool_call>{}"
    source = {"value": text.format("a", call, "\nb")}
    said, made, after = tagged_parts(source["value"], AT)
    assert isinstance(said, Text)
    assert isinstance(made, Call)
    assert isinstance(after, Text)
    corrected = correct_source(
        source,
        {
            said.place: "longer",
            made.name_place: name,
            made.arguments_place: arguments,
            after.place: "\nc",
        },
    )
    assert corrected == {"value": text.format("longer", expected, "\nc").replace("Say longer", "longer")}


CALLS = st.builds(
    lambda name, arguments, space: (
        f"<tool_call>{space}{json.dumps({'name': name, 'arguments': arguments})}</tool_call>"
    ),
    st.sampled_from(["f", "look"]),
    st.dictionaries(texts(), texts(), max_size=2),
    st.sampled_from(["", "\n", " "]),
)
PIECES = texts() | CALLS | st.sampled_from(["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "{}"])


@given(st.lists(PIECES, max_size=6).map("".join))
def test_every_part_holds_what_stands_at_its_place_and_nothing_but_tags_and_space_is_lost(text: str) -> None:
    source = {"value": text}
    for found in (tagged_parts(text, AT), tool_responses(text, AT)):
        end = 0
        for part in found:
            span = covered(source, part)
            assert is_tags(text[end : span.start])
            end = span.end
        assert is_tags(text[end:])


def covered(source: dict[str, str], part: Part) -> Span:
    """Which part of the text this is; its places are right."""
    place: Place | None
    if isinstance(part, Call):
        place = part.name_place
        assert place is not None
        assert part.arguments_place is not None
        assert read_place(source, place) == part.name
        assert read_place(source, part.arguments_place) == part.arguments
    else:
        assert isinstance(part, Text | Result)
        place = part.place
        assert place is not None
        assert read_place(source, place) == part.text
    span = place[1] if len(place) > 1 else None
    return span if isinstance(span, Span) else Span(0, len(source["value"]))


def is_tags(text: str) -> bool:
    return not re.sub(r"</?tool_(call|response)>|\s", "", text)
