"""Claude Code sessions: one message over several lines, branches, side chains, and Claude Code's own chatter."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.model import Call, Reasoning, Text
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions
from ls_trajedit.traces.readers.claude_code import FORMAT
from tests.support.reader_fixtures import chats_in, others, sources_in
from tests.support.round_trips import check_round_trip
from tests.support.sources.claude_code import SOURCES
from tests.support.strategies import json_values
from tests.support.trace_files import TraceFile, trace_files


@pytest.mark.parametrize("file", trace_files("claude-code"), ids=lambda file: file.path.stem)
def test_the_claude_code_fixtures_are_read_as_a_person_reads_them(file: TraceFile) -> None:
    assert chats_in(file, FORMAT) == file.expected()


@pytest.mark.parametrize("file", trace_files("claude-code"), ids=lambda file: file.path.stem)
def test_the_claude_code_fixtures_come_back_and_take_corrections(file: TraceFile) -> None:
    for source in sources_in(file, FORMAT):
        assert FORMAT.recognize(source)
        check_round_trip(FORMAT, source)


@given(SOURCES["claude-code"])
def test_any_claude_code_source_comes_back_and_takes_corrections(source: Any) -> None:
    assert FORMAT.recognize(source)
    check_round_trip(FORMAT, source)


def test_nothing_else_is_claude_code() -> None:
    for value in others("claude-code"):
        assert FORMAT.recognize(value) is None, value


@given(json_values())
def test_claude_code_recognises_no_other_json_and_never_raises(value: Any) -> None:
    assert FORMAT.recognize(value) is None
    assert not FORMAT.gather or FORMAT.gather([value]) is None


def _user(uuid: str, above: str | None, content: Any, **more: Any) -> dict[str, Any]:
    return _event("user", uuid, above, {"role": "user", "content": content}, **more)


def _said(uuid: str, above: str | None, *blocks: dict[str, Any], message: str = "m", **more: Any) -> dict[str, Any]:
    return _event("assistant", uuid, above, {"id": message, "role": "assistant", "content": list(blocks)}, **more)


def _event(kind: str, uuid: str, above: str | None, message: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": kind, "uuid": uuid, "parentUuid": above, "sessionId": "s", "message": message, **more}


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _call(identity: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": identity, "name": "Bash", "input": {}}


def _result(identity: str) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": identity, "content": "done"}


def _roles(events: list[Any]) -> list[str]:
    return [message.role for message in FORMAT.read(events, NO_OPTIONS)[0].messages]


def test_lines_of_one_message_are_one_message_each_part_with_its_place() -> None:
    thinking = {"type": "thinking", "thinking": "Hm.", "signature": "x"}
    (trace,) = FORMAT.read(
        [
            _user("u", None, "Go."),
            _said("a", "u", thinking),
            _said("b", "a", _text("I go.")),
            _said("c", "b", _call("t")),
        ],
        NO_OPTIONS,
    )
    assert trace.messages[1].parts == (
        Reasoning("Hm.", (1, "message", "content", 0, "thinking")),
        Text("I go.", (2, "message", "content", 0, "text")),
        Call("Bash", {}, "t", (3, "message", "content", 0, "name"), (3, "message", "content", 0, "input")),
    )


def test_a_result_between_the_lines_of_a_message_is_heard_after_it() -> None:
    events = [
        _user("u", None, "Go."),
        _said("a", "u", _call("1")),
        _user("r", "a", [_result("1")]),
        _said("b", "a", _call("2")),
        _user("q", "b", [_result("2")]),
    ]
    assert _roles(events) == ["user", "assistant", "tool", "tool"]


def test_the_same_id_after_a_user_is_another_message() -> None:
    events = [_user("u", None, "Go."), _said("a", "u", _text("1")), _user("v", "a", "On."), _said("b", "v", _text("2"))]
    assert _roles(events) == ["user", "assistant", "user", "assistant"]


def test_only_the_branch_that_ends_last_is_the_trace() -> None:
    events = [
        _user("u", None, "Go."),
        _said("a", "u", _text("Left."), message="m1"),
        _user("v", "u", "Go right."),
        _said("b", "v", _text("Right."), message="m2"),
    ]
    (trace,) = FORMAT.read(events, NO_OPTIONS)
    assert [message.text for message in trace.messages] == ["Go.", "Go right.", "Right."]
    assert trace.left_out == {"messages on branches that were given up": 1}


def test_without_parents_the_order_in_the_file_counts() -> None:
    assert _roles([_user("u", None, "Go."), _said("a", None, _text("Gone."))]) == ["user", "assistant"]


def test_an_event_whose_parent_is_missing_follows_the_one_before() -> None:
    events = [
        _user("u", None, "Go."),
        _said("a", "u", _text("1")),
        _user("v", "lost", "On."),
        _said("b", "v", _text("2")),
    ]
    assert _roles(events) == ["user", "assistant", "user", "assistant"]


def test_what_claude_code_says_to_itself_is_left_out_and_counted() -> None:
    error = _said("e", "u", _text("API Error"), isApiErrorMessage=True)
    again = _user("u", None, "Go.")
    broken = {"type": "user", "uuid": "x", "parentUuid": None, "sessionId": "s", "message": "error"}
    (trace,) = FORMAT.read(
        [_user("u", None, "Go."), again, error, broken, {"type": "queue-operation", "sessionId": "s"}], NO_OPTIONS
    )
    assert trace.left_out == {
        "repeated events": 1,
        "messages that Claude Code wrote in the model's name": 1,
        "events without a message": 1,
        "queue-operation events": 1,
    }


def test_the_task_is_what_the_user_said_and_not_a_caveat() -> None:
    events = [_user("c", None, "Caveat: …", isMeta=True), _user("u", "c", "Go."), _said("a", "u", _text("Gone."))]
    (trace,) = FORMAT.read(events, NO_OPTIONS)
    assert trace.task == "Go."
    assert trace.messages[0].text == "Caveat: …"


def test_a_side_chain_is_a_trace_of_its_own() -> None:
    side = {"isSidechain": True, "agentId": "a1"}
    events = [
        _user("u", None, "Go."),
        _user("v", None, "Look.", **side),
        _said("a", "u", _text("Gone."), message="m1"),
        _said("b", "v", _text("Seen."), message="m2", **side),
    ]
    main, sub = FORMAT.read(events, NO_OPTIONS)
    assert (main.id, main.parent, [message.text for message in main.messages]) == ("s", None, ["Go.", "Gone."])
    assert (sub.id, sub.parent, sub.agent) == ("s-a1", "s", "a1")
    assert sub.source == [events[1], events[3]]
    assert sub.messages[1].parts == (Text("Seen.", (1, "message", "content", 0, "text")),)


def test_side_chains_without_an_id_are_told_apart_by_their_first_event() -> None:
    events = [
        _user("u", None, "Go."),
        _user("v", None, "Look.", isSidechain=True),
        _user("w", None, "Listen.", isSidechain=True),
        _said("b", "v", _text("Seen."), message="m2", isSidechain=True),
        _said("c", "w", _text("Heard."), message="m3", isSidechain=True),
    ]
    traces = FORMAT.read(events, NO_OPTIONS)
    assert [(trace.id, trace.messages[-1].text) for trace in traces] == [
        ("s", "Go."),
        ("s-v", "Seen."),
        ("s-w", "Heard."),
    ]


def test_a_side_chain_in_a_file_of_its_own_names_its_session_as_parent() -> None:
    side = {"isSidechain": True, "agentId": "a1"}
    (trace,) = FORMAT.read([_user("v", None, "Look.", **side), _said("b", "v", _text("Seen."), **side)], NO_OPTIONS)
    assert (trace.id, trace.parent, trace.agent) == ("s-a1", "s", "a1")


def test_the_events_of_several_sessions_are_put_together_by_session() -> None:
    one, two = _user("u", None, "Go."), _user("v", None, "Stop.") | {"sessionId": "t"}
    title = {"type": "summary", "summary": "A title", "leafUuid": "u"}
    snapshot = {"type": "file-history-snapshot", "messageId": "other"}
    assert FORMAT.gather is not None
    assert FORMAT.gather([one, two, title, snapshot]) == [[one, title, snapshot], [two]]


def test_a_result_without_its_call_is_an_error_that_the_roles_settle() -> None:
    events = [_user("u", None, "Go."), _user("r", "u", [_result("lost")]), _said("a", "r", _text("Gone."))]
    with pytest.raises(ReadError, match=r"\[1\]\.message\.content\[0\] answers the call `lost`.*`roles: "):
        FORMAT.read(events, NO_OPTIONS)
    (trace,) = FORMAT.read(events, ReadOptions(roles={"tool": "user"}))
    assert [message.role for message in trace.messages] == ["user", "user", "assistant"]


def test_an_unknown_role_is_an_error_that_names_it() -> None:
    event = _event("user", "u", None, {"role": "owner", "content": "Go."})
    with pytest.raises(ReadError, match=r"`owner` at \[0\]\.message\.role is not a role.*roles: \{user: \[owner\]\}"):
        FORMAT.read([event], NO_OPTIONS)
    assert FORMAT.read([event], ReadOptions(roles={"owner": "user"}))[0].messages[0].role == "user"
