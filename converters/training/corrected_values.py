"""What stands in a corrected trace where an edit is, and when two annotators corrected a field alike."""

from __future__ import annotations

from typing import Any

from ls_trajedit.converters.annotations.newlines import fold_newlines
from ls_trajedit.converters.record import Edit, Record, RecordedTrace
from ls_trajedit.converters.structure import corrected_position
from ls_trajedit.converters.training.rules import EdgeWhitespace
from ls_trajedit.traces.field_path import MISSING, FieldPath, get_field, parse_path
from ls_trajedit.traces.json_text import canonical_json

__all__ = ["path_in_record", "value_at", "vote"]


def path_in_record(edit: Edit, trace: RecordedTrace, step: int | None) -> FieldPath:
    """Where in the trace the edit is; `step` is the number that its step has there. A step that is a bare string is the
    field itself."""
    if step is None:
        return (edit.field,)
    inside: FieldPath = () if isinstance(trace.steps[step], str) else parse_path(edit.field)
    return ("steps", step, *inside)


def value_at(edit: Edit, trace: RecordedTrace, step: int | None) -> Any:
    """The value that the original or the corrected trace, in which its step has the number `step`, has where the edit
    is: a string, or what the JSON in the box stands for. MISSING where it has none."""
    try:
        return get_field(trace.value(), path_in_record(edit, trace, step))
    except (ValueError, IndexError):
        return MISSING


def vote(edit: Edit, record: Record, edge_whitespace: EdgeWhitespace) -> str:
    """What is equal for two annotators who corrected a field alike, of an edit of the record.

    JSON is alike when it is the same value: its layout and the order of its keys make no difference (PostgreSQL keeps
    neither), while `1` and `1.0` are two values. Text is alike when only its line ends differ, or white space at its
    ends, unless that is something to learn.
    """
    value = _corrected_value(edit, record)
    value = edit.edited_text if value is MISSING else value
    if not isinstance(value, str):
        return f"json {canonical_json(value)}"
    text = fold_newlines(value)
    return f"text {text.strip() if edge_whitespace == 'ignore' else text}"


def _corrected_value(edit: Edit, record: Record) -> Any:
    """What the corrected trace has where the edit is. MISSING where the step was removed."""
    step = edit.step_index
    if step is not None and record.structure:
        step = corrected_position(record.structure, len(record.original_trace.steps), step)
        if step is None:
            return MISSING
    return value_at(edit, record.corrected_trace, step)
