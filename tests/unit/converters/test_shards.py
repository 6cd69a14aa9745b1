"""Which shard a task is in, and what the shards are called."""

from __future__ import annotations

import hashlib
from collections import Counter

import pytest

from ls_trajedit.converters.shards import Shard, shard_of, shards_pattern, whole_name


def test_the_shard_is_that_of_the_key_whatever_the_json_says() -> None:
    # The hash of `[12, 7]`, as `json.dumps` writes it.
    digest = hashlib.blake2b(b"[12, 7]", digest_size=8).digest()
    assert shard_of((12, 7), b"anything", 32) == int.from_bytes(digest, "big") % 32
    # A text is not a number, and a project not none.
    assert len({shard_of(key, b"", 10_000) for key in ((12, 7), (12, "7"), ("12", 7), (None, 7))}) == 4


def test_a_task_without_a_key_is_in_the_shard_of_its_json() -> None:
    assert shard_of(None, b"{}", 10_000) == shard_of(None, b"{}", 10_000) != shard_of(None, b"{ }", 10_000)


def test_shards_are_of_about_one_size() -> None:
    sizes = Counter(shard_of((1, number), b"", 8) for number in range(8000))
    assert sorted(sizes) == list(range(8))
    assert min(sizes.values()) > 800


@pytest.mark.parametrize(
    ("file", "in_folder", "shard"),
    [
        ("rejects.jsonl", False, "rejects-00003-of-00032.jsonl"),
        ("trl/dpo.train.jsonl", False, "trl/dpo.train-00003-of-00032.jsonl"),
        ("llamafactory/sft.test.json", True, "llamafactory/sft.test/sft.test-00003-of-00032.json"),
    ],
)
def test_names_of_shards_lead_back_to_the_file(file: str, in_folder: bool, shard: str) -> None:
    assert Shard(3, 32).file_name(file, in_folder=in_folder) == shard
    assert whole_name(shard) == file
    assert shards_pattern(shard) == shard.replace("00003", "*")


@pytest.mark.parametrize("file", ["trl/dpo.jsonl", "a-00001-of-2.json", "00001-of-00002/a.json", "sft/sft.json", "x"])
def test_other_names_are_no_shards(file: str) -> None:
    assert whole_name(file) == shards_pattern(file) == file
