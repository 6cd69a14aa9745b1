"""UI messages of the Vercel AI SDK: the turns in one message, calls with their results, the interface's own parts."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.places import correct_source
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions
from ls_trajedit.traces.readers.vercel import FORMAT
from tests.support.broken_sources import broken
from tests.support.reader_fixtures import chats_in, others, sources_in
from tests.support.round_trips import check_round_trip
from tests.support.sources.vercel import SOURCES
from tests.support.trace_files import TraceFile, chats_of, trace_files

FILES = pytest.mark.parametrize("file", trace_files("vercel"), ids=lambda file: file.path.stem)


@FILES
def test_the_fixtures_are_read_as_a_person_reads_them(file: TraceFile) -> None:
    assert chats_in(file, FORMAT) == file.expected()


@FILES
def test_the_fixtures_come_back_and_take_corrections(file: TraceFile) -> None:
    for source in sources_in(file, FORMAT):
        assert FORMAT.recognize(source)
        check_round_trip(FORMAT, source)


@given(SOURCES["vercel"])
def test_any_source_comes_back_and_takes_corrections(source: Any) -> None:
    assert FORMAT.recognize(source)
    check_round_trip(FORMAT, source)


@given(broken(SOURCES["vercel"]))
def test_a_broken_source_is_refused_with_an_error_for_people_or_read(source: Any) -> None:
    if isinstance(source, list) and FORMAT.gather is not None:
        FORMAT.gather(source)
    if FORMAT.recognize(source):
        with suppress(ReadError):
            FORMAT.read(source, NO_OPTIONS)


def test_nothing_else_is_of_this_format() -> None:
    for value in others("vercel"):
        assert FORMAT.recognize(value) is None, value
        if isinstance(value, list) and FORMAT.gather is not None:
            assert FORMAT.gather(value) is None, value


def read(source: Any, options: ReadOptions = NO_OPTIONS) -> Any:
    return FORMAT.read(source, options)[0]


def chat(source: Any, options: ReadOptions = NO_OPTIONS) -> Any:
    return chats_of([read(source, options)])[0]["messages"]


ASKED = {"id": "m1", "role": "user", "parts": [{"type": "text", "text": "Go."}]}
STEP = {"type": "step-start"}
SAID = {"type": "text", "text": "Done."}


def tool(call_id: str, **more: Any) -> dict[str, Any]:
    return {"type": "tool-look", "toolCallId": call_id, "state": "output-available", "input": {}, "output": "1", **more}


def roles(*parts: Any) -> list[str]:
    return [m["role"] for m in chat([ASKED, {"id": "m2", "role": "assistant", "parts": list(parts)}])[1:]]


def test_marks_part_the_turns_of_a_message() -> None:
    assert roles(STEP, tool("a"), tool("b"), STEP, tool("c"), STEP, SAID) == [
        *("assistant", "tool", "tool"),
        *("assistant", "tool"),
        "assistant",
    ]
    assert roles(STEP, tool("a"), SAID) == ["assistant", "tool"], "what a turn said after its call is still that turn"


def test_without_marks_words_after_a_result_begin_a_turn() -> None:
    assert roles(SAID, tool("a"), tool("b"), SAID) == ["assistant", "tool", "tool", "assistant"]
    assert roles(SAID, {"type": "tool-look", "toolCallId": "a", "state": "input-available", "input": {}}, SAID) == [
        "assistant"
    ]


def test_the_name_of_a_tool_in_the_type_can_be_corrected() -> None:
    source = [ASKED, {"id": "m2", "role": "assistant", "parts": [tool("a")]}]
    call = read(source).messages[1].calls[0]
    assert call.name == "look"
    assert correct_source(source, {call.name_place: "see"})[1]["parts"][0]["type"] == "tool-see"


def test_what_the_model_was_not_told_is_left_out_and_counted() -> None:
    parts = [
        {"type": "data-weather", "data": {}},
        {"type": "source-url", "sourceId": "s", "url": "https://example.com"},
        {"type": "reasoning", "text": ""},
        tool("w", providerExecuted=True),
        tool("s", state="input-streaming"),
        SAID,
    ]
    trace = read([ASKED, {"id": "m2", "role": "assistant", "parts": parts}])
    assert [m.text for m in trace.messages] == ["Go.", "Done."]
    assert trace.left_out == {
        "data for the interface": 1,
        "sources": 1,
        "reasoning without text": 1,
        "calls that the model's provider ran itself": 1,
        "calls that were not finished": 1,
    }


def test_a_call_that_was_denied_returned_why() -> None:
    denied = {"state": "output-denied", "approval": {"id": "p", "approved": False, "reason": "No!"}}
    call = {key: value for key, value in tool("a").items() if key != "output"}
    heard = chat([ASKED, {"id": "m2", "role": "assistant", "parts": [{**call, **denied}]}])
    assert heard[2]["content"] == "No!"
    denied["approval"] = {"id": "p", "approved": False}
    heard = chat([ASKED, {"id": "m2", "role": "assistant", "parts": [{**call, **denied}]}])
    assert heard[2]["content"] == '{"id":"p","approved":false}'


def test_a_message_without_anything_stays_a_message() -> None:
    assert roles() == ["assistant"]
    assert roles(STEP) == ["assistant"]


def test_stored_messages_are_one_conversation_for_each_chat() -> None:
    assert FORMAT.gather is not None
    rows = [{**ASKED, "chatId": chat_id} for chat_id in ("a", "b", "a")]
    assert FORMAT.gather(rows) == [[rows[0], rows[2]], [rows[1]]]
    assert read([rows[0]]).id == "a"


def test_an_unknown_role_is_read_as_the_options_say() -> None:
    source = [{**ASKED, "role": "visitor"}, ASKED]
    assert FORMAT.recognize(source) is None
    assert chat(source, ReadOptions(roles={"visitor": "user"}))[0]["role"] == "user"


@pytest.mark.parametrize(
    "source",
    [
        [{"role": "user", "parts": [{"text": "Gemini's"}]}],
        [{"role": "user", "parts": [{"type": "text", "content": "OpenTelemetry's"}]}],
        [{"role": "assistant", "parts": [{"type": "tool_call", "name": "f"}]}],
        [{"role": "user", "content": "no parts at all"}],
        [{"role": "user", "parts": []}],
        [ASKED, {"role": "assistant", "content": "", "tool_calls": []}],
    ],
)
def test_parts_of_others_are_left_to_others(source: Any) -> None:
    assert FORMAT.recognize(source) is None
