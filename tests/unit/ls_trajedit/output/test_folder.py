"""One run at a time in an output folder, and files that are put there whole."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from ls_trajedit.output.folder import (
    explain_write_failures,
    is_being_written,
    lock_folder,
    make_temporary_folder,
    publish,
    replace_files,
)
from ls_trajedit.output.inventory import LeftFile
from ls_trajedit.traces.errors import DataError, SetupError
from tests.support.manifests import listed, manifest_of, write_manifest
from tests.support.special_files import SPECIAL, put_special


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    with lock_folder(tmp_path / "a" / "b"), make_temporary_folder(tmp_path / "a" / "b") as temporary:
        assert temporary.parent == tmp_path / "a" / "b"


def test_a_folder_is_locked_once_and_free_again_afterwards(tmp_path: Path) -> None:
    with (
        lock_folder(tmp_path),
        pytest.raises(SetupError, match="another ls-trajedit is writing there"),
        lock_folder(tmp_path),
    ):
        pass
    with lock_folder(tmp_path):
        pass


def test_a_lock_is_released_when_the_run_fails(tmp_path: Path) -> None:
    with pytest.raises(KeyError), lock_folder(tmp_path):
        raise KeyError
    with lock_folder(tmp_path):
        pass


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_file_where_the_folder_should_be_is_an_error(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(SetupError, match=r"cannot write there: .*; choose another folder with -o"):
        lock_folder(tmp_path / place).__enter__()
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("content", [b"no database" * 100, None])
def test_what_is_not_a_lock_in_its_place_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    lock = tmp_path / ".ls-trajedit" / "lock"
    lock.parent.mkdir()
    if content:
        lock.write_bytes(content)
    else:
        lock.mkdir()
    with pytest.raises(SetupError, match="cannot write there: "):
        lock_folder(tmp_path).__enter__()


def test_what_killed_runs_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ".writing-abc").mkdir()
    (tmp_path / ".writing-abc" / "half").write_text("ha")
    (tmp_path / "mine").mkdir()
    with make_temporary_folder(tmp_path) as temporary:
        assert {path.name for path in tmp_path.iterdir()} == {"mine", temporary.name}
        (temporary / "x").write_text("x")
    assert {path.name for path in tmp_path.iterdir()} == {"mine"}


def test_a_disk_that_fails_is_an_error_with_what_to_do_and_leaves_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(DataError, match="writing failed: No space left on device; make room"),
        make_temporary_folder(tmp_path),
        explain_write_failures(tmp_path),
    ):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_a_failure_of_anything_else_is_not_called_a_failure_to_write(tmp_path: Path) -> None:
    with pytest.raises(ConnectionResetError), make_temporary_folder(tmp_path):
        raise ConnectionResetError
    assert list(tmp_path.iterdir()) == []


def test_a_run_whose_messages_nobody_reads_any_more_does_not_end_like_a_success(tmp_path: Path) -> None:
    with (
        pytest.raises(DataError, match="not updated, because whoever read the messages has gone"),
        make_temporary_folder(tmp_path),
    ):
        raise BrokenPipeError
    assert list(tmp_path.iterdir()) == []


def contents(folder: Path) -> dict[str, str]:
    """All files but those in the folder that is ours alone."""
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_text() for name, path in found.items() if not name.startswith(".ls-trajedit")}


def test_files_replace_old_ones_and_go_into_folders_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with make_temporary_folder(tmp_path) as temporary:
        (temporary / "deep").mkdir()
        for name in ("a", "deep/b", "unwanted"):
            (temporary / name).write_text("new")
        replace_files([(temporary / name, tmp_path / name) for name in ("a", "deep/b")])
    assert contents(tmp_path) == {"a": "new", "deep/b": "new"}


def test_a_folder_with_the_name_of_a_file_stops_all_of_them(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "b").mkdir()
    with make_temporary_folder(tmp_path) as temporary:
        for name in ("a", "b"):
            (temporary / name).write_text("new")
        with pytest.raises(IsADirectoryError):
            replace_files([(temporary / name, tmp_path / name) for name in ("a", "b")])
    assert (tmp_path / "a").read_text() == "old"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An output folder with the files `kept`, `changed` and `former` of an earlier run."""
    for name in ("kept", "changed", "former"):
        (tmp_path / name).write_text("old")
    return write_manifest(tmp_path, *(listed(name, b"old") for name in ("kept", "changed", "former")))


NEXT = manifest_of(listed("kept", b"old"), listed("changed", b"new"), listed("deep/added", b"new"))
WRITTEN = {name: frozenset([listed(name, b"old").sha256]) for name in ("kept", "changed", "former")}


def publish_next(folder: Path, commit: Callable[[], None] | None = None) -> list[LeftFile]:
    with lock_folder(folder), make_temporary_folder(folder) as temporary:
        (temporary / "deep").mkdir()
        for name in ("changed", "deep/added"):
            (temporary / name).write_text("new")
        return publish(temporary, folder, NEXT, written=WRITTEN, unchanged={"kept"}, commit=commit)


