"""Where an annotation of a branch is, counted along the whole trace: the page has only the steps that are new."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from ls_trajedit.converters.annotations.read import EditedField, Reading
from ls_trajedit.converters.annotations.structure import StepChange
from ls_trajedit.converters.record import ReasonWithoutEdit, Remark, StepLabel

__all__ = ["behind"]

_Said = TypeVar("_Said", StepLabel, ReasonWithoutEdit, Remark)


def behind(reading: Reading, locked: int) -> Reading:
    """The reading of a task before whose steps there are so many that are locked; the paths into the task's data stay
    what they are."""
    if not locked:
        return reading
    return Reading(
        edits=tuple(_edit(edited, locked) for edited in reading.edits),
        labels=_moved(reading.labels, locked),
        reasons_without_edit=_moved(reading.reasons_without_edit, locked),
        remarks=_moved(reading.remarks, locked),
        changes=tuple(_change(change, locked) for change in reading.changes),
        empty_insertions=reading.empty_insertions,
    )


def _edit(edited: EditedField, locked: int) -> EditedField:
    editor = edited.editor
    if editor.step_index is None:
        return edited
    return edited._replace(editor=replace(editor, step_index=editor.step_index + locked))


def _change(change: StepChange, locked: int) -> StepChange:
    return change._replace(control=replace(change.control, step_index=change.control.step_index + locked))


def _moved(said: tuple[_Said, ...], locked: int) -> tuple[_Said, ...]:
    return tuple(
        item if item.step_index is None else replace(item, step_index=item.step_index + locked) for item in said
    )
