"""The tasks in a source, and what is not one."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ls_trajedit.convert.source_tasks import tasks_in
from ls_trajedit.convert.sources import Source, named_sources
from ls_trajedit.converters.chunk import parsed_task
from ls_trajedit.traces.errors import DataError, NotAnnotationsError, UsageError
from tests.support import zstandard
from tests.support.exports import EDIT, annotation, task

TASKS = [task(number, annotation(number, EDIT)) for number in (1, 2)]
ARRAY = json.dumps(TASKS).encode()
LINES = b"\n".join(json.dumps(one).encode() for one in TASKS)
# An object of target storage: an annotation with its task, which lists no annotations.
STORED = {**annotation(1, EDIT), "task": {key: value for key, value in TASKS[0].items() if key != "annotations"}}
HALF = len(ARRAY) // 2
# A frame that pzstd puts before each other one.
SKIPPABLE = b"\x50\x2a\x4d\x18\x04\x00\x00\x00\x01\x02\x03\x04"


def read(path: Path, content: bytes, *, is_found: bool = False) -> list[dict[str, Any]]:
    path.write_bytes(content)
    return [parsed_task(found) for found in tasks_in(Source(path, len(content), is_found=is_found))]


@pytest.mark.parametrize(
    "content",
    [
        ARRAY,
        LINES,
        b"\xef\xbb\xbf" + ARRAY,
        b"\n\n" + ARRAY,
        b"\n".join(json.dumps(one, indent=2).encode() for one in TASKS),
        gzip.compress(ARRAY),
        gzip.compress(ARRAY[:HALF]) + gzip.compress(ARRAY[HALF:]),
        zstandard.compress(ARRAY),
        zstandard.compress(ARRAY[:HALF]) + zstandard.compress(ARRAY[HALF:]),
        SKIPPABLE + zstandard.compress(ARRAY[:HALF]) + SKIPPABLE + zstandard.compress(ARRAY[HALF:]) + SKIPPABLE,
    ],
    ids=["array", "lines", "mark", "blank", "indented", "gzip", "members", "zstd", "frames", "skippable"],
)
def test_an_export_is_read_in_every_form_and_packing(tmp_path: Path, content: bytes) -> None:
    assert read(tmp_path / "anything", content) == TASKS


@pytest.mark.parametrize("indent", [None, 2])
def test_an_object_of_target_storage_is_a_task_with_its_annotation(tmp_path: Path, indent: int | None) -> None:
    assert read(tmp_path / "1", json.dumps(STORED, indent=indent).encode()) == [TASKS[0]]


@pytest.mark.parametrize("form", ["array", "lines"])
def test_annotations_may_be_in_one_file(tmp_path: Path, form: str) -> None:
    both = [json.dumps(STORED), json.dumps(STORED)]
    text = f"[{','.join(both)}]" if form == "array" else "\n".join(both)
    assert read(tmp_path / "all", text.encode()) == [TASKS[0], TASKS[0]]


def test_an_array_of_nothing_is_an_export_without_tasks(tmp_path: Path) -> None:
    assert read(tmp_path / "e.json", b" [ ]\n", is_found=True) == []


def zipped() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("export.json", ARRAY)
    return packed.getvalue()


OTHERS = {
    "empty": b"",
    "blank": b" \n",
    "text": b"# Exports\n\nSee below.\n",
    "a link": b"[exports](https://example.com)\n",
    "settings": b"[section]\nkey = 1\n",
    "binary": bytes(range(256)) * 5000,
    "numbers": b"[1, 2]",
    "an object": b'{"records": [\n{"trace_id": 1}\n]}\n',
    "traces": b'{"id": 1, "steps": []}\n{"id": 2, "steps": []}\n',
    "tasks to import": b'[{"data": {"a": 1}}, {"data": {"a": 2}}]',
    "csv": b"id,fix\n1,x\n",
    "zip": zipped(),
    "gzip of text": gzip.compress(b"hello\n"),
}


@pytest.mark.parametrize("content", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("is_found", [False, True])
def test_what_is_whole_and_not_annotations_is_called_that(tmp_path: Path, content: bytes, is_found: bool) -> None:
    path = tmp_path / "object"
    with pytest.raises(NotAnnotationsError) as raised:
        read(path, content, is_found=is_found)
    assert str(raised.value).startswith(f"{path}:")


BROKEN = {
    "array": (ARRAY[:-40], ":1: not JSON: "),
    "array at its start": (b"[", ":1: not JSON: "),
    "line": (LINES[:-40], ":2: not JSON: "),
    "object": (json.dumps(STORED).encode()[:-5], ":1: not JSON: "),
    "indented": (json.dumps(STORED, indent=2).encode()[:-5], ":1: not JSON: "),
    "gzip": (gzip.compress(ARRAY)[:-12], ": the gzip is damaged or cut off (Compressed file ended"),
    "second member": (
        gzip.compress(ARRAY[:HALF]) + gzip.compress(ARRAY[HALF:])[:-9],
        ": the gzip is damaged or cut off (Compressed file ended",
    ),
    "zstd": (zstandard.compress(ARRAY)[:-3], ": the zstd is damaged or cut off (Compressed file ended"),
    "second frame": (
        zstandard.compress(ARRAY[:HALF]) + zstandard.compress(ARRAY[HALF:])[:-3],
        ": the zstd is damaged or cut off (Compressed file ended",
    ),
    "after the zstd": (zstandard.compress(ARRAY) + b"more", ": the zstd is damaged or cut off (Unable to decompress"),
    "utf-16": (ARRAY.decode().encode("utf-16"), ": the file is UTF-16; save it as UTF-8"),
    "something else after tasks": (LINES + b'\n{"id": 3}', ":3: not a task"),
    "something else before tasks": (b'{"id": 3}\n' + LINES, ":1: not a task"),
}


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN)
def test_what_is_broken_is_not_passed_over_as_something_else(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "object"
    with pytest.raises(DataError) as raised:
        read(path, content, is_found=True)
    assert not isinstance(raised.value, NotAnnotationsError)
    assert str(raised.value).startswith(f"{path}{message}")


def test_a_file_that_disappears_after_it_was_found_is_an_error_about_data(tmp_path: Path) -> None:
    (tmp_path / "1").write_bytes(ARRAY)
    (source,) = named_sources([str(tmp_path)])
    (tmp_path / "1").unlink()
    with pytest.raises(DataError, match="1: cannot be read: No such file or directory"):
        list(tasks_in(source))
    with pytest.raises(UsageError):
        list(tasks_in(Source(tmp_path / "1")))
