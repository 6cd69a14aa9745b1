"""The heart of it: what an annotation's results say was corrected.

For each editor that the config declares and whose field the task has: no result means not edited, text equal to the
original means not edited, and any other text is a correction. `origin` and `parent_prediction` are never used: they say
what was touched, not what was changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ls_trajedit.converters.annotations.newlines import restore_newlines, same_but_newlines
from ls_trajedit.converters.record import ReasonWithoutEdit, RejectedAnnotation, RejectReason, StepLabel
from ls_trajedit.label_config.controls import Controls, Editor
from ls_trajedit.label_config.task_data import editor_text, is_json_text, shown_value
from ls_trajedit.traces.field_path import MISSING, RESERVED_KEY, FieldPath, format_path, get_field
from ls_trajedit.traces.json_text import parse_json, same_json

__all__ = ["EditedField", "Reading", "read_annotation"]


class EditedField(NamedTuple):
    """A field that the annotator corrected. `value` is what now stands there in the task's data: the text or, where the
    original is not a string, the JSON value that the text stands for."""

    editor: Editor
    original_text: str
    edited_text: str
    value: Any
    reason: str


class Reading(NamedTuple):
    """What one annotation says."""

    edits: tuple[EditedField, ...]
    labels: tuple[StepLabel, ...]
    reasons_without_edit: tuple[ReasonWithoutEdit, ...]


def read_annotation(results: Any, controls: Controls, data: Mapping[str, Any]) -> Reading:
    """Reads the `result` list of an annotation of a task with this `data`.

    Edits come in the order of the config's editors. Raises RejectedAnnotation when anything in `results` cannot be
    attributed to exactly one field.
    """
    given = _sort_results(results, controls, data)
    edits = []
    reasons_without_edit = []
    for editor in controls.editors:
        if editor.control not in given and editor.reason not in given:
            continue
        reason = "\n".join(text for text in dict.fromkeys(given.get(editor.reason or "", ())) if text.strip())
        edited = _read_editor(editor, given.get(editor.control, []), data, reason)
        if edited is not None:
            edits.append(edited)
        elif reason:
            _check_present(shown_value(data, editor.path), f"`{editor.reason}` explains", editor.path)
            reasons_without_edit.append(ReasonWithoutEdit(editor.step_index, editor.field, reason))
    labels = []
    for label in controls.labels:
        if label.control in given:
            _check_present(get_field(data, label.step), f"`{label.control}` scores", label.step)
            labels.append(StepLabel(label.step_index, label.name, tuple(given[label.control])))
    return Reading(tuple(edits), tuple(labels), tuple(reasons_without_edit))


def _sort_results(results: Any, controls: Controls, data: Mapping[str, Any]) -> dict[str, list[str]]:
    """The texts or choices of each control, checked against what the config declares about it. Texts equal to the
    original may be missing: they say nothing, and there are many of them."""
    if not isinstance(results, list):
        raise RejectedAnnotation(RejectReason.WRONG_SHAPE, "the annotation's `result` is not a list")
    expected = controls.expected_results
    shown_as_it_is = RESERVED_KEY not in data
    given: dict[str, list[str]] = {}
    for number, result in enumerate(results, start=1):
        if not isinstance(result, dict) or not isinstance(name := result.get("from_name"), str):
            raise RejectedAnnotation(RejectReason.WRONG_SHAPE, f"result {number} names no control (`from_name`)")
        if name not in expected:
            if name in controls.others:
                continue
            raise RejectedAnnotation(RejectReason.UNKNOWN_CONTROL, f"`{name}`")
        original, kind, key, path = expected[name]
        if result.get("to_name") != original:
            detail = f"`{name}` points at `{result.get('to_name')}`, in the config at `{original}`"
            raise RejectedAnnotation(RejectReason.WRONG_SHAPE, detail)
        value = result.get("value")
        texts = value.get(key) if isinstance(value, dict) else None
        if result.get("type") != kind or not isinstance(texts, list) or not _are_texts(texts):
            raise RejectedAnnotation(RejectReason.WRONG_SHAPE, f"`{name}` holds no list of texts under `{key}`")
        if path is None or not shown_as_it_is or texts != [get_field(data, path)]:
            given[name] = given[name] + texts if name in given else texts
    return given


def _are_texts(values: list[Any]) -> bool:
    # Not all(): this runs for every result, and creating an iterator takes longer than looking at the one text.
    for value in values:  # noqa: SIM110
        if not isinstance(value, str):
            return False
    return True


def _check_present(value: Any, doing: str, path: FieldPath) -> None:
    if value is MISSING or value is None:
        state = "is not in the task" if value is MISSING else "is null in the task"
        raise RejectedAnnotation(RejectReason.ABSENT_FIELD, f"{doing} `{format_path(path)}`, which {state}")


def _read_editor(editor: Editor, texts: list[str], data: Mapping[str, Any], reason: str) -> EditedField | None:
    if not texts:
        return None
    original = shown_value(data, editor.path)
    original_text = editor_text(original)
    _check_present(original, f"`{editor.control}` corrects", editor.path)
    assert original_text is not None
    if isinstance(original, str) and not is_json_text(data, editor.path):
        changed = [restore_newlines(original, t) for t in dict.fromkeys(texts) if not same_but_newlines(original, t)]
        edited = [(text, text) for text in dict.fromkeys(changed)]
    else:
        edited = _changed_json(original, texts, editor)
    if len(edited) > 1:
        raise RejectedAnnotation(RejectReason.SEVERAL_TEXTS, f"`{editor.control}` holds {len(edited)} different texts")
    return EditedField(editor, original_text, *edited[0], reason) if edited else None


def _changed_json(original: Any, texts: list[str], editor: Editor) -> list[tuple[str, Any]]:
    """Each text that stands for a JSON value other than `original`, and what the task's data holds for it: the text
    itself where `original` is JSON text there, because `restore_trace` turns it back into the value."""
    is_text = isinstance(original, str)
    values = [_parse(original, editor) if is_text else original]
    changed: list[tuple[str, Any]] = []
    for text in texts:
        value = _parse(text, editor)
        if not any(same_json(value, other) for other in values):
            values.append(value)
            changed.append((text, text if is_text else value))
    return changed


def _parse(text: str, editor: Editor) -> Any:
    try:
        return parse_json(text.encode("utf-8", "backslashreplace"))
    except ValueError as error:
        detail = f"`{editor.control}` corrects `{format_path(editor.path)}`, and its text is not JSON: {error}"
        raise RejectedAnnotation(RejectReason.NOT_JSON, detail) from None
