"""What stands in a corrected trace where an edit is, and when two annotators corrected a field alike."""

from __future__ import annotations

from typing import Any

from ls_trajedit.converters.annotations.newlines import fold_newlines
from ls_trajedit.converters.record import Edit, RecordedTrace
from ls_trajedit.converters.training.rules import EdgeWhitespace
from ls_trajedit.traces.field_path import MISSING, FieldPath, get_field, parse_path
from ls_trajedit.traces.json_text import canonical_json

__all__ = ["path_in_record", "value_at", "vote"]


def path_in_record(edit: Edit, trace: RecordedTrace) -> FieldPath:
    """Where in the trace the edit is. A step that is a bare string is the field itself."""
    if edit.step_index is None:
        return (edit.field,)
    inside: FieldPath = () if isinstance(trace.steps[edit.step_index], str) else parse_path(edit.field)
    return ("steps", edit.step_index, *inside)


def value_at(edit: Edit, trace: RecordedTrace) -> Any:
    """The value that the original or the corrected trace has where the edit is: a string, or what the JSON in the box
    stands for. MISSING where it has none."""
    try:
        return get_field(trace.value(), path_in_record(edit, trace))
    except (ValueError, IndexError):
        return MISSING


def vote(edit: Edit, corrected: RecordedTrace, edge_whitespace: EdgeWhitespace) -> str:
    """What is equal for two annotators who corrected a field alike.

    JSON is alike when it is the same value: its layout and the order of its keys make no difference (PostgreSQL keeps
    neither), while `1` and `1.0` are two values. Text is alike when only its line ends differ, or white space at its
    ends, unless that is something to learn.
    """
    value = value_at(edit, corrected)
    value = edit.edited_text if value is MISSING else value
    if not isinstance(value, str):
        return f"json {canonical_json(value)}"
    text = fold_newlines(value)
    return f"text {text.strip() if edge_whitespace == 'ignore' else text}"
