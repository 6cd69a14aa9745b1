"""Conversations in which steps were removed and inserted: who said what, in which order, after that."""

from __future__ import annotations

from typing import Any

import pytest

from ls_trajedit.converters.record import Edit, Insertion, Removal, StructureChange
from ls_trajedit.converters.restructured_chat import free_call_id, restructured_chat
from ls_trajedit.converters.traces import ChatTraces, recorded_chat
from ls_trajedit.label_config.chat_data import Chat, Correction, chat_fields
from ls_trajedit.traces.chat import chat_messages
from ls_trajedit.traces.model import Call, Message, Result, Text, Trace
from ls_trajedit.traces.read import read_chat
from ls_trajedit.traces.read_options import NO_OPTIONS
from tests.support.chats import OPENAI

# Step 0 asks, step 1 makes two calls, step 2 tells.
FLIGHT = read_chat(OPENAI, "openai-chat", NO_OPTIONS)[0]


def said(trace: Trace) -> list[str]:
    """Each message as `role: text`, with the ids of calls and of what they answer."""
    lines = []
    for message in chat_messages(trace.messages):
        ids = [call["id"] for call in message.get("tool_calls", ())] + [message.get("tool_call_id", "")]
        lines.append(" ".join([message["role"], str(message["content"]), *filter(None, ids)]))
    return lines


def insert(after: int, position: int, **step: Any) -> Insertion:
    return Insertion(after, position, {**step, "heard": step.get("heard", [])}, "")


def agent(text: str, *calls: Call, name: str | None = None) -> Message:
    return Message("assistant", (Text(text), *calls), agent=name)


def result(text: str, call_id: str) -> Message:
    return Message("tool", (Result((Text(text),), call_id),))


def user(text: str) -> Message:
    return Message("user", (Text(text),))


def test_a_removed_step_takes_its_message_and_the_results_of_its_calls_away_and_nothing_else() -> None:
    assert said(restructured_chat(FLIGHT, [Removal(1, "")])) == [
        "system You book flights.",
        "user To Oslo, please.",
        "assistant Which day?",
        "user Friday.",
        "assistant SK 1 it is.",
    ]
    without_first = restructured_chat(FLIGHT, [Removal(0, "")])
    assert said(without_first)[:4] == [
        "system You book flights.",
        "user To Oslo, please.",
        "user Friday.",
        "assistant I look. call_a call_b",
    ]
    assert (len(without_first.steps), len(without_first.before)) == (2, 3)
    assert said(restructured_chat(FLIGHT, [Removal(2, "")])) == said(FLIGHT)[:-1]


def test_a_result_that_comes_late_goes_with_its_call_and_others_stay() -> None:
    trace = Trace(
        "t",
        "",
        (
            user("Go."),
            agent("a", Call("f", {}, "1")),
            agent("b", Call("g", {}, "2")),
            result("of 1", "1"),
            result("of 2", "2"),
            agent("c"),
        ),
    )
    assert said(restructured_chat(trace, [Removal(0, "")])) == [
        "user Go.",
        "assistant b 2",
        "tool of 2 2",
        "assistant c",
    ]
    assert said(restructured_chat(trace, [Removal(1, "")])) == [
        "user Go.",
        "assistant a 1",
        "tool of 1 1",
        "assistant c",
    ]


def test_an_id_that_is_used_again_belongs_to_the_later_call() -> None:
    steps = [message for text in "abc" for message in (agent(text, Call("f", {}, "x")), result(f"of {text}", "x"))]
    trace = Trace("t", "", (user("Go."), *steps))
    for removed in range(3):
        expected = ["user Go."]
        for number, text in enumerate("abc"):
            expected += [] if number == removed else [f"assistant {text} x", f"tool of {text} x"]
        assert said(restructured_chat(trace, [Removal(removed, "")])) == expected


def test_what_a_program_called_for_the_agent_and_what_answers_no_call_stays() -> None:
    given = Message("assistant", (Call("probe", {}, "g"),), given=True)
    trace = Trace("t", "", (user("Go."), agent("a"), given, result("of g", "g"), result("stray", "?"), agent("b")))
    changed = restructured_chat(trace, [Removal(0, "")])
    assert said(changed) == ["user Go.", "assistant  g", "tool of g g", "tool stray ?", "assistant b"]
    assert len(changed.steps) == 1


def test_an_inserted_step_stands_before_the_next_one_after_all_that_was_heard() -> None:
    call = {"id": "i00001c00", "name": "find_flights", "arguments": {"to": "OSL"}}
    heard = [{"role": "tool", "content": "SK 2", "tool_call_id": "i00001c00"}]
    structure = [
        insert(-1, 0, content="Hello."),
        insert(0, 0, reasoning="Look first.", tool_calls=[call], heard=heard),
        insert(0, 1, content="Only SK 2.", heard=[{"role": "user", "content": "Good."}]),
        insert(2, 0, content="Bye."),
    ]
    changed = restructured_chat(FLIGHT, structure)
    assert said(changed) == [
        "system You book flights.",
        "user To Oslo, please.",
        "assistant Hello.",
        "assistant Which day?",
        "user Friday.",
        "assistant  i00001c00",
        "tool SK 2 i00001c00",
        "assistant Only SK 2.",
        "user Good.",
        *said(FLIGHT)[4:],
        "assistant Bye.",
    ]
    assert len(changed.steps) == 7
    shown = recorded_chat(changed).steps
    assert [shown[0], shown[2], shown[3], shown[6]] == [
        {"content": "Hello.", "heard": []},
        {"reasoning": "Look first.", "tool_calls": [call], "heard": heard},
        {"content": "Only SK 2.", "heard": [{"role": "user", "content": "Good."}]},
        {"content": "Bye.", "heard": []},
    ]


