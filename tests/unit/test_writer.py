"""The files that come out: complete, in order, the same bytes each time; or the old ones, untouched."""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import os
import tracemalloc
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ls_trajedit.converters.convert_task import Outcome
from ls_trajedit.converters.formats import FORMATS
from ls_trajedit.converters.formats.format import Format
from ls_trajedit.converters.writer import WrittenFile, writing_outputs
from ls_trajedit.label_config.errors import DataError, SetupError

NAMES = [
    "manifest.json",
    "rejects.jsonl",
    "trajectory_corrections.json",
    "trajectory_dpo.jsonl",
    "trajectory_sft.jsonl",
]
ORIGIN = {"host": "http://h", "versions": {"ls-trajedit": "0"}}


def record(task: int, annotation: int, edits: int = 1, text: str = "x") -> Outcome:
    """The outcome for an annotation; the trace says which it is."""
    trace = {"steps": [f"{task}/{annotation}"]}
    row = {
        "trace_id": f"{task}/{annotation}",
        "task": text,
        "original_trace": trace,
        "corrected_trace": trace,
        "edits": [{"field": "action"}] * edits,
        "n_edits": edits,
    }
    return Outcome("edited" if edits else "unedited", "1", (task, annotation), row)


def reject(task: int, annotation: int) -> Outcome:
    return Outcome("rejected", "1", (task, annotation), {"annotation_id": annotation, "reason": "because"})


def write(folder: Path, *outcomes: Outcome) -> list[WrittenFile]:
    with writing_outputs(folder, FORMATS.values()) as outputs:
        for outcome in outcomes:
            outputs.counts.tasks += 1
            outputs.add(outcome)
        return outputs.publish(ORIGIN)


