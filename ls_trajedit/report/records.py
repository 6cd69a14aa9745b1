"""Reads the corrections file for the report: one annotation at a time, with what the report needs of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ls_trajedit.converters.formats.interchange import CORRECTIONS
from ls_trajedit.output.manifest import MANIFEST, Manifest
from ls_trajedit.traces.errors import DataError
from ls_trajedit.traces.json_text import parse_json

__all__ = ["AnnotatedTrace", "Correction", "LabelChoices", "read_records"]

(_CORRECTIONS,) = CORRECTIONS.files
_BEFORE_RECORDS, _AFTER_RECORDS = _CORRECTIONS.head, b"],\n"


@dataclass(frozen=True)
class Correction:
    """One edit. `step` counts from 0 and is None for the final answer."""

    step: int | None
    field: str
    original: str
    edited: str
    characters: int
    words: int
    reason: str


@dataclass(frozen=True)
class LabelChoices:
    """The choices that were made for a step under the label's name."""

    step: int | None
    name: str
    choices: tuple[str, ...]


@dataclass(frozen=True)
class AnnotatedTrace:
    """One annotation of a trace that has `steps` steps."""

    trace_id: str
    task: str
    task_id: int | None
    annotation_id: int | None
    annotator: str
    steps: int
    corrections: tuple[Correction, ...]
    labels: tuple[LabelChoices, ...]


def read_records(folder: Path, manifest: Manifest) -> Iterator[AnnotatedTrace]:
    """The records of the corrections file in `folder`, in order, one in memory at a time.

    Raises DataError when `manifest` does not list such a file, and when the file is missing or is not the one that it
    lists. The last may show only at the end.
    """
    path = folder / _CORRECTIONS.file
    expected = manifest.digests().get(_CORRECTIONS.file)
    if expected is None:
        raise DataError(
            f"{folder / MANIFEST}: does not list {_CORRECTIONS.file}, which the report is made from; pull or convert "
            "with --format corrections"
        )
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            # After the records come the numbers of them, which the manifest has as well.
            in_records = True
            for line in file:
                digest.update(line)
                in_records = in_records and line != _AFTER_RECORDS
                if in_records and line != _BEFORE_RECORDS and line.strip():
                    yield _record(parse_json(line.rstrip().removesuffix(b",")))
    except FileNotFoundError:
        raise DataError(f"{path}: is missing; pull or convert again") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _changed(path) from None
    if digest.hexdigest() != expected:
        raise _changed(path)


def _changed(path: Path) -> DataError:
    return DataError(f"{path}: is not the file that the manifest lists; pull or convert again")


def _record(row: dict[str, Any]) -> AnnotatedTrace:
    source = row["source"]
    return AnnotatedTrace(
        trace_id=_text(row["trace_id"]),
        task=_text(row["task"]),
        task_id=_or_none(source["task_id"], int),
        annotation_id=_or_none(source["annotation_id"], int),
        annotator=_text(row["annotator"]),
        steps=len(row["original_trace"]["steps"]),
        corrections=tuple(_correction(edit) for edit in row["edits"]),
        labels=tuple(_label(label) for label in source["step_labels"]),
    )


def _correction(edit: dict[str, Any]) -> Correction:
    return Correction(
        _or_none(edit["step_index"], int),
        _text(edit["field"]),
        _text(edit["original_text"]),
        _text(edit["edited_text"]),
        int(edit["edit_distance_chars"]),
        int(edit["edit_distance_words"]),
        _text(edit["reason"]),
    )


def _label(label: dict[str, Any]) -> LabelChoices:
    return LabelChoices(
        _or_none(label["step_index"], int), _text(label["name"]), tuple(_text(choice) for choice in label["choices"])
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _or_none(value: Any, kind: Any) -> Any:
    if value is not None and not isinstance(value, kind):
        raise TypeError
    return value
