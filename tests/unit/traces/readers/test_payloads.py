"""Prompts and outputs in the shape of whichever API."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from ls_trajedit.traces.chat import chat_messages
from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.model import Call, Message, Other, Text
from ls_trajedit.traces.places import JSON_TEXT
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions
from ls_trajedit.traces.readers.payloads import prompt_at, said_at

_ASKED = {"role": "user", "content": "Go."}


def _prompt(value: Any) -> list[Any]:
    return list(chat_messages(prompt_at(value, ("in",), NO_OPTIONS, Counter()).messages))


def _said(value: Any) -> Any:
    found = chat_messages(said_at(value, ("out",), NO_OPTIONS, Counter()).messages)
    return found[0] if len(found) == 1 else found


@pytest.mark.parametrize(
    "value",
    [
        "Go.",
        [_ASKED],
        [[_ASKED]],
        ["Go."],
        _ASKED,
        {"messages": [_ASKED], "model": "x"},
        {"contents": "Go."},
        {"contents": [{"role": "user", "parts": [{"text": "Go."}]}]},
        {"input": "Go."},
        {"input": [_ASKED]},
        {"input": {"messages": [_ASKED]}},
        {"prompt": "Go."},
        {"prompts": ["Go."]},
        {"args": [], "kwargs": {"messages": [_ASKED]}},
        [{"role": "user", "content": [{"type": "text", "text": "Go."}]}],
        [{"role": "user", "content": [{"text": "Go."}]}],
        [{"role": "user", "parts": [{"type": "text", "content": "Go."}]}],
        [{"type": "human", "content": "Go."}],
        [{"type": "human", "data": {"content": "Go."}}],
        [{"lc": 1, "type": "constructor", "id": ["x", "HumanMessage"], "kwargs": {"content": "Go."}}],
        [{"role": "human", "content": ["Go."]}],
    ],
)
@pytest.mark.parametrize("is_text", [False, True])
def test_a_prompt_is_read_in_any_shape_and_in_json_text(value: Any, is_text: bool) -> None:
    assert _prompt(json.dumps(value) if is_text and not isinstance(value, str) else value) == [_ASKED]


@pytest.mark.parametrize(
    ("beside", "where"),
    [
        ({"system": "S"}, ("system",)),
        ({"system": [{"type": "text", "text": "S"}]}, ("system", 0, "text")),
        ({"instructions": "S"}, ("instructions",)),
        ({"system_instruction": {"parts": [{"text": "S"}]}}, ("system_instruction", "parts", 0, "text")),
        ({"config": {"system_instruction": "S"}}, ("config", "system_instruction")),
    ],
)
def test_the_system_prompt_beside_the_messages_comes_first(beside: dict[str, Any], where: tuple[Any, ...]) -> None:
    found = prompt_at({"messages": [_ASKED], **beside}, ("in",), NO_OPTIONS, Counter()).messages
    assert found[0] == Message("system", (Text("S", ("in", *where)),))


@pytest.mark.parametrize(
    "value",
    [
        "system: Be kind.\nuser: Go.",
        "Human: Go.",
        {"role": None, "content": "x"},
        {"content": "role"},
        {"a": 1},
        5,
        ["a", "b"],
    ],
)
def test_a_prompt_of_no_known_shape_is_an_error_that_names_its_place(value: Any) -> None:
    with pytest.raises(ReadError, match=r"\bin\b"):
        _prompt(value)


def test_a_call_of_a_tool_whose_name_is_the_role_of_its_result_is_found() -> None:
    called = {"role": "assistant", "content": "", "tool_calls": [{"id": "1", "name": "look", "args": {}}]}
    said = _prompt([_ASKED, called, {"role": "look", "content": "seen"}])
    assert said[2] == {"role": "tool", "content": "seen", "tool_call_id": "", "name": "look"}


_BEDROCK_CALL = {"toolUse": {"toolUseId": "1", "name": "f", "input": {"a": 1}}}
_CALLED = {
    "role": "assistant",
    "content": "",
    "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}}],
}


@pytest.mark.parametrize(
    "value",
    [
        {"tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "name": "f", "arguments": '{"a":1}'}]},
        {"choices": [{"message": {"tool_calls": [{"id": "1", "function": {"name": "f", "arguments": '{"a":1}'}}]}}]},
        {"content": [{"type": "tool_use", "id": "1", "name": "f", "input": {"a": 1}}]},
        {"candidates": [{"content": {"parts": [{"function_call": {"id": "1", "name": "f", "args": {"a": 1}}}]}}]},
        {"content": {"parts": [{"functionCall": {"id": "1", "name": "f", "args": {"a": 1}}}], "role": "model"}},
        {"output": [{"type": "function_call", "call_id": "1", "name": "f", "arguments": '{"a":1}'}]},
        {"output": {"message": {"role": "assistant", "content": [_BEDROCK_CALL]}}},
        {
            "generations": [
                [
                    {
                        "text": "",
                        "message": {
                            "type": "ai",
                            "content": "",
                            "tool_calls": [{"id": "1", "name": "f", "args": {"a": 1}}],
                        },
                    }
                ]
            ]
        },
        [{"role": "assistant", "parts": [{"type": "tool_call", "id": "1", "name": "f", "arguments": '{"a": 1}'}]}],
        [{"toolCallId": "1", "toolName": "f", "input": '{"a": 1}'}],
        {"text": "", "toolCalls": [{"toolCallId": "1", "toolName": "f", "args": {"a": 1}}]},
        [{"type": "tool_use", "id": "1", "name": "f", "input": {"a": 1}}],
        {
            "index": 0,
            "message": {"role": "assistant", "tool_calls": [{"id": "1", "name": "f", "arguments": '{"a":1}'}]},
        },
    ],
)
@pytest.mark.parametrize("is_text", [False, True])
def test_a_call_in_an_output_is_read_in_any_shape_and_in_json_text(value: Any, is_text: bool) -> None:
    assert _said(json.dumps(value) if is_text else value) == _CALLED


@pytest.mark.parametrize(
    "value",
    ["Yes.", {"completion": "Yes."}, {"text": "Yes."}, {"content": "Yes."}, {"output": "Yes."}, {"response": "Yes."}],
)
def test_text_in_an_output_is_what_the_model_said(value: Any) -> None:
    assert _said(value) == {"role": "assistant", "content": "Yes."}


@pytest.mark.parametrize("text", ['{"text": "yes"}', "{}", "[]", '["a"]', '{"answer": {"content": "no"}}', "null", "0"])
def test_an_answer_that_is_json_is_the_text_that_the_model_wrote(text: str) -> None:
    assert _said(text) == {"role": "assistant", "content": text}


def test_json_of_no_known_shape_is_kept_and_is_not_text() -> None:
    found = said_at({"answer": 42}, ("out",), NO_OPTIONS, Counter())
    assert found.messages == (Message("assistant", (Other({"answer": 42}, ("out",)),)),)


def test_of_several_answers_the_first_counts() -> None:
    left_out: Counter[str] = Counter()
    value = {"choices": [{"message": {"role": "assistant", "content": text}} for text in "ab"]}
    assert said_at(value, ("out",), NO_OPTIONS, left_out).messages[0].text == "a"
    assert left_out == {"further answers to one prompt": 1}


def test_a_place_in_json_text_leads_through_it() -> None:
    text = json.dumps([{"role": "assistant", "parts": [{"type": "tool_call", "name": "f", "arguments": '{"a": 1}'}]}])
    (part,) = said_at(text, ("out",), NO_OPTIONS, Counter()).messages[0].parts
    at = ("out", JSON_TEXT, 0, "parts", 0)
    assert part == Call("f", {"a": 1}, "", (*at, "name"), (*at, "arguments", JSON_TEXT))


def test_a_call_that_the_content_repeats_is_one_call() -> None:
    block = {"type": "tool_use", "id": "1", "name": "f", "input": {"a": 1}}
    value = {"type": "ai", "content": [block], "tool_calls": [{"id": "1", "name": "f", "args": {"a": 1}}]}
    assert _said(value) == _CALLED


def test_arguments_that_were_not_recorded_have_no_place() -> None:
    (part,) = said_at({"tool_calls": [{"name": "f"}]}, ("out",), NO_OPTIONS, Counter()).messages[0].parts
    assert part == Call("f", {}, "", ("out", "tool_calls", 0, "name"), None)


def test_roles_go_through_the_options() -> None:
    options = ReadOptions(roles={"owner": "user"})
    found = prompt_at([{"role": "owner", "content": "Go."}], ("in",), options, Counter())
    assert found.messages[0].role == "user"
    with pytest.raises(ReadError, match=r"`owner` at in\[0\]\.role is not a role"):
        _prompt([{"role": "owner", "content": "Go."}])


def test_results_of_every_api_are_messages_of_their_own() -> None:
    results = [
        {"role": "tool", "tool_call_id": "1", "content": "R"},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "R"}]},
        {"role": "tool", "content": [{"type": "tool-result", "toolCallId": "1", "toolName": "f", "result": "R"}]},
        {
            "role": "tool",
            "content": [{"type": "tool-result", "toolCallId": "1", "output": {"type": "text", "value": "R"}}],
        },
        {
            "role": "user",
            "content": [{"toolResult": {"toolUseId": "1", "content": [{"text": "R"}], "status": "success"}}],
        },
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "1", "response": "R"}]},
        {"role": "user", "parts": [{"type": "tool_call_response", "id": "1", "result": "R"}]},
        {"type": "tool", "content": "R", "tool_call_id": "1"},
    ]
    for result in results:
        said = _prompt([result])[0]
        assert {key: said[key] for key in ("role", "content", "tool_call_id")} == {
            "role": "tool",
            "content": "R",
            "tool_call_id": "1",
        }, result