def contents(folder: Path) -> dict[str, bytes]:
    """All files in the folder; a folder in it fails the test."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def lines(folder: Path, name: str) -> list[Any]:
    raw = (folder / name).read_bytes()
    assert raw == b"" or raw.endswith(b"\n")
    return [json.loads(line) for line in raw.splitlines()]


def test_an_edited_an_unedited_and_a_rejected_annotation_each_go_where_they_belong(tmp_path: Path) -> None:
    written = write(tmp_path, record(1, 1), record(1, 2, edits=0), reject(2, 3), Outcome("skipped", "1", (2, 4), {}))
    assert sorted(contents(tmp_path)) == NAMES
    corrections = json.loads((tmp_path / "trajectory_corrections.json").read_text())
    assert [row["trace_id"] for row in corrections["records"]] == ["1/1", "1/2"]
    assert {key: value for key, value in corrections.items() if key != "records"} == {
        "n_total": 2,
        "n_edited": 1,
        "n_unedited": 1,
    }
    assert lines(tmp_path, "trajectory_sft.jsonl") == [
        {"prompt": "x", "completion": {"steps": ["1/1"]}, "trace_id": "1/1"}
    ]
    assert [row["trace_id"] for row in lines(tmp_path, "trajectory_dpo.jsonl")] == ["1/1"]
    assert lines(tmp_path, "rejects.jsonl") == [{"annotation_id": 3, "reason": "because"}]
    assert [(file.file, file.rows) for file in written] == [
        ("trajectory_corrections.json", 2),
        ("trajectory_sft.jsonl", 1),
        ("trajectory_dpo.jsonl", 1),
        ("rejects.jsonl", 1),
    ]


def test_the_manifest_says_what_is_in_the_files_and_where_it_comes_from(tmp_path: Path) -> None:
    written = write(tmp_path, record(1, 1), reject(1, 2))
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert {key: manifest[key] for key in ORIGIN} == ORIGIN
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


def test_rejects_of_an_earlier_run_are_gone_when_none_are_left(tmp_path: Path) -> None:
    write(tmp_path, reject(1, 1))
    assert lines(tmp_path, "rejects.jsonl") != []
    write(tmp_path, record(1, 1))
    assert (tmp_path / "rejects.jsonl").read_bytes() == b""


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


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    write(tmp_path / "deep" / "er", record(1, 1))
    assert sorted(contents(tmp_path / "deep" / "er")) == NAMES


def test_what_else_is_in_the_folder_stays(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    write(tmp_path, record(1, 1))
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_format_can_put_its_file_into_a_folder_of_its_own(tmp_path: Path) -> None:
    format_ = Format("own", "own/rows.jsonl", lambda row: {"id": row["trace_id"]})
    with writing_outputs(tmp_path, [format_]) as outputs:
        outputs.add(record(1, 1))
        outputs.publish({})
    assert (tmp_path / "own" / "rows.jsonl").read_bytes() == b'{"id":"1/1"}\n'


# Whatever goes wrong, the files of the last run stay as they were, and nothing else is left behind.


@pytest.fixture
def earlier(tmp_path: Path) -> tuple[Path, dict[str, bytes]]:
    """A folder with the files of an earlier run, and what is in them."""
    folder = tmp_path / "data"
    write(folder, record(9, 9))
    return folder, contents(folder)


def interrupted(folder: Path, problem: BaseException) -> None:
    with writing_outputs(folder, FORMATS.values()) as outputs:
        outputs.add(record(1, 1))
        raise problem


@pytest.mark.parametrize(
    "problem", [ValueError("server gone"), KeyboardInterrupt(), OSError("not ours"), DataError("x")]
)
def test_when_something_goes_wrong_in_the_middle_the_old_files_stay(
    earlier: tuple[Path, dict[str, bytes]], problem: BaseException
) -> None:
    folder, before = earlier
    with pytest.raises(type(problem)) as raised:
        interrupted(folder, problem)
    assert raised.value is problem
    assert contents(folder) == before


def test_when_nothing_is_published_nothing_changes(earlier: tuple[Path, dict[str, bytes]]) -> None:
    folder, before = earlier
    with writing_outputs(folder, FORMATS.values()) as outputs:
        outputs.add(record(1, 1))
    assert contents(folder) == before


class FullDisk:
    """Stands for an open file on a disk that is full."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handle, name)

    def write(self, raw: bytes) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_when_the_disk_is_full_it_is_said_and_the_old_files_stay(
    earlier: tuple[Path, dict[str, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, before = earlier
    real = Path.open
    monkeypatch.setattr(
        Path, "open", lambda self, *args: FullDisk(real(self, *args)) if "b" in str(args) else real(self, *args)
    )
    with pytest.raises(DataError) as error:
        write(folder, record(1, 1))
    monkeypatch.undo()
    assert str(error.value) == (
        f"{folder}: writing failed: No space left on device; make room or choose another folder"
    )
    assert error.value.exit_code == 5
    assert contents(folder) == before


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_when_the_disk_fails_at_the_end_the_old_files_stay(
    earlier: tuple[Path, dict[str, bytes]], monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    folder, before = earlier

    def fail(*args: Any) -> NoReturn:
        raise OSError(errno.EIO, "Input/output error")

    if function == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    else:
        monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(DataError, match="Input/output error"):
        write(folder, record(2, 1), record(1, 1))
    monkeypatch.undo()
    assert contents(folder) == before


def test_the_manifest_takes_its_place_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    real = Path.replace

    def noted(self: Path, target: Path) -> Path:
        order.append(target.name)
        return real(self, target)

    monkeypatch.setattr(Path, "replace", noted)
    write(tmp_path, record(1, 1))
    assert order[-1] == "manifest.json"
    assert sorted(order) == NAMES


def test_a_folder_in_the_place_of_a_file_is_told_before_any_file_changes(
    earlier: tuple[Path, dict[str, bytes]],
) -> None:
    folder, before = earlier
    (folder / "rejects.jsonl").unlink()
    (folder / "rejects.jsonl").mkdir()
    with pytest.raises(DataError, match=r"rejects\.jsonl is a folder"):
        write(folder, record(1, 1))
    (folder / "rejects.jsonl").rmdir()
    assert contents(folder) == {name: raw for name, raw in before.items() if name != "rejects.jsonl"}


def test_a_file_in_the_place_of_the_folder_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    for folder in (tmp_path / "data", tmp_path / "data" / "deeper"):
        with pytest.raises(SetupError, match=r"cannot write there: .*; choose another folder with -o"):
            write(folder, record(1, 1))


def test_memory_does_not_hold_the_rows(tmp_path: Path) -> None:
    size, count = 1_000_000, 40
    tracemalloc.start()
    try:
        with writing_outputs(tmp_path, FORMATS.values()) as outputs:
            for number in range(count):
                outputs.add(record(count - number, 1, text="x" * size))
            outputs.publish({})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < count * size / 2
    assert [row["trace_id"] for row in lines(tmp_path, "trajectory_sft.jsonl")][:2] == ["1/1", "2/1"]
