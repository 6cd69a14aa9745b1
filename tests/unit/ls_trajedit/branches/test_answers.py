"""What an agent answers continues the conversation, or fails with the reason."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ls_trajedit.branches.agent import BranchFailed
from ls_trajedit.branches.answers import MOST_MESSAGES, ending_of, messages_in, read_messages, read_result
from ls_trajedit.redaction import keep_token
from ls_trajedit.traces.chat import ChatMessage, chat_messages
from ls_trajedit.traces.model import Call, Image, Message, Reasoning, Result, Text
from tests.support.agents import USER, called, said, tool_result

TOKEN = "0123456789abcdef0123456789abcdef01234567"
CALL = called("c1", "get", {"key": "a"})
RESULT = tool_result("c1", "5")


def read(answer: Any, *before: ChatMessage) -> list[ChatMessage]:
    """The messages of the answer in the plain form."""
    return chat_messages(read_messages(before or (USER,), answer))


def reason(answer: Any, *before: ChatMessage) -> tuple[str, str]:
    """Why the answer fails."""
    with pytest.raises(BranchFailed) as failed:
        read_messages(before or (USER,), answer)
    assert not failed.value.is_transient
    return failed.value.reason, failed.value.sentence


def test_messages_are_read_as_those_of_traces_are() -> None:
    answer = [
        {"role": "assistant", "content": None, "reasoning": "Look.", "tool_calls": [
            {"id": "x", "type": "function", "function": {"name": "get", "arguments": '{"key": "a"}'}}]},
        {"role": "tool", "tool_call_id": "x", "content": [{"type": "text", "text": "7"}]},
        {"role": "user", "content": "And?", "name": "ana"},
        {"role": "assistant", "content": "<think>So it is a.</think>The key a."},
    ]  # fmt: skip
    assert read(answer) == [
        {
            "role": "assistant",
            "content": "",
            "reasoning_content": "Look.",
            "tool_calls": [{"id": "x", "type": "function", "function": {"name": "get", "arguments": {"key": "a"}}}],
        },
        {"role": "tool", "content": "7", "tool_call_id": "x"},
        {"role": "user", "content": "And?", "name": "ana"},
        {"role": "assistant", "content": "The key a.", "reasoning_content": "So it is a."},
    ]


def test_a_message_may_lack_what_is_empty() -> None:
    thought = {"role": "assistant", "reasoning_content": "Hm."}
    answer = [thought, CALL, {"role": "tool", "tool_call_id": "c1"}, said("a")]
    assert read(answer) == [thought | {"content": ""}, CALL, tool_result("c1", ""), said("a")]


def test_keys_that_clients_add_say_nothing() -> None:
    message = {
        "role": "assistant",
        "content": "a",
        "refusal": None,
        "annotations": [],
        "audio": None,
        "tool_calls": None,
    }
    assert read([message | {"function_call": None}]) == [said("a")]


@pytest.mark.parametrize(
    ("answer", "slug", "words"),
    [
        ({"role": "assistant", "content": "a"}, "wrong_shape", "`messages` of the answer is not a list"),
        (["a"], "wrong_shape", "message 1 of the answer is not an object"),
        ([said("a"), None], "wrong_shape", "message 2 of the answer is not an object"),
        ([{"role": "assistant", "content": {"text": "a"}}], "wrong_shape", "neither a string nor a list"),
        ([{"role": "assistant", "content": 7}], "wrong_shape", "neither a string nor a list"),
        ([{"role": "assistant", "content": "a", "name": 7}], "wrong_shape", "`name` of message 1"),
        ([CALL, {"role": "tool", "content": "a", "tool_call_id": 1}], "wrong_shape", "`tool_call_id` of message 2"),
        ([{"role": "assistant", "content": [{"type": "tool_use"}]}], "wrong_shape", "neither a text nor an image"),
        ([{"role": "user", "content": [{"type": "file"}]}], "wrong_shape", "message 1 of the answer has a part"),
        ([{"role": "assistant", "content": [{"type": ["text"]}]}], "wrong_shape", "neither a text nor an image"),
        ([{"role": "assistant", "content": "a", "parts": []}], "wrong_shape", "cannot be read"),
        ([{"role": "assistant", "content": [{"type": "text", "text": "a"}, 7]}], "wrong_shape", "neither a text nor"),
        ([{"role": "agent", "content": "a"}], "unknown_role", "the role `agent`"),
        ([{"role": "Assistant", "content": "a"}], "unknown_role", "the role `Assistant`"),
        ([{"content": "a"}], "unknown_role", "message 1 of the answer has no role"),
        ([{"role": ["assistant"], "content": "a"}], "unknown_role", "message 1 of the answer has no role"),
        ([{"role": "assistant", "tool_calls": {}}], "bad_call", "is not a list"),
        ([{"role": "assistant", "tool_calls": ["get"]}], "bad_call", "a call in message 1 of the answer has no name"),
        ([called("c", "", {})], "bad_call", "has no name"),
        ([{"role": "assistant", "tool_calls": [{"function": {"arguments": {}}}]}], "bad_call", "has no name"),
        ([{"role": "assistant", "tool_calls": [{"id": "c", "function": None}]}], "bad_call", "has no name"),
        ([called("c", "get", ["a"])], "bad_call", "neither an object nor a string"),
        ([{"role": "assistant", "tool_calls": [{"id": 7, "function": {"name": "get"}}]}], "bad_call", "not a string"),
        ([{"role": "user", "content": "a", "tool_calls": [{"name": "get"}]}], "bad_call", "not the assistant's"),
        ([{"role": "assistant", "function_call": {"arguments": "{}"}}], "bad_call", "has no name"),
        ([{"role": "assistant", "function_call": "get"}], "bad_call", "has no name"),
        ([], "says_nothing", "no message of the assistant"),
        ([{"role": "user", "content": "Go on."}], "says_nothing", "no message of the assistant"),
        ([{"role": "assistant", "content": None}], "says_nothing", "in message 1"),
        ([said("a"), {"role": "assistant", "content": " \n", "tool_calls": []}], "says_nothing", "in message 2"),
        ([said("a\0b")], "not_storable", "U+0000"),
        ([said("a\ud800b")], "not_storable", "half of a surrogate pair"),
        ([called("c", "get", {"k\0": 1})], "not_storable", "U+0000"),
        ([said("a")] * (MOST_MESSAGES + 1), "too_much", "2,001 messages; 2,000 are allowed"),
    ],
)  # fmt: skip
def test_what_is_no_continuation_fails(answer: Any, slug: str, words: str) -> None:
    found, sentence = reason(answer)
    assert (found, words in sentence) == (slug, True), sentence


@pytest.mark.parametrize(
    "answer",
    [
        [RESULT, said("a")],
        [CALL, tool_result("c2", "5"), said("a")],
        [CALL, RESULT, tool_result("c1", "6"), said("a")],
        [CALL, {"role": "tool", "content": "6", "name": "put"}],
        [CALL, RESULT, tool_result("", "6")],
        [said("a"), {"role": "tool", "content": "6"}],
    ],
)
def test_a_result_needs_a_call_that_waits_for_it(answer: Any) -> None:
    assert reason(answer)[0] == "unknown_call"


def test_a_call_of_the_prefix_that_has_its_result_waits_for_none() -> None:
    other = tool_result("c1", "another")
    assert reason([other, said("a")], USER, CALL, RESULT)[0] == "unknown_call"
    assert reason([other, said("a")], USER, CALL, said("I did not wait."))[0] == "unknown_call"


def test_the_answer_begins_with_the_result_for_which_the_conversation_waits() -> None:
    two = called("c1", "get", {"key": "a"})
    two["tool_calls"].append({"id": "c2", "type": "function", "function": {"name": "put", "arguments": {}}})
    answer = [tool_result("c2", "done"), {"role": "tool", "content": "5"}, said("It is a.")]
    assert read(answer, USER, two) == [tool_result("c2", "done"), tool_result("c1", "5"), said("It is a.")]
    slug, sentence = reason([said("It is a.")], USER, CALL)
    assert slug == "unanswered_call"
    assert "the call `c1` of `get`" in sentence
    assert reason([tool_result("c2", "done"), said("a")], USER, two)[0] == "unanswered_call"


@pytest.mark.parametrize(
    ("answer", "before"),
    [
        ([USER, said("a")], [USER]),
        ([USER, CALL, RESULT, said("a")], [USER, CALL, RESULT]),
        ([USER, said("a")], [USER, CALL, RESULT]),
        ([CALL, RESULT, said("a")], [USER, CALL, RESULT]),
        ([RESULT, said("a")], [USER, CALL, RESULT]),
        ([CALL, RESULT, said("a")], [USER, CALL]),
        ([called("c1", "get", '{"key":"a"}'), RESULT], [USER, CALL]),
        ([{"role": "assistant", "content": None, "tool_calls": CALL["tool_calls"]}], [USER, CALL]),
        ([said("Well."), said("a")], [USER, said("Well.")]),
    ],
)
def test_what_was_sent_is_not_to_be_repeated(answer: Any, before: list[ChatMessage]) -> None:
    assert reason(answer, *before)[0] == "repeats_prefix"


def test_long_conversations_are_compared_in_no_time() -> None:
    """Comparing all beginnings with all ends, message by message, would take the texts a million times."""
    before = [USER, *(said("x" * 1_000) for _ in range(1_000))]
    answer = [said("x" * 1_000) for _ in range(999)]
    assert reason(answer, *before)[0] == "repeats_prefix"
    assert len(read([*answer[:-1], said("another")], *before[:1], USER)) == 999


def test_an_equal_call_is_not_a_repetition() -> None:
    again = called("c2", "get", {"key": "a"})
    answer = [again, tool_result("c2", "5"), said("a")]
    assert read(answer, USER, CALL, RESULT, said("Hm."), USER) == answer


def test_calls_get_ids_that_no_other_call_has() -> None:
    """An agent that counts its calls from 1 again, or that gives them no ids at all."""
    answer = [
        called("c1", "get", {"key": "b"}),
        tool_result("c1", "7"),
        {"role": "assistant", "tool_calls": [{"function": {"name": "get"}}, {"function": {"name": "put"}}]},
        {"role": "tool", "name": "put", "content": "done"},
        {"role": "tool", "content": "nothing"},
        called("c1", "put", {}),
    ]
    found = read(answer, USER, CALL, RESULT)
    assert [call["id"] for message in found for call in message.get("tool_calls", ())] == [
        "call00001",
        "call00002",
        "call00003",
        "call00004",
    ]
    assert [message["tool_call_id"] for message in found if message["role"] == "tool"] == [
        "call00001",
        "call00003",
        "call00002",
    ]


def test_no_id_is_made_up_that_the_prefix_has() -> None:
    before = (USER, called("call00001", "get", {}), tool_result("call00001", "5"))
    (call,) = read([{"role": "assistant", "tool_calls": [{"function": {"name": "get"}}]}], *before)
    assert call["tool_calls"][0]["id"] == "call00002"
    (tagged,) = read([said('<tool_call>{"name": "get", "arguments": {}}</tool_call>')], *before)
    assert tagged["tool_calls"][0]["id"] == "call00002"


def test_calls_may_be_tags_in_the_text() -> None:
    answer = [
        said('<think>b?</think>Look.\n<tool_call>\n{"name": "get", "arguments": {"key": "b"}}\n</tool_call>'),
        {"role": "user", "content": "<tool_response>\n7\n</tool_response>"},
        said("It is b."),
    ]
    call, result, end = read_messages([USER, CALL, RESULT], answer)
    assert call.calls == (
        Call("get", {"key": "b"}, "call00001", call.calls[0].name_place, call.calls[0].arguments_place),
    )
    assert [type(part) for part in call.parts] == [Reasoning, Text, Call]
    assert [(part.call_id, part.text) for part in result.parts if isinstance(part, Result)] == [("call00001", "7")]
    assert end.text == "It is b."


def test_arguments_that_are_not_json_stay_what_the_agent_wrote() -> None:
    (message,) = read_messages([USER], [called("c", "get", '{"key": ')])
    assert message.calls[0].arguments == '{"key": '


@pytest.mark.parametrize(
    ("messages", "ending"),
    [
        ([said("a")], "finished"),
        ([CALL, RESULT], "finished"),
        ([CALL], "unexecuted_call"),
        ([CALL, RESULT, called("c2", "get", {})], "unexecuted_call"),
        ([said("a"), {"role": "user", "content": "Thanks."}], "finished"),
    ],
)
def test_how_an_answer_ends(messages: list[Any], ending: str) -> None:
    assert ending_of(read_messages([USER], messages)) == ending


@pytest.mark.parametrize(
    ("raw", "slug", "words"),
    [
        (b"", "not_json", "it is empty"),
        (b" \n", "not_json", "it is empty"),
        (b"Loading ...\n{}", "not_json", "begins with `Loading ... {}`"),
        (b'{"messages": []} {}', "not_json", "is not JSON"),
        (b'{"messages": [}', "not_json", "is not JSON"),
        (b'{"messages": [NaN]}', "not_json", "NaN"),
        (b'{"messages": ["\xff"]}', "not_json", "is not JSON"),
        (b"\x00\x00", "not_json", "is not JSON"),
        (b"[" * 100_000, "not_json", "is not JSON"),
        (b"\xef\xbb\xbf{}", "not_json", "is not JSON"),
        (b"[]", "wrong_shape", "not an object"),
        (b"null", "wrong_shape", "not an object"),
        (b"{}", "wrong_shape", "with no key"),
        (b'{"message": []}', "wrong_shape", "with `message`;"),
        (b'{"messages": [], "usage": {}}', "wrong_shape", "with `messages`, `usage`;"),
    ],
)
def test_an_answer_is_one_object_with_messages(raw: bytes, slug: str, words: str) -> None:
    with pytest.raises(BranchFailed) as failed:
        messages_in(raw, "what it wrote")
    assert failed.value.reason == slug
    assert words in failed.value.sentence
    assert failed.value.sentence.startswith("what it wrote ")


def test_an_answer_that_holds_our_token_is_not_kept() -> None:
    keep_token("the token", TOKEN)
    raw = json.dumps({"messages": [said(f"It is {TOKEN}.")]}).encode()
    with pytest.raises(BranchFailed) as failed:
        messages_in(raw, "what it wrote")
    assert failed.value.reason == "holds_secret"
    assert "the token" in failed.value.sentence
    assert TOKEN not in failed.value.sentence


def test_a_failure_quotes_no_secret() -> None:
    keep_token("the token", TOKEN)
    assert TOKEN not in reason([{"role": f"x{TOKEN}", "content": ""}])[1]


def test_a_result_of_a_tool() -> None:
    call = Call("get", {"key": "a"}, "c9")
    (part,) = read_result(call, {"content": "7"}).parts
    assert isinstance(part, Result)
    assert (part.call_id, part.text) == ("c9", "7")
    url = "data:image/png;base64,AA=="
    image = {"type": "image_url", "image_url": {"url": url}}
    message = read_result(call, {"content": [{"type": "text", "text": "Look:"}, image]})
    assert isinstance(message, Message)
    (part,) = message.parts
    assert isinstance(part, Result)
    assert [
        part.text if isinstance(part, Text) else part.url for part in part.content if isinstance(part, Text | Image)
    ] == [
        "Look:",
        url,
    ]
    assert read_result(call, {"content": ""}).role == "tool"


@pytest.mark.parametrize(
    "answer", [{}, {"content": None}, {"content": 7}, {"content": "a", "error": False}, {"result": "a"}]
)
def test_a_tool_that_answers_something_else(answer: dict[str, Any]) -> None:
    with pytest.raises(BranchFailed, match="has to have `content`"):
        read_result(Call("get", {}, "c9"), answer)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.sampled_from(["", "a", "{}", "c1", "\0", "<tool_call>{}</tool_call>"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["name", "id", "text"]), inner, max_size=2)
    ),
    max_leaves=4,
)
IDS = st.sampled_from(["c1", "c2", "call00001", ""])
FUNCTIONS = st.fixed_dictionaries(
    {"name": st.sampled_from(["get", "put"]) | JSON}, optional={"arguments": JSON, "input": JSON, "parts": JSON}
)
CALLS = st.fixed_dictionaries({}, optional={"id": IDS | JSON, "function": FUNCTIONS, "custom": FUNCTIONS, "name": JSON})
PARTS = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "image_url", "thinking", "refusal"])},
    optional={"text": JSON, "image_url": JSON, "thinking": JSON, "refusal": JSON},
)
MESSAGES = st.fixed_dictionaries(
    {"role": st.sampled_from(["assistant", "tool", "user", "system"])},
    optional={
        "content": st.sampled_from(["a", "<think>b</think>c", '<tool_call>{"name": "get"}</tool_call>', ""])
        | st.lists(PARTS | JSON, max_size=2)
        | JSON,
        "tool_calls": st.lists(CALLS, max_size=2) | JSON,
        "tool_call_id": IDS,
        "function_call": FUNCTIONS | JSON,
        "reasoning": JSON,
        "reasoning_details": JSON,
        "refusal": JSON,
        "name": st.sampled_from(["get", "ana"]) | JSON,
        "type": JSON,
    },
)
# Such as an agent may well write them.
SAID = st.sampled_from(["a", None, "<think>b</think>c", '<tool_call>{"name": "get", "arguments": {}}</tool_call>'])
GOOD_CALLS = st.builds(
    lambda identity, name: {"id": identity, "function": {"name": name, "arguments": "{}"}},
    IDS,
    st.sampled_from(["get", "put"]),
)
GOOD_MESSAGES = (
    st.builds(
        lambda content, calls: {
            "role": "assistant",
            "content": content or (None if calls else "b"),
            "tool_calls": calls,
        },
        SAID,
        st.lists(GOOD_CALLS, max_size=2),
    )
    | st.fixed_dictionaries(
        {"role": st.just("tool"), "content": SAID}, optional={"tool_call_id": IDS, "name": st.just("get")}
    )
    | st.just({"role": "user", "content": "<tool_response>1</tool_response>"})
)
BEFORE: list[list[ChatMessage]] = [[USER], [USER, CALL], [USER, CALL, RESULT], [USER, CALL, RESULT, CALL]]


@given(st.sampled_from(BEFORE), st.lists(MESSAGES | JSON, max_size=4) | st.lists(GOOD_MESSAGES, max_size=6))
def test_whatever_an_agent_answers_it_continues_the_conversation_or_fails(
    before: list[ChatMessage], answer: Any
) -> None:
    try:
        messages = read_messages(before, answer)
    except BranchFailed:
        return
    made = {call["id"] for message in before for call in message.get("tool_calls", [])}
    waiting = (
        made - {message.get("tool_call_id", "") for message in before[-1:]} if "tool_calls" in before[-1] else set()
    )
    assert any(message.role == "assistant" for message in messages)
    for message in messages:
        if message.role == "assistant":
            assert message.parts
            waiting |= {call.id for call in message.calls}
            assert not made & {call.id for call in message.calls}
            made |= {call.id for call in message.calls}
            assert all(call.id and call.name for call in message.calls)
        for part in message.parts:
            if isinstance(part, Result):
                assert part.call_id in waiting
                waiting.remove(part.call_id)
    assert ending_of(messages) in ("finished", "unexecuted_call")
