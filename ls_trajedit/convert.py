"""Writes the training files from a file that Label Studio exported (JSON, or a JSON snapshot), with no server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from ls_trajedit import __version__
from ls_trajedit.converters.convert_task import convert_task
from ls_trajedit.converters.formats import FORMATS
from ls_trajedit.converters.reading_rules import ReadingRules
from ls_trajedit.converters.writer import writing_outputs
from ls_trajedit.label_config.errors import DataError
from ls_trajedit.label_config.json_stream import split_json
from ls_trajedit.label_config.json_text import parse_json
from ls_trajedit.label_config.options import Options, StepLabels
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.label_config.trace_shape import TraceShape
from ls_trajedit.label_config.write_config import write_config
from ls_trajedit.summary import Summary

__all__ = ["convert", "generated_schema"]


def convert(
    export: BinaryIO,
    name: str,
    schema: Schema,
    rules: ReadingRules,
    folder: Path,
    progress: Callable[[int, int | None], None],
) -> Summary:
    """Reads the tasks in `export`, one in memory at a time, and writes the output files into `folder`.

    Raises DataError, with `name` and the line, when something in `export` is not an exported task; the files in
    `folder` are then as they were.
    """
    with writing_outputs(folder, FORMATS.values()) as outputs:
        for task in _tasks(export, name):
            outputs.counts.tasks += 1
            outputs.counts.drafts += bool(task.get("drafts"))
            for outcome in convert_task(task, schema, rules):
                outputs.add(outcome)
            progress(outputs.counts.tasks, None)
        files = outputs.publish(
            {"host": None, "project": None, "schema": schema.as_json(), "versions": {"ls-trajedit": __version__}}
        )
    return Summary(outputs.counts, files, folder)


def generated_schema(options: Options) -> Schema:
    """The schema of a config that `options` would generate, with any number of steps and with every control that the
    generator has: what an export is read with when its config is not at hand."""
    every_control = options.model_copy(
        update={
            "layout": "repeater",
            "edit_final_answer": True,
            "require_reason_on_edit": True,
            "step_labels": StepLabels(correctness=["any"], error_types=["any"]),
        }
    )
    return read_config(write_config(every_control, TraceShape(has_id=True)), options)


def _tasks(export: BinaryIO, name: str) -> Iterator[dict[str, Any]]:
    try:
        for value in split_json(export):
            place = f"{name}:{value.line}"
            try:
                task = parse_json(value.raw)
            except ValueError as error:
                raise DataError(f"{place}: not JSON: {error}; is the export complete?") from None
            if not isinstance(task, dict) or not isinstance(task.get("annotations"), list):
                raise DataError(
                    f"{place}: no task with a list of `annotations`; export the project from Label Studio as JSON "
                    "(not JSON-MIN or CSV)"
                )
            yield task
    except ValueError as error:
        raise DataError(f"{name}: {error}") from None
