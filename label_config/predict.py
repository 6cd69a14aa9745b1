"""The prediction that prefills the editors: every original, unchanged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.label_config.task_data import editor_text, imported_data, shown_value
from ls_trajedit.traces.field_path import RESERVED_KEY, get_field

__all__ = ["Prediction", "Result", "TextValue", "predict"]


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
    """The results of a prediction for `task` (a task of Label Studio, with its `data`) under the labeling config.

    There is one for each editor that the config declares and whose field the task has, in the config's order. The text
    is verbatim; a field that is not a string is written as JSON with an indent of two. Same input, same results.

    Where the config asks for a reason, an empty one follows: Label Studio keeps what is typed into a box that a
    prediction opened, even in drafts, but forgets what is typed into any other box until the annotation is submitted.

    Raises ConfigError for a config without editors, and ValueError for a task whose `data` is not an object.
    """
    data = task.get("data")
    if not isinstance(data, Mapping):
        raise ValueError("the task has no object as `data`")
    data = imported_data(dict(data)) if RESERVED_KEY in data else data
    value_at = shown_value if RESERVED_KEY in data else get_field
    results: list[Result] = []
    for editor in read_config(config).controls(data).editors:
        text = editor_text(value_at(data, editor.path))
        if text is not None:
            results.append(_text_result(editor.control, editor.original, text))
            if editor.reason:
                results.append(_text_result(editor.reason, editor.original, ""))
    return results


def _text_result(control: str, original: str, text: str) -> Result:
    return {
        "id": control,
        "from_name": control,
        "to_name": original,
        "type": "textarea",
        "value": {"text": [text]},
    }
