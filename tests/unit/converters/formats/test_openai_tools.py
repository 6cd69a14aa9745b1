"""Tools and calls that OpenAI would refuse: made what it takes, or their rows left out."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from ls_trajedit.converters.annotations.outcome import Edited
from ls_trajedit.converters.formats.openai_tools import openai_call_id, openai_tools
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.converters.training.tool_calls import Tool
from tests.support.rows import rows
from tests.support.samples import TOOLS, chat_outcome, sample_of


def tool(name: str, parameters: Any = None, **more: Any) -> Tool:
    schema = {} if parameters is None else {"parameters": parameters}
    return {"type": "function", "function": {"name": name, "description": "", **schema, **more}}


def functions(*tools: Tool, called: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """The functions of a row with these tools."""
    found = openai_tools(tools, called)
    assert found is not None
    return [made["function"] for made in found.tools]


def parameters_of(schema: Any) -> Any:
    (function,) = functions(tool("f", schema))
    return function["parameters"]


def test_every_array_has_items_however_deep_it_is() -> None:
    bare = {"type": "array"}
    full = {"type": "array", "items": {}}
    schema = {
        "type": "object",
        "properties": {
            "a": bare,
            "type": {"type": "object", "properties": {"b": bare}},
            "c": {"anyOf": [bare, {"type": "null"}]},
            "d": {"type": "array", "items": bare},
            "e": {"type": ["array", "null"]},
            "f": {"type": "array", "prefixItems": [bare]},
            "g": {"type": "array", "items": True},
            "h": {"type": "object", "additionalProperties": bare},
            "i": {"$ref": "#/$defs/x"},
            "j": {"type": "array", "items": {"type": "string"}},
        },
        "$defs": {"x": bare},
    }
    assert parameters_of(schema) == {
        "type": "object",
        "properties": {
            "a": full,
            "type": {"type": "object", "properties": {"b": full}},
            "c": {"anyOf": [full, {"type": "null"}]},
            "d": {"type": "array", "items": full},
            "e": {"type": ["array", "null"], "items": {}},
            "f": {"type": "array", "prefixItems": [full], "items": {}},
            "g": full,
            "h": {"type": "object", "additionalProperties": full},
            "i": {"$ref": "#/$defs/x"},
            "j": {"type": "array", "items": {"type": "string"}},
        },
        "$defs": {"x": full},
    }


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({}, {"type": "object", "properties": {}}),
        ({"type": "object"}, {"type": "object", "properties": {}}),
        ({"type": "object", "properties": None, "required": None}, {"type": "object", "properties": {}}),
        ({"properties": {"q": {}}}, {"type": "object", "properties": {"q": {}}}),
        ({"type": ["object", "null"], "properties": {}}, {"type": "object", "properties": {}}),
        (
            {"anyOf": [{"type": "object", "properties": {"a": {}}}, {"properties": {"b": {}}}], "title": "T"},
            {"type": "object", "properties": {"a": {}, "b": {}}, "title": "T"},
        ),
    ],
)
def test_parameters_are_an_object_with_properties(schema: Any, expected: Any) -> None:
    assert parameters_of(schema) == expected


def test_what_openai_does_not_know_of_a_tool_is_left_away_and_a_long_description_is_cut() -> None:
    long = tool("f", returns="str", strict=None)
    long["function"]["description"] = "x" * 1025
    assert functions(long) == [{"name": "f", "description": "x" * 1024}]
    assert functions(tool("f", description=None)) == [{"name": "f", "description": ""}]
    strict = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    assert functions(tool("f", strict, strict=True))[0]["strict"] is True
    # With `items` of any kind it is not strict any more.
    assert "strict" not in functions(tool("f", {"properties": {"a": {"type": "array"}}}, strict=True))[0]


def test_names_are_allowed_and_no_two_tools_have_the_same() -> None:
    names = ["a.b", "a_b", "a b", "größe", "x" * 70, "x" * 64, "a_b_2"]
    made = [function["name"] for function in functions(*map(tool, names))]
    assert made == ["a_b_3", "a_b", "a_b_4", "gr__e", "x" * 62 + "_2", "x" * 64, "a_b_2"]
    assert all(re.fullmatch("[A-Za-z0-9_-]{1,64}", name) for name in made)
    found = openai_tools([tool("a.b")], ["a_b", "c.d"])
    assert found is not None
    assert [found.name(name) for name in ("a.b", "a_b", "c.d", "e.f")] == ["a_b_2", "a_b", "c_d", "e_f"]


def test_tools_that_cannot_be_told_apart_or_are_too_many_have_no_row() -> None:
    assert openai_tools([tool("f", {}), tool("f", {"properties": {"a": {}}})]) is None
    assert len(functions(tool("f", {}), tool("f", {}))) == 1
    assert openai_tools([tool(f"f{number}") for number in range(129)]) is None
    assert openai_tools([tool("f", {"type": "string"})]) is None
    assert openai_tools([tool("f", "none")]) is None


def test_ids_are_not_too_long() -> None:
    ids = ["x" * 41, "x" * 42, "call_1"]
    short = [openai_call_id(identity) for identity in ids]
    assert max(map(len, short)) <= 40
    assert len(set(short)) == 3
    assert short[2] == "call_1"


def chat(*names: str) -> dict[str, Any]:
    """A chat in which the last of the named tools is called with an id that is too long."""
    call = {"id": "toolu_" + "a" * 60, "type": "function", "function": {"name": names[-1], "arguments": "{}"}}
    return {
        "tools": [tool(name, {"type": "object"}) for name in names],
        "messages": [
            {"role": "user", "name": "Ana Maria", "content": "Go."},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": call["id"], "content": "done"},
            {"role": "assistant", "content": "Dnoe."},
        ],
    }


def test_calls_and_tools_of_a_row_agree() -> None:
    outcome = chat_outcome(chat("fs_read", "fs.read"), {"steps[1].content": "Done."})
    assert isinstance(outcome, Edited)
    sample = Sample(outcome.record, traces=outcome.traces)
    (sft,) = rows("openai/sft.jsonl", sample)
    (dpo,) = rows("openai/dpo.jsonl", sample)
    for messages, tools in ((sft["messages"], sft["tools"]), (dpo["input"]["messages"], dpo["input"]["tools"])):
        assert [made["function"]["name"] for made in tools] == ["fs_read", "fs_read_2"]
        (call,) = messages[1]["tool_calls"]
        assert call["function"]["name"] == "fs_read_2"
        assert call["id"] == messages[2]["tool_call_id"]
        assert len(call["id"]) <= 40
        assert messages[0]["name"] == "Ana_Maria"
    # TRL's files have names and ids as they were recorded.
    (row,) = rows("trl/dpo.jsonl", sample)
    assert row["prompt"][1]["tool_calls"][0]["function"]["name"] == "fs.read"


def test_a_row_with_tools_that_openai_refuses_is_left_out_and_counted() -> None:
    source = chat("f")
    source["tools"].append(tool("f", {"type": "object", "properties": {"a": {}}}))
    outcome = chat_outcome(source, {"steps[1].content": "Done."})
    assert isinstance(outcome, Edited)
    sample = Sample(outcome.record, traces=outcome.traces)
    assert rows("openai/sft.jsonl", sample) == rows("openai/dpo.jsonl", sample) == ["unusable_tools"]
    assert len(rows("trl/sft.jsonl", sample)) == 1


def test_an_inferred_tool_that_takes_a_list_has_items() -> None:
    call = json.dumps({"name": "f", "arguments": {"x": [1]}})
    (row,) = rows("openai/dpo.jsonl", sample_of([{"action": "f(x=[])"}], (0, "action", call), rendering=TOOLS))
    schema = {"type": "object", "properties": {"x": {"type": "array", "items": {}}}, "required": ["x"]}
    assert row["input"]["tools"] == [tool("f", schema)]
