"""One task in, one outcome for each of its annotations out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ls_trajedit.converters.annotations.build import build_chat_record, build_record, original_trace
from ls_trajedit.converters.annotations.chat import read_corrections
from ls_trajedit.converters.annotations.check_calls import check_calls
from ls_trajedit.converters.annotations.locked import behind
from ls_trajedit.converters.annotations.outcome import Edited, Excluded, Outcome, Rejected, Skipped, Unedited
from ls_trajedit.converters.annotations.provenance import (
    is_copy,
    is_unopened,
    parent_of,
    reject_texts_that_nobody_typed,
)
from ls_trajedit.converters.annotations.read import Reading, read_annotation
from ls_trajedit.converters.annotations.review import excluded_by_review, review_of
from ls_trajedit.converters.annotations.rules import ReadingRules, annotator_identity, annotator_name, is_wanted
from ls_trajedit.converters.record import (
    Identity,
    Record,
    Reject,
    RejectedAnnotation,
    RejectReason,
    row_key,
    row_number,
)
from ls_trajedit.converters.traces import Traces
from ls_trajedit.label_config.chat_data import Chat, chat_of
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.label_config.task_data import NotesError, imported_data
from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.json_text import json_line

__all__ = ["convert_task"]


_NOTHING = Reading((), (), ())
_IDS = (int, str, type(None))
_TASK_TYPES = (("id", _IDS), ("project", _IDS))
_ANNOTATION_TYPES = (("id", _IDS), ("updated_at", (str, type(None))), ("lead_time", (int, float, type(None))))


def convert_task(task: Mapping[str, Any], schema: Schema, rules: ReadingRules) -> Iterator[Outcome]:
    """The outcome of each annotation of `task`, in order of their ids.

    `task` is a task as Label Studio's API lists it or its JSON export holds it: `id`, `project`, `data` and
    `annotations`.
    """
    # What is not an annotation at all is rejected like one whose results cannot be read.
    listed = task.get("annotations")
    annotations = [
        a if isinstance(a, dict) else {"result": {"found": a}} for a in (listed if isinstance(listed, list) else [])
    ]
    stored = task.get("data")
    # What is not ours under the reserved key rejects each annotation, when its trace is read.
    with suppress(NotesError):
        if isinstance(stored, dict) and (imported := imported_data(stored)) is not stored:
            task = {**task, "data": imported}
    chat = _ChatOf(task, stored, schema, rules)
    parents: dict[Identity, Edited | Unedited] = {}
    for annotation in sorted(annotations, key=lambda annotation: row_number(annotation.get("id"))):
        outcome = _convert_annotation(task, annotation, schema, rules, chat)
        if isinstance(outcome, Edited | Unedited):
            if (number := parent_of(annotation)) is not None and number in parents:
                outcome = _called_a_copy(outcome, parents[number])
            parents[outcome.record.source.annotation_id] = outcome
        yield outcome


def _called_a_copy(outcome: Edited | Unedited, parent: Edited | Unedited) -> Edited | Unedited:
    """`outcome`, called a copy of its parent when it is by the same person and says the same."""
    if parent.person is None or parent.person != outcome.person or not is_copy(outcome.record, parent.record):
        return outcome
    source = replace(outcome.record.source, copy_of=parent.record.source.annotation_id)
    return replace(outcome, record=replace(outcome.record, source=source))


@dataclass
class _ChatOf:
    """The conversation in a task, read once for all annotations of it. The task's data is as it was imported, `stored`
    is the data as Label Studio's database gave it."""

    task: Mapping[str, Any]
    stored: Any
    schema: Schema
    rules: ReadingRules

    @cached_property
    def chat(self) -> Chat | None:
        """None for a trace of the plain shape. Raises RejectedAnnotation for what cannot be read."""
        data = self.task.get("data")
        try:
            return chat_of(data, self.schema.steps_path, self.rules.read_options) if isinstance(data, dict) else None
        except ReadError as error:
            raise RejectedAnnotation(RejectReason.NO_TRACE, str(error)) from None


