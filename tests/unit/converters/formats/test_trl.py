"""Files for TRL with tool calls: the calls in the messages, and the column of tools."""

from __future__ import annotations

import json
from dataclasses import replace

from ls_trajedit.converters.example import example_sample
from ls_trajedit.converters.training.rules import TrainingRules
from tests.support.rows import rows, said, user
from tests.support.samples import TOOLS, LabelsOf, sample_of

TASK = "Find the weather in San Francisco."
RIGHT = "Thought: Look it up.\nAction: web_search(query='SF weather')"
WRONG = "Thought: Look it up.\nAction: web_search(queyr='SF weather')"
OPEN = "Thought: Open it.\nAction: open_url(results[0])"
ANSWER = "Final Answer: I have not read a forecast yet."
GUESS = "Final Answer: It is sunny."
NONE = "Observation: (none recorded)"


CALL = {"id": "s00000c00", "type": "function"}
SEARCH = {
    "name": "web_search",
    "description": "",
    "parameters": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
}


def test_with_tools_the_action_is_a_call_and_there_is_a_column_of_tools() -> None:
    sample = example_sample(TOOLS)
    right = {**CALL, "function": {"name": "web_search", "arguments": {"query": "SF weather"}}}
    wrong = {**CALL, "function": {"name": "web_search", "arguments": {"queyr": "SF weather"}}}
    assert [row["tools"] for row in rows("trl/dpo.jsonl", sample_of(["a"], (0, "action", "b"), rendering=TOOLS))] == [
        "null"
    ]
    first, second = rows("trl/dpo.jsonl", sample)
    assert first["chosen"] == [said("Thought: Look it up.", tool_calls=[right])]
    assert first["rejected"] == [said("Thought: Look it up.", tool_calls=[wrong])]
    assert json.loads(first["tools"]) == [{"type": "function", "function": SEARCH}]
    assert second["prompt"] == [
        user(TASK),
        said("Thought: Look it up.", tool_calls=[right]),
        {"role": "tool", "tool_call_id": "s00000c00", "name": "web_search", "content": "(none recorded)"},
        said(OPEN),
        user(NONE),
    ]


def test_a_conversation_with_a_step_that_was_called_wrong_is_not_learned_as_a_whole() -> None:
    steps = [{"action": "a"}, {"action": "b"}]
    labels: LabelsOf = {(1, "correctness"): ["incorrect"]}
    sample = sample_of(steps, (0, "action", "A"), labels=labels)
    for file in ("trl/sft.jsonl", "trl/dpo_trajectory.jsonl", "llamafactory/sft.json"):
        assert rows(file, sample) == ["incorrect"]
        truncated = replace(sample, rules=TrainingRules(stale="truncate"))
        assert len(rows(file, truncated)) == 1
        assert [type(row) for row in rows(file, sample_of(steps, (1, "action", "B"), labels=labels))] == [dict]
    for file in ("trl/dpo.jsonl", "trl/sft_prompt_completion.jsonl", "openai/dpo.jsonl", "llamafactory/dpo.json"):
        assert [type(row) for row in rows(file, sample)] == [dict]
    (row,) = rows("openai/sft.jsonl", sample)
    assert [message.get("weight") for message in row["messages"]] == [None, 1, None, 0]
