"""Which files are in an output folder, and which of them are as they were written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ls_trajedit.output.inventory import (
    CheckedFile,
    LeftFile,
    PlacedFile,
    are_in_place,
    file_digest,
    placed_files,
    remove_unlisted,
    unchanged_files,
    unlisted_files,
    verify,
    written_files,
)
from ls_trajedit.output.private import read_written, write_written
from ls_trajedit.traces.errors import DataError
from tests.support.manifests import listed, write_manifest
from tests.support.special_files import put_special

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


ABCD = frozenset([ABC])


@pytest.fixture
def remembering(tmp_path: Path) -> Path:
    """A folder that a run has had before."""
    (tmp_path / ".ls-trajedit").mkdir()
    return tmp_path


def place(folder: Path, *names: str, content: str = "abc") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


def names_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_what_is_remembered_comes_back(remembering: Path) -> None:
    assert read_written(remembering) == {}
    written = {"trl/dpo.jsonl": frozenset(["a", "b"]), "a": ABCD}
    write_written(remembering, written)
    assert read_written(remembering) == written


@pytest.mark.parametrize("text", ["", "[]", '{"files": 3}', '{"files": {"../a": ["x"]}}', '{"files": {"a": 3}}'])
def test_a_damaged_memory_is_an_error_and_not_forgotten_files(remembering: Path, text: str) -> None:
    (remembering / ".ls-trajedit" / "written.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"written\.json: is damaged, .* remove this one, and run the command again"):
        written_files(remembering)


def test_earlier_runs_are_known_by_the_manifest_and_by_what_is_remembered(remembering: Path) -> None:
    assert written_files(remembering) == {}
    write_written(remembering, {"a": frozenset(["old"]), "b": ABCD})
    assert written_files(remembering) == {"a": frozenset(["old"]), "b": ABCD}
    write_manifest(remembering, listed("a", b"abc"))
    assert written_files(remembering) == {"a": frozenset(["old", ABC]), "b": ABCD}
    (remembering / "manifest.json").write_text("mine", encoding="utf-8")
    assert written_files(remembering) == {"a": frozenset(["old"]), "b": ABCD}


def test_an_earlier_version_remembered_nothing_but_the_manifest(tmp_path: Path) -> None:
    assert written_files(write_manifest(tmp_path, listed("a", b"abc"))) == {"a": ABCD}
    place(tmp_path, "a", "trl/dpo.jsonl")
    assert verify(tmp_path) == [CheckedFile("a", None)]


def test_a_file_that_only_an_earlier_run_wrote_is_unlisted_and_one_that_somebody_changed_is_kept(
    remembering: Path,
) -> None:
    place(remembering, "a", "left", "nobodys")
    place(remembering, "changed", content="mine")
    (remembering / "folder").mkdir()
    (remembering / "link").symlink_to("a")
    write_written(remembering, dict.fromkeys(("a", "left", "changed", "folder", "link", "gone"), ABCD))
    assert verify(write_manifest(remembering, listed("a", b"abc"))) == [
        CheckedFile("a", None),
        CheckedFile("changed", "kept"),
        CheckedFile("left", "unlisted"),
        CheckedFile("link", "kept"),
    ]


def test_unlisted_files_go_with_the_folders_that_this_empties_and_changed_ones_stay(tmp_path: Path) -> None:
    place(tmp_path, "listed", "gone", "changed", "trl/gone", "trl/deep/gone", "prm/gone", "prm/mine")
    (tmp_path / "changed").write_text("mine")
    (tmp_path / "emptied" / "deep").mkdir(parents=True)
    gone = ("gone", "missing", "trl/gone", "trl/deep/gone", "prm/gone", "emptied/deep/before")
    written = dict.fromkeys(("listed", "changed", *gone), ABCD)
    assert remove_unlisted(tmp_path, written, {"listed"}) == [LeftFile("changed", None)]
    assert names_in(tmp_path) == {"listed", "changed", "prm", "prm/mine"}


def test_a_file_that_cannot_be_removed_is_named_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place(tmp_path, "a", "b")

    def unlink(path: Path) -> None:
        if path.name == "a":
            raise PermissionError(13, "Permission denied")
        os.unlink(path)  # noqa: PTH108 - what `Path.unlink`, which this replaces, does

    monkeypatch.setattr(Path, "unlink", unlink)
    assert remove_unlisted(tmp_path, {"a": ABCD, "b": ABCD}, ()) == [LeftFile("a", "Permission denied")]
    assert names_in(tmp_path) == {"a"}


def test_two_names_of_one_file_are_no_reason_to_remove_it(tmp_path: Path) -> None:
    """As on macOS and Windows, after `--split Train=0.9,…` became `--split train=0.9,…`."""
    place(tmp_path, "dpo.train.jsonl")
    (tmp_path / "dpo.Train.jsonl").hardlink_to(tmp_path / "dpo.train.jsonl")
    assert remove_unlisted(tmp_path, {"dpo.Train.jsonl": ABCD}, {"dpo.train.jsonl"}) == []
    assert (tmp_path / "dpo.train.jsonl").read_text() == "abc"


def test_nothing_is_removed_or_read_through_a_link_out_of_the_folder(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "data"
    place(outside, "gone", "deep/gone")
    folder.mkdir()
    (folder / "trl").symlink_to(outside)
    (folder / "file").symlink_to(outside / "gone")
    written = dict.fromkeys(("trl/gone", "trl/deep/gone", "file"), ABCD)
    assert [left.file for left in remove_unlisted(folder, written, ())] == ["file", "trl/deep/gone", "trl/gone"]
    assert names_in(outside) == {"gone", "deep", "deep/gone"}
    assert unchanged_files(folder, dict.fromkeys(written, ABC), {}) == set()
    write_manifest(folder, listed("trl/gone", b"abc"), listed("file", b"abc"))
    assert [file.problem for file in verify(folder)] == ["special", "special"]
    assert list(unlisted_files(folder, {"trl/gone": ABCD}, ())) == [CheckedFile("trl/gone", "kept")]


@pytest.mark.parametrize("kind", ["pipe", "zero", "dangling", "loop", "socket"])
def test_what_is_not_a_file_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    put_special(tmp_path / "a", kind)
    assert verify(write_manifest(tmp_path, listed("a", b"abc"))) == [CheckedFile("a", "special")]
    assert unchanged_files(tmp_path, {"a": ABC}, {}) == set()
    assert not are_in_place(tmp_path, {"a": PlacedFile(ABC, 3, 0)})
