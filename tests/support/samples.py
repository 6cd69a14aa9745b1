"""Records as `build_record` makes them, and samples of them, made from a trace and the edits in it."""

from __future__ import annotations

from typing import Any

from ls_trajedit.converters.annotations.distances import distance_in_characters, distance_in_words
from ls_trajedit.converters.training.rendering import Rendering
from ls_trajedit.converters.training.rules import TrainingRules
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.traces.field_path import get_field, parse_path, set_field
from ls_trajedit.traces.json_text import json_indented

__all__ = ["TEXT", "TOOLS", "EditOf", "record_of", "sample_of"]

EditOf = tuple[int | None, str, Any]
"""Step, field and the value that it gets; for the final answer None, its key and the text."""

TEXT = Rendering()
TOOLS = Rendering(as_tool_calls=True)


def record_of(
    steps: list[Any],
    *edits: EditOf,
    answer: Any = None,
    task: str = "Do it.",
    trace_id: str = "t1",
    annotator: str = "3",
    updated_at: str | None = None,
    extra: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The record of a trace with these steps, after these edits. Without an answer, the trace has none."""
    original = {"task": task, "steps": steps, **({} if answer is None else {"final_answer": answer})}
    corrected, rows = original, []
    for step, field, value in edits:
        inside = () if step is None or isinstance(steps[step], str) else parse_path(field)
        path = (field,) if step is None else ("steps", step, *inside)
        rows.append(_edit(step, field, get_field(corrected, path), value))
        corrected = set_field(corrected, path, value)
    return {
        "trace_id": trace_id,
        "annotator": annotator,
        "task": task,
        "original_trace": original,
        "corrected_trace": corrected,
        "edits": rows,
        "n_edits": len(rows),
        "total_edit_distance": sum(row["edit_distance_chars"] for row in rows),
        "source": {"task_id": 5, "annotation_id": 8, "updated_at": updated_at, "extra": extra or {}},
    }


def sample_of(
    steps: list[Any],
    *edits: EditOf,
    rendering: Rendering = TEXT,
    rules: TrainingRules | None = None,
    **more: Any,
) -> Sample:
    """What the formats get of that record."""
    return Sample(record_of(steps, *edits, **more), rendering, rules or TrainingRules())


def _edit(step: int | None, field: str, before: Any, after: Any) -> dict[str, Any]:
    original = before if isinstance(before, str) else json_indented(before)
    edited = after if isinstance(after, str) else json_indented(after)
    return {
        "step_index": step,
        "field": field,
        "original_text": original,
        "edited_text": edited,
        "edit_distance_chars": distance_in_characters(original, edited),
        "edit_distance_words": distance_in_words(original, edited),
        "reason": "",
    }
