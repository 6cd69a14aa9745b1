"""The rows that come out: complete, in order, the same bytes each time."""

from __future__ import annotations

import hashlib
import itertools
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.converters.annotations.outcome import Outcome, Rejected, Skipped
from ls_trajedit.converters.chunk import ConvertedChunk
from ls_trajedit.converters.formats.base import Format, RowFormat, TrainingRow
from ls_trajedit.converters.plan import ExportPlan
from ls_trajedit.converters.record import Reject, RejectReason
from ls_trajedit.output.manifest import MANIFEST, Manifest, Origin, WrittenFile
from ls_trajedit.output.row_files import RowFiles
from tests.support.samples import outcome_of

NAMES = [
    "manifest.json",
    "rejects.jsonl",
    "trajectory_corrections.json",
    "trajectory_dpo.jsonl",
    "trajectory_sft.jsonl",
]
DEFAULT = ExportPlan()
ORIGIN = Origin("http://h", None, {}, {"ls-trajedit": "0"})


def record(task: int, annotation: int, edits: int = 1, text: str = "x") -> Outcome:
    """The outcome of an annotation with one edit or none; the trace's id says which annotation it is."""
    place = f"{task}/{annotation}"
    return outcome_of(
        ["go"],
        *[(0, "action", f"go {place}")] * edits,
        trace_id=place,
        task=text,
        task_id=task,
        annotation_id=annotation,
    )


def reject(task: int, annotation: int) -> Outcome:
    return Rejected((task, annotation), Reject(task, annotation, "1", RejectReason.NO_TRACE, "nowhere", []))


def write(folder: Path, *outcomes: Outcome, plan: ExportPlan = DEFAULT) -> list[WrittenFile]:
    """Writes the files and their manifest into `folder`, one chunk for each outcome."""
    counts = Counts()
    files = RowFiles(folder, plan)
    for outcome in outcomes:
        chunk = ConvertedChunk(Counts(tasks=1))
        chunk.add([outcome], plan)
        counts.update(chunk.counts)
        files.add(chunk)
    written = files.finish(counts)
    (folder / MANIFEST).write_bytes(Manifest(ORIGIN, None, counts, tuple(written)).to_bytes())
    return written


