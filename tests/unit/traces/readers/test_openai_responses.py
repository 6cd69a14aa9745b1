"""Items of OpenAI's Responses API: turns, calls of every kind, and what the provider ran itself."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.places import correct_source
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions
from ls_trajedit.traces.readers.openai_responses import FORMAT
from tests.support.broken_sources import broken
from tests.support.reader_fixtures import chats_in, others, sources_in
from tests.support.round_trips import check_round_trip
from tests.support.sources.openai_responses import SOURCES
from tests.support.trace_files import TraceFile, chats_of, trace_files

FILES = pytest.mark.parametrize("file", trace_files("openai-responses"), ids=lambda file: file.path.stem)


@FILES
def test_the_fixtures_are_read_as_a_person_reads_them(file: TraceFile) -> None:
    assert chats_in(file, FORMAT) == file.expected()


@FILES
def test_the_fixtures_come_back_and_take_corrections(file: TraceFile) -> None:
    for source in sources_in(file, FORMAT):
        assert FORMAT.recognize(source)
        check_round_trip(FORMAT, source)


@given(SOURCES["openai-responses"])
def test_any_source_comes_back_and_takes_corrections(source: Any) -> None:
    assert FORMAT.recognize(source)
    check_round_trip(FORMAT, source)


@given(broken(SOURCES["openai-responses"]))
def test_a_broken_source_is_refused_with_an_error_for_people_or_read(source: Any) -> None:
    if isinstance(source, list) and FORMAT.gather is not None:
        FORMAT.gather(source)
    if FORMAT.recognize(source):
        with suppress(ReadError):
            FORMAT.read(source, NO_OPTIONS)


def test_nothing_else_is_of_this_format() -> None:
    for value in others("openai-responses"):
        assert FORMAT.recognize(value) is None, value
        if isinstance(value, list) and FORMAT.gather is not None:
            assert FORMAT.gather(value) is None, value


def read(source: Any, options: ReadOptions = NO_OPTIONS) -> Any:
    return FORMAT.read(source, options)[0]


def chat(source: Any, options: ReadOptions = NO_OPTIONS) -> Any:
    return chats_of([read(source, options)])[0]["messages"]


ASKED = {"role": "user", "content": "Go."}
CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "1"}
SAID = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Done."}]}


def test_items_of_one_response_are_one_message() -> None:
    reasoning = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}
    trace = read([ASKED, reasoning, SAID, CALL, OUTPUT, SAID, CALL, {**CALL, "call_id": "c2"}])
    assert [m.role for m in trace.messages] == ["user", "assistant", "tool", "assistant"]
    assert [type(p).__name__ for p in trace.messages[1].parts] == ["Reasoning", "Text", "Call"]
    assert [len(step.message.calls) for step in trace.steps] == [1, 2]


def test_what_the_provider_ran_and_what_is_encrypted_is_left_out_and_counted() -> None:
    hosted = [{"type": "web_search_call", "id": "w"}, {"type": "mcp_call", "id": "m", "name": "f", "arguments": "{}"}]
    hidden = {"type": "reasoning", "summary": [], "encrypted_content": "x"}
    trace = read([ASKED, *hosted, hidden, {"type": "item_reference", "id": "i"}, SAID])
    assert [m.role for m in trace.messages] == ["user", "assistant"]
    assert trace.left_out == {
        "calls that the model's provider ran itself": 2,
        "reasoning without text": 1,
        "item_reference items": 1,
    }


def test_an_item_of_a_type_that_nobody_knows_is_kept_in_a_turn_and_never_makes_one() -> None:
    new = {"type": "telepathy", "thought": 1}
    trace = read([ASKED, new, SAID, new, ASKED, new])
    assert [m.role for m in trace.messages] == ["user", "assistant", "user"]
    assert [type(p).__name__ for p in trace.messages[1].parts] == ["Other", "Text", "Other"]
    assert trace.left_out == {"telepathy items": 1}


def test_the_output_of_a_local_shell_finds_its_call_by_the_id_of_the_item() -> None:
    call = {"type": "local_shell_call", "id": "item", "call_id": "call", "action": {"type": "exec", "command": ["ls"]}}
    said = chat([ASKED, call, {"type": "local_shell_call_output", "id": "item", "output": "a"}])
    assert said[2]["tool_call_id"] == "call"


def test_the_input_of_a_custom_tool_is_corrected_as_text() -> None:
    source = [ASKED, {"type": "custom_tool_call", "call_id": "c", "name": "patch", "input": "old"}]
    call = read(source).messages[1].calls[0]
    assert call.arguments == {"input": "old"}
    assert correct_source(source, {call.arguments_place: {"input": "new"}})[1]["input"] == "new"


def test_a_result_without_its_call_is_an_error_or_heard_as_the_options_say() -> None:
    with pytest.raises(ReadError, match=r"the result at \[1\] answers the call `c1`"):
        read([ASKED, OUTPUT])
    heard = chat([ASKED, OUTPUT, CALL], ReadOptions(roles={"tool": "user"}))
    assert heard[1] == {"role": "user", "content": "1"}


def test_an_unknown_role_is_an_error_that_names_its_place() -> None:
    source = {"items": [CALL, {"role": "narrator", "content": "x"}]}
    assert FORMAT.recognize(source) is None
    with pytest.raises(ReadError, match=r"`narrator` at items\[1\]\.role is not a role"):
        read(source, ReadOptions(messages_key=("items",)))


@pytest.mark.parametrize(
    ("source", "roles"),
    [
        ({"object": "response", "output": []}, []),
        ({"output": [SAID]}, ["assistant"]),
        ({"input": "Go.", "output": [SAID]}, ["user", "assistant"]),
        ({"instructions": "Be kind.", "input": [ASKED], "output": [SAID]}, ["system", "user", "assistant"]),
        (
            {"request": {"input": "Go."}, "response": {"instructions": "x", "output": [CALL]}},
            ["system", "user", "assistant"],
        ),
        ({"thread": [ASKED, SAID], "instructions": "Be kind."}, ["system", "user", "assistant"]),
    ],
)
def test_a_request_and_its_response_are_one_conversation(source: Any, roles: list[str]) -> None:
    assert FORMAT.recognize(source)
    assert [m["role"] for m in chat(source)] == roles


@pytest.mark.parametrize(
    "source",
    [
        [ASKED, {"role": "assistant", "content": "Done."}],
        [ASKED, {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}],
        [{"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Anthropic's"}]}],
        [{"type": "response_item", "payload": CALL}],
        [{"type": "reasoning", "text": "a part of somebody else's"}],
        {"object": "response"},
        {"output": [{"type": "text", "text": "x"}]},
        {"observations": [], "output": [CALL]},
    ],
)
def test_what_only_looks_like_items_is_left_to_others(source: Any) -> None:
    assert FORMAT.recognize(source) is None
