"""Files for OpenAI: where they differ from those for TRL."""

from __future__ import annotations

import json

from hypothesis import given

from ls_trajedit.converters.training.rendering import Rendering
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.traces.template import parse_template
from tests.support.rows import rows, said, user
from tests.support.samples import TOOLS, sample_of, samples

CALL = {"id": "s00000c00", "type": "function"}


def test_arguments_are_json_text_names_have_no_dots_and_every_call_is_answered() -> None:
    steps = [{"action": "web.search(q='é')", "observation": "found"}, {"thought": "hm"}]
    first, second = rows(
        "openai/dpo.jsonl", sample_of(steps, (0, "action", "web.find(q='é')"), (1, "thought", "so"), rendering=TOOLS)
    )
    call = {**CALL, "function": {"name": "web_find", "arguments": '{"q":"é"}'}}
    assert first["preferred_output"] == [said("", tool_calls=[call])]
    assert first["input"]["parallel_tool_calls"] is False
    assert [tool["function"]["name"] for tool in first["input"]["tools"]] == ["web_find", "web_search"]
    assert second["input"]["messages"] == [
        user("Do it."),
        said("", tool_calls=[call]),
        {"role": "tool", "tool_call_id": "s00000c00", "content": "found"},
    ]
    several = json.dumps([{"name": "f", "arguments": {}}, {"name": "g", "arguments": {}}])
    (row,) = rows("openai/sft.jsonl", sample_of([{"action": "x"}], (0, "action", several), rendering=TOOLS))
    assert row["parallel_tool_calls"] is True
    (plain,) = rows("openai/sft.jsonl", sample_of([{"action": "x"}], (0, "action", "y"), rendering=TOOLS))
    assert set(plain) == {"messages"}


def test_a_conversation_whose_corrected_turn_is_gone_has_no_turn_with_a_weight() -> None:
    rendering = Rendering(step=parse_template("{action}"))
    sample = sample_of(["go", "stop"], (0, "action", ""), rendering=rendering)
    assert rows("openai/sft.jsonl", sample) == ["empty"]
    (row,) = rows("trl/sft.jsonl", sample)
    assert row["messages"] == [user("Do it."), said("stop")]


@given(samples())
def test_line_for_line_the_preference_files_hold_the_same_pairs(sample: Sample) -> None:
    ours, theirs = rows("trl/dpo.jsonl", sample), rows("openai/dpo.jsonl", sample)
    assert [isinstance(row, dict) for row in ours] == [isinstance(row, dict) for row in theirs]
    assert [row for row in ours if isinstance(row, str)] == [row for row in theirs if isinstance(row, str)]
