"""Which files are in an output folder, and which of them are as they were written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ls_trajedit.output.inventory import (
    CheckedFile,
    PlacedFile,
    are_in_place,
    file_digest,
    former_files,
    placed_files,
    remove_former_files,
    unchanged_files,
    verify,
)
from ls_trajedit.traces.errors import DataError
from tests.support.manifests import listed, write_manifest

# From FIPS 180-2, appendix B.1.
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_digest_of_a_file_is_its_sha_256_and_that_of_none_is_none(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert file_digest(tmp_path / "abc") == ABC
    assert file_digest(tmp_path / "nothing") is None
    assert file_digest(tmp_path) is None
    assert file_digest(tmp_path / "abc" / "below") is None


def test_each_file_is_right_changed_or_missing(tmp_path: Path) -> None:
    (tmp_path / "right").write_bytes(b"1\n")
    (tmp_path / "changed").write_bytes(b"1\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "right").write_bytes(b"")
    files = [
        listed("right", b"1\n"),
        listed("changed", b"2\n"),
        listed("missing"),
        listed("folder"),
        listed("deep/right"),
    ]
    assert verify(write_manifest(tmp_path, *files)) == [
        CheckedFile("right", None),
        CheckedFile("changed", "changed"),
        CheckedFile("missing", "missing"),
        CheckedFile("folder", "missing"),
        CheckedFile("deep/right", None),
    ]


def test_without_a_manifest_nothing_can_be_verified(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"manifest\.json: not found"):
        verify(tmp_path)


@pytest.fixture
def placed(tmp_path: Path) -> dict[str, PlacedFile]:
    (tmp_path / "a").write_text("abc")
    return placed_files(tmp_path, {"a": ABC})


def test_a_file_that_nobody_touched_is_not_read_again(
    tmp_path: Path, placed: dict[str, PlacedFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("ls_trajedit.output.inventory.file_digest")
    assert are_in_place(tmp_path, placed)
    assert unchanged_files(tmp_path, {"a": ABC}, placed) == {"a"}
    assert unchanged_files(tmp_path, {"a": "another"}, placed) == set()


def test_a_copy_with_another_date_is_the_same_file(tmp_path: Path, placed: dict[str, PlacedFile]) -> None:
    """As after a cache of a CI service."""
    os.utime(tmp_path / "a", (1, 1))
    assert are_in_place(tmp_path, placed)
    assert unchanged_files(tmp_path, {"a": ABC}, placed) == {"a"}


def test_another_content_is_another_file(tmp_path: Path, placed: dict[str, PlacedFile]) -> None:
    (tmp_path / "a").write_text("abd")
    os.utime(tmp_path / "a", (1, 1))
    assert not are_in_place(tmp_path, placed)
    assert unchanged_files(tmp_path, {"a": ABC}, placed) == set()
    assert unchanged_files(tmp_path, {"a": str(file_digest(tmp_path / "a"))}, placed) == {"a"}


def test_a_missing_file_is_not_in_place(tmp_path: Path, placed: dict[str, PlacedFile]) -> None:
    (tmp_path / "a").unlink()
    assert not are_in_place(tmp_path, placed)
    assert unchanged_files(tmp_path, {"a": ABC}, placed) == set()


def test_a_file_that_was_never_put_in_place_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("abc")
    assert unchanged_files(tmp_path, {"a": ABC}, {}) == {"a"}


def test_former_files_are_those_of_the_manifest_and_none_without_one(tmp_path: Path) -> None:
    assert former_files(tmp_path) == {}
    (tmp_path / "manifest.json").write_text("mine", encoding="utf-8")
    assert former_files(tmp_path) == {}
    assert former_files(write_manifest(tmp_path, listed("a", b"abc"))) == {"a": ABC}


@pytest.mark.parametrize("name", ["../outside", "/outside"])
def test_a_manifest_that_lists_a_file_outside_its_folder_names_no_former_files(tmp_path: Path, name: str) -> None:
    assert former_files(write_manifest(tmp_path, listed(name), listed("a"))) == {}


def test_former_files_go_with_the_folders_that_this_empties_and_changed_ones_stay(tmp_path: Path) -> None:
    for name in ("kept", "gone", "changed", "trl/gone", "trl/deep/gone", "prm/gone", "prm/mine"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("abc")
    (tmp_path / "changed").write_text("mine")
    former = dict.fromkeys(("kept", "gone", "changed", "missing", "trl/gone", "trl/deep/gone", "prm/gone"), ABC)
    remove_former_files(tmp_path, former, {"kept"})
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")} == {"kept", "changed", "prm", "prm/mine"}
