"""What Label Studio itself wrote to target storage (`tests/fixtures/target_storage`), read like its exports."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.unit.conftest import Run

OBJECTS = Path(__file__).parents[3] / "fixtures" / "target_storage"
ROWS = ("trajectory_corrections.json", "trajectory_sft.jsonl", "trajectory_dpo.jsonl", "rejects.jsonl")


@pytest.fixture
def convert(run: Run, tmp_path: Path) -> Any:
    def converted(*names: str | Path) -> dict[str, bytes]:
        config = ("--config", str(OBJECTS / "config.xml"))
        ran = run("convert", *map(str, names), *config, "-o", "out")
        assert (ran.exit_code, ran.err) == (0, "")
        return {name: (tmp_path / "out" / name).read_bytes() for name in ROWS}

    return converted


def records(written: dict[str, bytes]) -> list[Any]:
    found: list[Any] = json.loads(written["trajectory_corrections.json"])["records"]
    return found


def test_an_object_for_each_annotation_says_what_the_export_says(convert: Any, tmp_path: Path) -> None:
    exported = convert(OBJECTS / "export_of_annotations.json")
    held = convert(OBJECTS / "annotations")
    # Label Studio leaves the object of an annotation that was deleted.
    deleted = [record for record in records(held) if record not in records(exported)]
    assert [(record["source"]["task_id"], record["source"]["annotation_id"]) for record in deleted] == [(4, 6)]
    shutil.copytree(OBJECTS / "annotations", tmp_path / "kept")
    (tmp_path / "kept" / "6").unlink()
    assert convert("kept") == exported
    assert [(record["source"]["annotation_id"], record["annotator"]) for record in records(exported)] == [
        (1, "1"),
        (2, "2"),
        (5, "2"),
        (7, "2"),
        (8, "2"),
        (9, "1"),
    ]
    # The third step's thought has no editor, so what somebody typed for it is kept.
    assert b"gr\xc3\xb6\xc3\x9fer" in exported["rejects.jsonl"]


def test_an_object_for_each_task_says_what_the_export_says(convert: Any) -> None:
    assert convert(OBJECTS / "tasks") == convert(OBJECTS / "export_of_tasks.json")


def test_objects_and_an_export_of_the_same_project_say_the_same_once(convert: Any, tmp_path: Path) -> None:
    exported = convert(OBJECTS / "export_of_annotations.json")
    kept = [path for path in (OBJECTS / "annotations").iterdir() if path.name != "6"]
    assert (
        convert(OBJECTS / "earlier", OBJECTS / "export_of_annotations.json", OBJECTS / "local_files", *kept) == exported
    )
    counts = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))["counts"]
    # Eight objects, one as it was earlier, and one of local files.
    assert (counts["tasks"], counts["annotations"], counts["duplicates"]) == (6, 8, 10)


def test_names_without_an_ending_and_one_object_alone(convert: Any) -> None:
    (reject,) = convert(OBJECTS / "local_files" / "4")["rejects.jsonl"].splitlines()
    assert json.loads(reject)["result"][0]["value"]["text"] == ["7.8 km — größer\u2028x"]
    (record,) = records(convert(OBJECTS / "tasks_without_ending"))
    assert record["corrected_trace"]["steps"][0]["action"] == "imported"
