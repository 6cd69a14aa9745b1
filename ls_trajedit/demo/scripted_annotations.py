"""What the demo's annotators correct, as the results that the editor page would save."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ls_trajedit.label_config.controls import Controls, Editor
from ls_trajedit.label_config.predict import predict
from ls_trajedit.label_config.read_config import read_config

__all__ = ["annotation_results"]


def annotation_results(task: Mapping[str, Any], config: str, correction: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The results of an annotation of `task` in which every editor holds the original, but for the `edits` of
    `correction` (`step_index`, `field`, `text`, `reason`), and the `labels` of its steps are chosen (`step_index`,
    `correctness`, `error_types`).

    Raises KeyError when `correction` names a field that the config has no editor for.
    """
    controls = read_config(config).controls(task["data"])
    editors = {(editor.step_index, editor.field): editor for editor in controls.editors}
    results: dict[str, dict[str, Any]] = {result["from_name"]: {**result} for result in predict(task, config)}
    for edit in correction["edits"]:
        editor = editors[edit["step_index"], edit["field"]]
        results[editor.control] = _text_result(editor.control, editor, edit["text"])
        if editor.reason and edit["reason"]:
            results[editor.reason] = _text_result(editor.reason, editor, edit["reason"])
    return [*results.values(), *_label_results(controls, correction)]


def _text_result(control: str, editor: Editor, text: str) -> dict[str, Any]:
    value = {"text": [text]}
    return {"id": control, "from_name": control, "to_name": editor.original, "type": "textarea", "value": value}


def _label_results(controls: Controls, correction: Mapping[str, Any]) -> list[dict[str, Any]]:
    chosen: dict[tuple[int, str], list[str]] = {}
    for labels in correction.get("labels", ()):
        chosen[labels["step_index"], "correctness"] = [labels["correctness"]] if labels.get("correctness") else []
        chosen[labels["step_index"], "error_type"] = labels.get("error_types", [])
    return [
        {
            "id": label.control,
            "from_name": label.control,
            "to_name": label.original,
            "type": "choices",
            "value": {"choices": choices},
        }
        for label in controls.labels
        if (choices := chosen.get((label.step_index, label.name)))
    ]
