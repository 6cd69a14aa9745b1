"""What an annotation of a conversation corrects, on our pages and in tasks that somebody imported as they were."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ls_trajedit.converters.annotations.outcome import Edited, Outcome, Rejected, Unedited
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.formats.trl import dpo_rows
from ls_trajedit.converters.record import ChatSource, Record, RejectReason, Remark, parse_record
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.label_config.chat_data import chat_data
from ls_trajedit.traces.json_text import json_line, parse_json
from ls_trajedit.traces.read import read_chat
from ls_trajedit.traces.read_options import NO_OPTIONS
from tests.support.chats import ANTHROPIC, OPENAI, SHAREGPT, openai_chat
from tests.support.loop import one_outcome, text_result
from tests.support.samples import chat_outcome, hand_made_outcome


def edited(outcome: Outcome) -> Record:
    assert isinstance(outcome, Edited), outcome
    return outcome.record


def rejected(outcome: Outcome) -> tuple[RejectReason, str]:
    assert isinstance(outcome, Rejected), outcome
    return outcome.reject.reason, outcome.reject.detail


def source_of(record: Record) -> ChatSource:
    assert isinstance(record.source, ChatSource)
    return record.source


def edits_of(record: Record) -> list[tuple[int | None, str, str, str]]:
    return [(edit.step_index, edit.field, edit.original_text, edit.edited_text) for edit in record.edits]


def row_of(outcome: Outcome) -> Any:
    assert isinstance(outcome, Edited), outcome
    (row,) = dpo_rows(Sample(outcome.record, traces=outcome.traces))
    return parse_json(json_line(row))["values"]


def test_the_record_holds_both_conversations_as_steps_and_what_was_heard() -> None:
    record = edited(chat_outcome(OPENAI, {"steps[0].content": "Which day, please?"}, reason="Politer."))
    assert (record.trace_id, record.task) == ("flight", "To Oslo, please.")
    assert edits_of(record) == [(0, "content", "Which day?", "Which day, please?")]
    assert (record.edits[0].reason, record.edits[0].edit_distance_chars) == ("Politer.", 8)
    original, corrected = record.original_trace.value(), record.corrected_trace.value()
    assert corrected == {
        **original,
        "steps": [{**original["steps"][0], "content": "Which day, please?"}, *original["steps"][1:]],
    }
    assert original["before"] == [
        {"role": "system", "content": "You book flights."},
        {"role": "user", "content": "To Oslo, please."},
    ]
    assert original["steps"][1] == {
        "content": "I look.",
        "tool_calls": [
            {"id": "call_a", "name": "find_flights", "arguments": {"to": "OSL", "seats": 1}},
            {"id": "call_b", "name": "find_flights", "arguments": {"to": "TRF"}},
        ],
        "heard": [
            {"role": "tool", "content": "SK 1", "tool_call_id": "call_a", "name": "find_flights"},
            {"role": "tool", "content": "none", "tool_call_id": "call_b", "name": "find_flights"},
        ],
    }
    assert source_of(record).format == "openai-chat"


def test_the_record_is_read_back_as_it_was_written() -> None:
    record = edited(chat_outcome(OPENAI, {"steps[1].tool_calls[0].arguments": '{"t": 1}', "task": "Other"}))
    assert parse_record(parse_json(json_line(record))) == record
    assert (len(source_of(record).checked_calls), len(source_of(record).not_the_agents)) == (1, 1)


@pytest.mark.parametrize("typed", ['{"to":"OSL","seats":1}', '{\n  "seats": 1, "to": "OSL"}'])
def test_arguments_are_edited_when_their_value_is_another(typed: str) -> None:
    assert isinstance(chat_outcome(OPENAI, {"steps[1].tool_calls[0].arguments": typed}), Unedited)


@pytest.mark.parametrize("typed", ["", "{to: OSL}", "[1]", '"OSL"', "null"])
def test_arguments_that_are_not_an_object_any_more_are_rejected(typed: str) -> None:
    reason, _ = rejected(chat_outcome(OPENAI, {"steps[1].tool_calls[0].arguments": typed}))
    assert reason is RejectReason.NOT_JSON
    raw = hand_made_outcome(OPENAI, {"messages[4].tool_calls[0].function.arguments": typed})
    # OpenAI's API writes a call without arguments as an empty string.
    assert isinstance(raw, Edited) if typed == "" else rejected(raw)[0] is RejectReason.NOT_JSON


def test_arguments_that_never_were_json_can_be_corrected_to_an_object_or_to_other_text() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "find_flights", "arguments": '{"to": '}}
    source = openai_chat(
        {"role": "user", "content": "To Oslo."}, {"role": "assistant", "content": "", "tool_calls": [call]}
    )
    record = edited(chat_outcome(source, {"steps[0].tool_calls[0].arguments": '{"to": "OSL"}'}))
    assert record.corrected_trace.steps[0]["tool_calls"][0]["arguments"] == {"to": "OSL"}
    assert record.original_trace.steps[0]["tool_calls"][0]["arguments"] == '{"to": '
    other = edited(chat_outcome(source, {"steps[0].tool_calls[0].arguments": '{"to": "'}))
    assert other.corrected_trace.steps[0]["tool_calls"][0]["arguments"] == '{"to": "'


def test_the_name_and_the_arguments_of_one_call_can_both_be_corrected() -> None:
    typed = {"steps[1].tool_calls[1].name": "find_trains", "steps[1].tool_calls[1].arguments": '{"to": "Oslo S"}'}
    record = edited(chat_outcome(OPENAI, typed))
    assert [edit.field for edit in record.edits] == ["tool_calls[1].name", "tool_calls[1].arguments"]
    assert record.corrected_trace.steps[1]["tool_calls"][1] == {
        "id": "call_b",
        "name": "find_trains",
        "arguments": {"to": "Oslo S"},
    }


def test_what_somebody_else_said_is_counted_apart_and_learned_by_nobody() -> None:
    data = {"steps[0].before[0].text": "To Bergen, please.", "steps[1].tool_calls[0].result": "SK 2"}
    outcome = chat_outcome(OPENAI, data)
    assert isinstance(outcome, Unedited)
    assert [edit.field for edit in source_of(outcome.record).not_the_agents] == list(data)
    assert outcome.record.corrected_trace == outcome.record.original_trace


HAND_MADE: list[tuple[dict[str, Any], str, dict[str, str], dict[str, str]]] = [
    (OPENAI, "openai-chat", {"messages[2].content": "When?"}, {"steps[0].content": "When?"}),
    (
        OPENAI,
        "openai-chat",
        {"messages[4].tool_calls[1].function.arguments": '{"to": "BGO"}'},
        {"steps[1].tool_calls[1].arguments": '{"to": "BGO"}'},
    ),
    (
        OPENAI,
        "openai-chat",
        {"messages[4].tool_calls[1].function.name": "find_trains"},
        {"steps[1].tool_calls[1].name": "find_trains"},
    ),
    (
        ANTHROPIC,
        "anthropic",
        {"messages[1].content[1].input.to": "BGO"},
        {"steps[0].tool_calls[0].arguments": '{"to": "BGO"}'},
    ),
    (ANTHROPIC, "anthropic", {"messages[3].content[0].text": "Booked."}, {"steps[1].content": "Booked."}),
    (SHAREGPT, "sharegpt", {"conversations[3].value": "Booked."}, {"steps[1].content": "Booked."}),
    (
        SHAREGPT,
        "sharegpt",
        {"conversations[1].value": '{"name": "find_flights", "arguments": {"to": "BGO"}}'},
        {"steps[0].tool_calls[0].arguments": '{"to": "BGO"}'},
    ),
]


@pytest.mark.parametrize(("source", "format_", "raw", "page"), HAND_MADE)
def test_a_task_imported_as_it_was_recorded_gives_the_record_and_the_rows_of_our_page(
    source: dict[str, Any], format_: str, raw: dict[str, str], page: dict[str, str]
) -> None:
    by_hand, ours = hand_made_outcome(source, raw, reason="x"), chat_outcome(source, page, format_=format_, reason="x")
    assert row_of(by_hand) == row_of(ours)
    one, other = edited(by_hand), edited(ours)
    assert (one.corrected_trace, one.original_trace) == (other.corrected_trace, other.original_trace)
    assert [(e.step_index, e.field, e.reason) for e in one.edits] == [
        (e.step_index, e.field, e.reason) for e in other.edits
    ]
    assert isinstance(by_hand, Edited)
    assert isinstance(ours, Edited)
    assert by_hand.traces
    assert ours.traces
    assert by_hand.traces.native == ours.traces.native != source


def test_in_such_a_task_too_what_somebody_else_said_is_counted_apart() -> None:
    typed = {"messages[1].content": "To Bergen.", "messages[5].content": "SK 2", "messages[2].content": "When?"}
    record = edited(hand_made_outcome(OPENAI, typed))
    assert edits_of(record) == [(0, "content", "Which day?", "When?")]
    assert [edit.field for edit in source_of(record).not_the_agents] == ["messages[1].content", "messages[5].content"]
    assert record.corrected_trace.value()["before"] == record.original_trace.value()["before"]


def test_in_such_a_task_a_text_can_be_cleared() -> None:
    record = edited(hand_made_outcome(OPENAI, {"messages[4].content": ""}))
    assert edits_of(record) == [(1, "content", "I look.", "")]
    assert record.corrected_trace.steps[1]["content"] == ""


@pytest.mark.parametrize(
    ("source", "typed"),
    [
        (OPENAI, {"messages[4].role": "narrator"}),
        (OPENAI, {"messages[4].role": "user"}),
        (OPENAI, {"messages[4].tool_calls[0].id": "call_z"}),
        (SHAREGPT, {"conversations[1].value": "no call at all"}),
    ],
)
def test_a_correction_with_which_the_conversation_is_another_is_rejected(
    source: dict[str, Any], typed: dict[str, str]
) -> None:
    reason, detail = rejected(hand_made_outcome(source, typed))
    assert reason in (RejectReason.UNREADABLE, RejectReason.NOT_JSON)
    assert "`corrected_0`" in detail


def test_labels_and_reasons_of_such_a_task_are_those_of_the_agents_steps() -> None:
    outcome = hand_made_outcome(
        OPENAI,
        {"messages[2].content": "Which day?"},
        reason="Fine.",
        labels={"messages[4].content": ["Wrong"], "messages[1].content": ["Wrong"]},
    )
    assert isinstance(outcome, Unedited)
    source = outcome.record.source
    assert [(label.step_index, label.choices) for label in source.step_labels] == [(1, ("Wrong",))]
    assert [(reason.step_index, reason.field) for reason in source.reasons_without_edit] == [(0, "content")]


def test_a_list_with_speakers_that_no_reader_knows_is_rejected() -> None:
    data = {"turns": [{"speaker": "Ann", "line": "Hi."}, {"speaker": "Bob", "line": "Yes?"}]}
    reason, detail = rejected(hand_made_outcome(data, {"turns[0].line": "Hello."}))
    assert (reason, detail) == (RejectReason.NO_TRACE, "its speakers cannot be told apart")


def test_a_task_whose_notes_were_changed_is_rejected() -> None:
    data = chat_data(read_chat(OPENAI, "openai-chat", NO_OPTIONS)[0], NO_OPTIONS)
    data["ls_trajedit"]["source"] = "{"
    reason, _ = rejected(hand_made_outcome(data, {"steps[0].content": "When?"}))
    assert reason is RejectReason.NO_TRACE


def test_strict_tools_reject_a_corrected_call_that_does_not_fit() -> None:
    typed = {"steps[1].tool_calls[0].arguments": '{"too": "OSL"}'}
    strict = ReadingRules(strict_tools=True)
    assert isinstance(chat_outcome(OPENAI, typed), Edited)
    reason, detail = rejected(chat_outcome(OPENAI, typed, rules=strict))
    assert reason is RejectReason.TOOL_MISMATCH
    assert detail == "step 2, `find_flights`: no parameter `too`; did you mean `to`?"
    fitting = {"steps[1].tool_calls[0].arguments": json.dumps({"to": "BGO"})}
    assert isinstance(chat_outcome(OPENAI, fitting, rules=strict), Edited)


def test_remarks_are_about_the_agents_step_that_was_recorded_there() -> None:
    """Message 1 is the agent's first step; message 0 is the user's, and there is no message 9."""
    data = {
        "id": "c1",
        "messages": [
            {"role": "user", "content": "Is it warm in Rome?"},
            {"role": "assistant", "content": "It is."},
            {"role": "user", "content": "Really?"},
            {"role": "assistant", "content": "Yes."},
        ],
    }
    config = "<View>"
    for number in (0, 1, 3, 9):
        config += f'<Text name="t{number}" value="$messages[{number}].content"/>'
        config += f'<TextArea name="e{number}" toName="t{number}"/>'
        config += f'<TextArea name="note{number}" toName="t{number}" perRegion="true"/>'
    config += '<Choices name="ok9" toName="t9"><Choice value="fine"/></Choices></View>'
    texts = [text_result(f"note{number}", f"t{number}", f"on {number}") for number in (0, 3)]
    beyond = text_result("e9", "t9", "lost?")
    label = {"from_name": "ok9", "to_name": "t9", "type": "choices", "value": {"choices": ["fine"]}}
    outcome = one_outcome(config, data, [*texts, beyond, label, text_result("e1", "t1", "It is not.")])
    record = edited(outcome)
    assert [(edit.step_index, edit.field) for edit in record.edits] == [(0, "content")]
    assert record.source.remarks == (
        Remark("note0", None, "messages[0].content", "on 0"),
        Remark("note3", 1, "content", "on 3"),
        Remark("e9", None, "messages[9].content", "lost?"),
        Remark("ok9", None, "messages[9]", "fine"),
    )


def test_a_text_for_a_call_or_a_step_that_a_conversation_lacks_is_a_remark() -> None:
    typed = {"steps[0].content": "Which day, please?", "steps[0].tool_calls[4].arguments": "{", "steps[9].content": "?"}
    record = edited(chat_outcome(OPENAI, typed, reason="because"))
    assert [(edit.step_index, edit.field) for edit in record.edits] == [(0, "content")]
    assert record.source.remarks == (
        Remark("corrected_1", 0, "tool_calls[4].arguments", "{"),
        Remark("corrected_1__reason", 0, "tool_calls[4].arguments", "because"),
        Remark("corrected_2", 9, "content", "?"),
        Remark("corrected_2__reason", 9, "content", "because"),
    )
    assert parse_record(parse_json(json_line(record))) == record
