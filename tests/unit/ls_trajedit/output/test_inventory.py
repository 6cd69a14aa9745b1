"""Files in an output folder against its manifest."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from ls_trajedit.output.inventory import CheckedFile, verify
from ls_trajedit.traces.errors import DataError


def manifest(folder: Path, *files: Any) -> None:
    (folder / "manifest.json").write_text(json.dumps({"files": list(files)}), encoding="utf-8")


def listed(name: Any, content: bytes = b"") -> dict[str, Any]:
    return {"file": name, "rows": 1, "sha256": hashlib.sha256(content).hexdigest()}


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
    manifest(tmp_path, *files)
    assert verify(tmp_path) == [
        CheckedFile("right", None),
        CheckedFile("changed", "changed"),
        CheckedFile("missing", "missing"),
        CheckedFile("folder", "missing"),
        CheckedFile("deep/right", None),
    ]


def test_without_a_manifest_nothing_can_be_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"manifest\.json: is not there, so nothing says what the files should be"):
        verify(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"files": 3}', '{"files": [{"file": "a"}]}', '{"files": [3]}'])
def test_what_is_no_manifest_is_told_as_that(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="is no manifest of ls-trajedit"):
        verify(tmp_path)


@pytest.mark.parametrize("name", ["/etc/hostname", "../secret", "a/../../secret", 7, None, "a\0b"])
def test_a_file_outside_the_folder_is_not_looked_at(tmp_path: Path, name: Any) -> None:
    manifest(tmp_path, listed(name))
    with pytest.raises(DataError, match="which is no file of this folder"):
        verify(tmp_path)


def test_a_file_without_a_hash_is_not_taken_for_right(tmp_path: Path) -> None:
    manifest(tmp_path, {"file": "missing", "rows": 0, "sha256": None})
    with pytest.raises(DataError, match="gives no hash of missing"):
        verify(tmp_path)
