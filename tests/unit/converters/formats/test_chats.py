"""Conversations in the formats beside TRL's."""

from __future__ import annotations

from typing import Any

import pytest

from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.converters.formats.atif import corrected_rows, original_rows
from ls_trajedit.converters.formats.llamafactory import FORMATS as LLAMAFACTORY
from ls_trajedit.converters.formats.llamafactory import preference_rows, sharegpt_rows
from ls_trajedit.converters.formats.native import native_rows
from ls_trajedit.converters.formats.openai import openai_dpo_rows, openai_sft_rows
from ls_trajedit.converters.formats.prm import prm_rows
from ls_trajedit.converters.training.counts import Omission
from ls_trajedit.converters.training.rules import TrainingRules
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.traces.json_text import parse_json
from tests.support.chats import ANTHROPIC, OPENAI, PICTURE, SHAREGPT, TOOLS, openai_chat
from tests.support.samples import chat_sample, sample_of

ARGUMENTS = {"steps[1].tool_calls[1].arguments": '{"to": "BGO"}'}

UNEDITED = {"steps[0].content": "Which day?"}


def only(sample: Sample, rows: Any) -> Any:
    (row,) = rows(sample)
    return row if isinstance(row, Omission) else row.values


def test_openai_has_arguments_as_json_text_and_weights_on_the_corrected_turns() -> None:
    sample = chat_sample(OPENAI, ARGUMENTS)
    row = only(sample, openai_sft_rows)
    assert [(message["role"], message.get("weight")) for message in row["messages"]] == [
        ("system", None),
        ("user", None),
        ("assistant", 0),
        ("user", None),
        ("assistant", 1),
        ("tool", None),
        ("tool", None),
        ("assistant", 0),
    ]
    assert row["messages"][4]["tool_calls"][1]["function"] == {"name": "find_flights", "arguments": '{"to":"BGO"}'}
    assert (row["tools"], row["parallel_tool_calls"]) == (TOOLS, True)
    pair = only(sample, openai_dpo_rows)
    assert pair["input"]["messages"] == [
        *row["messages"][:2],
        {"role": "assistant", "content": "Which day?"},
        row["messages"][3],
    ]


def test_openai_has_an_answer_for_every_call_and_names_that_it_takes() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "flights/find.all", "arguments": "{}"}}
    source = openai_chat(
        {"role": "user", "content": "Go."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "user", "content": "Stop."},
        {"role": "assistant", "content": "Stopped.", "reasoning_content": "Fine."},
    )
    row = only(chat_sample(source, {"steps[1].content": "I stopped."}), openai_dpo_rows)
    _, said, answer, _ = row["input"]["messages"]
    assert said["tool_calls"][0]["function"]["name"] == "flights_find_all"
    assert answer == {"role": "tool", "tool_call_id": "c", "content": "(none recorded)"}
    assert row["preferred_output"] == [{"role": "assistant", "content": "I stopped."}]
    assert only(chat_sample(source, {"steps[1].reasoning": "No."}), openai_dpo_rows) is Omission.INVISIBLE


def test_openai_takes_images_of_users_alone() -> None:
    image = {"type": "image_url", "image_url": {"url": PICTURE}}
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    source = openai_chat(
        {"role": "user", "content": [{"type": "text", "text": "This?"}, image]},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "Here."}, image]},
        {"role": "assistant", "content": "A cat."},
    )
    (row,) = openai_dpo_rows(chat_sample(source, {"steps[1].content": "A dog."}))
    assert not isinstance(row, Omission)
    values: Any = row.values
    assert values["input"]["messages"][0]["content"][1] == image
    assert (values["input"]["messages"][2]["content"], row.images_left_out) == ("Here.", 1)
    for rows in (prm_rows, sharegpt_rows, preference_rows):
        (text_row,) = rows(chat_sample(source, {"steps[1].content": "A dog."}))
        assert not isinstance(text_row, Omission)
        assert text_row.images_left_out == 2
        assert "example.org" not in str(text_row.values)


def test_llamafactory_has_calls_where_the_conversation_fits_its_order() -> None:
    row = only(chat_sample(SHAREGPT, {"steps[1].content": "Booked."}, format_="sharegpt"), sharegpt_rows)
    assert row["conversations"] == [
        {"from": "human", "value": "To Oslo, please."},
        {"from": "function_call", "value": '{"name":"find_flights","arguments":{"to":"OSL"}}'},
        {"from": "observation", "value": "SK 1"},
        {"from": "gpt", "value": "Booked."},
    ]
    assert parse_json(row["tools"].encode())[0]["name"] == "find_flights"
    typed = {"steps[0].tool_calls[0].arguments": '{"to": "BGO"}'}
    pair = only(chat_sample(SHAREGPT, typed, format_="sharegpt"), preference_rows)
    assert pair["chosen"] == {"from": "function_call", "value": '{"name":"find_flights","arguments":{"to":"BGO"}}'}
    assert (pair["conversations"], pair["system"]) == (row["conversations"][:1], "")