def contents(folder: Path) -> dict[str, bytes]:
    """All files in the folder; a folder in it fails the test."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def lines(folder: Path, name: str) -> list[Any]:
    raw = (folder / name).read_bytes()
    assert raw == b"" or raw.endswith(b"\n")
    return [json.loads(line) for line in raw.splitlines()]


def test_an_edited_an_unedited_and_a_rejected_annotation_each_go_where_they_belong(tmp_path: Path) -> None:
    written = write(tmp_path, record(1, 1), record(1, 2, edits=0), reject(2, 3), Skipped((2, 4), "1"))
    assert sorted(contents(tmp_path)) == NAMES
    corrections = json.loads((tmp_path / "trajectory_corrections.json").read_text())
    assert [row["trace_id"] for row in corrections["records"]] == ["1/1", "1/2"]
    assert {key: value for key, value in corrections.items() if key != "records"} == {
        "n_total": 2,
        "n_edited": 1,
        "n_unedited": 1,
    }
    assert lines(tmp_path, "trajectory_sft.jsonl") == [
        {"prompt": "x", "completion": {"task": "x", "steps": ["go 1/1"]}, "trace_id": "1/1"}
    ]
    assert [row["trace_id"] for row in lines(tmp_path, "trajectory_dpo.jsonl")] == ["1/1"]
    assert [row["annotation_id"] for row in lines(tmp_path, "rejects.jsonl")] == [3]
    assert [(file.file, file.rows) for file in written] == [
        ("trajectory_corrections.json", 2),
        ("trajectory_sft.jsonl", 1),
        ("trajectory_dpo.jsonl", 1),
        ("rejects.jsonl", 1),
    ]


def test_the_manifest_says_what_is_in_the_files_and_where_it_comes_from(tmp_path: Path) -> None:
    written = write(tmp_path, record(1, 1), reject(1, 2))
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert (manifest["host"], manifest["versions"]) == ("http://h", {"ls-trajedit": "0"})
    assert (manifest["counts"]["tasks"], manifest["counts"]["edited"], manifest["counts"]["rejected"]) == (2, 1, 1)
    assert [(file["file"], file["rows"]) for file in manifest["files"]] == [(f.file, f.rows) for f in written]
    for file in manifest["files"]:
        assert file["sha256"] == hashlib.sha256((tmp_path / file["file"]).read_bytes()).hexdigest()
    assert {file["file"] for file in manifest["files"]} == set(NAMES) - {"manifest.json"}


def test_the_corrections_are_the_same_json_with_one_record_a_line(tmp_path: Path) -> None:
    write(tmp_path, record(1, 1), record(1, 2))
    raw = (tmp_path / "trajectory_corrections.json").read_text()
    assert raw.splitlines()[0] == '{"records": ['
    assert json.loads(raw.splitlines()[1].rstrip(","))["trace_id"] == "1/1"


def test_without_annotations_there_are_files_with_nothing_in_them(tmp_path: Path) -> None:
    write(tmp_path)
    assert json.loads((tmp_path / "trajectory_corrections.json").read_text()) == {
        "records": [],
        "n_total": 0,
        "n_edited": 0,
        "n_unedited": 0,
    }
    for name in ("trajectory_sft.jsonl", "trajectory_dpo.jsonl", "rejects.jsonl"):
        assert (tmp_path / name).read_bytes() == b""


ORDERS = st.permutations(
    [record(t, a, edits=a % 2) for t, a in itertools.product((2, 10, 300), (1, 5, 40))] + [reject(3, 9), reject(1, 8)]
)


@settings(max_examples=30)
@given(ORDERS)
def test_rows_come_in_order_of_task_and_annotation_however_the_tasks_arrive(
    tmp_path_factory: pytest.TempPathFactory, outcomes: list[Outcome]
) -> None:
    ordered, mixed = tmp_path_factory.mktemp("ordered"), tmp_path_factory.mktemp("mixed")
    write(ordered, *sorted(outcomes, key=lambda outcome: outcome.key))
    write(mixed, *outcomes)
    assert contents(mixed) == contents(ordered)
    records = json.loads((mixed / "trajectory_corrections.json").read_text())["records"]
    assert [row["trace_id"] for row in records] == [
        "2/1", "2/5", "2/40", "10/1", "10/5", "10/40", "300/1", "300/5", "300/40",
    ]  # fmt: skip
    assert [row["annotation_id"] for row in lines(mixed, "rejects.jsonl")] == [8, 9]


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, record(2, 1), record(1, 1), reject(1, 2))
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_record_is_one_line_whatever_line_ends_its_texts_hold(tmp_path: Path) -> None:
    write(tmp_path, record(1, 1, text="a\u2028b\u2029c\u0085d\r\ne\udc80é"))
    raw = (tmp_path / "trajectory_sft.jsonl").read_bytes()
    text = raw.decode("utf-8")
    assert text.splitlines() == [text[:-1]]
    assert r'"prompt":"a\u2028b\u2029c\u0085d\r\ne\udc80é"' in text


def test_a_format_can_put_its_file_into_a_folder_of_its_own(tmp_path: Path) -> None:
    file = RowFormat("own/rows.jsonl", lambda sample: iter([TrainingRow({"id": sample.record.trace_id})]))
    write(tmp_path, record(1, 1), plan=ExportPlan((Format("own", (file,), is_for_training=False),)))
    assert (tmp_path / "own" / "rows.jsonl").read_bytes() == b'{"id":"1/1"}\n'


def test_memory_does_not_hold_the_rows(tmp_path: Path) -> None:
    size, count = 500_000, 100
    tracemalloc.start()
    try:
        files = RowFiles(tmp_path, DEFAULT)
        for number in range(count):
            chunk = ConvertedChunk()
            chunk.add([record(count - number, 1, text="x" * size)], DEFAULT)
            files.add(chunk)
        files.finish(Counts())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < count * size / 2
    assert [row["trace_id"] for row in lines(tmp_path, "trajectory_sft.jsonl")][:2] == ["1/1", "2/1"]
