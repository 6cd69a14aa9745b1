"""What is a part of the sources, and that all lines are in exactly one."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ls_trajedit.convert import parts as parts_module
from ls_trajedit.convert.parts import Part, part_tasks, parts_of
from ls_trajedit.convert.passed_over import PassedOver
from ls_trajedit.convert.sources import Source, named_sources
from ls_trajedit.traces.errors import DataError, UsageError


def line(number: int, filler: str = "") -> bytes:
    return json.dumps({"id": number, "annotations": [], "data": {"filler": filler}}, ensure_ascii=False).encode()


def numbers_in(part: Part, folder: Path, **more: Any) -> list[int]:
    tasks = part_tasks(part, PassedOver(), folder, skip_invalid=False, **more)
    return [task.json.value()["id"] for task in tasks]


def parts_in(folder: Path, part_bytes: int, alone_bytes: int = 1) -> list[Part]:
    return list(parts_of(named_sources([str(folder)]), alone_bytes=alone_bytes, part_bytes=part_bytes))


@given(
    st.lists(st.tuples(st.text("aé\u2028 ", max_size=60), st.sampled_from([b"\n", b"\r\n", b"\n\n", b"\n  \n"]))),
    st.integers(1, 90),
    st.integers(1, 200),
    st.booleans(),
)
def test_each_line_is_in_one_part_wherever_the_file_is_cut(
    tmp_path_factory: pytest.TempPathFactory,
    lines: list[tuple[str, bytes]],
    part_bytes: int,
    piece_bytes: int,
    is_marked: bool,
) -> None:
    folder = tmp_path_factory.mktemp("in")
    raw = b"".join(line(number, filler) + end for number, (filler, end) in enumerate(lines)) + line(-1)
    (folder / "a.jsonl").write_bytes((b"\xef\xbb\xbf" if is_marked else b"") + raw)
    parts = parts_in(folder, part_bytes)
    assert len(parts) > 1 or len(raw) <= 2 * part_bytes or not lines
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts_module, "_PIECE", piece_bytes)
        numbers = [number for part in parts for number in numbers_in(part, folder)]
    assert numbers == [*range(len(lines)), -1]


@pytest.mark.parametrize("at", [1, 7, 30, 39])
def test_a_line_that_is_no_task_has_its_place(tmp_path: Path, at: int) -> None:
    lines = [line(number) for number in range(40)]
    lines[at] = b'{"id": 1, "annotations": ['
    (tmp_path / "a.jsonl").write_bytes(b"\n\n".join(lines))
    parts = parts_in(tmp_path, 100)
    assert len(parts) > 10
    with pytest.raises(DataError, match=rf"a\.jsonl:{2 * at + 1}: not JSON"):
        _ = [numbers_in(part, tmp_path) for part in parts]
    noted = PassedOver()
    for part in parts:
        list(part_tasks(part, noted, tmp_path, skip_invalid=True))
    (name,) = noted.unreadable
    assert f":{2 * at + 1}:" in name


def test_what_has_to_be_read_from_its_start_is_one_part(tmp_path: Path) -> None:
    tasks = [json.loads(line(number)) for number in range(20)]
    lines = b"\n".join(map(line, range(20)))
    (tmp_path / "array.json").write_bytes(json.dumps(tasks).encode())
    (tmp_path / "packed.jsonl.gz").write_bytes(gzip.compress(lines * 20))
    (tmp_path / "pretty.json").write_bytes(json.dumps(tasks[0] | {"data": {"x": ["y"] * 60}}, indent=1).encode())
    (tmp_path / "other.jsonl").write_bytes(b'{"a": 1}\n' * 90)
    parts = parts_in(tmp_path, 100)
    assert [[Path(source.name).name for source in part.sources] for part in parts] == [
        ["array.json"],
        ["other.jsonl"],
        ["packed.jsonl.gz"],
        ["pretty.json"],
    ]
    assert {part.stretch for part in parts} == {None}


def test_small_sources_are_a_part_together_in_their_order(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / f"{number}").write_bytes(b"\n".join([line(number)] * (500 if number == 4 else 1)))
    parts = parts_in(tmp_path, 3 << 14, alone_bytes=2000)
    found = [[Path(source.name).name for source in part.sources] for part in parts]
    assert found == [["0", "1", "2"], ["3"], ["4"], ["5", "6", "7"], ["8", "9"]]


def test_what_no_other_process_can_open_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for source, name in ((Source(None), "standard input"), (Source(tmp_path / "pipe"), f"{tmp_path}/pipe")):
        with pytest.raises(UsageError, match=f"{name}: cannot be read by --engine ray"):
            list(parts_of([source], alone_bytes=1, part_bytes=100))
