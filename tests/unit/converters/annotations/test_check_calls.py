"""Whether corrected calls fit the declared tools."""

from __future__ import annotations

import json

import pytest

from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.converters.annotations.outcome import Edited
from ls_trajedit.converters.record import ChatSource, CheckedCall
from tests.support.chats import OPENAI, TOOLS
from tests.support.samples import chat_outcome

ARGUMENTS = "steps[1].tool_calls[1].arguments"


def checked(corrections: dict[str, str], tools: object = TOOLS) -> list[CheckedCall]:
    outcome = chat_outcome({**OPENAI, "tools": tools}, corrections)
    assert isinstance(outcome, Edited), outcome
    assert isinstance(outcome.record.source, ChatSource)
    return list(outcome.record.source.checked_calls)


@pytest.mark.parametrize(
    ("arguments", "fit", "detail"),
    [
        ('{"to": "OSL", "seats": 2}', "valid", ""),
        ('{"to": "OSL", "seat": 2}', "unknown_parameter", "no parameter `seat`; did you mean `seats`?"),
        ("{}", "missing", "'to' is a required property"),
        ('{"to": "OSL", "seats": "two"}', "wrong_type", "`seats`: 'two' is not of type 'integer'"),
        ('{"seats": "two"}', "missing", "'to' is a required property"),
    ],
)
def test_a_corrected_call_is_checked_against_the_schema_of_its_tool(arguments: str, fit: str, detail: str) -> None:
    (call,) = checked({ARGUMENTS: arguments})
    assert (call.step_index, call.call, call.name, call.fit) == (1, 1, "find_flights", fit)
    assert call.detail == (f"step 2, `find_flights`: {detail}" if detail else "")


def test_a_call_of_a_tool_that_is_not_declared_is_one_finding() -> None:
    (call,) = checked({"steps[1].tool_calls[1].name": "find_trains", ARGUMENTS: '{"to": "x"}'})
    assert (call.name, call.fit) == ("find_trains", "undeclared")


def test_calls_that_nobody_corrected_and_traces_without_tools_are_not_checked() -> None:
    assert checked({"steps[1].content": "Let me see."}) == []
    assert checked({ARGUMENTS: '{"x": 1}'}, tools=[]) == []


@pytest.mark.parametrize(
    "parameters",
    [
        {"type": "no type"},
        {"$ref": "http://127.0.0.1:9/schema.json"},
        {"properties": {"to": 3}},
        {"properties": {}, "additionalProperties": True},
        None,
    ],
)
def test_what_is_not_a_usable_schema_finds_nothing_and_fetches_nothing(parameters: object) -> None:
    (call,) = checked({ARGUMENTS: '{"to": "x"}'}, [{"name": "find_flights", "parameters": parameters}])
    assert call.fit == "valid"


def test_findings_are_counted() -> None:
    counts = Counts()
    counts.add(chat_outcome(OPENAI, {ARGUMENTS: "{}", "steps[0].before[0].text": "Hi."}))
    whole = Counts()
    whole.update(counts)
    expected = {"valid": 0, "unknown_parameter": 0, "missing": 1, "wrong_type": 0, "undeclared": 0}
    found = whole.as_json()
    assert (found["chats"], found["checked_calls"], found["not_the_agents"]) == (1, expected, 1)
    assert "chats" not in Counts().as_json()


def tool_with(schema: dict[str, object]) -> list[dict[str, object]]:
    parameters = {"type": "object", "properties": {"to": schema}}
    return [{"type": "function", "function": {"name": "find_flights", "parameters": parameters}}]


@pytest.mark.parametrize(
    ("schema", "value", "fit"),
    [
        # Patterns that people write are checked,
        ({"type": "string", "pattern": "^[A-Z]{3}$"}, "OSL", "valid"),
        ({"type": "string", "pattern": "^[A-Z]{3}$"}, "Oslo", "wrong_type"),
        ({"type": "string", "pattern": "^\\d{4}-\\d{2}-\\d{2}$"}, "2026-1-1", "wrong_type"),
        ({"type": "string", "pattern": "^[a-z]+@[a-z]+$"}, "a@b@c", "wrong_type"),
        # and those whose search may take for ever are not, nor are long texts against others.
        ({"type": "string", "pattern": "^(a+)+$"}, "a" * 60 + "!", "valid"),
        ({"type": "string", "pattern": "^(\\w+\\s?)*$"}, "a" * 60 + "!", "valid"),
        ({"type": "string", "pattern": "^(a|aa)+$"}, "a" * 60 + "!", "valid"),
        ({"type": "string", "pattern": "a?" * 40 + "a" * 40}, "a" * 39, "valid"),
        ({"type": "string", "pattern": "a*a*a*a*a*b"}, "a" * 400, "valid"),
        ({"type": "string", "pattern": "^a*b*$"}, "a" * 100_000 + "!", "valid"),
        ({"type": "object", "patternProperties": {"^(a+)+$": {}}}, {"a" * 60 + "!": 1}, "valid"),
        (
            {"type": "object", "patternProperties": {"^(a+)+$": {}}, "additionalProperties": False},
            {"a" * 60 + "!": 1},
            "valid",
        ),
        # Many objects are compared by their JSON.
        ({"type": "array", "uniqueItems": True}, [{"n": number} for number in range(20_000)], "valid"),
        ({"type": "array", "uniqueItems": True}, [{"n": number // 2} for number in range(20_000)], "wrong_type"),
        ({"type": "array", "uniqueItems": True}, [1, 1], "wrong_type"),
    ],
)
def test_no_schema_takes_longer_than_the_text_is_worth(schema: dict[str, object], value: object, fit: str) -> None:
    (call,) = checked({ARGUMENTS: json.dumps({"to": value})}, tool_with(schema))
    assert call.fit == fit
