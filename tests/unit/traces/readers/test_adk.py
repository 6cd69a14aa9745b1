"""Sessions of Google's Agent Development Kit: authors, what an agent heard, and events that say nothing."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions
from ls_trajedit.traces.readers.adk import FORMAT
from tests.support.broken_sources import broken
from tests.support.reader_fixtures import chats_in, others, sources_in
from tests.support.round_trips import check_round_trip
from tests.support.sources.gemini import SOURCES
from tests.support.trace_files import TraceFile, chats_of, trace_files

FILES = pytest.mark.parametrize("file", trace_files("adk"), ids=lambda file: file.path.stem)


@FILES
def test_the_fixtures_are_read_as_a_person_reads_them(file: TraceFile) -> None:
    assert chats_in(file, FORMAT) == file.expected()


@FILES
def test_the_fixtures_come_back_and_take_corrections(file: TraceFile) -> None:
    for source in sources_in(file, FORMAT):
        assert FORMAT.recognize(source)
        check_round_trip(FORMAT, source)


@given(SOURCES["adk"])
def test_any_source_comes_back_and_takes_corrections(source: Any) -> None:
    assert FORMAT.recognize(source)
    check_round_trip(FORMAT, source)


@given(broken(SOURCES["adk"]))
def test_a_broken_source_is_refused_with_an_error_for_people_or_read(source: Any) -> None:
    if isinstance(source, list) and FORMAT.gather is not None:
        FORMAT.gather(source)
    if FORMAT.recognize(source):
        with suppress(ReadError):
            FORMAT.read(source, NO_OPTIONS)


def test_nothing_else_is_of_this_format() -> None:
    for value in others("adk"):
        assert FORMAT.recognize(value) is None, value
        if isinstance(value, list) and FORMAT.gather is not None:
            assert FORMAT.gather(value) is None, value


def read(source: Any, options: ReadOptions = NO_OPTIONS) -> Any:
    return FORMAT.read(source, options)[0]


def chat(source: Any, options: ReadOptions = NO_OPTIONS) -> Any:
    return chats_of([read(source, options)])[0]["messages"]


ASKED = {"author": "user", "content": {"role": "user", "parts": [{"text": "Go."}]}}


def said(author: str, *parts: dict[str, Any], role: str = "model", **more: Any) -> dict[str, Any]:
    return {"author": author, "content": {"role": role, "parts": list(parts)}, **more}


CALL = {"function_call": {"name": "look", "args": {"n": 1}}}
ANSWER = {"function_response": {"name": "look", "response": {"r": 2}}}
TWO = {
    "events": [
        ASKED,
        said("planner", {"text": "A plan.", "thought": None}, {"text": "Why.", "thought": True}, CALL),
        said("planner", ANSWER, role="user"),
        said("writer", {"text": "A text."}),
    ]
}


def test_where_several_agents_speak_the_options_must_say_whose_turns_are_steps() -> None:
    with pytest.raises(ReadError) as error:
        read(TWO)
    assert "several agents speak in it (`planner`, `writer`)" in str(error.value)
    assert "`agent: planner`" in str(error.value)


def test_the_other_agents_are_heard_as_users_that_say_who_speaks() -> None:
    trace = read(TWO, ReadOptions(agent="writer"))
    assert [m.role for m in trace.messages] == ["user", "user", "user", "assistant"]
    assert [m.text.partition(":")[0] for m in trace.messages[1:3]] == ["planner", "look"]
    assert (trace.agent, trace.messages[1].agent) == ("writer", "planner")
    own = read(TWO, ReadOptions(agent="planner"))
    assert [m.role for m in own.messages] == ["user", "assistant", "tool", "user"]
    assert own.messages[3].text == "writer: A text."


def test_an_agent_that_does_not_speak_cannot_be_chosen() -> None:
    with pytest.raises(ReadError, match="no agent in it is called `critic`"):
        read(TWO, ReadOptions(agent="critic"))


def test_an_agent_hears_only_its_own_branch() -> None:
    events = [
        ASKED,
        said("left", {"text": "L"}, branch="root.left"),
        said("right", {"text": "R"}, branch="root.right"),
        said("root", {"text": "Both."}, branch="root"),
        said("left", {"text": "L2"}, branch="root.left"),
    ]
    trace = read(events, ReadOptions(agent="left"))
    assert [m.text for m in trace.messages] == ["Go.", "L", "root: Both.", "L2"]
    assert trace.left_out == {"events of other branches": 1}


def test_events_that_are_not_part_of_the_conversation_are_left_out_and_counted() -> None:
    credential = {"function_call": {"name": "adk_request_credential", "args": {}}}
    events = [
        ASKED,
        {"author": "shop", "actions": {"state_delta": {}}},
        said("shop", {"text": "Do"}, partial=True),
        said("shop", credential),
        said("shop", {"text": "Done."}),
    ]
    trace = read(events)
    assert [m.text for m in trace.messages] == ["Go.", "Done."]
    assert trace.left_out == {"events without content": 1, "partial events": 1, "requests for credentials": 1}
    assert trace.agent == "shop"


def test_a_result_without_its_call_is_an_error_or_heard_as_the_options_say() -> None:
    with pytest.raises(ReadError, match=r"the result at \[1\]\.content\.parts\[0\]\.function_response answers"):
        read([ASKED, said("shop", ANSWER, role="user")])
    heard = chat([ASKED, said("shop", ANSWER, role="user")], ReadOptions(roles={"tool": "user"}))
    assert heard[1] == {"role": "user", "content": '{"r":2}'}


def test_an_unknown_role_is_an_error_that_names_its_place() -> None:
    with pytest.raises(ReadError, match=r"`oracle` at \[1\]\.content\.role is not a role"):
        read([ASKED, said("shop", {"text": "x"}, role="oracle")])


@pytest.mark.parametrize(
    "source",
    [
        [{"author": "user", "message": "a chat of somebody else's"}],
        [{"author": "user", "content": "text"}],
        [{"author": "user", "content": {"parts": [{"type": "text", "text": "x"}]}}],
        [{"author": "user", "actions": {}}],
        {"contents": [{"role": "user", "parts": [{"text": "Go."}]}]},
    ],
)
def test_events_of_others_are_left_to_others(source: Any) -> None:
    assert FORMAT.recognize(source) is None
