"""Amazon Bedrock's Converse messages: blocks without a type, and what a log keeps around them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.model import Image, Other
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions
from ls_trajedit.traces.readers.bedrock import FORMAT
from tests.support.broken_sources import broken
from tests.support.reader_fixtures import chats_in, others, sources_in
from tests.support.round_trips import check_round_trip
from tests.support.sources.bedrock import SOURCES
from tests.support.trace_files import TraceFile, chats_of, trace_files

FILES = pytest.mark.parametrize("file", trace_files("bedrock"), ids=lambda file: file.path.stem)


@FILES
def test_the_fixtures_are_read_as_a_person_reads_them(file: TraceFile) -> None:
    assert chats_in(file, FORMAT) == file.expected()


@FILES
def test_the_fixtures_come_back_and_take_corrections(file: TraceFile) -> None:
    for source in sources_in(file, FORMAT):
        assert FORMAT.recognize(source)
        check_round_trip(FORMAT, source)


@given(SOURCES["bedrock"])
def test_any_source_comes_back_and_takes_corrections(source: Any) -> None:
    assert FORMAT.recognize(source)
    check_round_trip(FORMAT, source)


@given(broken(SOURCES["bedrock"]))
def test_a_broken_source_is_refused_with_an_error_for_people_or_read(source: Any) -> None:
    if isinstance(source, list) and FORMAT.gather is not None:
        FORMAT.gather(source)
    if FORMAT.recognize(source):
        with suppress(ReadError):
            FORMAT.read(source, NO_OPTIONS)


def test_nothing_else_is_of_this_format() -> None:
    for value in others("bedrock"):
        assert FORMAT.recognize(value) is None, value
        if isinstance(value, list) and FORMAT.gather is not None:
            assert FORMAT.gather(value) is None, value


def read(source: Any, options: ReadOptions = NO_OPTIONS) -> Any:
    return FORMAT.read(source, options)[0]


def chat(source: Any, options: ReadOptions = NO_OPTIONS) -> Any:
    return chats_of([read(source, options)])[0]["messages"]


ASKED = {"role": "user", "content": [{"text": "Go."}]}
CALLED = {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t1", "name": "f", "input": {"a": 1}}}]}


def result(*content: Any, **more: Any) -> dict[str, Any]:
    return {"toolResult": {"toolUseId": "t1", "content": list(content), **more}}


def test_what_a_user_said_beside_results_comes_after_them() -> None:
    heard = chat(
        [ASKED, CALLED, {"role": "user", "content": [{"text": "Hurry."}, result({"text": "1"}, {"json": [2]})]}]
    )
    assert heard[2:] == [
        {"role": "tool", "content": "1\n[2]", "tool_call_id": "t1"},
        {"role": "user", "content": "Hurry."},
    ]


def test_images_are_base64_wrapped_or_not_or_stand_elsewhere() -> None:
    wrapped = {"__bytes_encoded__": True, "data": "AAAA"}
    blocks = [
        {"image": {"format": "jpeg", "source": {"bytes": "AAAA"}}},
        {"image": {"format": "png", "source": {"bytes": wrapped}}},
        {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://b/a.png"}}}},
        {"image": {"format": "png", "source": {"bytes": [1, 2]}}},
    ]
    (message,) = read([{"role": "user", "content": blocks}]).messages
    assert message.parts == (
        Image("data:image/jpeg;base64,AAAA"),
        Image("data:image/png;base64,AAAA"),
        Image("s3://b/a.png", (0, "content", 2, "image", "source", "s3Location", "uri")),
        Other(blocks[3], (0, "content", 3)),
    )


def test_what_the_provider_ran_hidden_reasoning_and_cache_points_are_left_out_and_counted() -> None:
    blocks = [
        {"reasoningContent": {"redactedContent": "x"}},
        {"cachePoint": {"type": "default"}},
        {"toolUse": {"toolUseId": "s", "name": "search", "input": {}, "type": "server_tool_use"}},
        {"toolResult": {"toolUseId": "s", "type": "search_result", "content": []}},
        {"text": "Found."},
    ]
    trace = read([ASKED, {"role": "assistant", "content": blocks}])
    assert trace.messages[1].text == "Found."
    assert trace.left_out == {
        "reasoning without text": 1,
        "points for the cache": 1,
        "calls that the model's provider ran itself": 1,
    }


def test_a_result_without_its_call_is_an_error_or_heard_as_the_options_say() -> None:
    source = {"messages": [{"role": "user", "content": [result({"text": "1"})]}]}
    with pytest.raises(ReadError, match=r"the result at messages\[0\]\.content\[0\]\.toolResult answers the call `t1`"):
        read(source)
    assert chat(source, ReadOptions(roles={"tool": "user"})) == [{"role": "user", "content": "1"}]


def test_an_unknown_role_is_read_as_the_options_say() -> None:
    source = [ASKED, {"role": "oracle", "content": [{"text": "42"}]}]
    assert FORMAT.recognize(source) is None
    assert chat(source, ReadOptions(roles={"oracle": "assistant"}))[1]["role"] == "assistant"


def test_an_answer_that_a_log_keeps_apart_is_the_last_message() -> None:
    answer = {"message": {"role": "assistant", "content": [{"text": "Done."}]}}
    for source in (
        {"messages": [ASKED], "output": answer},
        {"request": {"messages": [ASKED]}, "response": {"output": answer}},
        {"input": {"inputBodyJson": {"messages": [ASKED]}}, "output": {"outputBodyJson": {"output": answer}}},
    ):
        assert FORMAT.recognize(source)
        assert [m["content"] for m in chat(source)] == ["Go.", "Done."]


@pytest.mark.parametrize(
    "source",
    [
        [{"role": "user", "content": "text"}],
        [{"role": "user", "content": [{"type": "text", "text": "x"}]}],
        [{"role": "user", "content": []}],
        [{"role": "user", "content": [{"unknown": 1}]}],
        [{"role": "user", "content": ["x"]}],
        {"observations": [], "messages": [ASKED, CALLED]},
    ],
)
def test_blocks_of_others_are_left_to_others(source: Any) -> None:
    assert FORMAT.recognize(source) is None
