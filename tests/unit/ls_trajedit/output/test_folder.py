"""One run at a time in an output folder, and files that are put there whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from ls_trajedit.output.folder import file_digest, lock_folder, make_temporary_folder, put_in_place
from ls_trajedit.traces.errors import DataError, SetupError


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
def test_a_file_where_the_folder_should_be_is_told(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(SetupError, match=r"cannot write there: .*; choose another folder with -o"):
        lock_folder(tmp_path / place).__enter__()
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("content", [b"no database" * 100, None])
def test_a_lock_that_is_none_is_told(tmp_path: Path, content: bytes | None) -> None:
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


def test_a_disk_that_fails_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(DataError, match="writing failed: No space left on device; make room"),
        make_temporary_folder(tmp_path),
    ):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_files_are_put_in_place_of_old_ones_and_into_folders_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with make_temporary_folder(tmp_path) as temporary:
        (temporary / "deep").mkdir()
        for name in ("a", "deep/b", "unwanted"):
            (temporary / name).write_text("new")
        put_in_place(temporary, tmp_path, ["a", "deep/b"])
    assert {str(path.relative_to(tmp_path)): path.read_text() for path in tmp_path.rglob("*") if path.is_file()} == {
        "a": "new",
        "deep/b": "new",
    }


def test_a_folder_with_the_name_of_a_file_stops_all_of_them(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "b").mkdir()
    with make_temporary_folder(tmp_path) as temporary:
        for name in ("a", "b"):
            (temporary / name).write_text("new")
        with pytest.raises(IsADirectoryError):
            put_in_place(temporary, tmp_path, ["a", "b"])
    assert (tmp_path / "a").read_text() == "old"


def test_the_digest_of_a_file_is_its_sha_256_and_that_of_none_is_none(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    # From FIPS 180-2, appendix B.1.
    assert file_digest(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert file_digest(tmp_path / "nothing") is None
    assert file_digest(tmp_path) is None
    assert file_digest(tmp_path / "abc" / "below") is None
