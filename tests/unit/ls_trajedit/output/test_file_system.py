"""Files as Windows and macOS treat them, as far as that can be seen on another system."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ls_trajedit.output import file_system
from ls_trajedit.output.file_system import make_private_folder, remove_file, replace_file, sync_file
from ls_trajedit.output.folder import lock_folder, publish
from ls_trajedit.output.inventory import written_files
from ls_trajedit.traces.errors import DataError
from tests.support.manifests import listed, manifest_of, write_manifest

Hold = Callable[[str, int], None]


def held(path: Path, winerror: int = 32) -> PermissionError:
    """What Windows raises for a file that another program has open."""
    error = PermissionError(errno.EACCES, "The process cannot access the file", str(path))
    error.winerror = winerror  # type: ignore[attr-defined]
    return error


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, none of which takes any time."""
    made: list[float] = []
    monkeypatch.setattr(file_system.time, "sleep", made.append)
    return made


@pytest.fixture
def hold(monkeypatch: pytest.MonkeyPatch) -> Hold:
    """Has another program hold the file of that name for so many attempts to replace or remove it."""
    left: dict[str, int] = {}
    for name in ("replace", "unlink"):
        real = getattr(Path, name)

        def change(path: Path, *arguments: Path, real: Callable[..., object] = real) -> object:
            target = arguments[0] if arguments else path
            if left.get(target.name, 0) > 0:
                left[target.name] -= 1
                raise held(target)
            return real(path, *arguments)

        monkeypatch.setattr(Path, name, change)
    return left.__setitem__


def test_a_file_that_a_scanner_holds_for_a_moment_is_replaced_and_removed(
    tmp_path: Path, hold: Hold, pauses: list[float]
) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    new.write_bytes(b"new")
    old.write_bytes(b"old")
    hold("old", 2)
    replace_file(new, old)
    assert old.read_bytes() == b"new"
    assert len(pauses) == 2
    hold("old", 1)
    remove_file(old)
    assert not old.exists()
    assert len(pauses) == 3


@pytest.mark.parametrize("winerror", [5, 32])
def test_a_file_that_stays_open_elsewhere_is_an_error_that_says_so_and_both_files_are_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pauses: list[float], winerror: int
) -> None:
    def refused(path: Path, target: Path) -> None:
        raise held(target, winerror)

    new, old = tmp_path / "new", tmp_path / "old"
    new.write_bytes(b"new")
    old.write_bytes(b"old")
    monkeypatch.setattr(Path, "replace", refused)
    with pytest.raises(DataError, match=r"old: cannot be replaced, because another program has it open .*; close it"):
        replace_file(new, old)
    assert (new.read_bytes(), old.read_bytes()) == (b"new", b"old")
    assert 1 < sum(pauses) < 5


@pytest.mark.usefixtures("pauses")
def test_any_other_failure_is_not_tried_again(tmp_path: Path, pauses: list[float]) -> None:
    with pytest.raises(FileNotFoundError):
        replace_file(tmp_path / "missing", tmp_path / "old")
    with pytest.raises(FileNotFoundError):
        remove_file(tmp_path / "missing")
    assert pauses == []


@pytest.mark.parametrize("name", ["a.jsonl", "b.jsonl", "manifest.json"])
@pytest.mark.usefixtures("pauses")
def test_a_run_that_could_not_replace_a_file_commits_nothing_and_the_next_one_finishes_it(
    tmp_path: Path, hold: Hold, name: str
) -> None:
    files = ("a.jsonl", "b.jsonl", "former.jsonl")
    for file in files:
        (tmp_path / file).write_bytes(b"old")
    before = (write_manifest(tmp_path, *(listed(file, b"old") for file in files)) / "manifest.json").read_bytes()
    next_manifest = manifest_of(listed("a.jsonl", b"new"), listed("b.jsonl", b"new"))

    def run(number: int, committed: list[int]) -> None:
        temporary = tmp_path / f".writing-{number}"
        temporary.mkdir()
        for file in ("a.jsonl", "b.jsonl"):
            (temporary / file).write_bytes(b"new")
        with lock_folder(tmp_path):
            written = written_files(tmp_path)
            publish(temporary, tmp_path, next_manifest, written=written, commit=lambda: committed.append(number))

    committed: list[int] = []
    hold(name, 1000)
    with pytest.raises(DataError, match=f"{name}: cannot be replaced"):
        run(1, committed)
    assert committed == []
    assert (tmp_path / "manifest.json").read_bytes() == before
    assert {(tmp_path / file).read_bytes() for file in ("a.jsonl", "b.jsonl")} <= {b"old", b"new"}

    hold(name, 0)
    run(2, committed)
    assert committed == [2]
    assert (tmp_path / "manifest.json").read_bytes() == next_manifest.to_bytes()
    assert [(tmp_path / file).read_bytes() for file in ("a.jsonl", "b.jsonl")] == [b"new", b"new"]
    assert not (tmp_path / "former.jsonl").exists()


def test_on_macos_the_disk_itself_is_told_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    asked: list[int] = []
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", lambda handle, command: asked.append(command))
    monkeypatch.setattr(os, "fsync", lambda handle: asked.append(0))
    with (tmp_path / "file").open("wb") as file:
        file.write(b"x")
        sync_file(file)
        assert (tmp_path / "file").read_bytes() == b"x"
    assert asked == [51]


def test_on_a_network_drive_of_macos_fsync_has_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def unable(handle: int, command: int) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    asked: list[str] = []
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", unable)
    monkeypatch.setattr(os, "fsync", lambda handle: asked.append("fsync"))
    with (tmp_path / "file").open("wb") as file:
        sync_file(file)
    assert asked == ["fsync"]


def test_a_private_folder_is_private_and_on_windows_like_the_one_around_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    make_private_folder(here)
    assert stat.S_IMODE(here.stat().st_mode) == 0o700
    modes: list[dict[str, int]] = []
    monkeypatch.setattr(os, "name", "nt")
    monkeypatch.setattr(Path, "mkdir", lambda path, **options: modes.append(options))
    make_private_folder(there)
    # A mode would become an access list that the files keep when they are moved out of the folder.
    assert modes == [{}]
