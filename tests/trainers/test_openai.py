"""`openai/sft.jsonl` and `openai/dpo.jsonl` against what OpenAI documents. Nothing is uploaded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .rows import json_lines
from .schema_validator import validator

SFT, DPO = "openai/sft.jsonl", "openai/dpo.jsonl"
FOLDERS = ("text_files", "tool_files", "structure_text_files", "structure_tool_files")


@pytest.fixture(params=FOLDERS)
def folder(request: pytest.FixtureRequest) -> Path:
    """Steps as text, then with tool calls; and both of traces with steps removed and inserted."""
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize(("file", "schema"), [(SFT, "openai_sft"), (DPO, "openai_dpo")])
def test_every_row_has_the_documented_shape(folder: Path, file: str, schema: str) -> None:
    rows = json_lines(folder / file)
    assert rows
    for row in rows:
        validator(schema).validate(row)


def test_a_conversation_begins_with_the_user_and_ends_with_the_assistant(folder: Path) -> None:
    for row in json_lines(folder / SFT):
        assert (row["messages"][0]["role"], row["messages"][-1]["role"]) == ("user", "assistant")
    for row in json_lines(folder / DPO):
        assert row["input"]["messages"][-1]["role"] in ("user", "tool")


def test_the_corrected_turns_alone_have_weight(text_files: Path) -> None:
    weights = [[message.get("weight") for message in row["messages"]] for row in json_lines(text_files / SFT)]
    assert weights == [
        [None, 1, None, 0, None, 1],
        [None, 0, None, 1, None, 0, None, 1, None, 1],
        [None, 0, None, 0, None, 0, None, 1, None, 1],
    ]


def test_of_traces_with_steps_removed_and_inserted_the_inserted_ones_have_weight(structure_text_files: Path) -> None:
    rows = json_lines(structure_text_files / SFT)
    weights = [[m["weight"] for m in row["messages"] if m["role"] == "assistant"] for row in rows]
    # Of the second trace, steps were only removed.
    assert weights == [[0, 1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0]]


@pytest.mark.parametrize("files", ["tool_files", "structure_tool_files"])
def test_every_call_is_of_a_listed_tool_and_answered_at_once(request: pytest.FixtureRequest, files: str) -> None:
    calls = list(_calls(request.getfixturevalue(files)))
    assert calls
    for messages, place, tools in calls:
        made = messages[place]["tool_calls"]
        assert {call["function"]["name"] for call in made} <= {tool["function"]["name"] for tool in tools}
        assert all(isinstance(json.loads(call["function"]["arguments"]), dict) for call in made)
        behind = messages[place + 1 : place + 1 + len(made)]
        assert place == len(messages) - 1 or [message.get("tool_call_id") for message in behind] == [
            call["id"] for call in made
        ]


def _calls(folder: Path) -> Iterator[tuple[list[dict[str, Any]], int, list[dict[str, Any]]]]:
    """The messages, the place of one with calls in them, and the tools of the row. A side of a pair, which ends with
    the calls, stands behind its prompt."""
    conversations = [(row["messages"], row.get("tools", [])) for row in json_lines(folder / SFT)]
    for row in json_lines(folder / DPO):
        for side in ("preferred_output", "non_preferred_output"):
            conversations.append((row["input"]["messages"] + row[side], row["input"].get("tools", [])))
    for messages, tools in conversations:
        yield from ((messages, place, tools) for place, message in enumerate(messages) if "tool_calls" in message)
