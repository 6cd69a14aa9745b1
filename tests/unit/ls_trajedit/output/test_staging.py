"""Staging of a local folder; tests/contract/test_output_at_addresses.py is about addresses."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from ls_trajedit.output.publication import Publication
from ls_trajedit.output.staging import (
    move_staged,
    open_output,
    publish_output,
    publish_staged,
    staging_work,
    work_folder,
)
from ls_trajedit.traces.errors import DataError, SetupError
from tests.support.manifests import listed, manifest_of, write_manifest


def test_what_workers_stage_is_published(tmp_path: Path) -> None:
    place = tmp_path / "data"
    with open_output(place) as output:
        staging = pickle.loads(pickle.dumps(output.staging))
        with staging_work(staging) as work:
            (work / "file").write_bytes(b"rows")
            move_staged(staging, "trl/dpo.jsonl", work / "file")
        assert [path for path in place.rglob("*") if path.is_file() and path.name == "manifest.json"] == []
        assert publish_staged(output, manifest_of(listed("trl/dpo.jsonl", b"rows"))) == Publication([])
    assert (place / "trl" / "dpo.jsonl").read_bytes() == b"rows"
    assert sorted(path.name for path in place.iterdir()) == [".ls-trajedit", "manifest.json", "trl"]


def test_a_folder_is_locked_and_says_what_its_files_were_made_of(tmp_path: Path) -> None:
    write_manifest(tmp_path)
    with open_output(tmp_path) as output, work_folder(output) as folder:
        assert folder.parent == tmp_path
        assert output.annotations_before == 0
        with pytest.raises(SetupError, match="another ls-trajedit is writing there"), open_output(tmp_path):
            pass
        (folder / "a.jsonl").write_bytes(b"a")
        publish_output(output, folder, manifest_of(listed("a.jsonl", b"a")))
    assert not folder.exists()


def test_damaged_memory_is_said_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / ".ls-trajedit").mkdir()
    (tmp_path / ".ls-trajedit" / "written.json").write_text("{")
    with pytest.raises(DataError, match="is damaged"), open_output(tmp_path):
        raise AssertionError("the input is read here")
