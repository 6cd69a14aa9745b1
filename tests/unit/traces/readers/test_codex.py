"""Codex rollouts: items, and events that repeat them or stand alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.model import Call, Reasoning, Text
from ls_trajedit.traces.places import JSON_TEXT, Under
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions
from ls_trajedit.traces.readers.codex import FORMAT
from tests.support.reader_fixtures import chats_in, others, sources_in
from tests.support.round_trips import check_round_trip
from tests.support.sources.codex import SOURCES
from tests.support.strategies import json_values
from tests.support.trace_files import TraceFile, trace_files


@pytest.mark.parametrize("file", trace_files("codex"), ids=lambda file: file.path.stem)
def test_the_codex_fixtures_are_read_as_a_person_reads_them(file: TraceFile) -> None:
    assert chats_in(file, FORMAT) == file.expected()


@pytest.mark.parametrize("file", trace_files("codex"), ids=lambda file: file.path.stem)
def test_the_codex_fixtures_come_back_and_take_corrections(file: TraceFile) -> None:
    for source in sources_in(file, FORMAT):
        assert FORMAT.recognize(source)
        check_round_trip(FORMAT, source)


@given(SOURCES["codex"])
def test_any_codex_source_comes_back_and_takes_corrections(source: Any) -> None:
    assert FORMAT.recognize(source)
    check_round_trip(FORMAT, source)


def test_nothing_else_is_codex() -> None:
    for value in others("codex"):
        assert FORMAT.recognize(value) is None, value


@given(json_values())
def test_codex_recognises_no_other_json_and_never_raises(value: Any) -> None:
    assert FORMAT.recognize(value) is None
    assert not FORMAT.gather or FORMAT.gather([value]) is None


def _line(kind: str, **payload: Any) -> dict[str, Any]:
    return {"timestamp": "2026-01-01T00:00:00Z", "type": kind, "payload": payload}


_HEAD = _line("session_meta", id="s")
_ASKED = _line("event_msg", type="user_message", message="Go.")
_END = _line("event_msg", type="token_count", info={"last_token_usage": {}})


def _said(text: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text}]
    return _line("response_item", type="message", role="assistant", content=content)


def _read(*lines: dict[str, Any]) -> Any:
    (trace,) = FORMAT.read([_HEAD, *lines], NO_OPTIONS)
    return trace


def test_what_a_user_said_in_an_event_alone_is_a_message() -> None:
    trace = _read(_ASKED, _said("Gone."))
    assert trace.messages[0].parts == (Text("Go.", (1, "payload", "message")),)
    assert trace.task == "Go."


def test_what_a_user_said_twice_in_two_events_and_one_item_is_said_twice() -> None:
    item = _line("response_item", type="message", role="user", content=[{"type": "input_text", "text": "Go."}])
    trace = _read(_ASKED, item, _said("Gone."), _ASKED)
    assert [message.text for message in trace.messages] == ["Go.", "Gone.", "Go."]
    assert trace.left_out["user_message events"] == 1


def test_what_the_agent_says_in_events_repeats_its_items() -> None:
    event = _line("event_msg", type="agent_message", message="Something else.")
    assert [message.text for message in _read(_ASKED, _said("Gone."), event).messages] == ["Go.", "Gone."]


def test_without_any_item_of_that_kind_the_events_are_what_the_agent_said() -> None:
    thought = _line("event_msg", type="agent_reasoning", text="Hm.")
    answer = _line("event_msg", type="agent_message", message="Gone.")
    assert _read(_ASKED, _line("response_item", type="ghost_snapshot"), thought, answer).messages[1].parts == (
        Reasoning("Hm.", (3, "payload", "text")),
        Text("Gone.", (4, "payload", "message")),
    )


def test_the_end_of_a_response_parts_two_messages() -> None:
    assert len(_read(_ASKED, _said("A"), _said("B")).messages) == 2
    assert len(_read(_ASKED, _said("A"), _END, _said("B")).messages) == 3
    limits = _line("event_msg", type="token_count", info=None)
    assert len(_read(_ASKED, _said("A"), limits, _said("B")).messages) == 2


def test_each_kind_of_call_has_its_place() -> None:
    trace = _read(
        _ASKED,
        _line("response_item", type="function_call", name="f", call_id="1", arguments='{"a":1}'),
        _line("response_item", type="custom_tool_call", name="g", call_id="2", input="text"),
        _line("response_item", type="local_shell_call", call_id="3", action={"type": "exec", "command": ["ls"]}),
    )
    assert trace.messages[1].parts == (
        Call("f", {"a": 1}, "1", (2, "payload", "name"), (2, "payload", "arguments", JSON_TEXT)),
        Call("g", {"input": "text"}, "2", (3, "payload", "name"), (3, "payload", "input", Under("input"))),
        Call("local_shell", {"type": "exec", "command": ["ls"]}, "3", None, (4, "payload", "action")),
    )


def test_hosted_calls_and_encrypted_reasoning_are_left_out_and_counted() -> None:
    hosted = _line("response_item", type="web_search_call", status="completed", action={})
    encrypted = _line("response_item", type="reasoning", summary=[], encrypted_content="x")
    trace = _read(_ASKED, hosted, encrypted, _said("Gone."))
    assert [message.role for message in trace.messages] == ["user", "assistant"]
    assert trace.left_out == {
        "session_meta lines": 1,
        "calls that the model's provider ran itself": 1,
        "reasoning without text": 1,
    }


def test_reasoning_may_be_one_string() -> None:
    reasoning = _line("response_item", type="reasoning", content="Hm.")
    assert _read(_ASKED, reasoning).messages[1].parts == (Reasoning("Hm.", (2, "payload", "content")),)


def test_a_sub_agents_thread_names_its_parent() -> None:
    spawned = {"subagent": {"thread_spawn": {"parent_thread_id": "p"}}}
    head = _line("session_meta", id="c", source=spawned, agent_nickname="scout", dynamic_tools=[{"name": "f"}])
    (trace,) = FORMAT.read([head, _ASKED, _said("Gone.")], NO_OPTIONS)
    assert (trace.id, trace.parent, trace.agent) == ("c", "p", "scout")
    assert [tool["function"]["name"] for tool in trace.tools] == ["f"]


def test_sessions_in_one_file_are_told_apart_by_their_first_line() -> None:
    other = _line("session_meta", id="t")
    lines = [_HEAD, _said("A"), other, _HEAD, _said("B")]
    assert FORMAT.gather is not None
    # A fork repeats the line of the session that it was forked from under its own.
    assert FORMAT.gather(lines) == [[_HEAD, lines[1]], [other, _HEAD, lines[4]]]
    assert FORMAT.read([other, _HEAD, lines[4]], NO_OPTIONS)[0].id == "t"


def test_what_a_compaction_kept_is_told_by_the_user() -> None:
    assert _read(_ASKED, _said("A"), _line("compacted", message="So far.")).messages[2].text == "So far."


def test_an_unknown_role_is_an_error_that_names_it() -> None:
    item = _line("response_item", type="message", role="critic", content=[{"type": "input_text", "text": "No."}])
    with pytest.raises(ReadError, match=r"`critic` at \[1\]\.payload\.role is not a role"):
        FORMAT.read([_HEAD, item], NO_OPTIONS)
    assert FORMAT.read([_HEAD, item], ReadOptions(roles={"critic": "user"}))[0].messages[0].role == "user"


def test_a_result_without_its_call_is_an_error() -> None:
    item = _line("response_item", type="function_call_output", call_id="lost", output="x")
    with pytest.raises(ReadError, match=r"\[1\]\.payload answers the call `lost`"):
        FORMAT.read([_HEAD, item], NO_OPTIONS)
