"""What Label Studio writes to target storage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ls_trajedit.converters.annotations.target_storage import lacks_its_task, task_of_annotation
from ls_trajedit.converters.chunk import RawTask, parsed_task
from ls_trajedit.traces.errors import DataError, NotAnnotationsError
from ls_trajedit.traces.json_text import RawJson

STORED = Path(__file__).parents[3] / "fixtures" / "target_storage"


def parsed(value: Any) -> dict[str, Any]:
    return parsed_task(RawTask("object:1", RawJson(json.dumps(value).encode())))


def test_an_annotation_with_its_task_is_that_task_with_the_annotation() -> None:
    person = {"id": 2, "email": "ana@example.com", "first_name": "", "last_name": ""}
    stored = {"id": 7, "result": [], "completed_by": person, "task": {"id": 3, "project": 1, "data": {"a": 1}}}
    assert parsed(stored) == {
        "id": 3,
        "project": 1,
        "data": {"a": 1},
        "annotations": [{"id": 7, "result": [], "completed_by": person}],
    }


@pytest.mark.parametrize("path", sorted((STORED / "annotations").iterdir()), ids=lambda path: path.name)
def test_what_label_studio_wrote_holds_one_annotation_of_its_name(path: Path) -> None:
    stored = json.loads(path.read_bytes())
    task = task_of_annotation(stored)
    assert task is not None
    assert [str(annotation["id"]) for annotation in task["annotations"]] == [path.name]
    assert (task["id"], task["data"]) == (stored["task"]["id"], stored["task"]["data"])


@pytest.mark.parametrize(
    "value",
    [
        {"id": 1, "data": {}},
        # What other tools write: a benchmark's result, a task that names no data, JSON-MIN.
        {"task": {"id": 1, "prompt": "x"}, "result": {"score": 1}},
        {"task": "say 3", "result": []},
        {"id": 1, "task": {"id": 1, "data": {}}},
        {"id": 1, "annotator": 2, "annotation_id": 3, "fix": "x"},
        [],
        [{"id": 1, "data": {}, "annotations": []}],
        5,
    ],
)
def test_anything_else_is_not_annotations(value: Any) -> None:
    with pytest.raises(NotAnnotationsError, match=r"^object:1: not a task with a list of `annotations`"):
        parsed(value)


def test_an_annotation_that_only_names_its_task_is_not_passed_over() -> None:
    """As the API and webhooks give one: somebody typed it, and nobody can say what it corrects."""
    bare = {"id": 7, "task": 3, "result": [], "completed_by": 1, "was_cancelled": False}
    assert lacks_its_task(bare)
    with pytest.raises(DataError, match=r"^object:1: an annotation that names its task \(3\)") as raised:
        parsed(bare)
    assert not isinstance(raised.value, NotAnnotationsError)
