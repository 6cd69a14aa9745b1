"""What comes out of tasks, in their order, a few in memory at a time, and which error comes first."""

from __future__ import annotations

import json
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


SMALL: dict[str, int] = {"chunk_bytes": 2000}
"""A few tasks are a chunk."""


def all_of(tasks: Iterable[RawTask], **sizes: int) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """The counts and the rows of all chunks together."""
    counts, rows = Counts(), dict[str, list[Any]]()
    for chunk in converted_chunks(tasks, SCHEMA, ReadingRules(), ExportPlan(), **sizes):
        counts.update(chunk.counts)
        for file, more in chunk.rows.items():
            rows.setdefault(file, []).extend(more)
    return counts.as_json(), rows


@pytest.mark.parametrize("count", [0, 1, 30, 31, 200])
def test_however_many_tasks_are_a_chunk_their_rows_come_in_order(count: int) -> None:
    counts, rows = all_of(map(task, range(count)), **SMALL)
    assert (counts["tasks"], counts["rejected"]) == (count, len(range(0, count, 5)))
    assert [row.key for row in rows.get("trajectory_sft.jsonl", [])] == [(n, n) for n in range(count) if n % 5]
    assert all_of(map(task, range(count))) == (counts, rows)


@pytest.mark.parametrize("number", [0, 3, 50, 198])
def test_the_first_broken_task_is_named_whatever_is_wrong_after_it(number: int) -> None:
    def tasks() -> Iterator[RawTask]:
        for n in range(200):
            yield broken(n) if n >= number else task(n)
        raise OSError("cut off")

    with pytest.raises(DataError, match=f"^task {number}: not JSON"):
        all_of(tasks(), **SMALL)


@pytest.mark.parametrize("number", [1, 199])
def test_what_reading_the_tasks_raises_is_raised(number: int) -> None:
    def tasks() -> Iterator[RawTask]:
        yield from map(task, range(number))
        raise DataError("the gzip is cut off")

    with pytest.raises(DataError, match="cut off"):
        all_of(tasks(), **SMALL)


def test_only_some_of_the_tasks_are_in_memory() -> None:
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


def test_one_huge_task_among_small_ones_is_converted() -> None:
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