def test_llamafactory_has_calls_as_text_where_it_does_not() -> None:
    row = only(chat_sample(OPENAI, ARGUMENTS), sharegpt_rows)
    assert (row["system"], row["tools"]) == ("You book flights.", "")
    assert row["conversations"][3:5] == [
        {
            "from": "gpt",
            "value": 'Thought: I look.\nAction: find_flights({"to":"OSL","seats":1})\nfind_flights({"to":"BGO"})',
        },
        {"from": "human", "value": "Observation: SK 1\n\nObservation: none"},
    ]
    assert [turn["from"] for turn in row["conversations"]] == ["human", "gpt"] * 3


@pytest.mark.parametrize("chats", [0, 1])
def test_llamafactory_names_the_columns_of_conversations_where_there_are_some(chats: int) -> None:
    (file,) = (file for file in LLAMAFACTORY[0].files if file.tail and file.file.endswith("info.json"))
    assert file.tail is not None
    info = parse_json(file.tail(Counts(chats=chats), [], False))
    assert ("system" in info["trajedit_sft"]["columns"], "tools" in info["trajedit_dpo"]["columns"]) == (
        bool(chats),
        bool(chats),
    )


def test_prm_has_the_agents_steps_after_all_that_was_said_before_them() -> None:
    row = only(chat_sample(OPENAI, ARGUMENTS), prm_rows)
    assert row["prompt"] == "You book flights.\n\nTo Oslo, please.\n"
    assert row["labels"] == [True, False, True]
    assert row["completions"][0] == "Which day?"
    unedited = only(chat_sample(OPENAI, UNEDITED), prm_rows)
    assert unedited["labels"] == [True, True, True]


def test_reasoning_is_text_where_only_text_is_known() -> None:
    source = openai_chat(
        {"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "5", "reasoning_content": "Add."}
    )
    row = only(chat_sample(source, {"steps[0].content": "4"}), sharegpt_rows)
    assert row["conversations"][1]["value"] == "Add.\n\n4"
    dropped = chat_sample(source, {"steps[0].content": "4"}, rules=TrainingRules(reasoning="drop"))
    assert only(dropped, sharegpt_rows)["conversations"][1]["value"] == "4"


def test_native_is_the_source_with_nothing_new_but_the_correction() -> None:
    typed = {"steps[0].tool_calls[0].arguments": '{"to": "BGO"}'}
    row = only(chat_sample(ANTHROPIC, typed, format_="anthropic"), native_rows)
    expected = parse_json(str(ANTHROPIC).replace("'OSL'", "'BGO'").replace("'", '"').encode())
    assert row == expected
    row = only(chat_sample(OPENAI, ARGUMENTS), native_rows)
    assert row["messages"][4]["tool_calls"][1]["function"]["arguments"] == '{"to": "BGO"}'
    assert list(native_rows(chat_sample(OPENAI, UNEDITED))) == []


def test_native_of_the_plain_shape_is_the_trace_as_it_was_imported() -> None:
    row = only(sample_of(["look", {"action": {"q": 1}}], (1, "action", {"q": 2}), extra={"more": None}), native_rows)
    assert row == {"id": "t1", "task": "Do it.", "steps": ["look", {"action": {"q": 2}}], "more": None}


def test_atif_has_both_trajectories() -> None:
    sample = chat_sample(OPENAI, ARGUMENTS)
    corrected, original = only(sample, corrected_rows), only(sample, original_rows)
    assert corrected["steps"][4]["tool_calls"][1]["arguments"] == {"to": "BGO"}
    assert original["steps"][4]["tool_calls"][1]["arguments"] == {"to": "TRF"}
    assert corrected["session_id"] == original["session_id"] == "flight"
    del corrected["steps"][4], original["steps"][4]
    assert corrected == original


def test_atif_of_the_plain_shape_has_the_action_as_a_call_where_it_is_one() -> None:
    action = {"name": "search", "arguments": {"q": "x"}}
    sample = sample_of([{"thought": "Look.", "action": action, "observation": "y"}, "stop"], (1, "action", "go on"))
    _, look, stop = only(sample, corrected_rows)["steps"]
    assert (look["reasoning_content"], look["tool_calls"][0]["arguments"]) == ("Look.", {"q": "x"})
    assert look["observation"]["results"][0]["content"] == "y"
    assert (stop["source"], stop["message"]) == ("agent", "go on")
    odd = sample_of([{"note": "a"}, {"note": "b", "act": 1}], (0, "note", "c"))
    assert [step["message"] for step in only(odd, corrected_rows)["steps"]] == [
        "Do it.",
        '{"note":"c"}',
        '{"note":"b","act":1}',
    ]
