"""What stands in a corrected trace where an edit is, and when two annotators changed something alike."""

from __future__ import annotations

from typing import Any, Literal

from ls_trajedit.converters.annotations.newlines import fold_newlines
from ls_trajedit.converters.record import Edit, Insertion, Record, RecordedTrace, Removal, StructureChange
from ls_trajedit.converters.structure import corrected_position
from ls_trajedit.converters.training.rules import EdgeWhitespace
from ls_trajedit.traces.field_path import MISSING, FieldPath, get_field, parse_path
from ls_trajedit.traces.json_text import canonical_json

__all__ = ["Place", "path_in_record", "place_of", "value_at", "vote"]

Place = tuple[int | None, str] | tuple[Literal["remove"], int] | tuple[Literal["insert"], int, int]
"""What a change is about: a field of a step, a step, or a place between steps."""


def place_of(change: Edit | StructureChange) -> Place:
    """What two annotators have changed alike, or otherwise."""
    match change:
        case Edit():
            return change.step_index, change.field
        case Removal():
            return "remove", change.step_index
        case Insertion():
            return "insert", change.after, change.position


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


def vote(change: Edit | StructureChange, record: Record, edge_whitespace: EdgeWhitespace) -> str:
    """What is equal for two annotators who made a change alike, which is one of the record.

    JSON is alike when it is the same value: its layout and the order of its keys make no difference (PostgreSQL keeps
    neither), while `1` and `1.0` are two values. Text is alike when only its line ends differ, or white space at its
    ends, unless that is something to learn. An inserted step is alike when those before it in its gap are, too, and
    when it stands in the place of a removed step for both or for neither.
    """
    match change:
        case Edit():
            value = _corrected_value(change, record)
            value = change.edited_text if value is MISSING else value
            if isinstance(value, str):
                return f"text {_folded(value, edge_whitespace)}"
            return f"json {canonical_json(value)}"
        case Removal():
            return "remove"
        case Insertion():
            gap = [
                other.step
                for other in record.structure
                if isinstance(other, Insertion) and other.after == change.after and other.position <= change.position
            ]
            is_in_its_place = any(
                isinstance(other, Removal) and other.step_index == change.after for other in record.structure
            )
            return f"json {canonical_json([is_in_its_place, _all_folded(gap, edge_whitespace)])}"


def _corrected_value(edit: Edit, record: Record) -> Any:
    """What the corrected trace has where the edit is. MISSING where the step was removed."""
    step = edit.step_index
    if step is not None and record.structure:
        step = corrected_position(record.structure, len(record.original_trace.steps), step)
        if step is None:
            return MISSING
    return value_at(edit, record.corrected_trace, step)


def _folded(text: str, edge_whitespace: EdgeWhitespace) -> str:
    folded = fold_newlines(text)
    return folded.strip() if edge_whitespace == "ignore" else folded


def _all_folded(value: Any, edge_whitespace: EdgeWhitespace) -> Any:
    """JSON with every string in it folded."""
    if isinstance(value, str):
        return _folded(value, edge_whitespace)
    if isinstance(value, list):
        return [_all_folded(item, edge_whitespace) for item in value]
    if isinstance(value, dict):
        return {key: _all_folded(item, edge_whitespace) for key, item in value.items()}
    return value
