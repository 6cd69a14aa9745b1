"""`pull --to parquet`: the same promises as for the other files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from .hostile_label_studio import corrected
from .puller import Puller

PARQUET = ("--format", "trl-dpo", "--to", "parquet")


@pytest.fixture
def puller(puller: Puller) -> Puller:
    """Somebody with a project of two corrected tasks."""
    for _ in range(2):
        puller.label_studio.annotate(puller.label_studio.add_task(), corrected("better"))
    puller.label_studio.pass_time()
    return puller


def test_the_file_is_listed_and_verified_and_holds_the_rows_of_the_json_file(puller: Puller) -> None:
    assert puller.pull(*PARQUET).exit_code == 0
    file = puller.folder / "trl" / "dpo.parquet"
    assert pq.read_table(file).to_pylist() == puller.read("trl/dpo.jsonl")
    listed = {entry["file"]: entry for entry in puller.read("manifest.json")["files"]}
    assert listed["trl/dpo.parquet"]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert listed["trl/dpo.parquet"]["rows"] == listed["trl/dpo.jsonl"]["rows"] == 2
    file.write_bytes(b"PAR1")
    assert puller.run("verify", str(puller.folder)).exit_code == 5


def test_a_pull_of_everything_ends_in_the_same_bytes_as_one_of_what_changed(puller: Puller, tmp_path: Path) -> None:
    puller.pull(*PARQUET)
    puller.label_studio.annotate(puller.label_studio.add_task(), corrected("new"))
    puller.pull(*PARQUET)
    puller.pull(*PARQUET, into=tmp_path / "other")
    one, other = ((folder / "trl" / "dpo.parquet").read_bytes() for folder in (puller.folder, tmp_path / "other"))
    assert one == other
    assert len(puller.read("trl/dpo.jsonl")) == 3


def test_with_nothing_new_the_file_is_left_alone_and_without_the_option_it_goes(puller: Puller) -> None:
    puller.pull(*PARQUET)
    file = puller.folder / "trl" / "dpo.parquet"
    before = file.stat().st_mtime_ns
    puller.label_studio.pass_time()
    assert puller.pull(*PARQUET).out.startswith("up to date")
    assert file.stat().st_mtime_ns == before
    assert puller.pull("--format", "trl-dpo").exit_code == 0
    assert not file.exists()


def test_parquet_of_no_training_file_is_refused_before_anything_is_read(puller: Puller) -> None:
    ran = puller.pull("--to", "parquet")
    assert ran.exit_code == 2
    assert "none of the formats is for training" in ran.err
    assert "tasks" not in ran.asked


def test_a_pull_cannot_be_both_checked_and_pushed(puller: Puller) -> None:
    ran = puller.pull("--check", "--push-to-hub", "ana/traces")
    assert (ran.exit_code, ran.asked) == (2, [])
