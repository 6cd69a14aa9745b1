"""The record of one annotation: the original trace, the corrected one, and every edit between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ls_trajedit.converters.annotations.distances import distance_in_characters, distance_in_words
from ls_trajedit.converters.annotations.read import EditedField, Reading
from ls_trajedit.converters.record import Edit, Record, RecordedTrace, RejectedAnnotation, RejectReason, Source
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.label_config.task_data import restore_trace
from ls_trajedit.traces.field_path import MISSING, RESERVED_KEY, drop_field, format_path, get_field, set_field
from ls_trajedit.traces.json_text import json_indented

__all__ = ["OriginalTrace", "build_record", "original_trace"]


class OriginalTrace(NamedTuple):
    """A task's trace as it was imported. `extra` is what it holds besides id, task, steps and final answer."""

    trace_id: str
    task: str
    trace: RecordedTrace
    extra: dict[str, Any]


def original_trace(task: Mapping[str, Any], schema: Schema) -> OriginalTrace:
    """The trace in a task of Label Studio. Raises RejectedAnnotation when its data holds no list of steps."""
    data = task.get("data")
    if not isinstance(data, dict):
        raise RejectedAnnotation(RejectReason.NO_TRACE, "its `data` is not an object")
    trace = _restore(data)
    if not isinstance(get_field(trace, schema.steps_path), list):
        raise RejectedAnnotation(RejectReason.NO_TRACE, f"it has no list `{format_path(schema.steps_path)}`")
    identity = get_field(trace, schema.id_path)
    return OriginalTrace(
        trace_id=str(task.get("id") if identity is MISSING or identity is None else identity),
        task=_task_text(trace, schema),
        trace=_named_parts(trace, schema),
        extra=_extra(trace, schema),
    )


def build_record(
    task: Mapping[str, Any],
    annotation: Mapping[str, Any],
    annotator: str,
    original: OriginalTrace,
    reading: Reading,
    schema: Schema,
) -> Record:
    """The record of `annotation`. The distances are computed here, from the two texts of each edit."""
    edits = tuple(_edit(edited) for edited in reading.edits)
    return Record(
        trace_id=original.trace_id,
        annotator=annotator,
        task=original.task,
        original_trace=original.trace,
        corrected_trace=_corrected_trace(task["data"], reading, schema) if edits else original.trace,
        edits=edits,
        n_edits=len(edits),
        total_edit_distance=sum(edit.edit_distance_chars for edit in edits),
        source=Source(
            project_id=task.get("project"),
            task_id=task.get("id"),
            annotation_id=annotation.get("id"),
            updated_at=annotation.get("updated_at"),
            lead_time=annotation.get("lead_time"),
            ground_truth=bool(annotation.get("ground_truth")),
            step_labels=reading.labels,
            reasons_without_edit=reading.reasons_without_edit,
            extra=original.extra,
        ),
    )


def _corrected_trace(data: dict[str, Any], reading: Reading, schema: Schema) -> RecordedTrace:
    for edited in reading.edits:
        data = set_field(data, edited.editor.path, edited.value)
    return _named_parts(_restore(data), schema)


def _edit(edited: EditedField) -> Edit:
    return Edit(
        step_index=edited.editor.step_index,
        field=edited.editor.field,
        original_text=edited.original_text,
        edited_text=edited.edited_text,
        edit_distance_chars=distance_in_characters(edited.original_text, edited.edited_text),
        edit_distance_words=distance_in_words(edited.original_text, edited.edited_text),
        reason=edited.reason,
    )


def _named_parts(trace: dict[str, Any], schema: Schema) -> RecordedTrace:
    """Task, steps and final answer under the names that records use, whatever the trace calls them."""
    parts = {"task": _task_text(trace, schema), "steps": get_field(trace, schema.steps_path)}
    answer = get_field(trace, schema.final_answer_path)
    if answer is not MISSING and answer is not None:
        parts[schema.final_answer_key] = answer
    return RecordedTrace(parts)


def _task_text(trace: dict[str, Any], schema: Schema) -> str:
    for path in schema.task_paths:
        value = get_field(trace, path)
        if value is not MISSING and value is not None:
            return value if isinstance(value, str) else json_indented(value)
    return ""


def _extra(trace: dict[str, Any], schema: Schema) -> dict[str, Any]:
    task = next((path for path in schema.task_paths if get_field(trace, path) not in (MISSING, None)), None)
    named = (schema.id_path, schema.steps_path, schema.final_answer_path, *([task] if task else []))
    extra = {key: value for key, value in trace.items() if (key,) not in named}
    for path in named:
        if len(path) > 1:
            extra = drop_field(extra, path)
    return extra


def _restore(data: dict[str, Any]) -> dict[str, Any]:
    try:
        return restore_trace(data)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        detail = f"its `{RESERVED_KEY}` does not fit the rest of its data"
        raise RejectedAnnotation(RejectReason.NO_TRACE, detail) from None
