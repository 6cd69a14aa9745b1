"""Gemini's contents: parts without a type, in both spellings, and results without ids."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions
from ls_trajedit.traces.readers.gemini import FORMAT
from tests.support.broken_sources import broken
from tests.support.reader_fixtures import chats_in, others, sources_in
from tests.support.round_trips import check_round_trip
from tests.support.sources.gemini import SOURCES
from tests.support.trace_files import TraceFile, chats_of, trace_files

FILES = pytest.mark.parametrize("file", trace_files("gemini"), ids=lambda file: file.path.stem)


@FILES
def test_the_fixtures_are_read_as_a_person_reads_them(file: TraceFile) -> None:
    assert chats_in(file, FORMAT) == file.expected()


@FILES
def test_the_fixtures_come_back_and_take_corrections(file: TraceFile) -> None:
    for source in sources_in(file, FORMAT):
        assert FORMAT.recognize(source)
        check_round_trip(FORMAT, source)


@given(SOURCES["gemini"])
def test_any_source_comes_back_and_takes_corrections(source: Any) -> None:
    assert FORMAT.recognize(source)
    check_round_trip(FORMAT, source)


@given(broken(SOURCES["gemini"]))
def test_a_broken_source_is_refused_with_an_error_for_people_or_read(source: Any) -> None:
    if isinstance(source, list) and FORMAT.gather is not None:
        FORMAT.gather(source)
    if FORMAT.recognize(source):
        with suppress(ReadError):
            FORMAT.read(source, NO_OPTIONS)


def test_nothing_else_is_of_this_format() -> None:
    for value in others("gemini"):
        assert FORMAT.recognize(value) is None, value
        if isinstance(value, list) and FORMAT.gather is not None:
            assert FORMAT.gather(value) is None, value


def read(source: Any, options: ReadOptions = NO_OPTIONS) -> Any:
    return FORMAT.read(source, options)[0]


def chat(source: Any, options: ReadOptions = NO_OPTIONS) -> Any:
    return chats_of([read(source, options)])[0]["messages"]


ASKED = {"role": "user", "parts": [{"text": "Go."}]}


def call(name: str, **more: Any) -> dict[str, Any]:
    return {"functionCall": {"name": name, **more}}


def answer(name: str, response: Any) -> dict[str, Any]:
    return {"functionResponse": {"name": name, "response": response}}


def test_results_are_those_of_the_calls_of_their_name_in_order() -> None:
    source = [
        ASKED,
        {"role": "model", "parts": [call("a"), call("b"), call("a")]},
        {"role": "user", "parts": [answer("b", 1), answer("a", 2), answer("a", 3)]},
    ]
    assert [(m["name"], m["tool_call_id"], m["content"]) for m in chat(source)[2:]] == [
        ("b", "call00002", "1"),
        ("a", "call00001", "2"),
        ("a", "call00003", "3"),
    ]


def test_a_renamed_call_keeps_its_result() -> None:
    source = [
        ASKED,
        {"role": "model", "parts": [call("a"), call("renamed"), call("b")]},
        {"role": "user", "parts": [answer("a", 1), answer("a", 2), answer("b", 3)]},
    ]
    assert [m["tool_call_id"] for m in chat(source)[2:]] == ["call00001", "call00002", "call00003"]


def test_a_result_of_a_tool_that_was_not_called_is_an_error() -> None:
    source = {"contents": [ASKED, {"role": "user", "parts": [answer("f", 1)]}]}
    with pytest.raises(
        ReadError, match=r"the result at contents\[1\]\.parts\[0\]\.functionResponse answers a call of `f`"
    ):
        read(source)
    assert chat(source, ReadOptions(roles={"tool": "user"}))[1] == {"role": "user", "content": "1"}


def test_a_content_without_a_role_is_the_users_unless_it_calls() -> None:
    trace = read([{"parts": [{"text": "Go."}]}, {"parts": [call("f")]}, {"parts": [answer("f", "1")]}])
    assert [m.role for m in trace.messages] == ["user", "assistant", "tool"]


def test_an_unknown_role_is_read_as_the_options_say() -> None:
    source = [ASKED, {"role": "oracle", "parts": [{"text": "42"}]}]
    assert FORMAT.recognize(source) is None
    assert chat(source, ReadOptions(roles={"oracle": "assistant"}))[1]["role"] == "assistant"


def test_thoughts_are_reasoning_and_what_the_api_ran_is_left_out() -> None:
    parts = [
        {"text": "Hm.", "thought": True},
        {"thoughtSignature": "s"},
        {"executableCode": {"code": "1"}},
        {"codeExecutionResult": {"output": "1"}},
        {"text": "One."},
    ]
    trace = read([ASKED, {"role": "model", "parts": parts}])
    assert chat([ASKED, {"role": "model", "parts": parts}])[1] == {
        "role": "assistant",
        "content": "One.",
        "reasoning_content": "Hm.",
    }
    assert trace.left_out == {"reasoning without text": 1, "calls that the model's provider ran itself": 1}


def test_a_picture_that_a_function_returned_is_in_its_result() -> None:
    beside = [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]
    response = {"functionResponse": {"name": "f", "response": {"ok": 1}, "parts": beside}}
    said = chat([ASKED, {"role": "model", "parts": [call("f")]}, {"role": "user", "parts": [response]}])
    assert said[2]["content"] == [
        {"type": "text", "text": '{"ok":1}'},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]


@pytest.mark.parametrize(
    "system",
    ["Be kind.", {"parts": [{"text": "Be kind."}]}, {"parts": {"text": "Be kind."}}, [{"text": "Be kind."}]],
)
def test_the_system_prompt_stands_beside_the_contents_in_many_ways(system: Any) -> None:
    expected = {"role": "system", "content": "Be kind."}
    for key in ("systemInstruction", "system_instruction"):
        assert chat({key: system, "contents": [ASKED]})[0] == expected
        assert chat({"config": {key: system}, "contents": [ASKED]})[0] == expected


@pytest.mark.parametrize(
    "source",
    [
        [{"role": "user", "parts": [{"type": "text", "content": "OpenTelemetry's"}]}],
        [{"role": "user", "parts": [{"type": "text", "text": "the Vercel AI SDK's"}]}],
        [{"role": "user", "parts": ["ChatGPT's"]}],
        [{"role": "user", "parts": []}],
        [{"role": "user", "parts": [{"text": "x"}], "content": "x"}],
        [{"role": "user", "parts": [{"unknown": 1}]}],
        {"events": [{"author": "user", "content": ASKED}]},
    ],
)
def test_parts_of_others_are_left_to_others(source: Any) -> None:
    assert FORMAT.recognize(source) is None
