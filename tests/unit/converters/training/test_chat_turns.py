"""Training rows of conversations: the recorded messages with the correction in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ls_trajedit.converters.annotations.outcome import Edited, Unedited
from ls_trajedit.converters.formats.trl import conversation_rows, dpo_rows, kto_rows, trajectory_rows
from ls_trajedit.converters.record import RowKey
from ls_trajedit.converters.training.annotators_policy import KeyedRecord, choose_records
from ls_trajedit.converters.training.counts import Omission
from ls_trajedit.converters.training.rules import Reasoning, TrainingRules
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.traces.json_text import parse_json
from tests.support.chats import OPENAI, PICTURE, TOOLS, openai_chat
from tests.support.samples import chat_outcome, chat_sample

RECORDED = [
    {"role": "system", "content": "You book flights."},
    {"role": "user", "content": "To Oslo, please."},
    {"role": "assistant", "content": "Which day?"},
    {"role": "user", "content": "Friday."},
    {
        "role": "assistant",
        "content": "I look.",
        "tool_calls": [
            {
                "id": "call_a",
                "type": "function",
                "function": {"name": "find_flights", "arguments": {"to": "OSL", "seats": 1}},
            },
            {"id": "call_b", "type": "function", "function": {"name": "find_flights", "arguments": {"to": "TRF"}}},
        ],
    },
    {"role": "tool", "content": "SK 1", "tool_call_id": "call_a", "name": "find_flights"},
    {"role": "tool", "content": "none", "tool_call_id": "call_b", "name": "find_flights"},
    {"role": "assistant", "content": "SK 1 it is."},
]
THINKING = openai_chat(
    {"role": "user", "content": "Two and two?"},
    {"role": "assistant", "content": "Five.", "reasoning_content": "Add them."},
    {"role": "user", "content": "Sure?"},
    {"role": "assistant", "content": "Yes."},
)


def values(sample: Sample, rows: Any = dpo_rows) -> list[Any]:
    return [row.value if isinstance(row, Omission) else row.values for row in rows(sample)]


def test_a_pair_is_the_recorded_messages_with_the_correction_in_them() -> None:
    (row,) = values(chat_sample(OPENAI, {"steps[1].tool_calls[1].arguments": '{"to": "BGO"}'}))
    assert row["prompt"] == RECORDED[:4]
    assert row["rejected"] == [RECORDED[4]]
    (chosen,) = row["chosen"]
    assert chosen["tool_calls"][0] == RECORDED[4]["tool_calls"][0]  # type: ignore[index]
    assert chosen["tool_calls"][1]["function"] == {"name": "find_flights", "arguments": {"to": "BGO"}}
    assert parse_json(row["tools"].encode()) == TOOLS
    assert (row["trace_id"], row["step"], row["n_edits"], row["prefix_stale"]) == ("flight", 1, 1, False)


def test_a_later_prompt_holds_the_earlier_correction_and_what_was_heard_is_then_stale() -> None:
    first, last = values(chat_sample(OPENAI, {"steps[0].content": "When?", "steps[2].content": "Booked: SK 1."}))
    assert (first["prefix_stale"], last["prefix_stale"]) == (False, True)
    assert last["prompt"] == [*RECORDED[:2], {"role": "assistant", "content": "When?"}, *RECORDED[3:7]]


def test_the_whole_conversation_keeps_its_roles_and_its_beginning_is_the_prompt() -> None:
    sample = chat_sample(OPENAI, {"steps[2].content": "Booked: SK 1."})
    (whole,) = values(sample, conversation_rows)
    assert whole["messages"] == [*RECORDED[:7], {"role": "assistant", "content": "Booked: SK 1."}]
    (row,) = values(sample, trajectory_rows)
    assert (row["prompt"], row["rejected"]) == (RECORDED[:2], RECORDED[2:])


def test_nothing_is_invented_between_two_messages_of_the_agent() -> None:
    source = openai_chat(
        *({"role": r, "content": c} for r, c in (("user", "Go."), ("assistant", "a"), ("assistant", "b")))
    )
    (row,) = values(chat_sample(source, {"steps[1].content": "c"}))
    assert [message["content"] for message in row["prompt"]] == ["Go.", "a"]


@pytest.mark.parametrize(
    ("reasoning", "said"),
    [
        ("keep", {"role": "assistant", "content": "Four.", "reasoning_content": "Add them."}),
        ("text", {"role": "assistant", "content": "Add them.\n\nFour."}),
        ("drop", {"role": "assistant", "content": "Four."}),
    ],
)
def test_a_recorded_reasoning_is_kept_put_before_the_text_or_dropped(reasoning: Reasoning, said: object) -> None:
    rules = TrainingRules(reasoning=reasoning)
    (row,) = values(chat_sample(THINKING, {"steps[0].content": "Four."}, rules=rules))
    assert row["chosen"] == [said]


def test_an_edited_reasoning_leaves_what_follows_valid() -> None:
    edits = {"steps[0].reasoning": "2 + 2.", "steps[1].content": "No."}
    thought, answer = values(chat_sample(THINKING, edits))
    assert (thought["prefix_stale"], answer["prefix_stale"]) == (False, False)
    assert thought["chosen"][0]["reasoning_content"] == "2 + 2."
    dropped = values(chat_sample(THINKING, edits, rules=TrainingRules(reasoning="drop")))
    assert dropped[0] == "invisible"


def test_tools_that_nobody_declared_are_those_that_the_calls_show() -> None:
    (row,) = values(chat_sample({**OPENAI, "tools": []}, {"steps[1].tool_calls[1].arguments": '{"city": "Oslo"}'}))
    (tool,) = parse_json(row["tools"].encode())
    assert set(tool["function"]["parameters"]["properties"]) == {"to", "seats", "city"}
    (row,) = values(chat_sample(THINKING, {"steps[0].content": "Four."}))
    assert row["tools"] == "null"


def test_arguments_that_are_not_an_object_are_in_no_row() -> None:
    broken = {"id": "c", "type": "function", "function": {"name": "find_flights", "arguments": '{"to": '}}
    source = openai_chat(
        {"role": "user", "content": "To Oslo."},
        {"role": "assistant", "content": "", "tool_calls": [broken]},
        {"role": "tool", "tool_call_id": "c", "content": "error"},
        {"role": "assistant", "content": "Sorry."},
    )
    assert values(chat_sample(source, {"steps[1].content": "Again."})) == ["broken_call"]
    fixed = chat_sample(source, {"steps[0].tool_calls[0].arguments": '{"to": "OSL"}'})
    assert values(fixed) == values(fixed, kto_rows) == values(fixed, trajectory_rows) == ["broken_call"]
    assert len(values(fixed, conversation_rows)) == 1


def test_a_conversation_that_the_agent_begins_has_no_prompt() -> None:
    source = openai_chat({"role": "assistant", "content": "Hello."}, {"role": "user", "content": "Hi."})
    sample = chat_sample(source, {"steps[0].content": "Good day."})
    assert values(sample) == values(sample, trajectory_rows) == ["no_prompt"]


def test_images_become_parts_and_a_column_of_addresses() -> None:
    look = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": PICTURE}}]
    source = openai_chat({"role": "user", "content": look}, {"role": "assistant", "content": "A cat."})
    (row,) = values(chat_sample(source, {"steps[0].content": "A dog."}))
    assert row["images"] == [PICTURE]
    assert row["prompt"][0]["content"] == [{"type": "text", "text": "What is it?"}, {"type": "image"}]
    assert row["chosen"][0]["content"] == [{"type": "text", "text": "A dog."}]


def test_a_recorded_prompt_is_the_prompt_until_something_before_it_was_corrected() -> None:
    outcome = chat_outcome(OPENAI, {"steps[2].content": "Booked."})
    assert isinstance(outcome, Edited)
    assert outcome.traces is not None
    sample = Sample(outcome.record, traces=outcome.traces)
    assert sample.chat is not None
    original = replace(sample.chat.original, prompts={2: sample.chat.original.messages[1:4]})
    with_prompts = replace(sample, traces=replace(sample.chat, original=original))
    (row,) = values(with_prompts)
    assert row["prompt"] == RECORDED[1:4]
    both = chat_sample(OPENAI, {"steps[0].content": "When?", "steps[2].content": "Booked."})
    assert both.chat is not None
    both = replace(both, traces=replace(both.chat, original=replace(both.chat.original, prompts=original.prompts)))
    assert len(values(both)[1]["prompt"]) == 7


def test_where_annotators_agree_the_agreed_parts_make_the_conversation() -> None:
    arguments, name = "steps[1].tool_calls[0].arguments", "steps[1].tool_calls[0].name"
    typed: list[dict[str, str]] = [
        {arguments: '{"to": "BGO"}', name: "find_trains", "steps[2].content": "x"},
        {arguments: '{"to": "BGO"}', "steps[2].content": "y"},
        {name: "find_trains"},
    ]
    records = []
    for number, corrections in enumerate(typed):
        outcome = chat_outcome(OPENAI, corrections, annotation_id=number, annotator=str(number))
        assert isinstance(outcome, Edited | Unedited)
        key: RowKey = (5, number)
        records.append(KeyedRecord(key, outcome.record, traces=outcome.traces))
    (joined,) = choose_records(records, TrainingRules(annotators_policy="agree")).records
    (row,) = values(Sample(joined.record, traces=joined.traces, disputed=joined.disputed))
    assert row["chosen"][0]["tool_calls"][0]["function"] == {"name": "find_trains", "arguments": {"to": "BGO"}}
    assert row["chosen"][0]["tool_calls"][1] == row["rejected"][0]["tool_calls"][1]
    assert joined.record.corrected_trace.steps[1]["tool_calls"][0]["name"] == "find_trains"
    assert joined.record.corrected_trace.steps[2]["content"] == "SK 1 it is."
