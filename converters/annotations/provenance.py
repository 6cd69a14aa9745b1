"""What an annotation was made from: whether anybody has looked at it, what it is a copy of, and which of its texts
nobody typed.

Label Studio's Data Manager makes annotations from predictions, and from annotations of other tasks, by the thousand.
Such an annotation has a parent, and neither a time that somebody spent on it nor anybody who saved it (1.23.2,
`data_manager/actions/predictions_to_annotations.py` and `experimental.py`; Submit and Update set both).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ls_trajedit.converters.annotations.newlines import same_but_newlines
from ls_trajedit.converters.annotations.read import EditedField, Reading
from ls_trajedit.converters.annotations.structure import InsertedStep, RemovedStep
from ls_trajedit.converters.record import ChatSource, Record, RejectedAnnotation, RejectReason
from ls_trajedit.label_config.structure import REMOVE
from ls_trajedit.traces.field_path import format_path
from ls_trajedit.traces.json_text import canonical_json

__all__ = ["is_copy", "is_unopened", "parent_of", "reject_texts_that_nobody_typed"]

_MADE_BY_AN_ACTION = (None, "prediction", "propagated_annotation")
_TOUCHED = ("manual", "prediction-changed")
# The model version of our predictions begins with this name; they show what the trace said, and nothing else.
_OURS = "ls-trajedit"
_PUT_THERE = "holds what a prediction put there, and nobody changed it"


def is_unopened(annotation: Mapping[str, Any]) -> bool:
    """Whether an action of the Data Manager made the annotation, from a prediction or from an annotation of another
    task, and nobody has opened and saved it since. False when that is not certain."""
    if annotation.get("lead_time", 0) is not None:  # nearly always
        return False
    has_parent = annotation.get("parent_prediction") is not None or annotation.get("parent_annotation") is not None
    if not has_parent:
        return False
    saved = any(annotation.get(key) is not None for key in ("updated_by", "draft_created_at", "import_id"))
    return (
        not saved
        and annotation.get("last_action") in _MADE_BY_AN_ACTION
        and not any(result.get("origin") in _TOUCHED for result in _results(annotation.get("result")))
    )


def parent_of(annotation: Mapping[str, Any]) -> int | str | None:
    """The id of the annotation from which this one was made, by "Create copy" for instance."""
    number = annotation.get("parent_annotation")
    return number if isinstance(number, int | str) and not isinstance(number, bool) else None


def is_copy(record: Record, parent: Record) -> bool:
    """Whether a record says exactly what the record of its parent says, which somebody has looked at."""
    return not parent.source.unopened and _said(record) == _said(parent)


def _said(record: Record) -> tuple[object, ...]:
    source = record.source
    others = source.not_the_agents if isinstance(source, ChatSource) else ()
    # As text, because 1 and true are equal in Python.
    structure = canonical_json([vars(change) for change in record.structure])
    return record.edits, structure, others, source.step_labels, source.reasons_without_edit, source.remarks


def reject_texts_that_nobody_typed(reading: Reading, annotation: Mapping[str, Any], task: Mapping[str, Any]) -> None:
    """Raises RejectedAnnotation when a box that counts as edited, or that fills an inserted step, holds what a
    prediction put there, or when a prediction chose that a step is removed: then the task's data has changed since, or
    the prediction did not show the trace.

    The prediction itself says what it put there, where it is at hand: in an export, or in the task. Where it is not,
    `origin` says that nobody touched the box, and nothing contradicts that.
    """
    if not reading.edits and not reading.changes:
        return
    prediction, touched = _prediction(annotation, task), _touched_controls(annotation)
    is_ours = str(prediction.get("model_version")).startswith(_OURS)
    results = list(_results(prediction.get("result")))
    predicted = _predicted_texts(results)

    def is_left_alone(control: str, text: str) -> bool:
        shown = predicted.get(control)
        return control not in touched if shown is None else same_but_newlines(shown, text)

    for edited in reading.edits:
        control = edited.editor.control
        if is_left_alone(control, edited.edited_text):
            raise _changed_data(control, f"{_PUT_THERE}; {_now(edited)}")
        shown = predicted.get(control)
        if is_ours and shown is not None and not same_but_newlines(shown, edited.original_text):
            raise _changed_data(control, f"was corrected when it held another text; {_now(edited)}")
    for change in reading.changes:
        match change:
            case RemovedStep():
                name = change.control.control
                chosen = _predicted_choices(results, name)
                if name not in touched if chosen is None else REMOVE in chosen:
                    raise _changed_data(name, f"{_PUT_THERE}, so nobody removed the step")
            case InsertedStep(texts=texts):
                for box, text in texts:
                    if is_left_alone(box.control, text):
                        raise _changed_data(box.control, f"{_PUT_THERE}, so nobody inserted that")


def _now(edited: EditedField) -> str:
    return f"`{format_path(edited.editor.path)}` now says something else"


def _changed_data(control: str, what: str) -> RejectedAnnotation:
    return RejectedAnnotation(RejectReason.CHANGED_DATA, f"`{control}` {what}")


def _touched_controls(annotation: Mapping[str, Any]) -> set[str]:
    """The controls of which a result does not say that it is a prediction's, as it was."""
    results = _results(annotation.get("result"))
    names = (result.get("from_name") for result in results if result.get("origin") != "prediction")
    return {name for name in names if isinstance(name, str)}


def _predicted_texts(results: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The text that the results of a prediction put into each box."""
    texts: dict[str, str] = {}
    for result in results:
        name, value = result.get("from_name"), result.get("value")
        text = value.get("text") if isinstance(value, dict) else None
        if isinstance(text, list) and len(text) == 1:
            text = text[0]
        if isinstance(name, str) and isinstance(text, str):
            texts[name] = text
    return texts


def _predicted_choices(results: Iterable[Mapping[str, Any]], control: str) -> list[Any] | None:
    """What the results of a prediction chose in a control; None when they say nothing about it."""
    values = (result.get("value") for result in results if result.get("from_name") == control)
    chosen = [value.get("choices") for value in values if isinstance(value, dict)]
    found = [choices for choices in chosen if isinstance(choices, list)]
    return [choice for choices in found for choice in choices] if found else None


def _prediction(annotation: Mapping[str, Any], task: Mapping[str, Any]) -> Mapping[str, Any]:
    """The prediction that opened the boxes; empty when it is not at hand. An export holds the one that was shown, which
    is another one when somebody chose to start from that."""
    parent = annotation.get("parent_prediction")
    shown = annotation.get("prediction")
    predictions = task.get("predictions")
    for found in (shown, *(predictions if isinstance(predictions, list) else ())):
        if isinstance(found, dict) and found.get("result") and parent in (None, found.get("id")):
            return found
        if parent is None:
            break
    return {}


def _results(results: Any) -> Iterator[dict[str, Any]]:
    return (result for result in (results if isinstance(results, list) else ()) if isinstance(result, dict))
