"""OpenHands events: what the model said, and what the framework did."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.model import Call, Text
from ls_trajedit.traces.places import JSON_TEXT, Under
from ls_trajedit.traces.read_options import NO_OPTIONS
from ls_trajedit.traces.readers.openhands import FORMAT
from tests.support.damage import check_damaged, damaged
from tests.support.reader_fixtures import chats_in, others, sources_in
from tests.support.round_trips import check_round_trip
from tests.support.sources.openhands import SOURCES
from tests.support.trace_files import TraceFile, trace_files


@pytest.mark.parametrize("file", trace_files("openhands"), ids=lambda file: file.path.stem)
def test_the_openhands_fixtures_are_read_as_a_person_reads_them(file: TraceFile) -> None:
    assert chats_in(file, FORMAT) == file.expected()


@pytest.mark.parametrize("file", trace_files("openhands"), ids=lambda file: file.path.stem)
def test_the_openhands_fixtures_come_back_and_take_corrections(file: TraceFile) -> None:
    for source in sources_in(file, FORMAT):
        assert FORMAT.recognize(source)
        check_round_trip(FORMAT, source)


@given(SOURCES["openhands"])
def test_any_openhands_source_comes_back_and_takes_corrections(source: Any) -> None:
    assert FORMAT.recognize(source)
    check_round_trip(FORMAT, source)


def test_nothing_else_is_openhands() -> None:
    for value in others("openhands"):
        assert FORMAT.recognize(value) is None, value


@given(damaged(SOURCES["openhands"]))
def test_a_damaged_openhands_source_is_read_or_an_error_for_a_person(source: Any) -> None:
    check_damaged(FORMAT, source)


_ASKED = {"id": 0, "source": "user", "action": "message", "args": {"content": "Go."}}


def _read(*events: dict[str, Any]) -> Any:
    return FORMAT.read([_ASKED, *events], NO_OPTIONS)


def _metadata(*ids: str, answer: str = "r1", at: int = 0) -> dict[str, Any]:
    calls = [{"id": known, "type": "function", "function": {"name": "bash", "arguments": "{}"}} for known in ids]
    response = {"id": answer, "choices": [{"message": {"content": "Said.", "tool_calls": calls}}]}
    return {"function_name": "bash", "tool_call_id": ids[at], "model_response": response}


def _did(*ids: str, at: int = 0, answer: str = "r1") -> dict[str, Any]:
    metadata = _metadata(*ids, at=at, answer=answer)
    return {"source": "agent", "action": "run", "args": {"command": "ls"}, "tool_call_metadata": metadata}


def test_one_answer_in_several_events_is_one_message() -> None:
    (trace,) = _read(_did("a", "b"), _did("a", "b", at=1), _did("c", answer="r2"))
    assert [len(message.calls) for message in trace.messages] == [0, 2, 1]


def test_the_models_words_are_corrected_where_its_answer_is() -> None:
    (trace,) = _read(_did("a"))
    text, call = trace.messages[1].parts
    at = (1, "tool_call_metadata", "model_response", "choices", 0, "message")
    assert text == Text("Said.", (*at, "content"))
    assert call.arguments_place == (*at, "tool_calls", 0, "function", "arguments", JSON_TEXT)


def test_without_an_answer_the_main_argument_stands_for_all() -> None:
    event = {"source": "agent", "action": "run", "args": {"command": "ls", "thought": "", "blocking": False}}
    (trace,) = _read(event)
    assert trace.messages[1].parts == (
        Call("run", {"command": "ls"}, "call00001", None, (1, "args", "command", Under("command"))),
    )


def test_an_mcp_call_without_an_answer_has_its_own_name_and_arguments() -> None:
    args = {"name": "search", "arguments": {"q": "x"}, "thought": "Hm."}
    (trace,) = _read({"source": "agent", "action": "call_tool_mcp", "args": args})
    assert trace.messages[1].parts[1] == Call(
        "search", {"q": "x"}, "call00001", (1, "args", "name"), (1, "args", "arguments")
    )


def test_a_thought_without_an_answer_is_what_the_agent_said() -> None:
    (trace,) = _read({"source": "agent", "action": "think", "args": {"thought": "Hm."}})
    assert trace.messages[1].text == "Hm."


def test_what_a_user_did_is_heard() -> None:
    (trace,) = _read(
        {"id": 1, "source": "user", "action": "run", "args": {"command": "ls"}},
        {"id": 2, "source": "user", "cause": 1, "observation": "run", "content": "x"},
        {"id": 3, "source": "user", "action": "edit", "args": {"path": "/a"}},
        {"id": 4, "source": "user", "action": "finish", "args": {"thought": "Bye."}},
        {"id": 5, "source": "environment", "action": "message", "args": {"content": "Time is up."}},
    )
    assert [message.role for message in trace.messages] == ["user"] * 6
    assert trace.messages[1].text == "User executed the command:\nls"
    assert trace.messages[4].text == "Bye."


def test_the_frameworks_own_events_are_counted() -> None:
    (trace,) = _read(
        {"source": "environment", "observation": "agent_state_changed", "content": ""},
        {"source": "user", "observation": "null", "content": ""},
        {"source": "user", "action": "recall", "args": {"query": "x"}},
        {"source": "agent", "action": "condensation", "args": {"forgotten_event_ids": [1]}},
    )
    assert trace.left_out == {"state changes": 1, "empty observations": 1, "recalls": 1, "condensations": 1}


def test_a_delegate_is_a_trace_of_its_own() -> None:
    delegate = _did("d") | {"action": "delegate", "args": {"agent": "Browser", "inputs": {}}}
    answer = {"source": "agent", "observation": "delegate", "content": "Found.", "tool_call_metadata": _metadata("d")}
    asked = {"source": "user", "action": "message", "args": {"content": "TASK: look"}}
    said = {"source": "agent", "action": "message", "args": {"content": "Found."}}
    source = {"id": "run", "events": [_ASKED, delegate, asked, said, answer]}
    parent, child = FORMAT.read(source, NO_OPTIONS)
    assert [message.role for message in parent.messages] == ["user", "assistant", "tool"]
    assert (child.id, child.parent, child.agent) == ("run-delegate1", "run", "Browser")
    assert child.source == [asked, said]
    assert child.task == "TASK: look"


def test_a_call_that_names_no_function_is_an_error() -> None:
    event = _did("a")
    event["tool_call_metadata"]["model_response"]["choices"][0]["message"]["tool_calls"] = [{"id": "a"}]
    with pytest.raises(ReadError, match="names no function"):
        _read(event)


def test_events_that_do_not_say_where_they_come_from_are_not_openhands() -> None:
    assert FORMAT.recognize([{"action": "x", "args": {}}]) is None
    assert FORMAT.recognize([{"source": "planner", "action": "x", "args": {}}]) is None


def test_calls_of_an_answer_that_are_not_a_list_are_an_error_with_their_place() -> None:
    event = {
        "id": 1,
        "source": "agent",
        "action": "run",
        "args": {"command": "ls"},
        "tool_call_metadata": _metadata("c"),
    }
    event["tool_call_metadata"]["model_response"]["choices"][0]["message"]["tool_calls"] = True
    with pytest.raises(ReadError, match=r"model_response\.choices\[0\]\.message\.tool_calls is not a list"):
        _read(event)
