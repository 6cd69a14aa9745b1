"""What the command line can name as input: bytes, text, traces."""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ls_trajedit import input_streams
from ls_trajedit.input_streams import read_text
from ls_trajedit.inputs import Input, Invalid, LoadedTraces, load_traces, named_inputs, read_trace_files
from ls_trajedit.traces.errors import DataError, TraceError, UsageError
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.read import StepTrace
from tests.support.special_files import SPECIAL, put_special

GOOD = '{"id": "a", "steps": ["go"]}'


def read(path: Path) -> bytes:
    with Input.named(path).open() as stream:
        return stream.read()


class StandardInput:
    """Stands for `sys.stdin`."""

    def __init__(self, raw: bytes) -> None:
        self.buffer = io.BufferedReader(io.BytesIO(raw))

    def fileno(self) -> int:
        raise io.UnsupportedOperation


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


# What is not a file.


@pytest.mark.parametrize("kind", SPECIAL)
def test_an_input_that_is_not_a_file_is_not_waited_for(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(input_streams, "_SECONDS_FOR_A_WRITER", 0)
    put_special(tmp_path / "input", kind)
    why = {
        "pipe": "is a pipe, and nothing was written to it",
        "zero": "is a device, not a file",
        "dangling": "cannot be read: No such file or directory",
        "loop": "cannot be read: Too many levels of symbolic links",
        "socket": "cannot be read: No such device or address",
    }[kind]
    for reading in (read, read_text):
        with pytest.raises(DataError if kind == "pipe" else UsageError, match=f"input: {why}"):
            reading(tmp_path / "input")


@pytest.mark.parametrize("text", ["name: é\n", "x" * 300_000])
def test_a_pipe_is_read_to_its_end_whenever_its_writer_comes(tmp_path: Path, text: str) -> None:
    """As `--options <(…)`, and as a pipe that somebody made with mkfifo."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    for reading, expected in ((read, text.encode()), (read_text, text)):
        writer = threading.Thread(target=path.write_text, args=(text,), kwargs={"encoding": "utf-8"})
        writer.start()
        assert reading(path) == expected
        writer.join()


def test_a_pipe_whose_writer_takes_its_time_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(input_streams, "_SECONDS_FOR_A_WRITER", 0)
    path = tmp_path / "pipe"
    os.mkfifo(path)
    both = os.open(path, os.O_RDWR)
    read_all: list[bytes] = []
    begun = threading.Event()

    def open_and_read() -> None:
        with Input(path).open() as stream:
            begun.set()
            read_all.append(stream.read())

    reader = threading.Thread(target=open_and_read)
    reader.start()
    # It looks at the first bytes before it begins.
    os.write(both, b"late")
    assert begun.wait(60)
    os.write(both, b"r")
    os.close(both)
    reader.join()
    assert read_all == [b"later"]


def test_a_text_file_of_an_odd_size_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(input_streams, "_LONGEST_TEXT", 1 << 20)
    with (tmp_path / "o.yaml").open("wb") as file:
        file.truncate((1 << 20) + 1)
    with pytest.raises(UsageError, match=r"o\.yaml: is larger than 1 MB, so it is another file than was meant"):
        read_text(tmp_path / "o.yaml")


def test_standard_input_that_is_closed_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(UsageError, match="standard input: is closed"):
        read(Path("-"))


class FailingDisk(io.RawIOBase):
    """A file of which the first bytes can be read."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._content:
            raise OSError(5, "Input/output error")
        buffer[: len(self._content)] = self._content
        length, self._content = len(self._content), b""
        return length


@pytest.mark.parametrize("begun", [b"", b'{"a": 1}\n', gzip.compress(b"x" * 500, mtime=0)[:-9]])
def test_a_disk_that_fails_is_said_of_the_input(monkeypatch: pytest.MonkeyPatch, begun: bytes) -> None:
    stdin = StandardInput(b"")
    stdin.buffer = io.BufferedReader(FailingDisk(begun))
    monkeypatch.setattr(sys, "stdin", stdin)
    with pytest.raises(DataError, match=r"^standard input: cannot be read: Input/output error$"):
        read(Path("-"))


# Traces.


def load(*paths: Path, **options: object) -> LoadedTraces:
    return load_traces(named_inputs(paths), Options(**options))  # type: ignore[arg-type]


def file(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "traces.jsonl"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("text", [GOOD, f"[{GOOD}]", f"\ufeff{GOOD}\r\n", f"\n\n{GOOD}"])
@pytest.mark.parametrize("packed", [False, True])
def test_every_form_of_file_gives_the_same_traces(tmp_path: Path, text: str, packed: bool) -> None:
    path = tmp_path / "traces"
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    loaded = load(path)
    assert [trace.data for trace in loaded.steps] == [{"id": "a", "steps": ["go"]}]
    assert (loaded.invalid, loaded.name) == ([], str(path))
    loaded.refuse_invalid()


def test_all_invalid_traces_are_reported_with_file_and_line(tmp_path: Path) -> None:
    path = file(tmp_path, f'{GOOD}\nnot json\n\n{{"id": "b"}}\n{GOOD}\n')
    loaded = load(path)
    assert [trace.line for trace in loaded.steps] == [1]
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
    loaded = load(file(tmp_path, "x\n" * 25))
    lines = loaded.invalid_lines()
    assert len(lines) == 21
    assert lines[-1].endswith("traces.jsonl: … and 5 more")


@pytest.mark.parametrize("text", ["", "\n \n", "[]"])
def test_a_file_without_traces_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(TraceError, match=r"traces\.jsonl: no traces in it"):
        load(file(tmp_path, text))


def test_utf_16_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"traces\.jsonl: the file is UTF-16; save it as UTF-8"):
        load(file(tmp_path, GOOD, "utf-16"))


def test_objects_become_traces_or_invalid_ones_once_the_options_are_known(tmp_path: Path) -> None:
    path = file(tmp_path, '{"turns": ["a"]}\n5\n{"steps": ["b"]}\n')
    files = read_trace_files([Input(path)], Options())
    assert [trace.line for trace in files.objects] == [1, 3]
    turns = files.check(Options(steps_key="turns"))
    assert turns.steps == [StepTrace(1, {"turns": ["a"]}, str(path))]
    assert turns.invalid == [
        Invalid(str(path), 2, "a trace is an object, this is a number"),
        Invalid(str(path), 3, "no steps: the trace has no `turns`"),
    ]


def test_one_invalid_trace_is_counted_as_one(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"\n1 invalid trace: fix it, or skip it with --skip-invalid$"):
        load(file(tmp_path, f"{GOOD}\nx")).refuse_invalid()


def test_a_trace_that_cannot_be_sent_as_utf_8_is_invalid(tmp_path: Path) -> None:
    half = r'{"id": "b", "steps": ["\ud83d"]}'
    loaded = load(file(tmp_path, f"{GOOD}\n{half}")).check_storable()
    assert [trace.line for trace in loaded.steps] == [1]
    assert loaded.invalid == [
        Invalid(loaded.name, 2, r"`steps[0]` holds half of a surrogate pair (\ud83d), which cannot be sent as UTF-8")
    ]


# Several files, folders, chats.

CHAT = {"id": "c", "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}


def test_several_files_are_read_as_one_and_errors_say_in_which(tmp_path: Path) -> None:
    one, other = tmp_path / "one.jsonl", tmp_path / "other.json"
    one.write_text(GOOD, encoding="utf-8")
    other.write_text('[{"id": "b", "steps": ["go"]},\n{"id": "a", "steps": ["stop"]}]', encoding="utf-8")
    loaded = load(one, other)
    assert [(trace.file, trace.data["id"]) for trace in loaded.steps] == [(str(one), "a"), (str(other), "b")]
    assert loaded.name == "2 files"
    assert loaded.invalid_lines() == [f"{other}:2: `id` 'a' is already in {one}:1"]


def test_a_folder_and_a_pattern_are_the_files_of_traces_in_them(tmp_path: Path) -> None:
    names = ["b.jsonl", "a.json.gz", "deep/c.traj", "notes.md", ".hidden/d.json", "e.py"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(GOOD, encoding="utf-8")
    found = [tmp_path / "a.json.gz", tmp_path / "b.jsonl", tmp_path / "deep" / "c.traj"]
    assert [source.path for source in named_inputs([tmp_path])] == found
    assert [source.path for source in named_inputs([tmp_path / "**" / "*.[jt]*"])][-1:] == found[-1:]
    assert [source.path for source in named_inputs([tmp_path / "b.*"])] == [found[1]]
    assert [source.path for source in named_inputs([Path("-"), Path("nothere.jsonl")])] == [None, Path("nothere.jsonl")]


def test_a_folder_or_pattern_without_traces_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no file in this folder ends in \.eval, \.json, \.jsonl, \.ndjson, \.traj"):
        named_inputs([tmp_path])
    with pytest.raises(UsageError, match=r"\*\.jsonl: no file has a name like this"):
        named_inputs([tmp_path / "*.jsonl"])


def test_a_chat_without_an_id_is_called_like_its_file(tmp_path: Path) -> None:
    path = tmp_path / "run-7.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"messages": CHAT["messages"]}).encode()))
    assert [chat.trace.id for chat in load(path).chats] == ["run-7"]


def test_copies_of_a_chat_are_counted_across_files(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(json.dumps(CHAT), encoding="utf-8")
    loaded = load(tmp_path)
    assert (loaded.count, loaded.copies, loaded.invalid) == (1, 1, [])
    assert loaded.formats == {"openai-chat": "a list `messages` of messages with `role` and `content`"}


def test_chats_and_plain_steps_together_are_refused(tmp_path: Path) -> None:
    loaded = load(file(tmp_path, f"{GOOD}\n{json.dumps(CHAT)}"))
    with pytest.raises(TraceError) as error:
        loaded.refuse_mixed()
    assert str(error.value) == (
        f"{loaded.name}: 1 trace is a chat (openai-chat) and 1 is plain steps; a project holds one or the other, so "
        "put them into separate files"
    )
    load(file(tmp_path, GOOD)).refuse_mixed()


def test_to_skip_invalid_traces_is_not_recommended_where_there_is_no_valid_one(tmp_path: Path) -> None:
    (tmp_path / "good.jsonl").write_text(GOOD, encoding="utf-8")
    (tmp_path / "strange.jsonl").write_text('{"event": 1}\n{"event": 2}', encoding="utf-8")
    with pytest.raises(TraceError) as error:
        load(tmp_path).refuse_invalid()
    last = str(error.value).splitlines()[-1]
    assert last.startswith(f"2 invalid traces: there is not one trace in {tmp_path / 'strange.jsonl'}. `from`,")
    assert "--skip-invalid" not in str(error.value)


SAMPLE = {"id": "s", "epoch": 1, "input": "Hi", "target": "", "messages": CHAT["messages"]}


def test_a_log_of_inspect_in_a_zip_is_read_as_the_same_log_in_json(tmp_path: Path) -> None:
    header = {"version": 2, "status": "success", "eval": {"task": "t"}}
    packed, plain = tmp_path / "a.eval", tmp_path / "a.json"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", json.dumps(header))
        archive.writestr("samples/s_epoch_1.json", json.dumps(SAMPLE))
        archive.writestr("summaries.json", "[]")
    plain.write_text(json.dumps({**header, "samples": [SAMPLE]}), encoding="utf-8")
    assert [chat.trace for chat in load(packed).chats] == [chat.trace for chat in load(plain).chats]
    assert [chat.trace.format for chat in load(packed).chats] == ["inspect"]


def test_another_or_a_damaged_zip_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.json", "{}")
    with pytest.raises(DataError, match=r"a\.zip: is a zip, of which only logs of Inspect are read"):
        load(path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DataError, match=r"a\.zip: the zip cannot be unpacked"):
        load(path)
