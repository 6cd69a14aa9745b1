"""What the command line can name as input."""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path

import pytest

from ls_trajedit.inputs import input_name, open_input, read_text
from ls_trajedit.traces.errors import DataError, UsageError


def read(path: Path) -> bytes:
    with open_input(path) as stream:
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
    assert input_name(Path("-")) == "standard input"
    assert input_name(Path("a/b")) == "a/b"


def test_a_file_is_closed_when_it_was_read(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"x")
    with open_input(path) as stream:
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
