"""The memory steps of smolagents."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.places import Under
from ls_trajedit.traces.read_options import NO_OPTIONS
from ls_trajedit.traces.readers.smolagents import FORMAT
from tests.support.damage import check_damaged, damaged
from tests.support.reader_fixtures import chats_in, others, sources_in
from tests.support.round_trips import check_round_trip
from tests.support.sources.smolagents import SOURCES
from tests.support.trace_files import TraceFile, trace_files


@pytest.mark.parametrize("file", trace_files("smolagents"), ids=lambda file: file.path.stem)
def test_the_smolagents_fixtures_are_read_as_a_person_reads_them(file: TraceFile) -> None:
    assert chats_in(file, FORMAT) == file.expected()


@pytest.mark.parametrize("file", trace_files("smolagents"), ids=lambda file: file.path.stem)
def test_the_smolagents_fixtures_come_back_and_take_corrections(file: TraceFile) -> None:
    for source in sources_in(file, FORMAT):
        assert FORMAT.recognize(source)
        check_round_trip(FORMAT, source)


@given(SOURCES["smolagents"])
def test_any_smolagents_source_comes_back_and_takes_corrections(source: Any) -> None:
    assert FORMAT.recognize(source)
    check_round_trip(FORMAT, source)


def test_nothing_else_is_smolagents() -> None:
    for value in others("smolagents"):
        assert FORMAT.recognize(value) is None, value


@given(damaged(SOURCES["smolagents"]))
def test_a_damaged_smolagents_source_is_read_or_an_error_for_a_person(source: Any) -> None:
    check_damaged(FORMAT, source)


def _read(*steps: dict[str, Any]) -> Any:
    return FORMAT.read([{"task": "Go."}, *steps], NO_OPTIONS)[0]


def _call(known: str, arguments: Any) -> dict[str, Any]:
    return {"id": known, "type": "function", "function": {"name": "look", "arguments": arguments}}


def test_the_code_of_a_code_agent_is_in_what_it_said() -> None:
    code = {"code_action": "1", "tool_calls": [_call("c", "1")]}
    trace = _read({"step_number": 1, "model_output": "<code>1</code>", "observations": "1", **code})
    assert [(m.role, m.text) for m in trace.messages[1:]] == [("assistant", "<code>1</code>"), ("user", "1")]
    assert not trace.messages[1].calls


def test_code_without_text_is_a_call() -> None:
    trace = _read({"step_number": 1, "model_output": None, "code_action": "1", "tool_calls": [], "observations": "1"})
    (call,) = trace.messages[1].calls
    assert (call.name, call.arguments) == ("python_interpreter", {"code": "1"})
    assert call.arguments_place == (1, "code_action", Under("code"))
    assert trace.messages[2].role == "tool"


def test_the_observations_of_several_calls_are_heard_together() -> None:
    trace = _read({"step_number": 1, "tool_calls": [_call("a", {}), _call("b", {})], "observations": "both"})
    assert [message.role for message in trace.messages] == ["user", "assistant", "user"]


def test_an_error_is_heard_like_a_result() -> None:
    error = {"type": "AgentToolCallError", "message": "no such tool"}
    trace = _read({"step_number": 1, "tool_calls": [_call("a", {})], "observations": None, "error": error})
    assert trace.messages[2].parts[0].text == "no such tool"


def test_a_final_answer_is_left_out_and_counted() -> None:
    trace = _read(
        {"step_number": 1, "model_output": "x", "action_output": "x", "is_final_answer": True}, {"output": "x"}
    )
    assert [message.role for message in trace.messages] == ["user", "assistant"]
    assert trace.left_out == {"final answers": 1}


def test_a_call_that_names_no_tool_is_an_error() -> None:
    with pytest.raises(ReadError, match=r"the call at \[1\].tool_calls\[0\] names no tool"):
        _read({"step_number": 1, "tool_calls": [{}], "observations": ""})


def test_steps_without_an_action_are_not_smolagents() -> None:
    assert FORMAT.recognize([{"task": "x"}, {"output": "y"}]) is None
    assert FORMAT.recognize([{"step_number": 1, "action": "x", "observations": "y"}]) is None