def _convert_annotation(
    task: Mapping[str, Any], annotation: dict[str, Any], schema: Schema, rules: ReadingRules, chat_of_task: _ChatOf
) -> Outcome:
    annotator = annotator_name(annotation.get("completed_by"), rules)
    key = row_key(task.get("id"), annotation.get("id"))
    try:
        if not is_wanted(annotation, rules):
            return Excluded(key, annotator)
        if (by_review := excluded_by_review(review_of(annotation), rules.reviewed)) is not None:
            return Excluded(key, annotator, by_review)
        if annotation.get("was_cancelled"):
            return Skipped(key, annotator)
        _check_types(task, annotation)
        record, traces, empty_insertions = _read(task, annotation, annotator, chat_of_task)
    except RejectedAnnotation as rejection:
        reject = Reject(
            task_id=task.get("id"),
            annotation_id=annotation.get("id"),
            annotator=annotator,
            reason=rejection.reason,
            detail=rejection.detail,
            result=annotation.get("result"),
        )
        return Rejected(key, reject)
    kind = Edited if record.n_edits else Unedited
    person = annotator_identity(annotation.get("completed_by"))
    return kind(key, record, traces, person, empty_insertions)


def _read(
    task: Mapping[str, Any], annotation: dict[str, Any], annotator: str, chat_of_task: _ChatOf
) -> tuple[Record, Traces, int]:
    """The record, both traces, and how many steps were to be inserted and have nothing in them."""
    schema, rules, chat = chat_of_task.schema, chat_of_task.rules, chat_of_task.chat
    if chat is None:
        original = original_trace(task, schema)
        reading = behind(_reading(task, annotation, schema, rules), original.locked)
        built = build_record(task, annotation, annotator, original, reading, schema, chat_of_task.stored)
        return *built, reading.empty_insertions
    reading = _reading(task, annotation, schema, rules)
    corrected = read_corrections(chat, task["data"], reading, schema.steps_path)
    checked = check_calls(corrected.traces, corrected.edits)
    if rules.strict_tools and (misfits := [call for call in checked if call.fit != "valid"]):
        raise RejectedAnnotation(RejectReason.TOOL_MISMATCH, "; ".join(call.detail for call in misfits))
    record = build_chat_record(task, annotation, annotator, corrected, checked)
    return record, corrected.traces, reading.empty_insertions


def _reading(task: Mapping[str, Any], annotation: dict[str, Any], schema: Schema, rules: ReadingRules) -> Reading:
    if is_unopened(annotation):
        return _NOTHING
    results, data = annotation.get("result"), task["data"]
    reading = read_annotation(results, schema.declared(data), data)
    if rules.untouched == "reject":
        reject_texts_that_nobody_typed(reading, annotation, task)
    if rules.require_reason:
        _check_reasons(reading)
    return reading


def _check_reasons(reading: Reading) -> None:
    unexplained = [f"`{edited.editor.control}`" for edited in reading.edits if not edited.reason]
    unexplained += [change.chosen_in for change in reading.changes if not change.reason]
    if unexplained:
        raise RejectedAnnotation(RejectReason.NO_REASON, ", ".join(unexplained))


def _check_types(task: Mapping[str, Any], annotation: Mapping[str, Any]) -> None:
    """Raises RejectedAnnotation when an id or a time is of a type that nobody who reads the record could do anything
    with."""
    for name, item, typed in (("task", task, _TASK_TYPES), ("annotation", annotation, _ANNOTATION_TYPES)):
        for key, types in typed:
            # Not isinstance: true is not a number.
            if type(value := item.get(key)) not in types:
                found = json_line(value).decode()[:80]
                raise RejectedAnnotation(RejectReason.WRONG_TYPE, f"`{key}` of the {name} is {found}")
