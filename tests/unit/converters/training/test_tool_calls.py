"""Which actions are tool calls, which stay text, and which tools there are. No action is evaluated."""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.converters.training.tool_calls import (
    Signature,
    ToolCall,
    declared_tools,
    inferred_tools,
    parse_calls,
    signatures,
)
from tests.support.strategies import json_values, texts


def one(name: str, **arguments: Any) -> list[ToolCall]:
    return [ToolCall(name, arguments)]


@pytest.mark.parametrize(
    ("action", "calls"),
    [
        ({"name": "search", "arguments": {"q": "x"}}, one("search", q="x")),
        ({"name": "search", "arguments": '{"q": "x"}'}, one("search", q="x")),
        ({"id": "c9", "type": "function", "function": {"name": "f", "arguments": "{}"}}, one("f")),
        ({"function": {"name": "f", "arguments": {"n": 1.5}}}, one("f", n=1.5)),
        ([{"name": "f", "arguments": {}}, {"name": "g", "arguments": {"a": [1]}}], [*one("f"), *one("g", a=[1])]),
        ('{"name": "search", "arguments": {"q": "x"}}', one("search", q="x")),
        (' [{"name": "f", "arguments": {"a": null}}]\n', one("f", a=None)),
        ("web_search(query='SF weather')", one("web_search", query="SF weather")),
        ("finish()", one("finish")),
        ('  f( a = "x",\n b = -1, c = [1, (2, 3)], d = {"k": None}, e = True )  ',
         one("f", a="x", b=-1, c=[1, [2, 3]], d={"k": None}, e=True)),
        ("calendar.search(day='2025-03-11')", one("calendar.search", day="2025-03-11")),
        ("f(a='é' '😀')", one("f", a="é😀")),
        (r"f(path='C:\data')", one("f", path="C:\\data")),
    ],
)  # fmt: skip
def test_a_call_has_a_name_and_arguments(action: Any, calls: list[ToolCall]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert parse_calls(action, {}) == calls


@pytest.mark.parametrize(
    "action",
    [
        *(None, 5, True, "", " ", "finish", "go there", "(f)(x=1)", "f", "f(", "f(x=1", "x = f(a=1)", "f(a=1); g()"),
        *("open_url(results[0])", "f(x)", "f('x')", "f(*a)", "f(**a)", "f(a=g())", "f(a=b)", "f(a=f'{x}')"),
        "f(a=lambda: 1)",
        *("f(a=1)(b=2)", "f(a=1, a=2)", "f(a={1})", "f(a=b'x')", "f(a=1j)", "f(a=...)", "f(a={1: 2})", "f(a=1e999)"),
        *("f(a=99999999999999999999)", "f(a='\x00')", "f()()", "f()[0]", "__import__('os').system('x')", "é(a=1)"),
        *("{", "[]", "{}", "[1]", '{"name": "f"}', '{"name": "f", "arguments": [1]}', '{"name": 5, "arguments": {}}'),
        *('{"name": "f", "arguments": "x"}', '{"name": "f g", "arguments": {}}', '{"name": "", "arguments": {}}'),
        {"name": "f", "arguments": {}, "thought": "more than a call"},
        {"type": "tool", "function": {"name": "f", "arguments": {}}},
        {"function": {"name": "f", "arguments": {}, "strict": True}},
        {"function": "f"},
        [{"name": "f", "arguments": {}}, "and so on"],
        {"name": "f", "arguments": {"n": 2**70}},
        "f(" + "(" * 5_000 + ")" * 5_000 + ")",
        "f(a=" + "-" * 50_000 + "1)",
        "f(a='" + "x" * 200_000 + "')",
    ],
    ids=lambda action: repr(action)[:40],
)  # fmt: skip
def test_any_other_action_stays_text(action: Any) -> None:
    assert parse_calls(action, {}) is None


def test_only_a_declared_tool_gives_positional_arguments_their_names() -> None:
    known = {"open_url": Signature(("url", "wait"))}
    assert parse_calls("open_url('x')", known) == one("open_url", url="x")
    assert parse_calls("open_url('x', 5)", known) == one("open_url", url="x", wait=5)
    assert parse_calls("open_url('x', wait=5)", known) == one("open_url", url="x", wait=5)
    assert parse_calls("open_url('x', url='y')", known) is None
    assert parse_calls("open_url('x', 5, 6)", known) is None
    assert parse_calls("other('x')", known) is None


@pytest.mark.parametrize(
    ("parameters", "signature"),
    [
        ({"properties": {"k": {}, "query": {}}, "required": ["query"]}, Signature(("query",), frozenset({"k"}))),
        ({"properties": {"k": {}, "query": {}}, "required": ["query", "k"]}, Signature(("query", "k"))),
        ({"properties": {"k": {}, "query": {}}}, Signature((), frozenset({"k", "query"}))),
        ({"properties": {"k": {}}, "required": ["query", "k", "k", 5]}, Signature(("k",))),
        ({"properties": {"k": {}}, "required": "k"}, Signature((), frozenset({"k"}))),
        ({"properties": ["k"], "required": ["k"]}, Signature(())),
        (None, Signature(())),
    ],
)
def test_where_the_order_of_keys_is_lost_only_the_array_of_required_parameters_has_one(
    parameters: Any, signature: Signature
) -> None:
    tools = declared_tools([{"name": "f", "parameters": parameters}])
    assert signatures(tools or [], knows_key_order=False) == {"f": signature}


def test_after_the_parameters_in_a_known_order_only_a_single_one_can_be_named() -> None:
    one_left = {"f": Signature(("q",), frozenset({"k"}))}
    assert parse_calls("f('x', 5)", one_left) == one("f", q="x", k=5)
    assert parse_calls("f('x', 5, 6)", one_left) is None
    assert parse_calls("f(5, q='x')", one_left) is None
    two_left = {"f": Signature(("q",), frozenset({"k", "page"}))}
    assert parse_calls("f('x')", two_left) == one("f", q="x")
    assert parse_calls("f('x', 5)", two_left) is None
    assert parse_calls("f('x', 5, 6)", two_left) is None
    assert parse_calls("f('x', 5, page=6)", two_left) == one("f", q="x", k=5, page=6)
    assert parse_calls("f('x', k=5, page=6)", two_left) == one("f", q="x", k=5, page=6)
    assert parse_calls("f('x')", {"f": Signature((), frozenset({"q"}))}) == one("f", q="x")


def test_arguments_hold_nothing_that_utf_8_cannot_encode() -> None:
    assert parse_calls({"name": "f", "arguments": {"a\udc80": ["\udc80"]}}, {}) == one("f", **{"a\ufffd": ["\ufffd"]})


@given(json_values() | texts())
def test_no_action_is_an_error_whatever_it_holds(action: Any) -> None:
    for call in parse_calls(action, {"f": Signature(("a",), frozenset({"b"}))}) or []:
        json.dumps(call.arguments).encode()


DECLARED = [
    {"name": "open_url", "description": "Opens.", "parameters": {"type": "object", "properties": {"url": {}, "n": {}}}},
    {"type": "function", "function": {"name": "stop"}},
]


@pytest.mark.parametrize("value", [DECLARED, json.dumps(DECLARED)])
def test_declared_tools_stay_as_they_are_and_get_a_description_if_they_have_none(value: Any) -> None:
    tools = declared_tools(value)
    assert tools is not None
    assert tools[0] == {"type": "function", "function": DECLARED[0]}
    assert tools[1] == {"type": "function", "function": {"name": "stop", "description": ""}}
    assert signatures(tools, knows_key_order=True) == {"open_url": Signature(("url", "n")), "stop": Signature(())}


@pytest.mark.parametrize("value", [None, [], "", "{", 5, {"name": "f"}, ["f"], [{"description": "x"}], [DECLARED]])
def test_anything_else_declares_no_tools(value: Any) -> None:
    assert declared_tools(value) is None


def test_tools_are_inferred_from_the_corrected_calls() -> None:
    corrected = [
        ToolCall("search", {"query": "x", "limit": 5}),
        ToolCall("stop", {}),
        ToolCall("search", {"query": None, "deep": True}),
    ]
    original = [ToolCall("search", {"queyr": "x"}), ToolCall("guess", {"a": 1.5, "b": [], "c": {}})]
    assert [tool["function"] for tool in inferred_tools(corrected, original)] == [
        {
            "name": "search",
            "description": "",
            "parameters": {
                "type": "object",
                "properties": {
                    "query": {"type": ["string", "null"]},
                    "limit": {"type": "integer"},
                    "deep": {"type": "boolean"},
                },
                "required": ["query"],
            },
        },
        {"name": "stop", "description": "", "parameters": {"type": "object", "properties": {}, "required": []}},
        {
            "name": "guess",
            "description": "",
            "parameters": {
                "type": "object",
                "properties": {"a": {"type": "number"}, "b": {"type": "array"}, "c": {"type": "object"}},
                "required": ["a", "b", "c"],
            },
        },
    ]
    assert inferred_tools([], []) == []
