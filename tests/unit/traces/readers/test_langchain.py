"""LangChain messages in their three forms."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.model import Call, Image, Other
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions
from ls_trajedit.traces.readers.langchain import FORMAT
from tests.support.damage import check_damaged, damaged
from tests.support.reader_fixtures import chats_in, others, sources_in
from tests.support.round_trips import check_round_trip
from tests.support.sources.langchain import SOURCES
from tests.support.trace_files import TraceFile, trace_files


@pytest.mark.parametrize("file", trace_files("langchain"), ids=lambda file: file.path.stem)
def test_the_langchain_fixtures_are_read_as_a_person_reads_them(file: TraceFile) -> None:
    assert chats_in(file, FORMAT) == file.expected()


@pytest.mark.parametrize("file", trace_files("langchain"), ids=lambda file: file.path.stem)
def test_the_langchain_fixtures_come_back_and_take_corrections(file: TraceFile) -> None:
    for source in sources_in(file, FORMAT):
        assert FORMAT.recognize(source)
        check_round_trip(FORMAT, source)


@given(SOURCES["langchain"])
def test_any_langchain_source_comes_back_and_takes_corrections(source: Any) -> None:
    assert FORMAT.recognize(source)
    check_round_trip(FORMAT, source)


def test_nothing_else_is_langchain() -> None:
    for value in others("langchain"):
        assert FORMAT.recognize(value) is None, value


@given(damaged(SOURCES["langchain"]))
def test_a_damaged_langchain_source_is_read_or_an_error_for_a_person(source: Any) -> None:
    check_damaged(FORMAT, source)


def _read(*messages: Any, options: ReadOptions = NO_OPTIONS) -> Any:
    return FORMAT.read({"messages": list(messages)}, options)[0]


_ASKED = {"type": "human", "content": "Go."}


def test_the_three_forms_are_one_conversation() -> None:
    plain = [_ASKED, {"type": "ai", "content": "Gone.", "tool_calls": []}]
    data = [{"type": m["type"], "data": {k: v for k, v in m.items() if k != "type"}} for m in plain]
    classes = {"human": "HumanMessage", "ai": "AIMessage"}
    lc = [
        {"lc": 1, "type": "constructor", "id": ["x", classes[m["type"]]], "kwargs": {"content": m["content"]}}
        for m in plain
    ]
    texts = [[m.text for m in FORMAT.read(form, NO_OPTIONS)[0].messages] for form in (plain, data, lc)]
    assert texts == [["Go.", "Gone."]] * 3


def test_calls_in_additional_kwargs_count_only_where_there_are_no_others() -> None:
    extra = {"tool_calls": [{"id": "k", "type": "function", "function": {"name": "look", "arguments": "{}"}}]}
    both = {
        "type": "ai",
        "content": "",
        "additional_kwargs": extra,
        "tool_calls": [{"name": "look", "args": {}, "id": "k"}],
    }
    assert [call.arguments_place for call in _read(_ASKED, both).messages[1].calls] == [
        ("messages", 1, "tool_calls", 0, "args")
    ]
    (call,) = (
        _read(_ASKED, {"type": "ai", "content": "", "additional_kwargs": extra, "tool_calls": []}).messages[1].calls
    )
    assert (call.id, call.name, call.arguments) == ("k", "look", {})


def test_a_legacy_function_call_is_a_call() -> None:
    extra = {"function_call": {"name": "look", "arguments": '{"at": "x"}'}}
    trace = _read(
        _ASKED,
        {"type": "ai", "content": "", "additional_kwargs": extra},
        {"type": "function", "name": "look", "content": "seen"},
    )
    assert trace.messages[1].calls[0].arguments == {"at": "x"}
    assert trace.messages[2].parts[0].call_id == "call00001"


def test_a_block_is_the_call_where_nothing_else_is() -> None:
    block = {"type": "tool_use", "id": "u", "name": "look", "input": {"n": 1}}
    (call,) = _read(_ASKED, {"type": "ai", "content": [block]}).messages[1].calls
    assert (call.id, call.arguments) == ("u", {"n": 1})


def test_a_call_without_a_name_is_an_error() -> None:
    with pytest.raises(ReadError, match=r"the call at messages\[1\].tool_calls\[0\] has no `name`"):
        _read(_ASKED, {"type": "ai", "content": "", "tool_calls": [{"args": {}}]})


def test_of_several_agents_the_options_choose_one() -> None:
    said = [
        _ASKED,
        {
            "type": "ai",
            "name": "lead",
            "content": "Coder?",
            "tool_calls": [{"name": "hand_over", "args": {}, "id": "h"}],
        },
        {"type": "tool", "name": "hand_over", "content": "handed", "tool_call_id": "h"},
        {"type": "ai", "name": "coder", "content": "Done.", "tool_calls": []},
    ]
    with pytest.raises(ReadError, match=r"several agents speak in it \(`lead`, `coder`\).*`agent: lead`"):
        _read(*said)
    trace = _read(*said, options=ReadOptions(agent="coder"))
    assert [(m.role, m.agent) for m in trace.messages] == [
        ("user", None),
        ("user", "lead"),
        ("user", None),
        ("assistant", "coder"),
    ]
    assert trace.messages[1].text == "lead: Coder?"
    assert Other({"name": "hand_over", "arguments": {}}) in trace.messages[1].parts
    assert trace.messages[2].text == "hand_over: handed"
    assert trace.agent == "coder"
    with pytest.raises(ReadError, match="no agent in it is called `nobody`; those who speak are `lead`, `coder`"):
        _read(*said, options=ReadOptions(agent="nobody"))


def test_a_chat_message_has_a_role_that_the_options_can_settle() -> None:
    message = {"type": "chat", "role": "moderator", "content": "Quiet."}
    with pytest.raises(ReadError, match=r"`moderator` at messages\[1\].role"):
        _read(_ASKED, message)
    trace = _read(_ASKED, message, options=ReadOptions(roles={"moderator": "system"}))
    assert trace.messages[1].role == "system"


def test_pictures_with_data_are_data_uris() -> None:
    block = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}}
    trace = _read({"type": "human", "content": [block, {"type": "image", "url": "https://x/y.png"}, {"type": "audio"}]})
    assert [part.url for part in trace.messages[0].parts if isinstance(part, Image)] == [
        "data:image/png;base64,QUJD",
        "https://x/y.png",
    ]
    assert isinstance(trace.messages[0].parts[2], Other)


def test_what_langgraph_removed_is_left_out_and_counted() -> None:
    trace = _read(_ASKED, {"type": "remove", "id": "m"}, {"type": "ai", "content": [{"type": "redacted_thinking"}]})
    assert trace.left_out == {"removed messages": 1, "reasoning without text": 1}


def test_messages_with_a_role_are_not_langchains() -> None:
    assert FORMAT.recognize([{"type": "human", "role": "user", "content": ""}]) is None
    assert FORMAT.recognize([{"type": "tool", "content": ""}]) is None
    assert isinstance(_read(_ASKED, {"type": "ai", "content": {"odd": 1}}).messages[1].parts[0], Other)
    assert not any(isinstance(part, Call) for part in _read(_ASKED).messages[0].parts)
