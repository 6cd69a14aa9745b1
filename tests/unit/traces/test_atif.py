"""Our traces as ATIF: valid under the public model, and the same conversation when it is read again."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ls_trajedit.traces.atif import exact_atif, to_atif
from ls_trajedit.traces.chat import chat_messages
from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.exact_messages import same_messages
from ls_trajedit.traces.json_text import json_line, parse_json
from ls_trajedit.traces.model import Call, Image, Message, Other, Reasoning, Result, Text, Trace
from ls_trajedit.traces.read import read_chat
from ls_trajedit.traces.read_options import NO_OPTIONS
from ls_trajedit.traces.readers import atif, langchain, openhands, sharegpt, smolagents, steps, swe_agent
from ls_trajedit.traces.readers.atif import is_exact
from ls_trajedit.traces.readers.base import Format
from tests.support.sources import atif as atif_sources
from tests.support.sources import langchain as langchain_sources
from tests.support.sources import openhands as openhands_sources
from tests.support.sources import sharegpt as sharegpt_sources
from tests.support.sources import smolagents as smolagents_sources
from tests.support.sources import steps as steps_sources
from tests.support.sources import swe_agent as swe_agent_sources

_FORMATS: dict[str, Format] = {
    format_.name: format_
    for format_ in (
        *(atif.FORMAT, langchain.FORMAT, openhands.FORMAT, sharegpt.FORMAT, smolagents.FORMAT),
        *(*steps.FORMATS, *swe_agent.FORMATS),
    )
}
_MODULES = (
    *(atif_sources, langchain_sources, openhands_sources, sharegpt_sources, smolagents_sources),
    *(steps_sources, swe_agent_sources),
)


@st.composite
def _traces(draw: st.DrawFn) -> Trace:
    name, sources = draw(st.sampled_from([item for module in _MODULES for item in module.SOURCES.items()]))
    return _FORMATS[name].read(draw(sources), NO_OPTIONS)[0]


def _validate(trajectory: dict[str, Any]) -> None:
    if sys.version_info < (3, 11):
        pytest.skip("the public model of ATIF needs Python 3.11")
    from atif import Trajectory

    Trajectory.model_validate(trajectory)


@given(_traces())
def test_any_trace_is_valid_atif(trace: Trace) -> None:
    _validate(to_atif(trace))


@given(_traces())
def test_any_trace_is_the_same_conversation_when_it_is_read_again(trace: Trace) -> None:
    (again,) = atif.FORMAT.read(to_atif(trace), NO_OPTIONS)
    assert _comparable(again) == _comparable(trace)
    assert [message.given for message in again.messages if message.role == "assistant"] == [
        message.given for message in trace.messages if message.role == "assistant"
    ]


def _comparable(trace: Trace) -> list[dict[str, Any]]:
    """The chat without what ATIF has no place for: names, arguments that are not an object, where results stand among
    what was heard, and how a text was cut into parts."""
    found: list[dict[str, Any]] = []
    results: dict[str, list[dict[str, Any]]] = {}
    for chat in chat_messages(trace.messages):
        message: dict[str, Any] = {**chat}
        message.pop("name", None)
        message["content"] = _joined(message["content"])
        for call in message.get("tool_calls", ()):
            if not isinstance(call["function"]["arguments"], dict):
                call["function"]["arguments"] = {}
        if message["role"] == "tool":
            results.setdefault(message["tool_call_id"], []).append(message)
        else:
            found.append(message)
    return [
        item
        for message in found
        for item in (message, *(r for call in message.get("tool_calls", ()) for r in results.get(call["id"], ())))
    ]


def _joined(content: Any) -> Any:
    if not isinstance(content, list):
        return content
    return [part for part in content if part != {"type": "text", "text": ""}]


def test_every_part_has_its_place_in_a_trajectory() -> None:
    trace = Trace(
        "t1",
        "Look.",
        (
            Message("system", (Text("Be brief."),)),
            Message("user", (Text("Look."), Image("data:image/webp;base64,AA==")), given=True),
            Message(
                "assistant",
                (Reasoning("Hm."), Text("I look."), Other(3), Call("look", {"n": 1}, "a"), Call("see", "{b", "b")),
            ),
            Message("tool", (Result((Text("one"), Other({"n": 2})), "b"),)),
            Message("user", (Text("critic: no"),), agent="critic"),
            Message("tool", (Result((), "a"),)),
        ),
        tools=({"type": "function", "function": {"name": "look"}},),
        format="openai-chat",
        parent="t0",
    )
    trajectory = to_atif(trace)
    assert trajectory == {
        "schema_version": "ATIF-v1.7",
        "session_id": "t1",
        "trajectory_id": "t1",
        "agent": {
            "name": "openai-chat",
            "version": "unknown",
            "tool_definitions": [{"type": "function", "function": {"name": "look"}}],
        },
        "steps": [
            {"step_id": 1, "source": "system", "message": "Be brief."},
            {
                "step_id": 2,
                "source": "user",
                "message": [
                    {"type": "text", "text": "Look."},
                    {"type": "image", "source": {"media_type": "image/webp", "path": "data:image/webp;base64,AA=="}},
                ],
                "is_copied_context": True,
            },
            {
                "step_id": 3,
                "source": "agent",
                "message": "I look.",
                "reasoning_content": "Hm.",
                "tool_calls": [
                    {"tool_call_id": "a", "function_name": "look", "arguments": {"n": 1}},
                    {"tool_call_id": "b", "function_name": "see", "arguments": {}, "extra": {"arguments": "{b"}},
                ],
                "observation": {
                    "results": [
                        {"source_call_id": "b", "content": 'one\n{"n":2}'},
                        {"source_call_id": "a", "content": ""},
                    ]
                },
                "extra": {"other": [3]},
            },
            {"step_id": 4, "source": "user", "message": "critic: no", "extra": {"agent": "critic"}},
        ],
        "extra": {"parent": "t0"},
    }
    _validate(trajectory)


@pytest.mark.parametrize(
    ("url", "media_type"),
    [
        ("https://x.example/a.JPG?s=1", "image/jpeg"),
        ("a.gif", "image/gif"),
        ("https://x.example/a", "image/png"),
        ("data:image/svg+xml;base64,AA==", "image/png"),
    ],
)
def test_a_picture_says_what_it_is_as_far_as_its_address_does(url: str, media_type: str) -> None:
    (step,) = to_atif(Trace("", "", (Message("user", (Image(url),)),)))["steps"]
    assert step["message"][0]["source"]["media_type"] == media_type


def test_what_came_as_atif_keeps_its_agent() -> None:
    source = {
        "schema_version": "ATIF-v1.4",
        "agent": {"name": "a", "version": "3", "model_name": "m", "extra": {"t": 0}},
        "steps": [{"step_id": 1, "source": "user", "message": "x"}],
    }
    (trace,) = atif.FORMAT.read(source, NO_OPTIONS)
    assert to_atif(trace)["agent"] == source["agent"]


NAMED = Trace(
    "t1",
    "What no message says.",
    (
        Message("user", (Text("Go."),), name="Ann"),
        Message("assistant", (Text("a"), Text("b"), Call("get", '{"cut', "k1"))),
        Message("user", (Text("Wait."),)),
        Message("tool", (Result((Text("7"), Other([1])), "k1", "get"),)),
    ),
    ({"type": "function", "function": {"name": "get", "description": "", "more": 1}},),
)


def test_what_plain_atif_has_no_place_for_is_read_back_from_an_exact_trajectory() -> None:
    (plain,) = read_chat(to_atif(NAMED), "atif", NO_OPTIONS)
    assert not same_messages(plain.messages, NAMED.messages)
    (exact,) = read_chat(parse_json(json_line(exact_atif(NAMED))), "atif", NO_OPTIONS)
    assert same_messages(exact.messages, NAMED.messages)
    assert (exact.task, exact.agent, exact.tools) == (NAMED.task, None, NAMED.tools)


def test_who_reads_plain_atif_reads_an_exact_trajectory_as_a_plain_one() -> None:
    exact = exact_atif(NAMED)
    del exact["extra"]
    assert exact == to_atif(NAMED)


def test_what_somebody_wrote_into_the_steps_counts_and_not_what_was_exact_before() -> None:
    exact = parse_json(json_line(exact_atif(NAMED)))
    exact["steps"][0]["message"] = "Stop."
    (read,) = read_chat(exact, "atif", NO_OPTIONS)
    assert read.messages[0].text == "Stop."
    assert not is_exact(exact)


@pytest.mark.parametrize("messages", [None, [None] * 9, [{"role": "nobody", "parts": []}], [{"role": "user"}], [7]])
def test_an_exact_trajectory_that_does_not_fit_itself_is_an_error(messages: Any) -> None:
    exact = exact_atif(NAMED)
    exact["extra"]["ls_trajedit"]["messages"] = messages
    with pytest.raises(ReadError, match=r"extra\.ls_trajedit"):
        read_chat(exact, "atif", NO_OPTIONS)
