"""Anthropic's messages: blocks, results in the user's turn, and what tells them from OpenAI's."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.model import Image, Other
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions
from ls_trajedit.traces.readers.anthropic import FORMAT
from tests.support.broken_sources import broken
from tests.support.reader_fixtures import chats_in, others, sources_in
from tests.support.round_trips import check_round_trip
from tests.support.sources.anthropic import SOURCES
from tests.support.trace_files import TraceFile, chats_of, trace_files

FILES = pytest.mark.parametrize("file", trace_files("anthropic"), ids=lambda file: file.path.stem)


@FILES
def test_the_fixtures_are_read_as_a_person_reads_them(file: TraceFile) -> None:
    assert chats_in(file, FORMAT) == file.expected()


@FILES
def test_the_fixtures_come_back_and_take_corrections(file: TraceFile) -> None:
    for source in sources_in(file, FORMAT):
        assert FORMAT.recognize(source)
        check_round_trip(FORMAT, source)


@given(SOURCES["anthropic"])
def test_any_source_comes_back_and_takes_corrections(source: Any) -> None:
    assert FORMAT.recognize(source)
    check_round_trip(FORMAT, source)


@given(broken(SOURCES["anthropic"]))
def test_a_broken_source_is_refused_with_an_error_for_people_or_read(source: Any) -> None:
    if isinstance(source, list) and FORMAT.gather is not None:
        FORMAT.gather(source)
    if FORMAT.recognize(source):
        with suppress(ReadError):
            FORMAT.read(source, NO_OPTIONS)


def test_nothing_else_is_of_this_format() -> None:
    for value in others("anthropic"):
        assert FORMAT.recognize(value) is None, value
        if isinstance(value, list) and FORMAT.gather is not None:
            assert FORMAT.gather(value) is None, value


def read(source: Any, options: ReadOptions = NO_OPTIONS) -> Any:
    return FORMAT.read(source, options)[0]


def chat(source: Any, options: ReadOptions = NO_OPTIONS) -> Any:
    return chats_of([read(source, options)])[0]["messages"]


ASKED = {"role": "user", "content": "Go."}
USE = {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}}
CALLED = {"role": "assistant", "content": [USE]}


def result(content: Any, **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": "t1", "content": content, **more}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ([ASKED, CALLED], "a list of messages whose content holds `tool_use` blocks"),
        ({"h": [ASKED, CALLED]}, "a list `h` of messages whose content holds `tool_use` blocks"),
        (
            {"system": [{"type": "text", "text": "x"}], "messages": [ASKED]},
            "a list `messages` of messages beside a `system` of blocks",
        ),
        (
            [{"type": "message", "role": "assistant", "content": [{"type": "text", "text": "x"}]}],
            "a list of `message` objects",
        ),
    ],
)
def test_the_reason_names_what_only_this_format_has(source: Any, reason: str) -> None:
    assert FORMAT.recognize(source) == reason


@pytest.mark.parametrize(
    "source",
    [
        [ASKED, {"role": "assistant", "content": "Done."}],
        [ASKED, {"role": "assistant", "content": [{"type": "text", "text": "Done."}]}],
        {"system": "Be kind.", "messages": [ASKED]},
        [ASKED, {"role": "assistant", "content": [USE], "tool_calls": []}],
        [CALLED, {"role": "tool", "content": "1"}],
        [{"role": "user", "content": [{"type": "image", "image": "https://example.com"}]}],
        [ASKED, {"role": "assistant", "content": [{"type": "tool-call", "toolName": "f"}, USE]}],
        {"run_type": "llm", "messages": [ASKED, CALLED]},
    ],
)
def test_text_alone_and_the_blocks_of_others_are_left_to_others(source: Any) -> None:
    assert FORMAT.recognize(source) is None


def test_what_a_user_said_beside_results_comes_after_them() -> None:
    said = {"type": "text", "text": "Hurry."}
    for blocks in ([said, result("1")], [result("1"), said]):
        heard = chat([ASKED, CALLED, {"role": "user", "content": blocks}])
        assert heard[2:] == [
            {"role": "tool", "content": "1", "tool_call_id": "t1"},
            {"role": "user", "content": "Hurry."},
        ]


@pytest.mark.parametrize("content", ["", None, []])
def test_an_empty_result_is_a_result(content: Any) -> None:
    heard = chat([ASKED, CALLED, {"role": "user", "content": [result(content, is_error=True)]}])
    assert heard[2:] == [{"role": "tool", "content": "", "tool_call_id": "t1"}]


def test_images_are_data_uris_and_only_urls_have_a_place() -> None:
    data = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    url = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    kept = {"type": "image", "source": {"type": "file", "file_id": "f"}}
    (message,) = read([{"role": "user", "content": [data, url, kept]}]).messages
    assert message.parts == (
        Image("data:image/png;base64,AAAA"),
        Image("https://example.com/a.png", (0, "content", 1, "source", "url")),
        Other(kept, (0, "content", 2)),
    )


def test_what_the_provider_ran_and_hidden_thinking_is_left_out_and_counted() -> None:
    blocks = [
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "text", "text": "Found."},
    ]
    trace = read([ASKED, {"role": "assistant", "content": blocks}])
    assert trace.messages[1].text == "Found."
    assert trace.left_out == {"calls that the model's provider ran itself": 1, "reasoning without text": 1}


def test_a_result_without_its_call_is_an_error_or_heard_as_the_options_say() -> None:
    source = {"messages": [{"role": "user", "content": [result("1")]}, {"role": "assistant", "content": "x"}]}
    with pytest.raises(ReadError, match=r"the result at messages\[0\]\.content\[0\] answers the call `t1`"):
        read(source)
    assert chat(source, ReadOptions(roles={"tool": "user"}))[0] == {"role": "user", "content": "1"}


def test_other_words_for_roles_are_read_as_the_options_say() -> None:
    source = [{"role": "human", "content": "Go."}, {"role": "claude", "content": [USE]}]
    assert FORMAT.recognize(source) is None
    options = ReadOptions(roles={"claude": "assistant"}, format="anthropic")
    assert [m["role"] for m in chat(source, options)] == ["user", "assistant"]


def test_an_answer_that_a_log_keeps_apart_is_the_last_message() -> None:
    answer = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Done."}]}
    source = {"messages": [ASKED], "response": answer}
    assert FORMAT.recognize(source)
    assert [m["content"] for m in chat(source)] == ["Go.", "Done."]
    repeated = {"messages": [ASKED, {"role": "assistant", "content": answer["content"]}], "response": answer}
    assert [m["content"] for m in chat(repeated)] == ["Go.", "Done."]


def test_a_call_whose_input_was_recorded_as_text_is_read_like_any() -> None:
    for written, expected in (('{"a": 2}', {"a": 2}), ("", {}), ('{"a": ', '{"a": ')):
        (message,) = read([{"role": "assistant", "content": [{**USE, "input": written}]}]).messages
        assert message.calls[0].arguments == expected
