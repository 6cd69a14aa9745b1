"""SWE-agent's and mini-swe-agent's trajectories."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions
from ls_trajedit.traces.readers.openai_chat import FORMAT as OPENAI
from ls_trajedit.traces.readers.swe_agent import FORMATS
from tests.support.damage import check_damaged, damaged
from tests.support.reader_fixtures import chats_in, others, sources_in
from tests.support.round_trips import check_round_trip
from tests.support.sources.swe_agent import SOURCES
from tests.support.trace_files import TraceFile, trace_files

SWE_AGENT, MINI = FORMATS


@pytest.mark.parametrize("file", trace_files("swe-agent"), ids=lambda file: file.path.stem)
def test_the_swe_agent_fixtures_are_read_as_a_person_reads_them(file: TraceFile) -> None:
    assert chats_in(file, SWE_AGENT) == file.expected()


@pytest.mark.parametrize("file", trace_files("swe-agent"), ids=lambda file: file.path.stem)
def test_the_swe_agent_fixtures_come_back_and_take_corrections(file: TraceFile) -> None:
    for source in sources_in(file, SWE_AGENT):
        assert SWE_AGENT.recognize(source)
        check_round_trip(SWE_AGENT, source)


@given(SOURCES["swe-agent"])
def test_any_swe_agent_source_comes_back_and_takes_corrections(source: Any) -> None:
    assert SWE_AGENT.recognize(source)
    check_round_trip(SWE_AGENT, source)


def test_nothing_else_is_swe_agent() -> None:
    for value in others("swe-agent"):
        assert SWE_AGENT.recognize(value) is None, value


@given(damaged(SOURCES["swe-agent"]))
def test_a_damaged_swe_agent_source_is_read_or_an_error_for_a_person(source: Any) -> None:
    check_damaged(SWE_AGENT, source)


@pytest.mark.parametrize("file", trace_files("mini-swe-agent"), ids=lambda file: file.path.stem)
def test_the_mini_swe_agent_fixtures_are_read_as_a_person_reads_them(file: TraceFile) -> None:
    assert chats_in(file, MINI) == file.expected()


@pytest.mark.parametrize("file", trace_files("mini-swe-agent"), ids=lambda file: file.path.stem)
def test_the_mini_swe_agent_fixtures_come_back_and_take_corrections(file: TraceFile) -> None:
    for source in sources_in(file, MINI):
        assert MINI.recognize(source)
        check_round_trip(MINI, source)


@given(SOURCES["mini-swe-agent"])
def test_any_mini_swe_agent_source_comes_back_and_takes_corrections(source: Any) -> None:
    assert MINI.recognize(source)
    check_round_trip(MINI, source)


def test_nothing_else_is_mini_swe_agent() -> None:
    for value in others("mini-swe-agent"):
        assert MINI.recognize(value) is None, value


@given(damaged(SOURCES["mini-swe-agent"]))
def test_a_damaged_mini_swe_agent_source_is_read_or_an_error_for_a_person(source: Any) -> None:
    check_damaged(MINI, source)


def _history(*items: dict[str, Any], options: ReadOptions = NO_OPTIONS) -> Any:
    said = [{"role": "user", "content": "Fix.", "message_type": "observation"}, *items]
    return SWE_AGENT.read({"history": said, "trajectory": []}, options)[0]


def test_a_correction_goes_to_the_content_of_the_history() -> None:
    trace = _history(
        {"role": "assistant", "content": "Look.", "thought": "Look.", "action": "ls", "message_type": "action"}
    )
    assert [part.place for part in trace.messages[1].parts] == [("history", 1, "content")]


def test_a_demonstration_is_in_the_prompt_and_not_a_step() -> None:
    trace = SWE_AGENT.read(
        {
            "history": [
                {"role": "user", "content": "A demonstration.", "is_demo": True, "message_type": "demonstration"},
                {"role": "assistant", "content": "ls", "is_demo": True},
                {"role": "user", "content": "The task.", "message_type": "observation"},
                {"role": "assistant", "content": "pwd", "message_type": "action"},
            ]
        },
        NO_OPTIONS,
    )[0]
    assert trace.task == "The task."
    assert [step.message.text for step in trace.steps] == ["pwd"]
    assert [message.text for message in trace.before] == ["A demonstration.", "ls", "The task."]


def test_the_history_is_read_where_there_is_one() -> None:
    step = {"action": "ls", "observation": "x", "response": "Look.\nls", "thought": "Look."}
    history = [{"role": "assistant", "content": "Said.", "message_type": "action"}]
    assert SWE_AGENT.read({"history": history, "trajectory": [step]}, NO_OPTIONS)[0].messages[0].text == "Said."
    assert SWE_AGENT.read({"history": [], "trajectory": [step]}, NO_OPTIONS)[0].messages[0].text == "Look.\nls"


def test_of_several_agents_the_options_choose_one() -> None:
    said = [
        {"role": "assistant", "content": "a", "agent": "primary", "message_type": "action"},
        {"role": "assistant", "content": "b", "agent": "editor", "message_type": "action"},
    ]
    with pytest.raises(ReadError, match="`primary`, `editor`"):
        _history(*said)
    trace = _history(*said, options=ReadOptions(agent="editor"))
    assert [(message.role, message.text) for message in trace.messages] == [
        ("user", "Fix."),
        ("user", "primary: a"),
        ("assistant", "b"),
    ]


def test_a_result_names_its_call_in_a_list() -> None:
    calls = [{"id": "k", "type": "function", "function": {"name": "ls", "arguments": "{}"}}]
    said = {"role": "assistant", "content": "", "message_type": "action", "tool_calls": calls}
    trace = _history(said, {"role": "tool", "content": "x", "tool_call_ids": ["k"]})
    assert trace.messages[2].parts[0].call_id == "k"
    with pytest.raises(ReadError, match="answers the call `other`"):
        _history(said, {"role": "tool", "content": "x", "tool_call_ids": ["other"]})


def test_the_chat_of_both_is_not_openais() -> None:
    for file in trace_files("swe-agent", "mini-swe-agent"):
        format_ = SWE_AGENT if file.format == "swe-agent" else MINI
        for source in sources_in(file, format_):
            assert OPENAI.recognize(source) is None


def test_a_bare_list_without_exit_is_openais_chat() -> None:
    said = [{"role": "user", "content": "Say hello."}, {"role": "assistant", "content": "```bash\necho hello\n```"}]
    assert MINI.recognize(said) is None
    assert OPENAI.recognize(said)


def test_what_the_framework_says_at_the_end_is_left_out_and_counted() -> None:
    said = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": "y"},
        {"role": "user", "content": "patch", "extra": {"exit_status": "Submitted"}},
    ]
    (trace,) = MINI.read({"messages": said, "trajectory_format": "mini-swe-agent-1"}, NO_OPTIONS)
    assert len(trace.messages) == 2
    assert trace.left_out == {"exit messages": 1}


def test_what_neither_reader_knows_is_an_error() -> None:
    for format_ in FORMATS:
        with pytest.raises(ReadError, match=r"neither|not a mini-swe-agent file"):
            format_.read({"messages": []}, NO_OPTIONS)
    with pytest.raises(ReadError, match="not an object"):
        MINI.read({"messages": ["x"], "trajectory_format": "mini-swe-agent-1"}, NO_OPTIONS)
