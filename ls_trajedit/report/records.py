"""Reads the corrections file for the report: one annotation at a time, with what the report needs of it."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ls_trajedit.converters.formats.interchange import CORRECTIONS
from ls_trajedit.converters.record import Branch, ChatSource, Edit, Record, StepLabel, parse_record, row_key
from ls_trajedit.converters.shards import whole_name
from ls_trajedit.converters.training.corrected_values import place_of, vote
from ls_trajedit.converters.training.rules import EdgeWhitespace
from ls_trajedit.output.file_system import open_file
from ls_trajedit.output.manifest import MANIFEST, Manifest
from ls_trajedit.report.changed_steps import ChangedStep, changed_steps
from ls_trajedit.traces.errors import DataError
from ls_trajedit.traces.json_text import parse_json

__all__ = ["AnnotatedTrace", "read_records"]

(_CORRECTIONS,) = CORRECTIONS.files
_BEFORE_RECORDS, _AFTER_RECORDS = _CORRECTIONS.head, b"],\n"


Place = tuple[Hashable, ...]
"""What was changed: a field of a step, a step that was removed, or a gap in which one was inserted."""


@dataclass(frozen=True)
class AnnotatedTrace:
    """One annotation of a trace whose steps are `steps`, those that a branch shares with its parent left out. `changes`
    are the steps that were removed and inserted. `votes` holds for each place that was changed what is equal for
    annotators who changed it alike."""

    trace_id: str
    task: str
    task_id: int | str | None
    annotation_id: int | str | None
    annotator: str
    steps: range
    edits: tuple[Edit, ...]
    votes: Mapping[Place, str]
    labels: tuple[StepLabel, ...]
    changes: tuple[ChangedStep, ...] = ()
    branch: Branch | None = None
    is_unopened: bool = False

    @property
    def corrections(self) -> int:
        """How many fields were edited, and steps removed and inserted."""
        return len(self.edits) + len(self.changes)


def read_records(folder: Path, manifest: Manifest) -> Iterator[AnnotatedTrace]:
    """The records of the corrections file in `folder`, or of its shards, in order, one of each file in memory at a
    time.

    Raises DataError when `manifest` does not list such a file, and when a file is missing or is not the one that it
    lists. The last may show only at the end.
    """
    files = [file for file in manifest.files if whole_name(file.file) == _CORRECTIONS.file]
    if not files:
        raise DataError(
            f"{folder / MANIFEST}: does not list {_CORRECTIONS.file}, which the report is made from; pull or convert "
            "with --format corrections"
        )
    is_learned = (manifest.training or {}).get("edge_whitespace") == "learn"
    edge_whitespace: EdgeWhitespace = "learn" if is_learned else "ignore"
    records = (_records(folder / file.file, file.sha256, edge_whitespace) for file in files)
    return heapq.merge(*records, key=lambda record: row_key(record.task_id, record.annotation_id))


def _records(path: Path, expected: str, edge_whitespace: EdgeWhitespace) -> Iterator[AnnotatedTrace]:
    digest = hashlib.sha256()
    try:
        with open_file(path) as file:
            # After the records come the numbers of them, which the manifest has as well.
            in_records = True
            for line in file:
                digest.update(line)
                in_records = in_records and line != _AFTER_RECORDS
                if in_records and line != _BEFORE_RECORDS and line.strip():
                    yield _record(parse_json(line.rstrip().removesuffix(b",")), edge_whitespace)
    except FileNotFoundError:
        raise DataError(f"{path}: is missing; pull or convert again") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, TypeError, LookupError):
        raise _changed(path) from None
    if digest.hexdigest() != expected:
        raise _changed(path)


def _changed(path: Path) -> DataError:
    return DataError(f"{path}: is not the file that the manifest lists; pull or convert again")


def _record(row: object, edge_whitespace: EdgeWhitespace) -> AnnotatedTrace:
    record = parse_record(row)
    source = record.source
    return AnnotatedTrace(
        trace_id=record.trace_id,
        task=record.task,
        task_id=source.task_id,
        annotation_id=source.annotation_id,
        annotator=record.annotator,
        steps=_own_steps(record),
        edits=record.edits,
        votes={
            place_of(change): vote(change, record, edge_whitespace) for change in (*record.edits, *record.structure)
        },
        labels=source.step_labels,
        changes=changed_steps(record),
        branch=source.branch,
        is_unopened=source.unopened,
    )


def _own_steps(record: Record) -> range:
    """The steps of the original trace that could be corrected. A branch of a plain trace begins with those that it
    shares with its parent; one of a conversation has only the others."""
    branch = record.source.branch
    shared = 0 if branch is None or isinstance(record.source, ChatSource) else branch.parent.step + 1
    return range(shared, len(record.original_trace.steps))
