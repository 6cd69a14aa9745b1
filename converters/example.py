"""The smallest record there is, for the examples in docstrings: a misspelt parameter, and an answer made up."""

from __future__ import annotations

from typing import Any

from ls_trajedit.converters.annotations.distances import distance_in_characters, distance_in_words
from ls_trajedit.converters.training.rendering import Rendering
from ls_trajedit.converters.training.sample import Sample

__all__ = ["example_record", "example_sample"]


def example_sample(as_tool_calls: bool = False) -> Sample:
    """The example as the formats get it."""
    return Sample(example_record(), Rendering(as_tool_calls=as_tool_calls))


def example_record() -> dict[str, Any]:
    """The example as `record.build_record` makes it."""
    wrong, right = "web_search(queyr='SF weather')", "web_search(query='SF weather')"
    guess, answer = "It is sunny.", "I have not read a forecast yet."
    task, second = "Find the weather in San Francisco.", {"thought": "Open it.", "action": "open_url(results[0])"}
    edits = [_edit(0, "action", wrong, right), _edit(None, "final_answer", guess, answer)]
    return {
        "trace_id": "traj_001",
        "annotator": "2",
        "task": task,
        "original_trace": {
            "task": task,
            "steps": [{"thought": "Look it up.", "action": wrong}, second],
            "final_answer": guess,
        },
        "corrected_trace": {
            "task": task,
            "steps": [{"thought": "Look it up.", "action": right}, second],
            "final_answer": answer,
        },
        "edits": edits,
        "n_edits": len(edits),
        "total_edit_distance": sum(edit["edit_distance_chars"] for edit in edits),
        "source": {"updated_at": None, "extra": {}},
    }


def _edit(step: int | None, field: str, original: str, edited: str) -> dict[str, Any]:
    return {
        "step_index": step,
        "field": field,
        "original_text": original,
        "edited_text": edited,
        "edit_distance_chars": distance_in_characters(original, edited),
        "edit_distance_words": distance_in_words(original, edited),
        "reason": "",
    }
