"""The texts of removed and inserted steps, as the report shows them."""

from __future__ import annotations

from typing import Any

from ls_trajedit.converters.record import parse_record
from ls_trajedit.report.changed_steps import ChangedStep, changed_steps
from tests.support.report_folder import inserted, record, removed

CHAT: dict[str, Any] = {"format": "openai", "checked_calls": [], "not_the_agents": []}


def test_a_plain_step_shows_each_of_its_fields() -> None:
    steps = [{"thought": "Look.", "action": "ls", "args": {"n": 1}, "note": None, "blank": ""}, {"action": "rm"}]
    made = {"action": "ls -l", "observation": "a.txt"}
    row = record(1, "ana", steps=steps, structure=[removed(0, "Too early."), inserted(0, made, reason="Safer.")])
    assert changed_steps(parse_record(row)) == (
        ChangedStep("remove", 0, 0, (("thought", "Look."), ("action", "ls"), ("args", '{\n  "n": 1\n}')), "Too early."),
        ChangedStep("insert", 0, 0, (("action", "ls -l"), ("observation", "a.txt")), "Safer."),
    )
    assert [change.characters for change in changed_steps(parse_record(row))] == [5 + 2 + 12, 5 + 5]


def test_a_step_that_is_a_bare_string_is_that_string() -> None:
    row = record(1, "ana", steps=["ls", "rm"], structure=[removed(1), inserted(1, "pwd", 2)])
    assert [(change.texts, change.position) for change in changed_steps(parse_record(row))] == [
        ((("", "rm"),), 0),
        ((("", "pwd"),), 2),
    ]


def test_a_step_of_a_conversation_shows_its_calls_and_what_it_was_answered() -> None:
    calls = [{"id": "c1", "name": "search", "arguments": {"q": "SF"}}, {"id": "c2", "name": "log", "arguments": "raw"}]
    heard = [
        {"role": "tool", "content": "Rain.", "tool_call_id": "c1"},
        {"role": "tool", "content": "Late.", "tool_call_id": "c0"},
        {"role": "user", "content": "And tomorrow?"},
    ]
    step = {"reasoning": "Look.", "content": "A moment.", "tool_calls": calls, "heard": heard}
    made = {"content": "Sure?", "heard": [{"role": "user", "content": "Yes."}]}
    row = record(1, "ana", steps=[step], structure=[removed(0), inserted(0, made)], **CHAT)
    # What others said after a removed step stays, and so does the result of a call that an earlier step made.
    assert [change.texts for change in changed_steps(parse_record(row))] == [
        (
            ("reasoning", "Look."),
            ("content", "A moment."),
            ("call search", '{\n  "q": "SF"\n}'),
            ("call log", "raw"),
            ("heard from tool", "Rain."),
        ),
        (("content", "Sure?"), ("heard from user", "Yes.")),
    ]
