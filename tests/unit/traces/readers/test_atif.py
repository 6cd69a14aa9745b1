"""ATIF trajectories: what stands where, and who says what."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.model import Call, Message, Other, Result, Text
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions
from ls_trajedit.traces.readers.atif import FORMAT
from tests.support.damage import check_damaged, damaged
from tests.support.reader_fixtures import chats_in, others, sources_in
from tests.support.round_trips import check_round_trip
from tests.support.sources.atif import SOURCES
from tests.support.trace_files import TraceFile, trace_files


@pytest.mark.parametrize("file", trace_files("atif"), ids=lambda file: file.path.stem)
def test_the_atif_fixtures_are_read_as_a_person_reads_them(file: TraceFile) -> None:
    assert chats_in(file, FORMAT) == file.expected()


@pytest.mark.parametrize("file", trace_files("atif"), ids=lambda file: file.path.stem)
def test_the_atif_fixtures_come_back_and_take_corrections(file: TraceFile) -> None:
    for source in sources_in(file, FORMAT):
        assert FORMAT.recognize(source)
        check_round_trip(FORMAT, source)


@given(SOURCES["atif"])
def test_any_atif_source_comes_back_and_takes_corrections(source: Any) -> None:
    assert FORMAT.recognize(source)
    check_round_trip(FORMAT, source)


def test_nothing_else_is_atif() -> None:
    for value in others("atif"):
        assert FORMAT.recognize(value) is None, value


@given(damaged(SOURCES["atif"]))
def test_a_damaged_atif_source_is_read_or_an_error_for_a_person(source: Any) -> None:
    check_damaged(FORMAT, source)


def _read(*steps: dict[str, Any], options: ReadOptions = NO_OPTIONS, **fields: Any) -> Any:
    source = {"schema_version": "ATIF-v1.6", "agent": {"name": "a", "version": "1"}, "steps": list(steps), **fields}
    return FORMAT.read(source, options)


_CALL = {"tool_call_id": "c1", "function_name": "look", "arguments": {}}


def test_a_copied_step_is_context_and_not_a_step() -> None:
    (trace,) = _read(
        {"step_id": 1, "source": "user", "message": "Go.", "is_copied_context": True},
        {"step_id": 2, "source": "agent", "message": "Before.", "is_copied_context": True},
        {"step_id": 3, "source": "agent", "message": "Now."},
    )
    assert [step.message.text for step in trace.steps] == ["Now."]
    assert [message.given for message in trace.messages] == [True, True, False]
    assert [message.text for message in trace.before] == ["Go.", "Before."]
    assert trace.task == "Go."


def test_a_call_that_a_program_made_is_not_a_step() -> None:
    (trace,) = _read(
        {"step_id": 1, "source": "agent", "message": "", "llm_call_count": 0, "tool_calls": [_CALL]},
        {"step_id": 2, "source": "agent", "message": "Done.", "llm_call_count": 1},
    )
    assert [step.position for step in trace.steps] == [1]


def test_the_task_is_what_this_agent_was_asked_first() -> None:
    (trace,) = _read(
        {"step_id": 1, "source": "user", "message": "Copied.", "is_copied_context": True},
        {"step_id": 2, "source": "user", "message": "Own."},
        {"step_id": 3, "source": "agent", "message": "Yes."},
        {"step_id": 4, "source": "user", "message": "Later."},
    )
    assert trace.task == "Own."


def test_results_come_before_what_is_heard_beside_them() -> None:
    results = [{"content": "bell"}, {"source_call_id": "c1", "content": "seen"}]
    (trace,) = _read(
        {"step_id": 1, "source": "agent", "message": "", "tool_calls": [_CALL], "observation": {"results": results}}
    )
    assert [message.role for message in trace.messages] == ["assistant", "tool", "user"]
    assert trace.messages[2].text == "bell"


def test_what_a_system_step_observes_is_the_systems() -> None:
    (trace,) = _read({"step_id": 1, "source": "system", "message": "", "observation": {"results": [{"content": "x"}]}})
    assert [message.role for message in trace.messages] == ["system", "system"]


def test_sub_agents_are_traces_of_their_own_with_their_own_source() -> None:
    child = {
        "schema_version": "ATIF-v1.7",
        "trajectory_id": "child",
        "agent": {"name": "b", "version": "1"},
        "steps": [],
    }
    parent, inner = _read(trajectory_id="top", subagent_trajectories=[child])
    assert (parent.id, parent.agent, parent.parent) == ("top", "a", None)
    assert (inner.id, inner.agent, inner.parent) == ("child", "b", "top")
    assert inner.source is child


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"subagent_trajectories": ["x"]}, r"subagent_trajectories\[0\] is not a trajectory"),
        ({"subagent_trajectories": {}}, "subagent_trajectories is not a list"),
    ],
)
def test_a_sub_agent_that_cannot_be_read_is_an_error(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ReadError, match=message):
        _read(**fields)


@pytest.mark.parametrize("observation", ["text", {"results": "text"}, {"results": ["text"]}])
def test_an_observation_that_cannot_be_read_is_an_error(observation: Any) -> None:
    with pytest.raises(ReadError, match=r"at steps\[0\].observation.results"):
        _read({"step_id": 1, "source": "agent", "message": "", "observation": observation})


def test_arguments_that_are_text_stay_what_the_model_wrote() -> None:
    calls = [{"tool_call_id": "c1", "function_name": "look", "arguments": "{broken"}]
    (trace,) = _read({"step_id": 1, "source": "agent", "message": "", "tool_calls": calls})
    assert trace.messages[0].calls[0].arguments == "{broken"


def test_what_holds_nothing_is_counted() -> None:
    (trace,) = _read({"step_id": 1, "source": "system", "message": "x", "observation": {"results": [{}]}})
    assert trace.left_out == {"observations without content": 1}


def test_without_a_version_the_steps_tell() -> None:
    source = {"steps": [{"step_id": 1, "source": "user", "message": "x"}]}
    assert FORMAT.recognize(source) == "`steps` with `step_id`, `source` and `message`"
    assert FORMAT.read(source, NO_OPTIONS)[0].messages == (Message("user", (Text("x", ("steps", 0, "message")),)),)


def test_a_source_that_nobody_knows_is_an_error_that_names_the_option() -> None:
    step = {"step_id": 1, "source": "critic", "message": "x"}
    with pytest.raises(ReadError, match=r"`critic` at steps\[0\].source is not a role .*roles: \{user: \[critic\]\}"):
        _read(step)
    (trace,) = _read(step, options=ReadOptions(roles={"critic": "user"}))
    assert trace.messages[0].role == "user"


def test_a_result_without_its_call_is_an_error() -> None:
    results = [{"source_call_id": "gone", "content": "x"}]
    with pytest.raises(ReadError, match="answers the call `gone`"):
        _read({"step_id": 1, "source": "agent", "message": "", "observation": {"results": results}})


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("text", r"the step at steps\[0\] is not an object"),
        ({"source": "agent", "message": "", "tool_calls": [{}]}, r"the call at steps\[0\].tool_calls\[0\]"),
    ],
)
def test_what_is_not_a_step_or_a_call_is_an_error(step: Any, message: str) -> None:
    with pytest.raises(ReadError, match=message):
        _read(step)


def test_a_part_that_nobody_knows_is_kept() -> None:
    (trace,) = _read({"step_id": 1, "source": "user", "message": [{"type": "video"}, 3]})
    assert [part.value for part in trace.messages[0].parts if isinstance(part, Other)] == [{"type": "video"}, 3]


def test_a_result_without_content_is_an_empty_result() -> None:
    results = [{"source_call_id": "c1"}]
    (trace,) = _read(
        {"step_id": 1, "source": "agent", "message": "", "tool_calls": [_CALL], "observation": {"results": results}}
    )
    assert trace.messages[1].parts == (Result((), "c1", place=("steps", 0, "observation", "results", 0)),)
    assert isinstance(trace.messages[0].parts[0], Call)
