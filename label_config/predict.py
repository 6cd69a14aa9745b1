"""The prediction that prefills the editors: every original, unchanged; and opens every other box that may be used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypedDict

from ls_trajedit.label_config.chat_data import is_chat_data, written_trace
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.label_config.task_data import editor_text, imported_data, restore_trace, shown_data
from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.field_path import RESERVED_KEY

__all__ = ["Prediction", "Result", "TextValue", "each_result", "predict"]


class TextValue(TypedDict):
    """The text in a box."""

    text: list[str]


class Result(TypedDict):
    """The content of one TextArea, in the form in which Label Studio takes and saves it."""

    id: str
    from_name: str
    to_name: str
    type: str
    value: TextValue


class Prediction(TypedDict):
    """What prefills the editors of one task, in the form in which Label Studio takes it."""

    result: list[Result]
    model_version: str


def predict(task: Mapping[str, Any], config: str) -> list[Result]:
    """What `each_result` gives for the schema of the labeling config `config`. Raises what that raises, and ConfigError
    for a config without editors."""
    return list(each_result(task, read_config(config)))


def each_result(task: Mapping[str, Any], schema: Schema) -> Iterator[Result]:
    """The results of a prediction for `task` (a task of Label Studio, with its `data`), one by one.

    There is one for each editor that the config declares and whose field the task has, in the config's order. The text
    is verbatim; a field that is not a string is written as JSON with an indent of two. Same input, same results.

    Where the config asks for a reason, an empty one follows, and at the end an empty text for each box of a step that
    may be inserted beside one of the task's: Label Studio keeps what is typed into a box that a prediction opened, even
    in drafts, but forgets what is typed into any other box until the annotation is submitted.

    Raises ValueError for a task whose `data` is not an object, or holds something else under the reserved key than
    `push` writes there: annotations of such a task are rejected, so nobody should begin one. Raises
    TooManyControlsError for one with more controls than can be worked out.
    """
    data = task.get("data")
    if not isinstance(data, Mapping):
        raise ValueError("the task has no object as `data`")
    if RESERVED_KEY in data:
        data = imported_data(dict(data))
        _check_trace(data)
        data = shown_data(data)
    for editor, value in schema.with_values(data):
        text = editor_text(value)
        if text is not None:
            yield _text_result(editor.control, editor.original, text)
            if editor.reason:
                yield _text_result(editor.reason, editor.original, "")
    for structure in schema.structures_in(data):
        for control in structure.text_areas:
            yield _text_result(control, structure.original, "")


def _check_trace(data: dict[str, Any]) -> None:
    try:
        if is_chat_data(data):
            written_trace(data)
        else:
            restore_trace(data)
    except ReadError as error:
        raise ValueError(str(error)) from None


def _text_result(control: str, original: str, text: str) -> Result:
    return {
        "id": control,
        "from_name": control,
        "to_name": original,
        "type": "textarea",
        "value": {"text": [text]},
    }
