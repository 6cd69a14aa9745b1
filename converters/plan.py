"""The export plan: which formats are made of the records, how traces are written, and by which rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ls_trajedit.converters.formats import interchange
from ls_trajedit.converters.formats.base import Format, RowFormat
from ls_trajedit.converters.record import Record
from ls_trajedit.converters.training.rendering import Rendering
from ls_trajedit.converters.training.rules import TrainingRules
from ls_trajedit.converters.training.split import split_file_name
from ls_trajedit.traces.field_path import format_path

__all__ = ["ExportPlan"]


@dataclass(frozen=True)
class ExportPlan:
    """What a run writes. `with_parquet` asks for a Parquet file beside each file of training rows. A plan can be sent
    to a worker process."""

    formats: tuple[Format, ...] = interchange.FORMATS
    rendering: Rendering = field(default_factory=Rendering)
    rules: TrainingRules = field(default_factory=TrainingRules)
    with_parquet: bool = False

    @cached_property
    def interchange_formats(self) -> tuple[Format, ...]:
        """Its formats that hold records as objects, for people to render."""
        return tuple(format_ for format_ in self.formats if not format_.is_for_training)

    @cached_property
    def training_formats(self) -> tuple[Format, ...]:
        """Its formats that trainers read as they are."""
        return tuple(format_ for format_ in self.formats if format_.is_for_training)

    @property
    def splits(self) -> tuple[str, ...]:
        """The names of the splits; empty when the files are not split."""
        return () if self.rules.split is None else self.rules.split.names

    def files(self) -> Iterator[tuple[str, RowFormat, bool]]:
        """Each file that is written: its name, what it holds, and whether that is for training."""
        for format_ in self.formats:
            for file in format_.files:
                for name in self._names(file):
                    yield name, file, format_.is_for_training

    def parquet_sources(self) -> Iterator[list[str]]:
        """The files that get a Parquet file beside them; the splits of one set of rows come together."""
        if self.with_parquet:
            for format_ in self.training_formats:
                for file in format_.files:
                    if file.has_splits:
                        yield self._names(file)

    def file_name(self, file: RowFormat, record: Record) -> str:
        """The name of the file for the rows of this record."""
        split = self.split_of(record)
        return file.file if split is None or not file.has_splits else split_file_name(file.file, split)

    def split_of(self, record: Record) -> str | None:
        """The split that every row about the task of this record belongs to. None when the files are not split."""
        return None if self.rules.split is None else self.rules.split.split_of(self.split_key(record))

    def split_key(self, record: Record) -> str:
        """What decides the split of a record: its task or, where there is none, the id of the trace or, for a branch,
        of that with which it began."""
        return record.task if record.task.strip() else _root_id(record)

    def as_json(self) -> dict[str, Any]:
        """What the manifest says about how the training files were made."""
        rendering, rules = self.rendering, self.rules
        return {
            "formats": [format_.name for format_ in self.training_formats],
            "tools": rendering.as_tool_calls,
            "tools_key": None if rendering.tools_path is None else format_path(rendering.tools_path),
            "templates": {
                "step": rendering.step.text,
                "observation": rendering.observation.text,
                "no_observation": rendering.no_observation,
                "final_answer": rendering.final_answer.text,
            },
            "stale": rules.stale,
            "pairs": rules.pairs,
            "prm_unedited": rules.prm_unedited,
            **({} if rules.prm_after_error == "keep" else {"prm_after_error": rules.prm_after_error}),
            "annotators_policy": rules.annotators_policy,
            **({} if rules.reasoning == "keep" else {"reasoning": rules.reasoning}),
            "min_edit_chars": rules.min_edit_chars,
            "ignore_whitespace_edits": rules.ignore_whitespace_edits,
            **({} if rules.edge_whitespace == "ignore" else {"edge_whitespace": rules.edge_whitespace}),
            **({"accept_branches": True} if rules.accept_branches else {}),
            "split": None if rules.split is None else str(rules.split),
            "parquet": self.with_parquet,
        }

    def _names(self, file: RowFormat) -> list[str]:
        return [split_file_name(file.file, split) for split in self.splits if file.has_splits] or [file.file]


def _root_id(record: Record) -> str:
    """The id of the trace that was pushed: each round has added `~` and some digits to it."""
    branch = record.source.branch
    return record.trace_id if branch is None else record.trace_id.rsplit("~", branch.round - 1)[0]
