"""OpenAI chat messages: what is read, what is left to other readers, and what is refused."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.model import Other, Reasoning, Text
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions
from ls_trajedit.traces.readers.openai_chat import FORMAT
from tests.support.broken_sources import broken
from tests.support.reader_fixtures import chats_in, others, sources_in
from tests.support.round_trips import check_round_trip
from tests.support.sources.openai_chat import SOURCES
from tests.support.trace_files import TraceFile, chats_of, trace_files

FILES = pytest.mark.parametrize("file", trace_files("openai-chat"), ids=lambda file: file.path.stem)


@FILES
def test_the_fixtures_are_read_as_a_person_reads_them(file: TraceFile) -> None:
    assert chats_in(file, FORMAT) == file.expected()


@FILES
def test_the_fixtures_come_back_and_take_corrections(file: TraceFile) -> None:
    for source in sources_in(file, FORMAT):
        assert FORMAT.recognize(source)
        check_round_trip(FORMAT, source)


@given(SOURCES["openai-chat"])
def test_any_source_comes_back_and_takes_corrections(source: Any) -> None:
    assert FORMAT.recognize(source)
    check_round_trip(FORMAT, source)


@given(broken(SOURCES["openai-chat"]))
def test_a_broken_source_is_refused_with_an_error_for_people_or_read(source: Any) -> None:
    if isinstance(source, list) and FORMAT.gather is not None:
        FORMAT.gather(source)
    if FORMAT.recognize(source):
        with suppress(ReadError):
            FORMAT.read(source, NO_OPTIONS)


def test_nothing_else_is_of_this_format() -> None:
    for value in others("openai-chat"):
        assert FORMAT.recognize(value) is None, value
        if isinstance(value, list) and FORMAT.gather is not None:
            assert FORMAT.gather(value) is None, value


def read(source: Any, options: ReadOptions = NO_OPTIONS) -> Any:
    return FORMAT.read(source, options)[0]


def chat(source: Any, options: ReadOptions = NO_OPTIONS) -> Any:
    return chats_of([read(source, options)])[0]["messages"]


ASKED = {"role": "user", "content": "Go."}
SAID = {"role": "assistant", "content": "Done."}


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ([ASKED, SAID], "a list of messages with `role` and `content`"),
        ({"trial": 1, "traj": [ASKED]}, "a list `traj` of messages with `role` and `content`"),
        ({"request": {"messages": [ASKED]}}, "a list `request.messages` of messages with `role` and `content`"),
        (
            {"messages": '[{"role": "user", "content": "Go."}]'},
            "a list `messages` of messages with `role` and `content`",
        ),
    ],
)
def test_the_reason_says_where_the_messages_are(source: Any, reason: str) -> None:
    assert FORMAT.recognize(source) == reason


@pytest.mark.parametrize(
    "source",
    [
        {"messages": [{"role": "system", "content": "Only this."}]},
        {"messages": [ASKED, {"role": "narrator", "content": "Then"}]},
        {"messages": [ASKED, {"role": "assistant", "content": [{"type": "tool_use", "name": "f", "input": {}}]}]},
        {"messages": [ASKED, {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm."}]}]},
        {"messages": [ASKED, {"role": "assistant", "content": [{"text": "no type"}]}]},
        {"messages": [ASKED, {"role": "assistant", "content": [{"type": "output_text", "text": "x"}]}]},
        {"messages": [ASKED, {"role": "assistant", "content": "x", "parts": [{"type": "text", "text": "x"}]}]},
        {"messages": [ASKED, {"role": "assistant", "content": "", "tool_calls": [{"id": "c", "function": "f"}]}]},
        {"messages": [ASKED, SAID], "system": [{"type": "text", "text": "Anthropic's."}]},
        {"input": [ASKED], "output": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}]},
        {"messages": [ASKED], "output": {"message": {"role": "assistant", "content": [{"text": "Bedrock's"}]}}},
        {"messages": [ASKED, {**SAID, "name": "coder"}, {**SAID, "name": "critic"}]},
        {"observations": [], "messages": [ASKED]},
    ],
)
def test_messages_of_others_are_left_to_their_readers(source: Any) -> None:
    assert FORMAT.recognize(source) is None


def test_two_lists_that_differ_are_refused_until_the_options_name_one() -> None:
    source = {"messages": [ASKED, SAID], "expected": [{**SAID, "content": "Better."}]}
    with pytest.raises(ReadError) as error:
        read(source)
    assert str(error.value) == (
        "it holds several lists of messages (`messages`, `expected`); say in trajedit.yaml which, as `messages_key`"
    )
    assert len(read(source, ReadOptions(messages_key=("messages",))).messages) == 2
    assert [m["content"] for m in chat({"before": [ASKED], "after": [ASKED, SAID]})] == ["Go.", "Done."]


def test_a_list_under_a_key_that_holds_no_messages_is_an_error() -> None:
    with pytest.raises(ReadError, match=r"it holds no list of messages with `role` and `content`; `messages_key`"):
        read({"rows": [{"a": 1}]}, ReadOptions(messages_key=("rows",)))


def test_roles_of_other_names_are_read_as_the_options_say() -> None:
    source = {"log": [{"who": "customer", "content": "Go."}, {"who": "clerk", "content": "Done."}]}
    options = ReadOptions(
        messages_key=("log",), role_key="who", roles={"customer": "user", "clerk": "assistant"}, format="openai-chat"
    )
    assert [m["role"] for m in chat(source, options)] == ["user", "assistant"]
    assert FORMAT.recognize(source) is None


def test_a_result_without_its_call_names_the_place_and_the_option() -> None:
    source = {"messages": [ASKED, SAID, {"role": "tool", "tool_call_id": "c9", "content": "42"}]}
    with pytest.raises(ReadError, match=r"the result at messages\[2\] answers the call `c9`.*roles: {user: \[tool\]}"):
        read(source)
    assert chat(source, ReadOptions(roles={"tool": "user"}))[2] == {"role": "user", "content": "42"}


def test_a_role_that_the_options_turn_round_keeps_its_calls_in_sight() -> None:
    calls = [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    source = {"messages": [{"role": "assistant", "content": "Hi", "reasoning": "Hm.", "tool_calls": calls}, ASKED]}
    trace = read(source, ReadOptions(roles={"assistant": "user", "user": "assistant"}))
    first, second = trace.messages
    assert (first.role, second.role) == ("user", "assistant")
    assert first.parts == (Text("Hi", ("messages", 0, "content")), Other(calls, ("messages", 0, "tool_calls")))
    assert trace.left_out == {"reasoning of others than the agent": 1}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"a": 1}, {"a": 1}),
        ('{"a": 1}', {"a": 1}),
        ("", {}),
        (" ", {}),
        (None, {}),
        ('{"a": ', '{"a": '),
        ("[1]", "[1]"),
        ("null", "null"),
    ],
)
def test_arguments_are_an_object_or_what_the_model_wrote(arguments: Any, expected: Any) -> None:
    call = {"function": {"name": "f", "arguments": arguments}}
    (message,) = read([{"role": "assistant", "tool_calls": [call]}]).messages
    assert message.calls[0].arguments == expected


def test_reasoning_is_read_once_where_two_keys_hold_it() -> None:
    trace = read([{"role": "assistant", "content": "x", "reasoning": "Hm.", "reasoning_content": "Hm."}])
    assert trace.messages[0].parts[0] == Reasoning("Hm.", (0, "reasoning_content"))
    assert len(trace.messages[0].parts) == 2
    assert trace.left_out == {"reasoning under a second key": 1}


def test_reasoning_stands_under_other_keys_and_in_parts() -> None:
    assert chat([{"role": "assistant", "content": "x", "thinking": "Ollama's"}])[0]["reasoning_content"] == "Ollama's"
    magistral = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Mistral's"}]},
        {"type": "text", "text": "x"},
    ]
    assert chat([{"role": "assistant", "content": magistral}]) == [
        {"role": "assistant", "content": "x", "reasoning_content": "Mistral's"}
    ]


def test_tags_beside_parsed_calls_stay_text() -> None:
    text = '<tool_call>{"name": "f", "arguments": {}}</tool_call>'
    call = {"id": "c1", "function": {"name": "f", "arguments": "{}"}}
    said = chat([{"role": "assistant", "content": text, "tool_calls": [call]}])[0]
    assert said["content"] == text
    assert len(said["tool_calls"]) == 1


def test_a_thought_in_the_text_beside_a_recorded_one_stays_text() -> None:
    said = chat([{"role": "assistant", "content": "<think>a</think>b", "reasoning": "c"}])[0]
    assert (said["content"], said["reasoning_content"]) == ("<think>a</think>b", "c")


def test_a_user_who_quotes_tags_where_calls_are_not_tags_said_just_that() -> None:
    quoted = {"role": "user", "content": "<tool_response>1</tool_response>"}
    assert chat([quoted, SAID])[0] == quoted


def test_several_results_in_one_tool_message_are_one_message_each() -> None:
    call = '<tool_call>{"name": "f", "arguments": {}}</tool_call>'
    heard = "<tool_response>1</tool_response><tool_response>2</tool_response>"
    said = chat([{"role": "assistant", "content": call * 2}, {"role": "tool", "content": heard}])
    assert [(m["content"], m["tool_call_id"]) for m in said[1:]] == [("1", "call00001"), ("2", "call00002")]
    beside = f"{heard} and more"
    assert chat([{"role": "assistant", "content": call}, {"role": "tool", "content": beside}])[1]["content"] == beside


def test_a_system_prompt_beside_the_messages_comes_first_unless_they_have_one() -> None:
    assert chat({"system": "Be kind.", "messages": [ASKED]})[0] == {"role": "system", "content": "Be kind."}
    own = [{"role": "system", "content": "Be brief."}, ASKED]
    assert chat({"system": "Be kind.", "messages": own}) == own


def test_a_logged_answer_is_not_read_twice() -> None:
    for answer in (
        {"response": SAID},
        {"choices": [{"message": SAID}]},
        {"response": {"choices": [{"message": SAID}]}},
    ):
        assert chat({"messages": [ASKED], **answer}) == [ASKED, SAID]
        assert chat({"messages": [ASKED, SAID], **answer}) == [ASKED, SAID]
    choices = [{"message": SAID}, {"message": SAID}]
    assert read({"messages": [ASKED], "choices": choices}).left_out == {"choices other than the first": 1}


def test_bare_messages_are_put_together_and_rows_are_not() -> None:
    assert FORMAT.gather is not None
    assert FORMAT.gather([ASKED, SAID]) == [[ASKED, SAID]]
    assert FORMAT.gather([ASKED]) is None
    assert FORMAT.gather([{"messages": [ASKED]}, {"messages": [ASKED]}]) is None
