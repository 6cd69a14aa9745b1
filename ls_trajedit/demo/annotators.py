"""The demo's two annotators: people who submit the bundled corrections, as the editor page would save them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypedDict

from ls_trajedit.demo.local_label_studio import LocalLabelStudio, add_user
from ls_trajedit.label_config.controls import Controls
from ls_trajedit.label_config.predict import predict
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.label_config.structure import INSERT_AFTER, REMOVE, StructureControl
from ls_trajedit.traces.field_path import FieldPath
from ls_trajedit.traces.read import trace_identity

if TYPE_CHECKING:
    from ls_trajedit.label_studio.client import Server

__all__ = ["ANNOTATORS", "sign_up", "submit_corrections"]

ANNOTATORS = ("ana", "ben")


class BundledEdit(TypedDict):
    """An edit of a field of a step or, where the step is null, of the final answer."""

    step_index: int | None
    field: str
    text: str
    reason: str


class BundledLabels(TypedDict):
    """The labels of a step."""

    step_index: int
    correctness: str
    error_types: list[str]


class BundledRemoval(TypedDict):
    """A step that is removed."""

    step_index: int
    reason: str


class BundledInsertion(TypedDict):
    """A step, with the text of each of its fields, that is inserted after another one."""

    after: int
    step: dict[str, str]
    reason: str


class BundledStructure(TypedDict, total=False):
    """Steps that are removed and inserted, where there are any."""

    removed: list[BundledRemoval]
    inserted: list[BundledInsertion]


class BundledCorrection(BundledStructure):
    """What one annotator makes of one trace, as the files of corrections in `examples/` have it."""

    annotator: str
    trace_id: str
    edits: list[BundledEdit]
    labels: list[BundledLabels]


def sign_up(label_studio: LocalLabelStudio, annotator: str) -> Server:
    """Has the annotator sign up. Raises what `add_user` and Label Studio's client raise."""
    # The SDK takes a second to import.
    from ls_trajedit.label_studio.client import connect

    return connect(label_studio.url, add_user(label_studio, f"{annotator}@example.com", label_studio.password))


def submit_corrections(
    server: Server, annotator: str, project: int, config: str, id_path: FieldPath, corrections_file: str
) -> int:
    """Has the annotator, who is logged in at `server`, correct traces in the project and submit, as the bundled file
    of corrections says; returns the number of annotations.

    Raises what Label Studio's client raises, and KeyError when a correction does not fit the project.
    """
    from ls_trajedit.label_studio.tasks import data_pages

    tasks = {trace_identity(task["data"], id_path): task for page in data_pages(server, project) for task in page.tasks}
    corrections = [made for made in _bundled_corrections(corrections_file) if made["annotator"] == annotator]
    for correction in corrections:
        task = tasks[correction["trace_id"]]
        server.annotate(task["id"], _results(task, config, correction))
    return len(corrections)


def _bundled_corrections(name: str) -> list[BundledCorrection]:
    text = (files("ls_trajedit.examples") / name).read_text(encoding="utf-8")
    corrections: list[BundledCorrection] = json.loads(text)
    return corrections


def _results(task: Mapping[str, Any], config: str, correction: BundledCorrection) -> list[Mapping[str, object]]:
    """The results of an annotation of `task`: every editor holds the original, except for the edits of the correction,
    and the labels of the correction are chosen, as are the steps that it removes and inserts. Raises KeyError for what
    the config has no control for."""
    controls = read_config(config).controls(task["data"])
    editors = {(editor.step_index, editor.field): editor for editor in controls.editors}
    results: dict[str, Mapping[str, object]] = {result["from_name"]: result for result in predict(task, config)}
    for edit in correction["edits"]:
        editor = editors[edit["step_index"], edit["field"]]
        results[editor.control] = _text_result(editor.control, editor.original, edit["text"])
        if editor.reason and edit["reason"]:
            results[editor.reason] = _text_result(editor.reason, editor.original, edit["reason"])
    for structure in controls.structures:
        results |= {str(result["from_name"]): result for result in _structure_results(structure, correction)}
    return [*results.values(), *_label_results(controls, correction)]


def _text_result(control: str, original: str, text: str) -> Mapping[str, object]:
    value = {"text": [text]}
    return {"id": control, "from_name": control, "to_name": original, "type": "textarea", "value": value}


def _choices_result(control: str, original: str, choices: list[str]) -> Mapping[str, object]:
    value = {"choices": choices}
    return {"id": control, "from_name": control, "to_name": original, "type": "choices", "value": value}


def _structure_results(structure: StructureControl, correction: BundledCorrection) -> Iterator[Mapping[str, object]]:
    """What is chosen and typed for one step: that it is removed, and what is inserted right after it."""
    chosen: list[str] = []
    texts: dict[str | None, str] = {}
    for removed in correction.get("removed", ()):
        if removed["step_index"] == structure.step_index:
            chosen.append(REMOVE)
            texts[structure.reason] = removed["reason"]
    for inserted in correction.get("inserted", ()):
        if inserted["after"] == structure.step_index:
            slot = next(slot for slot in structure.slots if slot.choice == INSERT_AFTER[0])
            chosen.append(slot.choice)
            texts |= {box.control: inserted["step"].get(box.field, "") for box in slot.boxes}
            texts[slot.reason] = inserted["reason"]
    if chosen:
        yield _choices_result(structure.control, structure.original, chosen)
    for control, text in texts.items():
        if control:
            yield _text_result(control, structure.original, text)


def _label_results(controls: Controls, correction: BundledCorrection) -> Iterator[Mapping[str, object]]:
    chosen: dict[tuple[int | None, str], list[str]] = {}
    for labels in correction["labels"]:
        chosen[labels["step_index"], "correctness"] = [labels["correctness"]]
        chosen[labels["step_index"], "error_type"] = labels["error_types"]
    for label in controls.labels:
        if choices := chosen.get((label.step_index, label.name)):
            yield _choices_result(label.control, label.original, choices)
