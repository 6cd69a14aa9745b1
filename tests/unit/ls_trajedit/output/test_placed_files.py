"""Whether the output files are those that were put in place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ls_trajedit.output.folder import file_digest
from ls_trajedit.output.placed_files import PlacedFiles, are_in_place, digest_in_place, placed_files

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.fixture
def placed(tmp_path: Path) -> PlacedFiles:
    (tmp_path / "a").write_text("abc")
    return placed_files(tmp_path, [("a", ABC)])


def test_a_file_that_nobody_touched_is_not_read_again(
    tmp_path: Path, placed: PlacedFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("ls_trajedit.output.placed_files.file_digest")
    assert digest_in_place(tmp_path, "a", placed) == ABC
    assert are_in_place(tmp_path, placed)


def test_a_copy_with_another_date_is_the_same_file(tmp_path: Path, placed: PlacedFiles) -> None:
    """As after a cache of a CI service."""
    os.utime(tmp_path / "a", (1, 1))
    assert are_in_place(tmp_path, placed)


def test_another_content_is_another_file(tmp_path: Path, placed: PlacedFiles) -> None:
    (tmp_path / "a").write_text("abd")
    os.utime(tmp_path / "a", (1, 1))
    assert not are_in_place(tmp_path, placed)
    assert digest_in_place(tmp_path, "a", placed) == file_digest(tmp_path / "a")


def test_a_missing_file_is_not_in_place(tmp_path: Path, placed: PlacedFiles) -> None:
    (tmp_path / "a").unlink()
    assert not are_in_place(tmp_path, placed)
    assert digest_in_place(tmp_path, "a", placed) is None


def test_a_file_that_was_never_put_in_place_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("abc")
    assert digest_in_place(tmp_path, "a", {}) == ABC
