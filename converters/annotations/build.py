"""The record of one annotation: the original trace, the corrected one, and every edit between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ls_trajedit.converters.annotations.chat import ChatReading, make_edit
from ls_trajedit.converters.annotations.provenance import is_unopened
from ls_trajedit.converters.annotations.read import EditedField, Reading
from ls_trajedit.converters.annotations.review import review_of
from ls_trajedit.converters.annotations.structure import plain_structure
from ls_trajedit.converters.record import (
    ChatSource,
    CheckedCall,
    Edit,
    Record,
    RecordedTrace,
    RejectedAnnotation,
    RejectReason,
    Source,
    StructureChange,
    edit_sums,
)
from ls_trajedit.converters.structure import restructured_trace
from ls_trajedit.converters.traces import PlainTraces, recorded_chat
from ls_trajedit.label_config.branch_note import branch_of, locked_count
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.label_config.task_data import NotesError, bare_step_field, restore_trace
from ls_trajedit.traces.field_path import MISSING, Draft, drop_field, format_path, get_field
from ls_trajedit.traces.json_text import json_indented

__all__ = ["OriginalTrace", "build_chat_record", "build_record", "original_trace"]


class OriginalTrace(NamedTuple):
    """A task's trace as it was imported. `extra` is what it holds besides id, task, steps and final answer, and
    `locked` is how many of its steps, the first ones, a branch has from its parent: they are not in the data's list."""

    trace_id: str
    task: str
    trace: RecordedTrace
    extra: dict[str, Any]
    imported: dict[str, Any]
    locked: int


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
        imported=trace,
        locked=locked_count(data),
    )


def build_record(
    task: Mapping[str, Any],
    annotation: Mapping[str, Any],
    annotator: str,
    original: OriginalTrace,
    reading: Reading,
    schema: Schema,
    stored: Mapping[str, Any],
) -> tuple[Record, PlainTraces]:
    """The record of `annotation`, and the whole trace. The distances are computed here, from the two texts of each
    edit. The task's data is as it was imported, `stored` is the data as the database gave it.

    Raises RejectedAnnotation when the corrections do not fit the trace."""
    edits = tuple(_edit(edited) for edited in reading.edits)
    corrected = _edited_trace(task["data"], reading, original, schema) if edits else original.imported
    recorded = _edited_parts(corrected, edits, schema) if edits else original.trace
    structure: tuple[StructureChange, ...] = ()
    if reading.changes:
        steps = original.trace.steps
        bare = bare_step_field(task["data"]) or schema.bare_step_field
        structure = plain_structure(reading.changes, steps, schema.step_fields(), bare)
        corrected = restructured_trace(corrected, schema.steps_path, structure)
        recorded = RecordedTrace(restructured_trace(recorded.value(), ("steps",), structure))
    record = Record(
        trace_id=original.trace_id,
        annotator=annotator,
        task=original.task,
        original_trace=original.trace,
        corrected_trace=recorded,
        edits=edits,
        structure=structure,
        **edit_sums(edits, structure),
        source=Source(
            **_origin(task, annotation),
            step_labels=reading.labels,
            reasons_without_edit=reading.reasons_without_edit,
            extra=original.extra,
            remarks=reading.remarks,
        ),
    )
    return record, PlainTraces(corrected, stored)


def build_chat_record(
    task: Mapping[str, Any],
    annotation: Mapping[str, Any],
    annotator: str,
    reading: ChatReading,
    checked_calls: tuple[CheckedCall, ...],
) -> Record:
    """The record of an annotation of a conversation."""
    traces, original = reading.traces, reading.traces.original
    recorded = recorded_chat(original)
    extra: dict[str, Any] = {"tools": list(original.tools)} if original.tools else {}
    extra.update({key: value for key, value in (("agent", original.agent), ("parent", original.parent)) if value})
    return Record(
        trace_id=original.id or str(task.get("id")),
        annotator=annotator,
        task=original.task,
        original_trace=recorded,
        corrected_trace=recorded_chat(traces.corrected) if reading.edits or traces.structure else recorded,
        edits=reading.edits,
        structure=traces.structure,
        **edit_sums(reading.edits, traces.structure),
        source=ChatSource(
            **_origin(task, annotation),
            step_labels=reading.labels,
            reasons_without_edit=reading.reasons_without_edit,
            extra=extra,
            format=original.format,
            checked_calls=checked_calls,
            not_the_agents=reading.not_the_agents,
            remarks=reading.remarks,
        ),
    )


def _origin(task: Mapping[str, Any], annotation: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "project_id": task.get("project"),
        "task_id": task.get("id"),
        "annotation_id": annotation.get("id"),
        "updated_at": annotation.get("updated_at"),
        "lead_time": annotation.get("lead_time"),
        "ground_truth": bool(annotation.get("ground_truth")),
        "review": review_of(annotation),
        "unopened": is_unopened(annotation),
        "branch": branch_of(task["data"]),
    }


def _edited_trace(data: dict[str, Any], reading: Reading, original: OriginalTrace, schema: Schema) -> dict[str, Any]:
    draft = Draft(data)
    for edited in reading.edits:
        draft.set(edited.editor.path, edited.value)
    corrected = _restore(draft.value)
    # An editor may point at the list of the steps itself.
    steps = get_field(corrected, schema.steps_path)
    if not isinstance(steps, list) or len(steps) != len(original.trace.steps):
        detail = f"with a correction in it, `{format_path(schema.steps_path)}` holds another number of steps"
        raise RejectedAnnotation(RejectReason.UNREADABLE, detail)
    return corrected


def _edited_parts(corrected: dict[str, Any], edits: Sequence[Edit], schema: Schema) -> RecordedTrace:
    trace = _named_parts(corrected, schema)
    if any(edit.step_index is None for edit in edits):
        # A final answer that was corrected to null stays in the trace, as null.
        trace.value().setdefault(schema.final_answer_key, None)
    return trace


def _edit(edited: EditedField) -> Edit:
    editor = edited.editor
    return make_edit(editor.step_index, editor.field, edited.original_text, edited.edited_text, edited.reason)


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
    except NotesError as error:
        raise RejectedAnnotation(RejectReason.NO_TRACE, str(error)) from None
