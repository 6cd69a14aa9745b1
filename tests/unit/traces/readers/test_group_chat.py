"""Group chats: whose turns are the steps."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions
from ls_trajedit.traces.readers.group_chat import FORMAT
from ls_trajedit.traces.readers.openai_chat import FORMAT as OPENAI
from tests.support.damage import check_damaged, damaged
from tests.support.reader_fixtures import chats_in, others, sources_in
from tests.support.round_trips import check_round_trip
from tests.support.sources.group_chat import OPTIONS, SOURCES
from tests.support.trace_files import TraceFile, trace_files

CODER = OPTIONS["group-chat"]


@pytest.mark.parametrize("file", trace_files("group-chat"), ids=lambda file: file.path.stem)
def test_the_group_chat_fixtures_are_read_as_a_person_reads_them(file: TraceFile) -> None:
    assert chats_in(file, FORMAT, CODER) == file.expected()


@pytest.mark.parametrize("file", trace_files("group-chat"), ids=lambda file: file.path.stem)
def test_the_group_chat_fixtures_come_back_and_take_corrections(file: TraceFile) -> None:
    for source in sources_in(file, FORMAT):
        assert FORMAT.recognize(source)
        check_round_trip(FORMAT, source, CODER)


@given(SOURCES["group-chat"])
def test_any_group_chat_source_comes_back_and_takes_corrections(source: Any) -> None:
    assert FORMAT.recognize(source)
    check_round_trip(FORMAT, source, CODER)


def test_nothing_else_is_group_chat() -> None:
    for value in others("group-chat"):
        assert FORMAT.recognize(value) is None, value


@given(damaged(SOURCES["group-chat"]))
def test_a_damaged_group_chat_source_is_read_or_an_error_for_a_person(source: Any) -> None:
    check_damaged(FORMAT, source, CODER)


_NAMED = [
    {"role": "user", "name": "boss", "content": "Go."},
    {"role": "assistant", "name": "coder", "content": "Gone."},
    {"role": "user", "name": "critic", "content": "Good."},
]
_BY_ROLE = [
    {"role": "human", "content": "Go."},
    {"role": "lead (thought)", "content": "Coder can."},
    {"role": "lead (-> coder)", "content": "Please."},
    {"role": "coder", "content": "Gone."},
]


def test_without_a_choice_it_is_an_error_that_names_the_speakers() -> None:
    with pytest.raises(ReadError, match=r"\(`boss`, `coder`, `critic`\).*`agent: boss`.*roles: \{user: \[critic\]\}"):
        FORMAT.read(_NAMED, NO_OPTIONS)
    with pytest.raises(ReadError, match=r"\(`lead`, `coder`\)"):
        FORMAT.read(_BY_ROLE, NO_OPTIONS)


def test_one_agent_that_nobody_knows_is_still_an_error() -> None:
    with pytest.raises(ReadError, match="`customer`, `assistant`"):
        FORMAT.read([{"role": "customer", "content": "x"}, {"role": "assistant", "content": "y"}], NO_OPTIONS)


def test_others_are_heard_with_their_names() -> None:
    (trace,) = FORMAT.read(_BY_ROLE, ReadOptions(agent="coder"))
    assert [(m.role, m.text, m.agent) for m in trace.messages] == [
        ("user", "Go.", None),
        ("user", "lead (thought): Coder can.", "lead"),
        ("user", "lead (-> coder): Please.", "lead"),
        ("assistant", "Gone.", "coder"),
    ]
    assert trace.agent == "coder"


def test_a_turn_with_an_aside_is_still_that_agents() -> None:
    (trace,) = FORMAT.read(_BY_ROLE, ReadOptions(agent="lead"))
    assert [step.message.text for step in trace.steps] == ["Coder can.", "Please."]


def test_the_roles_can_settle_it_instead() -> None:
    options = ReadOptions(roles={"boss": "user", "critic": "user", "coder": "assistant"})
    (trace,) = FORMAT.read(_NAMED, options)
    assert [(m.role, m.text) for m in trace.messages] == [("user", "Go."), ("assistant", "Gone."), ("user", "Good.")]
    customer = [{"role": "customer", "content": "x"}, {"role": "assistant", "content": "y"}]
    (trace,) = FORMAT.read(customer, ReadOptions(roles={"customer": "user"}))
    assert [m.role for m in trace.messages] == ["user", "assistant"]


def test_an_agent_that_does_not_speak_is_an_error() -> None:
    with pytest.raises(ReadError, match="no agent in it is called `nobody`"):
        FORMAT.read(_NAMED, ReadOptions(agent="nobody"))


@pytest.mark.parametrize(
    "names",
    [
        [("assistant", "coder"), ("assistant", "critic")],
        [("user", "coder"), ("assistant", "coder")],
        [("user", "boss"), ("assistant", "coder"), ("user", "critic")],
        [("user", "boss"), ("user", "coder")],
    ],
)
def test_names_that_roles_do_not_tell_apart_are_a_group_chat(names: list[tuple[str, str]]) -> None:
    said = [{"role": role, "name": name, "content": "x"} for role, name in names]
    assert FORMAT.recognize(said)
    assert OPENAI.recognize(said) is None
    assert FORMAT.gather is not None
    assert OPENAI.gather is not None
    assert (FORMAT.gather(said), OPENAI.gather(said)) == ([said], None)


@pytest.mark.parametrize(
    "names",
    [
        [("user", "Ann"), ("assistant", "helper")],
        [("user", None), ("assistant", "helper"), ("user", "Ann"), ("user", "Bob")],
        [("system", "a"), ("user", None), ("assistant", None), ("tool", "look")],
    ],
)
def test_names_beside_roles_that_say_it_are_openais_chat(names: list[tuple[str, str | None]]) -> None:
    said = [{"role": role, "content": "x", **({} if name is None else {"name": name})} for role, name in names]
    assert FORMAT.recognize(said) is None
    assert OPENAI.recognize(said)


def test_a_speakers_name_is_not_the_name_of_a_tool() -> None:
    calls = [{"id": "k", "type": "function", "function": {"name": "look", "arguments": "{}"}}]
    said = [
        *_NAMED,
        {"role": "assistant", "name": "coder", "content": "", "tool_calls": calls},
        {"role": "tool", "name": "runner", "tool_call_id": "k", "content": "seen"},
    ]
    (trace,) = FORMAT.read(said, ReadOptions(agent="coder"))
    assert (trace.messages[-1].parts[0].name, trace.messages[-1].parts[0].call_id) == (None, "k")