def test_what_is_published_is_what_the_manifest_lists_and_nothing_of_the_run_before(folder: Path) -> None:
    untouched = (folder / "kept").stat().st_mtime_ns
    publish_next(folder)
    manifest = NEXT.to_bytes().decode()
    assert contents(folder) == {"kept": "old", "changed": "new", "deep/added": "new", "manifest.json": manifest}
    assert (folder / "kept").stat().st_mtime_ns == untouched


def test_files_are_replaced_in_the_order_of_the_manifest_and_itself_last(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replaced = []

    def replace(self: Path, target: Path) -> Path:
        replaced.append(target.name)
        return self.rename(target)

    monkeypatch.setattr(Path, "replace", replace)
    publish_next(folder)
    assert [name for name in replaced if name != "written.json"] == ["changed", "added", "manifest.json"]


def test_the_commit_comes_when_all_else_is_done_and_a_signal_waits_for_it(folder: Path) -> None:
    seen = []

    def commit() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        seen.append({name for name in contents(folder) if not name.startswith(".writing-")})

    with pytest.raises(KeyboardInterrupt):
        publish_next(folder, commit)
    assert seen == [{"kept", "changed", "deep/added", "manifest.json"}]
    assert not list(folder.glob(".writing-*"))


def test_a_failure_among_the_replaces_is_an_error_and_nothing_is_committed(folder: Path) -> None:
    (folder / "changed").unlink()
    (folder / "changed").mkdir()
    before = contents(folder)
    with pytest.raises(DataError, match=r"writing failed: .*changed is a folder"):
        publish_next(folder, lambda: pytest.fail("committed"))
    assert contents(folder) == before


def test_each_step_is_on_the_disk_before_the_next_begins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a power failure, any of what was not synced may or may not have happened."""
    done: list[str] = []
    replace, unlink, sync = Path.replace, Path.unlink, os.fsync

    def note(what: str, path: Path) -> None:
        temporary = next(folder.glob(".writing-*")).name
        done.append(f"{what} {path.relative_to(folder)}".replace(temporary, "new"))

    monkeypatch.setattr(Path, "replace", lambda path, target: (note("place", target), replace(path, target)))
    monkeypatch.setattr(Path, "unlink", lambda path: (note("remove", path), unlink(path)))
    monkeypatch.setattr(os, "fsync", lambda file: (note("sync", Path(f"/proc/self/fd/{file}").readlink()), sync(file)))
    publish_next(folder, lambda: done.append("commit"))
    private = ["sync .ls-trajedit/written.new", "place .ls-trajedit/written.json", "sync .ls-trajedit", "sync ."]
    assert done[:9] == ["sync new/manifest.json", *private, "place changed", "place deep/added", *done[7:9]]
    assert sorted(done[7:9]) == ["sync .", "sync deep"]
    assert done[9:] == ["remove former", "sync .", "place manifest.json", "sync .", "commit", *private]


def test_a_link_among_the_folders_stops_all_of_them(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (folder / "deep").symlink_to(outside)
    before = contents(folder)
    with pytest.raises(DataError, match=r"writing failed: deep is a symbolic link, not a folder; move it away or"):
        publish_next(folder, lambda: pytest.fail("committed"))
    assert (contents(folder), list(outside.iterdir())) == (before, [])


def test_a_link_in_place_of_a_file_is_replaced_and_not_followed(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "mine"
    outside.write_text("mine")
    (folder / "changed").unlink()
    (folder / "changed").symlink_to(outside)
    publish_next(folder)
    assert not (folder / "changed").is_symlink()
    assert (contents(folder)["changed"], outside.read_text()) == ("new", "mine")


@pytest.mark.parametrize("kind", SPECIAL)
@pytest.mark.parametrize("name", ["lock", "lock-journal", "state.sqlite", "state.sqlite-journal", "written.json", ""])
def test_a_link_or_a_pipe_among_our_own_files_is_refused(tmp_path: Path, name: str, kind: str) -> None:
    if name:
        (tmp_path / ".ls-trajedit").mkdir()
    put_special(tmp_path / ".ls-trajedit" / name, kind)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(SetupError, match=r"cannot write there: "):
        lock_folder(tmp_path).__enter__()
    assert sorted(tmp_path.rglob("*")) == before


def test_a_temporary_folder_that_is_a_link_is_not_followed(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "mine").write_text("mine")
    (tmp_path / ".writing-abc").symlink_to(outside)
    with make_temporary_folder(tmp_path):
        pass
    assert [path.name for path in outside.iterdir()] == ["mine"]


def test_whether_a_run_has_the_folder_is_seen_without_disturbing_it(tmp_path: Path) -> None:
    assert not is_being_written(tmp_path)
    with lock_folder(tmp_path):
        assert is_being_written(tmp_path)
    assert not is_being_written(tmp_path)


def test_a_link_to_a_folder_that_is_not_there_makes_none(tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to("disk")
    with pytest.raises(SetupError, match="data: cannot write there: it is a link to what is not there; choose another"):
        lock_folder(tmp_path / "data").__enter__()
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
