"""The plain form of chat messages."""

from __future__ import annotations

from ls_trajedit.traces.chat import chat_message, chat_messages
from ls_trajedit.traces.model import Call, Image, Message, Other, Reasoning, Result, Text


def test_what_is_empty_is_left_out_except_content() -> None:
    assert chat_message(Message("assistant", ())) == {"role": "assistant", "content": ""}


def test_reasoning_and_calls_have_keys_of_their_own() -> None:
    message = Message(
        "assistant", (Reasoning("hm"), Text("Look."), Call("f", {"a": 1}, "c1"), Call("g", "{broken", "c2"))
    )
    assert chat_message(message) == {
        "role": "assistant",
        "content": "Look.",
        "reasoning_content": "hm",
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}},
            {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "{broken"}},
        ],
    }


def test_a_result_names_its_call_and_its_tool_where_that_was_recorded() -> None:
    named = Message("tool", (Result((Text("a"), Text("b")), "c1", "f"),))
    bare = Message("tool", (Result((), "c1"),))
    assert chat_messages([named, bare]) == [
        {"role": "tool", "content": "a\nb", "tool_call_id": "c1", "name": "f"},
        {"role": "tool", "content": "", "tool_call_id": "c1"},
    ]


def test_images_make_content_a_list_of_parts() -> None:
    message = Message("user", (Text("What is this?"), Image("https://example.com/a.png")))
    assert chat_message(message)["content"] == [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
    ]


def test_other_things_are_json_where_they_were_heard_and_nothing_where_the_agent_spoke() -> None:
    assert chat_message(Message("user", (Other({"type": "audio"}),)))["content"] == '{"type":"audio"}'
    assert chat_message(Message("assistant", (Text("a"), Other({"type": "audio"}))))["content"] == "a"
