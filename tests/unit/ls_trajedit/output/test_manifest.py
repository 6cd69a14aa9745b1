"""The manifest: what is written comes back, and what is not ours is refused."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.converters.formats.registry import FORMATS
from ls_trajedit.converters.plan import ExportPlan
from ls_trajedit.converters.training.rules import TrainingRules
from ls_trajedit.converters.training.split import parse_splits
from ls_trajedit.output.manifest import (
    Manifest,
    Origin,
    PulledProject,
    ShardedFile,
    WrittenFile,
    is_output_name,
    read_manifest,
)
from ls_trajedit.output.parquet import parquet_name
from ls_trajedit.traces.errors import DataError
from tests.support.manifests import listed, manifest_of
from tests.support.special_files import SPECIAL, put_special

COUNTS = Counts(
    tasks=7,
    drafts=2,
    kinds=Counter(edited=3, unedited=1, rejected=1, skipped=1),
    reasons=Counter({"a result": 1}),
    fields=Counter({"action": 4, "a \ud800 field": 1}),
    annotators={"ana": Counter(edited=3, rejected=1), "ben": Counter(unedited=1, skipped=1), "cleo": Counter()},
)
TALLY = {"characters": 9, "pairs": 1, "stale": 0, "left_out": {"no change": 2}}
PULLED = Manifest(
    Origin("http://h:8080", PulledProject(12, 'Agents "é"'), {"max_steps": None}, {"ls-trajedit": "1", "x": "2"}),
    {"formats": ["trl-dpo"], "records": 3},
    COUNTS,
    (listed("trl/dpo.jsonl", b"{}\n"), WrittenFile("trl/sft.jsonl", 3, "ab" * 32, TALLY), listed("rejects.jsonl")),
)
OF_CHATS = replace(
    PULLED,
    counts=replace(
        COUNTS,
        chats=3,
        calls=Counter(valid=1, missing=2),
        not_the_agents=4,
        removed_steps=1,
        inserted_steps=2,
        empty_insertions=3,
        remarks=5,
        duplicates=6,
        unopened=7,
        copies=8,
        lower_bounds=2,
        by_review=Counter(rejected=9),
    ),
)
CONVERTED = Manifest(Origin(None, None, {}, {}), None, Counts(), ())
IN_SHARDS = replace(
    PULLED,
    files=(listed("trl/dpo-00000-of-00002.jsonl", b"{}\n"), listed("trl/dpo-00001-of-00002.jsonl", b"{}\n")),
    sharded=(ShardedFile("trl/dpo.jsonl", "trl/dpo-*-of-00002.jsonl", 2, 2, TALLY),),
)


@pytest.mark.parametrize(
    "manifest", [PULLED, OF_CHATS, CONVERTED, IN_SHARDS], ids=["pulled", "chats", "converted", "in shards"]
)
def test_what_is_written_comes_back_and_gives_the_same_bytes(tmp_path: Path, manifest: Manifest) -> None:
    raw = manifest.to_bytes()
    (tmp_path / "manifest.json").write_bytes(raw)
    found = read_manifest(tmp_path)
    assert found.to_bytes() == raw
    assert (found.origin, found.training, found.files) == (manifest.origin, manifest.training, manifest.files)
    assert found.sharded == manifest.sharded
    assert found.counts.as_json() == manifest.counts.as_json()


def test_the_manifest_of_a_version_that_knew_no_training_files_is_read(tmp_path: Path) -> None:
    value = json.loads(CONVERTED.to_bytes())
    del value["training"]
    (tmp_path / "manifest.json").write_text(json.dumps(value), encoding="utf-8")
    assert read_manifest(tmp_path) == CONVERTED


def test_the_digests_are_those_of_all_files_with_the_manifest_last() -> None:
    digests = PULLED.digests()
    assert list(digests) == ["trl/dpo.jsonl", "trl/sft.jsonl", "rejects.jsonl", "manifest.json"]
    assert digests["trl/sft.jsonl"] == "ab" * 32
    assert digests["manifest.json"] == hashlib.sha256(PULLED.to_bytes()).hexdigest()


@pytest.mark.parametrize("place", ["", "nowhere", "file"])
def test_without_a_manifest_a_person_is_told_what_to_do(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"manifest\.json: not found; pull or convert into .* first"):
        read_manifest(tmp_path / place)


def test_a_manifest_that_cannot_be_read_is_an_error_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").mkdir()
    with pytest.raises(DataError, match=r"manifest\.json: cannot be read: Is a directory"):
        read_manifest(tmp_path)


WHOLE: dict[str, Any] = json.loads(PULLED.to_bytes())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "\0",
        "[]",
        "{}",
        '{"files": 3}',
        json.dumps({key: value for key, value in WHOLE.items() if key != "counts"}),
        json.dumps({**WHOLE, "files": 3}),
        json.dumps({**WHOLE, "files": [3]}),
        json.dumps({**WHOLE, "files": [{"file": "a"}]}),
        json.dumps({**WHOLE, "files": [{"file": "a", "rows": "1", "sha256": "x"}]}),
        json.dumps({**WHOLE, "counts": {}}),
        json.dumps({**WHOLE, "counts": {**WHOLE["counts"], "tasks": "7"}}),
        json.dumps({**WHOLE, "counts": {**WHOLE["counts"], "by_annotator": {"ana": 3}}}),
        json.dumps({**WHOLE, "project": {"id": "12", "title": "t"}}),
        json.dumps({**WHOLE, "host": 7}),
        json.dumps({**WHOLE, "versions": []}),
        json.dumps({**WHOLE, "training": "yes"}),
    ],
)
def test_what_is_not_a_manifest_is_called_that(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"is not a manifest of ls-trajedit; pull or convert again"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "/etc/hostname",
        "../secret",
        "a/../../secret",
        "..",
        "",
        7,
        None,
        "a\0b",
        "\ud800",
        "..\\secret",
        "C:\\secret",
        "C:secret",
        "\\secret",
        ".",
        "./a",
        "a//b",
        "a/",
        ".ls-trajedit/state.sqlite",
        ".LS-Trajedit/lock",
        ".writing-1/a",
        "manifest.json",
        "Manifest.JSON",
        "manifest.json/a",
        "manifest.json.",
        "CON",
        "nul.jsonl",
        "trl/com1.jsonl",
        "a ",
        "a.",
        "a:b",
        "a\nb",
        "é",
        "a" * 256,
        "a/" * 200 + "a",
    ],
)
def test_a_manifest_that_lists_anything_outside_its_folder_is_refused(tmp_path: Path, name: Any) -> None:
    file = {**manifest_of(listed("a")).files[0].as_json(), "file": name}
    (tmp_path / "manifest.json").write_text(json.dumps({**WHOLE, "files": [file]}), encoding="utf-8")
    with pytest.raises(DataError, match="which is not a file of this folder"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("a", "a"), "lists a twice"),
        (("a", "a/b"), "lists a both as a file and as the folder of a/b"),
        (("a/b/c", "a"), "lists a both as a file and as the folder of a/b/c"),
    ],
)
def test_a_manifest_with_two_files_in_one_place_is_refused(
    tmp_path: Path, names: tuple[str, str], message: str
) -> None:
    (tmp_path / "manifest.json").write_bytes(manifest_of(*map(listed, names)).to_bytes())
    with pytest.raises(DataError, match=message):
        read_manifest(tmp_path)


@pytest.mark.parametrize("kind", SPECIAL)
def test_a_manifest_that_is_not_a_file_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    put_special(tmp_path / "manifest.json", kind)
    with pytest.raises(DataError, match=r"cannot be read: manifest\.json is a (pipe|symbolic link|socket), not a file"):
        read_manifest(tmp_path)


def test_every_file_of_every_format_may_be_listed() -> None:
    rules = TrainingRules(split=parse_splits("train=1/2,test=1/2"))
    plan = ExportPlan(formats=tuple(FORMATS.values()), rules=rules, with_parquet=True)
    names = [name for name, _, _ in plan.files()]
    parquet = [parquet_name(name) for sources in plan.parquet_sources() for name in sources]
    assert len(names) > 10
    assert all(map(is_output_name, [*names, *parquet, "rejects.jsonl"]))


def test_a_file_without_a_hash_is_refused(tmp_path: Path) -> None:
    file = {"file": "missing", "rows": 0, "sha256": None}
    (tmp_path / "manifest.json").write_text(json.dumps({**WHOLE, "files": [file]}), encoding="utf-8")
    with pytest.raises(DataError, match="gives no hash of missing"):
        read_manifest(tmp_path)
