"""However many cores there are, the same comes out, in the same order, with the same errors."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.chunk import RawTask
from ls_trajedit.converters.plan import ExportPlan
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.output.write import converted_chunks, write_rows
from ls_trajedit.traces.errors import DataError
from ls_trajedit.traces.json_text import RawJson
from tests.support.loop import text_result

SCHEMA = read_config("""<View><Text name="t" value="$task"/>
<Text name="a" value="$steps[0].action"/><TextArea name="fix" toName="a"/></View>""")


def task(number: int, size: int = 1) -> RawTask:
    """A task with an edit in a text of that size; every fifth has a result of an unknown control too."""
    results = [text_result("fix", "a", "went")] + [text_result("no", "a", "x")] * (number % 5 == 0)
    annotation = {"id": number, "completed_by": number % 3, "result": results}
    data = {"id": f"tr{number}", "task": "t", "steps": [{"action": "go", "more": "x" * size}]}
    value = {"id": number, "project": 1, "data": data, "annotations": [annotation]}
    return RawTask(f"task {number}", RawJson(json.dumps(value).encode()))


def broken(number: int) -> RawTask:
    return RawTask(f"task {number}", RawJson(b"{"))


SMALL: dict[str, int] = {"chunk_bytes": 2000, "chunks_done_here": 2}
"""A few tasks are a chunk, and a few chunks are enough for other processes."""


def on_cores(cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(cores)), raising=False)


def all_of(tasks: Iterable[RawTask], **sizes: int) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """The counts and the rows of all chunks together."""
    counts, rows = Counts(), dict[str, list[Any]]()
    for chunk in converted_chunks(tasks, SCHEMA, ReadingRules(), ExportPlan(), **sizes):
        counts.update(chunk.counts)
        for file, more in chunk.rows.items():
            rows.setdefault(file, []).extend(more)
    return counts.as_json(), rows


@pytest.mark.parametrize("cores", [2, 3, 8])
@pytest.mark.parametrize("count", [0, 1, 30, 31, 200])
def test_on_any_number_of_cores_the_same_comes_out(cores: int, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    on_cores(1, monkeypatch)
    counts, rows = all_of(map(task, range(count)), **SMALL)
    assert (counts["tasks"], counts["rejected"]) == (count, len(range(0, count, 5)))
    assert [row.key for row in rows.get("trajectory_sft.jsonl", [])] == [(n, n) for n in range(count) if n % 5]
    on_cores(cores, monkeypatch)
    assert all_of(map(task, range(count)), **SMALL) == (counts, rows)


@pytest.mark.parametrize(("cores", "size"), [(1, 200_000), (2, 200_000), (4, 200)])
def test_for_little_work_or_on_two_cores_no_process_is_started(
    cores: int, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **more: Any) -> None:
        raise AssertionError("a process was started")

    on_cores(cores, monkeypatch)
    monkeypatch.setattr(subprocess, "Popen", refuse)
    counts, _ = all_of(task(number, size) for number in range(200))
    assert counts["tasks"] == 200


@pytest.mark.parametrize("cores", [1, 4])
@pytest.mark.parametrize("number", [0, 3, 50, 198])
def test_the_first_broken_task_is_named_whatever_is_wrong_after_it(
    cores: int, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tasks() -> Iterator[RawTask]:
        for n in range(200):
            yield broken(n) if n >= number else task(n)
        raise OSError("cut off")

    on_cores(cores, monkeypatch)
    with pytest.raises(DataError, match=f"^task {number}: not JSON"):
        all_of(tasks(), **SMALL)


@pytest.mark.parametrize("cores", [1, 4])
@pytest.mark.parametrize("number", [1, 199])
def test_what_reading_the_tasks_raises_is_raised(cores: int, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def tasks() -> Iterator[RawTask]:
        yield from map(task, range(number))
        raise DataError("the gzip is cut off")

    on_cores(cores, monkeypatch)
    with pytest.raises(DataError, match="cut off"):
        all_of(tasks(), **SMALL)


@pytest.mark.parametrize("cores", [1, 4])
def test_only_some_of_the_tasks_are_in_memory(cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    on_cores(cores, monkeypatch)
    peaks = []
    for count in (150, 450):
        tracemalloc.start()
        try:
            for chunk in converted_chunks(
                (task(n, 100_000) for n in range(count)), SCHEMA, ReadingRules(), ExportPlan()
            ):
                assert chunk.counts.tasks < 50
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


@pytest.mark.parametrize("cores", [1, 4])
def test_one_huge_task_among_small_ones_is_converted(cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    on_cores(cores, monkeypatch)
    _, rows = all_of((task(n, 50_000_000 if n == 33 else 1) for n in range(1, 100) if n % 5), **SMALL)
    (huge,) = [row for row in rows["trajectory_sft.jsonl"] if len(row.raw) > 50_000_000]
    assert huge.key == (33, 33)


def test_a_failure_to_read_the_tasks_is_not_called_a_failure_to_write(tmp_path: Path) -> None:
    def tasks() -> Iterator[RawTask]:
        yield task(1)
        raise OSError(5, "Input/output error")

    chunks = converted_chunks(tasks(), SCHEMA, ReadingRules(), ExportPlan())
    with pytest.raises(OSError, match="Input/output error"):
        write_rows(chunks, ExportPlan(), tmp_path, lambda chunk, done: None)


def test_a_failure_to_write_the_rows_is_an_error_that_names_the_output_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("ls_trajedit.output.row_files.RowFiles.add", fail)
    chunks = converted_chunks(map(task, range(3)), SCHEMA, ReadingRules(), ExportPlan())
    with pytest.raises(DataError, match=f"^{tmp_path}: writing failed: No space left on device; make room"):
        write_rows(chunks, ExportPlan(), tmp_path / "temporary", lambda chunk, done: None)


MANY_CORES = """
import os, sys
os.sched_getaffinity = lambda pid: {0, 1, 2, 3}
from ls_trajedit.cli import main
main()
"""


def has_ended(pid: int) -> bool:
    """Whether the process ends within ten seconds: it is told by a pipe, and may take a moment to notice."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], 10)[0])
    finally:
        os.close(process)


def test_ctrl_c_ends_a_run_with_processes_in_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    config = tmp_path / "config.xml"
    config.write_text(
        '<View><Text name="a" value="$steps[0].action"/><TextArea name="fix" toName="a"/></View>', encoding="utf-8"
    )
    command = [sys.executable, "-c", MANY_CORES, "convert", "-", "--config", str(config), "-o", str(tmp_path / "out")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdin is not None
        number = 0
        while not workers(process.pid):
            number += 1
            process.stdin.write(task(number, 100_000).json.raw + b"\n")
            assert number < 1000, "no worker processes for 100 MB"
        process.stdin.flush()
        left = workers(process.pid)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, b"ls-trajedit: interrupted\n")
    assert [pid for pid in left if not has_ended(pid)] == []
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".ls-trajedit"]


def workers(pid: int) -> list[int]:
    """The processes that this process has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()]
