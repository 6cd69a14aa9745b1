"""Ids, people and times of any type: who can be read is in the report, who cannot is rejected by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ls_trajedit.converters.record import parse_record
from ls_trajedit.output.manifest import read_manifest
from ls_trajedit.report.figures import count_figures
from ls_trajedit.report.records import read_records
from tests.support.exports import EDIT, TRACE, export, read_rows

Run = Callable[..., Any]

MISSING = object()
GOOD: list[Any] = [1, 0, -7, 2**53 + 1, 2**70, "a1b2", "7", "", None, MISSING]
BAD: list[Any] = [0.5, 1.0, True, False, [], [1], {}, {"id": 1}]


def with_key(item: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    return {name: other for name, other in item.items() if name != key} | ({} if value is MISSING else {key: value})


def task_of(place: str, key: str, value: Any) -> dict[str, Any]:
    annotation = {"id": 8, "completed_by": 4, "result": [EDIT], "updated_at": "2026-11-22T12:00:00Z", "lead_time": 2.5}
    task = {"id": 5, "project": 12, "data": TRACE}
    if place == "annotation":
        annotation = with_key(annotation, key, value)
    else:
        task = with_key(task, key, value)
    return {**task, "annotations": [annotation]}


def converted(run: Run, folder: Path, *tasks: dict[str, Any]) -> dict[str, Any]:
    """The counts after everything was written, and the report made."""
    assert run("convert", export(folder, *tasks), "--format", "all", "--to", "parquet").exit_code == 0
    assert run("report", "data").exit_code == 0
    counts: dict[str, Any] = json.loads((folder / "data" / "manifest.json").read_text(encoding="utf-8"))["counts"]
    records = json.loads((folder / "data" / "trajectory_corrections.json").read_text(encoding="utf-8"))["records"]
    assert [parse_record(record).n_edits for record in records] == [1] * counts["edited"]
    figures = count_figures(read_records(folder / "data", read_manifest(folder / "data")))
    assert figures.records == figures.edits == counts["edited"]
    assert run("verify", "data").exit_code == 0
    return counts


@pytest.mark.parametrize(("place", "key"), [("annotation", "id"), ("task", "id"), ("task", "project")])
def test_an_id_is_a_number_or_a_string_or_is_not_known(run: Run, tmp_path: Path, place: str, key: str) -> None:
    tasks = [task_of(place, key, value) for value in GOOD]
    for number, task in enumerate(tasks):
        if key != "id" or place == "annotation":
            task["id"] = number + 1
    counts = converted(run, tmp_path, *tasks)
    assert (counts["edited"], counts["rejected"]) == (len(GOOD), 0)
    text = (tmp_path / "data" / "trajectory_corrections.json").read_text(encoding="utf-8")
    name = {"annotation": "annotation_id", "task": f"{'task' if key == 'id' else 'project'}_id"}[place]
    found = {json.dumps(record["source"][name]) for record in json.loads(text)["records"]}
    assert found == {json.dumps(None if value is MISSING else value) for value in GOOD}


@pytest.mark.parametrize(
    ("place", "key", "values"),
    [
        ("annotation", "id", BAD),
        ("task", "id", BAD),
        ("task", "project", BAD),
        ("annotation", "updated_at", [1_700_000_000, 0.5, True, [], {}]),
        ("annotation", "lead_time", ["2.5", True, [], {}]),
    ],
)
def test_what_label_studio_would_never_have_there_rejects_by_name(
    run: Run, tmp_path: Path, place: str, key: str, values: list[Any]
) -> None:
    tasks = [task_of(place, key, value) for value in values]
    if (place, key) != ("task", "id"):
        tasks = [{**task, "id": number} for number, task in enumerate(tasks, 1)]
    counts = converted(run, tmp_path, *tasks)
    assert (counts["edited"], counts["rejected_by_reason"]) == (0, {"wrong_type": len(values)})
    rejects = read_rows(tmp_path / "data" / "rejects.jsonl")
    assert [row["result"] for row in rejects] == [[EDIT]] * len(values)
    shown = {json.dumps(value, separators=(",", ":")) for value in values}
    assert {row["detail"] for row in rejects} == {f"`{key}` of the {place} is {value}" for value in shown}


def test_people_of_any_type_are_named_or_unknown(run: Run, tmp_path: Path) -> None:
    people: dict[Any, str] = {
        4: "4",
        -1: "-1",
        "ann@x.org": "ann@x.org",
        "007": "007",
        "7": "7",
        "9" * 5000: "9" * 5000,
    }
    unknown = [0.5, True, [], [4], {}, {"id": []}, None, "", MISSING]
    tasks = [task_of("annotation", "completed_by", person) for person in [*people, *unknown, 2**70, {"id": 5}]]
    counts = converted(run, tmp_path, *({**task, "id": number} for number, task in enumerate(tasks, 1)))
    names = {name: kinds["edited"] for name, kinds in counts["by_annotator"].items()}
    assert names == {**dict.fromkeys(people.values(), 1), "unknown": len(unknown), str(2**70): 1, "5": 1}


@pytest.mark.parametrize("time", ["", "yesterday", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "\ud800"])
def test_a_time_that_is_none_is_older_than_every_other(run: Run, tmp_path: Path, time: str) -> None:
    (task,) = [task_of("annotation", "updated_at", time)]
    task["annotations"].append({**task["annotations"][0], "id": 9, "completed_by": 5, "updated_at": "2026-01-01"})
    name = export(tmp_path, task)
    assert run("convert", name, "--format", "trl-dpo", "--annotators-policy", "latest").exit_code == 0
    (row,) = read_rows(tmp_path / "data" / "trl" / "dpo.jsonl")
    assert row["annotator"] == ("4" if time.startswith("9999") else "5")
    assert run("convert", name, "--since", "2025-01-01").exit_code == 0


def test_annotations_of_tasks_without_a_number_stay_together(run: Run, tmp_path: Path) -> None:
    tasks = []
    for number, task_id in enumerate(("b", "a")):
        task = task_of("task", "id", task_id)
        task["data"] = {**TRACE, "id": f"tr{number}"}
        task["annotations"] = [{**task["annotations"][0], "id": id_, "completed_by": id_} for id_ in (3 - number, 9)]
        tasks.append(task)
    converted(run, tmp_path, *tasks)
    figures = count_figures(read_records(tmp_path / "data", read_manifest(tmp_path / "data")))
    assert (figures.traces, figures.agreement.pairs) == (2, 2)
