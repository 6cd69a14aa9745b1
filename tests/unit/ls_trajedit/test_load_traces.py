"""All traces of a file, and all that is broken in it."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from ls_trajedit.load_traces import checked, load_objects, load_traces
from ls_trajedit.traces.errors import TraceError
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.read import InvalidTrace, Trace

GOOD = '{"id": "a", "steps": ["go"]}'


def file(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "traces.jsonl"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("text", [GOOD, f"[{GOOD}]", f"\ufeff{GOOD}\r\n", f"\n\n{GOOD}"])
@pytest.mark.parametrize("packed", [False, True])
def test_every_form_of_file_gives_the_same_traces(tmp_path: Path, text: str, packed: bool) -> None:
    path = tmp_path / "traces"
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    loaded = load_traces(path, Options())
    assert [trace.data for trace in loaded.traces] == [{"id": "a", "steps": ["go"]}]
    assert (loaded.broken, loaded.name) == ([], str(path))
    loaded.refuse_broken()


def test_broken_traces_are_all_told_with_file_and_line_and_nothing_is_imported(tmp_path: Path) -> None:
    path = file(tmp_path, f'{GOOD}\nnot json\n\n{{"id": "b"}}\n{GOOD}\n')
    loaded = load_traces(path, Options())
    assert [trace.line for trace in loaded.traces] == [1]
    with pytest.raises(TraceError) as error:
        loaded.refuse_broken()
    first, *rest = str(error.value).splitlines()
    assert first.startswith(f"{path}:2: not JSON: ")
    assert rest == [
        f"{path}:4: no steps: the trace has no `steps`",
        f"{path}:5: `id` 'a' is already in line 1",
        "3 broken; mend them, or leave them out with --skip-invalid",
    ]
    assert error.value.exit_code == 5


def test_of_very_many_broken_traces_only_the_first_are_told(tmp_path: Path) -> None:
    loaded = load_traces(file(tmp_path, "x\n" * 25), Options())
    lines = loaded.broken_lines()
    assert len(lines) == 21
    assert lines[-1].endswith("traces.jsonl: … and 5 more")


@pytest.mark.parametrize("text", ["", "\n \n", "[]"])
def test_a_file_without_traces_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(TraceError, match=r"traces\.jsonl: no traces in it"):
        load_traces(file(tmp_path, text), Options())


def test_utf_16_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"traces\.jsonl: the file is UTF-16; save it as UTF-8"):
        load_traces(file(tmp_path, GOOD, "utf-16"), Options())


def test_objects_become_traces_or_broken_ones_once_the_options_are_known(tmp_path: Path) -> None:
    objects = load_objects(file(tmp_path, '{"turns": ["a"]}\n5\n{"steps": ["b"]}\n'))
    assert [trace.line for trace in objects.traces] == [1, 3]
    turns = checked(objects, Options(steps_key="turns"))
    assert turns.traces == [Trace(1, {"turns": ["a"]})]
    assert turns.broken == [
        InvalidTrace(2, "a trace is an object, this is a number"),
        InvalidTrace(3, "no steps: the trace has no `turns`"),
    ]
