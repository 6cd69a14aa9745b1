"""The smallest examples, for docstrings and tests: a misspelled parameter, and a final answer that was made up; a
conversation; and a trace with steps removed and inserted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ls_trajedit.converters.annotations.convert_task import convert_task
from ls_trajedit.converters.annotations.outcome import Edited
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.record import Record, RecordedTrace, StructureChange, edit_sums
from ls_trajedit.converters.structure import restructured_trace
from ls_trajedit.converters.training.rendering import Rendering
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.label_config.chat_data import chat_data
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.traces.read import read_chat
from ls_trajedit.traces.read_options import NO_OPTIONS

__all__ = ["example_chat", "example_record", "example_restructured", "example_sample"]

_CONFIG = """<View>
  <Text name="task" value="$task"/>
  <Text name="action" value="$steps[0].action"/> <TextArea name="corrected_action" toName="action"/>
  <Text name="answer" value="$final_answer"/> <TextArea name="corrected_answer" toName="answer"/>
</View>"""
_TRACE = {
    "id": "traj_001",
    "task": "Find the weather in San Francisco.",
    "steps": [
        {"thought": "Look it up.", "action": "web_search(queyr='SF weather')"},
        {"thought": "Open it.", "action": "open_url(results[0])"},
    ],
    "final_answer": "It is sunny.",
}
_CHAT_CONFIG = """<View>
  <Text name="arguments" value="$steps[0].tool_calls[0].arguments"/> <TextArea name="fix" toName="arguments"/>
</View>"""
_CHAT = {
    "id": "chat_001",
    "messages": [
        {"role": "system", "content": "You may search the web."},
        {"role": "user", "content": "How is the weather in San Francisco?"},
        {
            "role": "assistant",
            "content": "I'll look it up.",
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "web_search", "arguments": '{"queyr": "SF weather"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "Sunny, 18 degrees."},
        {"role": "assistant", "content": "It is sunny."},
    ],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "web_search",
                "description": "Searches the web.",
                "parameters": {
                    "type": "object",
                    "properties": {"query": {"type": "string"}},
                    "required": ["query"],
                },
            },
        }
    ],
}


def example_sample(rendering: Rendering | None = None) -> Sample:
    """The example as the formats get it, written with the default templates or as `rendering` says."""
    outcome = _example_outcome()
    return Sample(outcome.record, rendering or Rendering(), traces=outcome.traces)


def example_record() -> Record:
    """The record of an annotation with two edits, converted like any other."""
    return _example_outcome().record


def example_restructured(*structure: StructureChange) -> Sample:
    """The trace of the example, of which no field was edited, with these steps removed and inserted."""
    record = example_record()
    original = record.original_trace
    corrected = RecordedTrace(restructured_trace(original.value(), ("steps",), structure))
    sums = edit_sums((), structure)
    return Sample(replace(record, corrected_trace=corrected, edits=(), structure=structure, **sums))


def example_chat() -> Sample:
    """A conversation in which the one call of the agent has got a parameter that the tool has."""
    (trace,) = read_chat(_CHAT, "openai-chat", NO_OPTIONS)
    results = [_result("fix", "arguments", '{"query": "SF weather"}')]
    task = {
        "id": 6,
        "project": 1,
        "data": chat_data(trace, NO_OPTIONS),
        "annotations": [{"id": 9, "completed_by": 2, "result": results}],
    }
    (outcome,) = convert_task(task, read_config(_CHAT_CONFIG), ReadingRules())
    assert isinstance(outcome, Edited)
    return Sample(outcome.record, traces=outcome.traces)


def _example_outcome() -> Edited:
    results = [
        _result("corrected_action", "action", "web_search(query='SF weather')"),
        _result("corrected_answer", "answer", "I have not read a forecast yet."),
    ]
    annotation = {"id": 8, "completed_by": 2, "result": results}
    task = {"id": 5, "project": 1, "data": _TRACE, "annotations": [annotation]}
    (outcome,) = convert_task(task, read_config(_CONFIG), ReadingRules())
    assert isinstance(outcome, Edited)
    return outcome


def _result(control: str, original: str, text: str) -> dict[str, Any]:
    return {"from_name": control, "to_name": original, "type": "textarea", "value": {"text": [text]}}
