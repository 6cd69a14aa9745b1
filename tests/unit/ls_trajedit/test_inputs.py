"""What the command line can name as input: bytes, text, traces."""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path

import pytest

from ls_trajedit.inputs import Input, load_objects, load_traces, read_text
from ls_trajedit.traces.errors import DataError, TraceError, UsageError
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.read import InvalidTrace, Trace

GOOD = '{"id": "a", "steps": ["go"]}'


def read(path: Path) -> bytes:
    with Input.named(path).open() as stream:
        return stream.read()


class StandardInput:
    """Stands for `sys.stdin`."""

    def __init__(self, raw: bytes) -> None:
        self.buffer = io.BufferedReader(io.BytesIO(raw))


@pytest.mark.parametrize("raw", [b"", b"x", b"\x1f", b'{"a": 1}\r\n', b"\xff\xfe\x00"])
@pytest.mark.parametrize("name", ["traces.jsonl", "traces.json.gz", "traces"])
def test_a_file_is_unpacked_when_it_is_packed_whatever_its_name(tmp_path: Path, raw: bytes, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(raw)
    assert read(path) == raw
    path.write_bytes(gzip.compress(raw))
    assert read(path) == raw
    half = len(raw) // 2
    path.write_bytes(gzip.compress(raw[:half]) + gzip.compress(raw[half:]))
    assert read(path) == raw


@pytest.mark.parametrize("packed", [False, True])
def test_a_hyphen_is_standard_input_which_stays_open(monkeypatch: pytest.MonkeyPatch, packed: bool) -> None:
    raw = b'{"a": 1}\n'
    stdin = StandardInput(gzip.compress(raw) if packed else raw)
    monkeypatch.setattr(sys, "stdin", stdin)
    assert read(Path("-")) == raw
    assert not stdin.buffer.closed
    assert Input.named(Path("-")).name == "standard input"
    assert Input.named(Path("a/b")).name == "a/b"


def test_a_file_is_closed_when_it_was_read(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"x")
    with Input(path).open() as stream:
        pass
    assert stream.closed


@pytest.mark.parametrize("damage", ["cut", "flipped", "trailing"])
def test_a_damaged_gzip_is_an_error_that_names_the_file(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "t.gz"
    raw = gzip.compress(b"x" * 5000 + bytes(range(256)) * 20)
    damaged = {"cut": raw[:-20], "flipped": raw[:60] + b"\xff" * 8 + raw[68:], "trailing": raw + b"garbage"}
    path.write_bytes(damaged[damage])
    with pytest.raises(DataError) as error:
        read(path)
    assert str(error.value).startswith(f"{path}: the gzip is damaged or cut off (")
    assert error.value.exit_code == 5


def test_a_file_that_cannot_be_opened_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothere: cannot be read: No such file or directory"):
        read(tmp_path / "nothere")
    with pytest.raises(UsageError, match=r"cannot be read: Is a directory|is a folder, not a file"):
        read(tmp_path)


def test_a_text_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "o.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: \xc3\xa9\r\n")
    assert read_text(path) == "name: é\n"


def test_a_text_file_that_cannot_be_read_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "o.yaml"
    with pytest.raises(UsageError, match=r"o\.yaml: cannot be read: No such file"):
        read_text(path)
    path.write_bytes(b"name: \xe9")
    with pytest.raises(UsageError, match=r"o\.yaml: is not UTF-8"):
        read_text(path)


# Traces.


def file(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "traces.jsonl"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("text", [GOOD, f"[{GOOD}]", f"\ufeff{GOOD}\r\n", f"\n\n{GOOD}"])
@pytest.mark.parametrize("packed", [False, True])
def test_every_form_of_file_gives_the_same_traces(tmp_path: Path, text: str, packed: bool) -> None:
    path = tmp_path / "traces"
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    loaded = load_traces(Input(path), Options())
    assert [trace.data for trace in loaded.traces] == [{"id": "a", "steps": ["go"]}]
    assert (loaded.invalid, loaded.name) == ([], str(path))
    loaded.refuse_invalid()


def test_all_invalid_traces_are_reported_with_file_and_line(tmp_path: Path) -> None:
    path = file(tmp_path, f'{GOOD}\nnot json\n\n{{"id": "b"}}\n{GOOD}\n')
    loaded = load_traces(Input(path), Options())
    assert [trace.line for trace in loaded.traces] == [1]
    with pytest.raises(TraceError) as error:
        loaded.refuse_invalid()
    first, *rest = str(error.value).splitlines()
    assert first.startswith(f"{path}:2: not JSON: ")
    assert rest == [
        f"{path}:4: no steps: the trace has no `steps`",
        f"{path}:5: `id` 'a' is already in line 1",
        "3 invalid traces: fix them, or skip them with --skip-invalid",
    ]
    assert error.value.exit_code == 5


def test_of_very_many_invalid_traces_only_the_first_are_reported(tmp_path: Path) -> None:
    loaded = load_traces(Input(file(tmp_path, "x\n" * 25)), Options())
    lines = loaded.invalid_lines()
    assert len(lines) == 21
    assert lines[-1].endswith("traces.jsonl: … and 5 more")


@pytest.mark.parametrize("text", ["", "\n \n", "[]"])
def test_a_file_without_traces_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(TraceError, match=r"traces\.jsonl: no traces in it"):
        load_traces(Input(file(tmp_path, text)), Options())


def test_utf_16_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"traces\.jsonl: the file is UTF-16; save it as UTF-8"):
        load_traces(Input(file(tmp_path, GOOD, "utf-16")), Options())


def test_objects_become_traces_or_invalid_ones_once_the_options_are_known(tmp_path: Path) -> None:
    objects = load_objects(Input(file(tmp_path, '{"turns": ["a"]}\n5\n{"steps": ["b"]}\n')))
    assert [trace.line for trace in objects.traces] == [1, 3]
    turns = objects.check(Options(steps_key="turns"))
    assert turns.traces == [Trace(1, {"turns": ["a"]})]
    assert turns.invalid == [
        InvalidTrace(2, "a trace is an object, this is a number"),
        InvalidTrace(3, "no steps: the trace has no `turns`"),
    ]


def test_one_invalid_trace_is_counted_as_one(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"\n1 invalid trace: fix it, or skip it with --skip-invalid$"):
        load_traces(Input(file(tmp_path, f"{GOOD}\nx")), Options()).refuse_invalid()


def test_a_trace_that_cannot_be_sent_as_utf_8_is_invalid(tmp_path: Path) -> None:
    half = r'{"id": "b", "steps": ["\ud83d"]}'
    loaded = load_traces(Input(file(tmp_path, f"{GOOD}\n{half}")), Options()).check_encoding()
    assert [trace.line for trace in loaded.traces] == [1]
    assert loaded.invalid == [
        InvalidTrace(2, r"it holds half of a surrogate pair (\ud83d), which cannot be sent as UTF-8")
    ]
