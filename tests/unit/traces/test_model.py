"""Steps are the agent's messages, each with what was heard after it."""

from __future__ import annotations

from ls_trajedit.traces.model import Call, Message, Result, Text, Trace

SYSTEM = Message("system", (Text("Be brief."),))
USER = Message("user", (Text("Find it."),))
LOOK = Message("assistant", (Text("Looking."), Call("find", {"q": "it"}, "c1")))
FOUND = Message("tool", (Result((Text("here"),), "c1", "find"),))
DONE = Message("assistant", (Text("It is here."),))


def trace(*messages: Message) -> Trace:
    return Trace("t", "Find it.", messages)


def test_a_step_is_what_the_agent_says_and_what_it_hears_before_it_speaks_again() -> None:
    first, second = trace(SYSTEM, USER, LOOK, FOUND, USER, DONE).steps
    assert (first.position, first.message, first.heard) == (2, LOOK, (FOUND, USER))
    assert (second.position, second.message, second.heard) == (5, DONE, ())


def test_two_messages_of_the_agent_in_a_row_are_two_steps() -> None:
    assert [step.heard for step in trace(USER, DONE, LOOK).steps] == [(), ()]


def test_what_was_said_before_the_first_step_is_nobodys_answer() -> None:
    assert trace(SYSTEM, USER, LOOK).before == (SYSTEM, USER)
    assert trace(SYSTEM, USER).before == (SYSTEM, USER)
    assert trace(SYSTEM, USER).steps == ()


def test_a_corrected_part_leaves_all_others_as_they_are() -> None:
    corrected = trace(USER, LOOK, FOUND).with_parts({(1, 1): Call("find", {"q": "that"}, "c1")})
    assert corrected.messages[1] == Message("assistant", (Text("Looking."), Call("find", {"q": "that"}, "c1")))
    assert (corrected.messages[0], corrected.messages[2]) == (USER, FOUND)
