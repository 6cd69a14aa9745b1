"""What the names on the command line mean."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from ls_trajedit.convert.sources import Source, named_sources
from ls_trajedit.storage.address import Address
from ls_trajedit.traces.errors import UsageError


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b/10", "b/2", "b/deep/er/1", "b/.hidden", "b/.git/config", "a.json", "[x].json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("[]", encoding="utf-8")


def names(*given: str) -> list[str]:
    return [source.name for source in named_sources(given)]


def test_a_folder_is_all_that_is_in_it_but_what_is_hidden() -> None:
    assert named_sources(["b"]) == [
        Source(Path("b/10"), 2, is_found=True),
        Source(Path("b/2"), 2, is_found=True),
        Source(Path("b/deep/er/1"), 2, is_found=True),
    ]


def test_what_an_earlier_run_wrote_into_the_folder_is_not_read_again(tmp_path: Path) -> None:
    (tmp_path / "b" / "data" / ".ls-trajedit").mkdir(parents=True)
    (tmp_path / "b" / "data" / "manifest.json").write_text("{}", encoding="utf-8")
    assert names("b") == ["b/10", "b/2", "b/deep/er/1"]
    assert names("b/data") == ["b/data/manifest.json"]


def test_sources_are_in_the_order_of_their_names_and_each_is_there_once() -> None:
    assert names("b", "a.json", "-", "-", "b/2", "./a.json", "b/*") == [
        "standard input",
        "a.json",
        "b/10",
        "b/2",
        "b/deep/er/1",
    ]


def test_what_was_also_named_itself_counts_as_named() -> None:
    assert {source.name: source.is_found for source in named_sources(["b", "b/2"])} == {
        "b/10": True,
        "b/2": False,
        "b/deep/er/1": True,
    }


def test_a_pattern_is_what_fits_it_unless_a_file_has_that_very_name() -> None:
    assert names("b/**/1") == ["b/deep/er/1"]
    assert names("*.json") == ["[x].json", "a.json"]
    assert named_sources(["[x].json"]) == [Source(Path("[x].json"), 2)]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none", "none: cannot be read: No such file or directory"),
        ("none*", "none*: no file has a name like this"),
        ("empty", "empty: there is no file in this folder"),
        ("s3://", "s3://: names nothing; an address is like s3://bucket/folder"),
        ("ftp://host/x", "ftp://: not a kind of address that is read; known are az, gs, hf, http, https, s3"),
    ],
)
def test_what_is_not_there_is_a_mistake_in_the_command(name: str, message: str) -> None:
    Path("empty").mkdir()
    with pytest.raises(UsageError) as raised:
        named_sources([name])
    assert str(raised.value) == message


def test_a_source_can_be_sent_to_another_machine() -> None:
    source = Source(Address("s3", "bucket/1"), 5, is_found=True)
    assert pickle.loads(pickle.dumps(source)) == source


def test_only_a_file_is_the_same_when_it_is_opened_again(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    places = [Path("a.json"), Path("pipe"), None, Address("s3", "bucket/1")]
    assert [Source(place).is_local_file for place in places] == [True, False, False, False]
