"""Reads an output folder for the report: what its manifest says, and the records of its corrections file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ls_trajedit.converters.formats.interchange import CORRECTIONS as CORRECTIONS_FORMAT
from ls_trajedit.output.manifest import MANIFEST
from ls_trajedit.traces.errors import DataError
from ls_trajedit.traces.json_text import parse_json

__all__ = ["Correction", "Record", "Source", "StepLabel", "read_records", "read_source"]

(CORRECTIONS,) = CORRECTIONS_FORMAT.files
_AROUND_RECORDS = (CORRECTIONS.head, b"],\n")


@dataclass(frozen=True)
class Source:
    """What the manifest in `folder` says: where the annotations came from, what was counted, and the hash of the
    corrections file. Host and project are None when the files were converted from an export."""

    folder: Path
    host: str | None
    project_id: int | None
    project_title: str | None
    counts: dict[str, Any]
    files: tuple[str, ...]
    sha256: str


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
class StepLabel:
    """The choices that were made for a step under the label's name."""

    step: int | None
    name: str
    choices: tuple[str, ...]


@dataclass(frozen=True)
class Record:
    """What the report needs of a record: one annotation, with `steps` as the number of steps of its trace."""

    trace_id: str
    task: str
    task_id: int | None
    annotation_id: int | None
    annotator: str
    steps: int
    corrections: tuple[Correction, ...]
    labels: tuple[StepLabel, ...]


def read_source(folder: Path) -> Source:
    """The manifest in `folder`. Raises DataError when there is none, or none of ours, or when it knows of no
    corrections file."""
    path = folder / MANIFEST
    try:
        manifest = parse_json(path.read_bytes())
        project = manifest["project"] or {"id": None, "title": None}
        hashes = {_text(file["file"]): _text(file["sha256"]) for file in manifest["files"]}
        source = Source(
            folder,
            _or_none(manifest["host"], str),
            _or_none(project["id"], int),
            _or_none(project["title"], str),
            _counts(manifest["counts"]),
            (MANIFEST, *hashes),
            hashes.get(CORRECTIONS.file, ""),
        )
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(f"{path}: is not there, so there is nothing to report; pull or convert into {folder}") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DataError(f"{path}: is no manifest of ls-trajedit; pull or convert again") from None
    if not source.sha256:
        raise DataError(f"{path}: names no {CORRECTIONS.file}, which the report is made from; pull or convert again")
    return source


def read_records(source: Source) -> Iterator[Record]:
    """The records of the corrections file in order, one in memory at a time. Raises DataError when the file is missing
    or not the one that the manifest names; the latter may show only at its end."""
    path = source.folder / CORRECTIONS.file
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            # After the records come their numbers, which the manifest has as well.
            in_records = True
            for line in file:
                digest.update(line)
                in_records = in_records and line != _AROUND_RECORDS[1]
                if in_records and line != _AROUND_RECORDS[0] and line.strip():
                    yield _record(parse_json(line.rstrip().removesuffix(b",")))
    except FileNotFoundError:
        raise DataError(f"{path}: is missing; pull or convert again") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _changed(path) from None
    if digest.hexdigest() != source.sha256:
        raise _changed(path)


def _changed(path: Path) -> DataError:
    return DataError(f"{path}: is not the file that the manifest names; pull or convert again")


def _record(row: dict[str, Any]) -> Record:
    source = row["source"]
    return Record(
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


def _label(label: dict[str, Any]) -> StepLabel:
    return StepLabel(
        _or_none(label["step_index"], int), _text(label["name"]), tuple(_text(choice) for choice in label["choices"])
    )


def _counts(counts: dict[str, Any]) -> dict[str, Any]:
    for name in ("tasks", "annotations", "edited", "unedited", "rejected", "skipped", "excluded", "drafts"):
        _number(counts[name])
    for reason, number in counts["rejected_by_reason"].items():
        _text(reason)
        _number(number)
    for kinds in counts["by_annotator"].values():
        for number in kinds.values():
            _number(number)
    return counts


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError
    return value


def _or_none(value: Any, kind: Any) -> Any:
    if value is not None and not isinstance(value, kind):
        raise TypeError
    return value