def test_what_is_inserted_after_a_removed_step_stands_in_its_place() -> None:
    """Else it would answer what somebody said to the removed one."""
    structure = [
        insert(-1, 0, content="Hello."),
        Removal(0, ""),
        insert(0, 0, content="When?"),
        insert(0, 1, content="?"),
    ]
    assert said(restructured_chat(FLIGHT, structure))[1:7] == [
        "user To Oslo, please.",
        "assistant Hello.",
        "assistant When?",
        "assistant ?",
        "user Friday.",
        "assistant I look. call_a call_b",
    ]
    replaced = [Removal(2, ""), insert(2, 0, content="Sold out.")]
    assert said(restructured_chat(FLIGHT, replaced)) == [*said(FLIGHT)[:-1], "assistant Sold out."]


def test_all_steps_can_be_replaced() -> None:
    structure = [Removal(0, ""), insert(0, 0, content="Sold out."), Removal(1, ""), Removal(2, "")]
    changed = restructured_chat(FLIGHT, structure)
    assert said(changed)[2:] == ["assistant Sold out.", "user Friday."]
    assert len(changed.steps) == 1


def test_an_inserted_step_is_said_by_the_agent_beside_it() -> None:
    trace = Trace("t", "", (user("Go."), agent("a", name="planner"), agent("b", name="coder")))
    changed = restructured_chat(
        trace, [insert(-1, 0, content="0"), insert(0, 0, content="1"), insert(1, 0, content="2")]
    )
    assert [(step.message.text, step.message.agent) for step in changed.steps] == [
        ("0", "planner"),
        ("a", "planner"),
        ("1", "planner"),
        ("b", "coder"),
        ("2", "coder"),
    ]


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        (Removal(0, ""), []),
        (Removal(1, ""), [0]),
        (Removal(2, ""), [0, 1]),
        (insert(-1, 0, content="x"), []),
        (insert(0, 0, content="x"), [0]),
        (insert(2, 0, content="x"), [0, 1, 2]),
    ],
)
def test_a_recorded_prompt_is_left_where_nothing_before_it_changed(change: StructureChange, kept: list[int]) -> None:
    prompts = {number: (user(f"prompt {number}"),) for number in range(3)}
    trace = Trace("t", "", (user("Go."), agent("a"), agent("b"), agent("c")), prompts=prompts)
    both = [change, insert(2, 1, content="y")]
    assert restructured_chat(trace, both).prompts == {number: prompts[number] for number in kept}


def test_ids_of_inserted_calls_are_nine_letters_and_digits_that_nothing_else_has() -> None:
    assert [free_call_id(FLIGHT, after, position) for after, position in [(-1, 0), (0, 0), (0, 1), (41, 5)]] == [
        "i00000c00",
        "i00001c00",
        "i00001c01",
        "i00042c05",
    ]
    # As in the continuation of a trace into which a step was inserted.
    taken = (agent("a", Call("f", {}, "i00001c00")), result("of f", "i00001c10"))
    prompt = (result("of g", "i00001c01"),)
    trace = Trace("t", "", (user("Go."), *taken, agent("b")), prompts={0: prompt})
    assert free_call_id(trace, 0, 0) == "i00001c20"
    assert free_call_id(trace, 0, 1) == "i00001c11"
    assert free_call_id(trace, 0, 2) == "i00001c02"


def test_edits_stay_beside_the_structure() -> None:
    def edited(step: int, text: str) -> Trace:
        return Chat(FLIGHT, {}).corrected([Correction(chat_fields(FLIGHT)[step, "content"], text)])

    edit = Edit(1, "content", "I look.", "I search.", 5, 1, "")
    structure = (Removal(0, ""), insert(2, 0, content="Bye."))
    traces = ChatTraces(FLIGHT, edited(1, "I search."), structure)
    assert [step.message.text for step in traces.corrected.steps] == ["I search.", "SK 1 it is.", "Bye."]
    joined = ChatTraces(FLIGHT, FLIGHT, structure).with_edit(traces, edit)
    assert joined == traces
    assert joined.unedited() == ChatTraces(FLIGHT, FLIGHT)
    assert joined.unedited().corrected == FLIGHT
    removed = ChatTraces(FLIGHT, FLIGHT, (Removal(1, ""),)).with_edit(traces, edit)
    assert [step.message.text for step in removed.corrected.steps] == ["Which day?", "SK 1 it is."]


def test_only_a_conversation_with_its_own_steps_has_its_own_format() -> None:
    assert ChatTraces(FLIGHT, FLIGHT).native == OPENAI
    assert ChatTraces(FLIGHT, FLIGHT, (Removal(1, ""),)).native is None
