"""The smallest example, for docstrings and tests: a misspelled parameter, and a final answer that was made up."""

from __future__ import annotations

from typing import Any

from ls_trajedit.converters.annotations.convert_task import Edited, convert_task
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.record import Record
from ls_trajedit.converters.training.rendering import Rendering
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.label_config.read_config import read_config

__all__ = ["example_record", "example_sample"]

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


def example_sample(rendering: Rendering | None = None) -> Sample:
    """The example as the formats get it, written with the default templates or as `rendering` says."""
    return Sample(example_record(), rendering or Rendering())


def example_record() -> Record:
    """The record of an annotation with two edits, converted like any other."""
    results = [
        _result("corrected_action", "action", "web_search(query='SF weather')"),
        _result("corrected_answer", "answer", "I have not read a forecast yet."),
    ]
    annotation = {"id": 8, "completed_by": 2, "result": results}
    task = {"id": 5, "project": 1, "data": _TRACE, "annotations": [annotation]}
    (outcome,) = convert_task(task, read_config(_CONFIG), ReadingRules())
    assert isinstance(outcome, Edited)
    return outcome.record


def _result(control: str, original: str, text: str) -> dict[str, Any]:
    return {"from_name": control, "to_name": original, "type": "textarea", "value": {"text": [text]}}
