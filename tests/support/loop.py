"""The way of a trace through Label Studio, without Label Studio: what a push would import, what a person would submit.

What the editors of a config correct is determined here independently, from the XML alone, so that the tests do not
depend on the reader that they test.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ls_trajedit.converters.annotations.convert_task import convert_task
from ls_trajedit.converters.annotations.outcome import Outcome
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.label_config.predict import predict
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.label_config.task_data import to_task_data
from ls_trajedit.label_config.write_config import shown_fields, step_fields, write_config
from ls_trajedit.traces.json_text import json_line, parse_json
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.shape import shape_of

__all__ = [
    "NOTHING",
    "Editor",
    "Project",
    "annotate",
    "at",
    "choices_result",
    "editors",
    "is_about_structure",
    "one_outcome",
    "project_of",
    "text_result",
]

NOTHING = object()
"""What `at` returns where there is nothing."""


@dataclass(frozen=True)
class Project:
    """A labeling config, and the data of the tasks that a push would import."""

    config: str
    data: list[dict[str, Any]]


@dataclass(frozen=True)
class Editor:
    """A TextArea of a config: `step` is None for the final answer, `field` the path inside the step, or its key."""

    control: str
    original: str
    step: int | None
    field: str


def project_of(options: Options, traces: list[dict[str, Any]]) -> Project:
    """What `ls-trajedit push` makes of the traces; the data goes through JSON, as it does on the way to a server."""
    shape = shape_of(traces, options)
    data = [
        to_task_data(
            trace,
            steps_path=options.steps_path,
            step_text_key=options.step_text_key,
            step_fields=[field.path for field in step_fields(options, shape)],
            top_fields=shown_fields(options, shape),
        )
        for trace in traces
    ]
    return Project(write_config(options, shape), [parse_json(json_line(item)) for item in data])


def annotate(project: Project, results: Any = None, *, task: int = 0, **annotation: Any) -> Outcome:
    """The outcome of an annotation with these results (by default, the untouched prediction) on one of the tasks."""
    data = project.data[task]
    if results is None:
        results = predict({"data": data}, project.config)
    return one_outcome(project.config, data, results, **annotation)


def one_outcome(
    config: str, data: Any, results: Any, *, rules: ReadingRules | None = None, **annotation: Any
) -> Outcome:
    """The outcome of an annotation with these results on a task with this data."""
    given = {"id": 7, "completed_by": 3, "result": results, **annotation}
    task = {"id": 5, "project": 1, "data": data, "annotations": [given]}
    (outcome,) = convert_task(task, read_config(config), rules or ReadingRules())
    return outcome


def text_result(control: str, original: str, *texts: str) -> dict[str, Any]:
    """The result of a TextArea as Label Studio saves it."""
    return {
        "id": "r1",
        "from_name": control,
        "to_name": original,
        "type": "textarea",
        "origin": "manual",
        "value": {"text": list(texts)},
    }


def choices_result(control: str, original: str, choices: list[str]) -> dict[str, Any]:
    """The result of Choices as Label Studio saves it."""
    return {"id": "r1", "from_name": control, "to_name": original, "type": "choices", "value": {"choices": choices}}


def at(value: Any, path: str) -> Any:
    """The value at `path` (`tool_calls[0].function.arguments`) in `value`, or NOTHING."""
    for key, index in re.findall(r"(\w+)|\[(\d+)\]", path):
        if key and isinstance(value, dict) and key in value:
            value = value[key]
        elif index and isinstance(value, list) and int(index) < len(value):
            value = value[int(index)]
        else:
            return NOTHING
    return value


def editors(config: str, steps_key: str, steps: int) -> list[Editor]:
    """The TextAreas that correct fields in the config, for a trace with this number of `steps`, by its XML."""
    root = ET.fromstring(config)
    found = _editors(root, steps_key, "")
    for repeater in root.iter("Repeater"):
        inside = {area.get("name") for area in repeater.iter("TextArea")}
        found = [editor for editor in found if editor.control not in inside]
        repeated = [editor for step in range(steps) for editor in _editors(repeater, steps_key, str(step))]
        found = repeated + found
    return found


def is_about_structure(control: str) -> bool:
    """Whether a TextArea of this name belongs to an inserted step, or asks why a step was removed."""
    return re.search(r"^step_[^_]+__(structure|insert_\d|before_\d)_", control) is not None


def _editors(root: ET.Element, steps_key: str, index: str) -> list[Editor]:
    def fill(element: ET.Element, name: str) -> str:
        return (element.get(name) or "").replace("{{idx}}", index) if index else element.get(name) or ""

    values: Mapping[str, str] = {fill(text, "name"): fill(text, "value") for text in root.iter("Text")}
    found = []
    for area in root.iter("TextArea"):
        if fill(area, "name").endswith("__reason") or is_about_structure(fill(area, "name")):
            continue
        value = values[fill(area, "toName")]
        step = re.fullmatch(re.escape(f"${steps_key}[") + r"(\d+|\{\{idx\}\})\]\.(.+)", value)
        if step is None:
            found.append(Editor(fill(area, "name"), fill(area, "toName"), None, value[1:]))
        elif step[1].isdigit():
            found.append(Editor(fill(area, "name"), fill(area, "toName"), int(step[1]), step[2]))
        else:
            found.append(Editor(fill(area, "name"), fill(area, "toName"), -1, step[2]))
    return found
