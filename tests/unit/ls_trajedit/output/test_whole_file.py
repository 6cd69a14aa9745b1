"""A single file that is written whole or not at all, and what killed runs leave of theirs."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from ls_trajedit.output.file_system import NotAFileError
from ls_trajedit.output.whole_file import whole_file, write_whole
from tests.support.special_files import SPECIAL, put_special


def write(target: Path, content: bytes) -> bool:
    with whole_file(target) as new:
        new.file.write(content)
    return new.is_new


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_takes_the_place_of_the_old_one_and_the_same_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    assert write(target, b"old")
    assert write(target, b"new")
    os.utime(target, (1, 1))
    assert not write(target, b"new")
    assert (target.read_bytes(), target.stat().st_mtime, names(tmp_path)) == (b"new", 1, ["report.html"])


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    target.write_bytes(b"old")
    with pytest.raises(TypeError), whole_file(target) as new:
        new.file.writelines([b"half", None])  # type: ignore[list-item] - the failure
    assert (target.read_bytes(), names(tmp_path)) == (b"old", ["report.html"])


def test_what_killed_runs_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    # In a container, each run has the same process id, here 7.
    left = [".report.html.7", ".report.html.new-0123abcd"]
    others = [".report.html.bak", ".report.html.new-0123abcd.txt", ".report.htmlx.7", "report.html.7"]
    for name in (*left, *others):
        (tmp_path / name).write_bytes(b"x")
    assert write(tmp_path / "report.html", b"new")
    assert names(tmp_path) == sorted([*others, "report.html"])


def test_the_file_of_a_run_that_lives_is_left_alone(tmp_path: Path) -> None:
    with (tmp_path / ".report.html.new-0123abcd").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert write(tmp_path / "report.html", b"new")
    assert names(tmp_path) == [".report.html.new-0123abcd", "report.html"]


def test_two_runs_at_once_each_write_a_whole_file(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    with whole_file(target) as first:
        first.file.write(b"fir")
        assert write(target, b"second")
        first.file.write(b"st")
    assert (target.read_bytes(), names(tmp_path)) == (b"first", ["report.html"])


@pytest.mark.parametrize("kind", SPECIAL)
def test_a_leftover_that_is_not_a_file_is_neither_followed_nor_waited_for(tmp_path: Path, kind: str) -> None:
    put_special(tmp_path / ".report.html.7", kind)
    assert write(tmp_path / "report.html", b"new")
    assert names(tmp_path) == [".report.html.7", "report.html"]


@pytest.mark.parametrize("kind", SPECIAL)
def test_nothing_but_a_file_is_replaced(tmp_path: Path, kind: str) -> None:
    put_special(tmp_path / "report.html", kind)
    with pytest.raises(NotAFileError, match=r"is a (pipe|symbolic link|socket), not a file"):
        write(tmp_path / "report.html", b"new")
    assert names(tmp_path) == ["report.html"]


def test_a_link_that_somebody_named_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write_whole(tmp_path / "link", b"new")
    assert ((tmp_path / "real").read_bytes(), (tmp_path / "link").is_symlink()) == (b"new", True)


def test_no_device_is_replaced(tmp_path: Path) -> None:
    """Which root could do: /dev/null would be a file from then on."""
    with pytest.raises(NotAFileError, match="is a device, not a file"):
        write_whole(Path(os.devnull), b"new")
