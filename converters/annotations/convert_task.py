"""One task in, one outcome for each of its annotations out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from ls_trajedit.converters.annotations.build import build_record, original_trace
from ls_trajedit.converters.annotations.read import Reading, read_annotation
from ls_trajedit.converters.annotations.rules import ReadingRules, annotator_name, is_wanted
from ls_trajedit.converters.record import Reason, RejectedAnnotation
from ls_trajedit.label_config.schema import Schema

__all__ = ["Outcome", "convert_task"]


class Outcome(NamedTuple):
    """What became of one annotation. `row` is the record (`edited`, `unedited`) or the line for `rejects.jsonl`
    (`rejected`). Annotations that are `skipped`, or `excluded` by the rules, have none."""

    kind: Literal["edited", "unedited", "rejected", "skipped", "excluded"]
    annotator: str
    key: tuple[int, int]
    row: dict[str, Any]


def convert_task(task: Mapping[str, Any], schema: Schema, rules: ReadingRules) -> Iterator[Outcome]:
    """An Outcome for each annotation of `task` in order of their ids.

    `task` is a task as Label Studio's API lists it or its JSON export holds it: `id`, `project`, `data` and
    `annotations`. Raises UsageError where `rules` ask for what nobody knows.
    """
    # What is no annotation at all is rejected like one whose results cannot be read.
    listed = task.get("annotations")
    annotations = [
        a if isinstance(a, dict) else {"result": {"found": a}} for a in (listed if isinstance(listed, list) else [])
    ]
    for annotation in sorted(annotations, key=_number):
        yield _convert_annotation(task, annotation, schema, rules)


def _convert_annotation(
    task: Mapping[str, Any], annotation: dict[str, Any], schema: Schema, rules: ReadingRules
) -> Outcome:
    annotator = annotator_name(annotation.get("completed_by"), rules)
    key = (_number(task), _number(annotation))
    try:
        if not is_wanted(annotation, rules):
            return Outcome("excluded", annotator, key, {})
        if annotation.get("was_cancelled"):
            return Outcome("skipped", annotator, key, {})
        original = original_trace(task, schema)
        reading = read_annotation(annotation.get("result"), schema.controls(task["data"]), task["data"])
        if rules.require_reason:
            _check_reasons(reading)
        record = build_record(task, annotation, annotator, original, reading, schema)
    except RejectedAnnotation as rejection:
        row = {
            "task_id": task.get("id"),
            "annotation_id": annotation.get("id"),
            "annotator": annotator,
            "reason": rejection.reason.value,
            "detail": rejection.detail,
            "result": annotation.get("result"),
        }
        return Outcome("rejected", annotator, key, row)
    return Outcome("edited" if record["n_edits"] else "unedited", annotator, key, record)


def _check_reasons(reading: Reading) -> None:
    bare = [f"`{edit.editor.control}`" for edit in reading.edits if not edit.reason]
    if bare:
        raise RejectedAnnotation(Reason.NO_REASON, ", ".join(bare))


def _number(item: Mapping[str, Any]) -> int:
    number = item.get("id")
    return number if isinstance(number, int) and abs(number) < 1 << 63 else 0
