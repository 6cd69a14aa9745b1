"""The dataset card: what `load_dataset` finds by it, and what a person reads."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import yaml

from ls_trajedit.hub.card import card_text, loadable_sets
from ls_trajedit.output.manifest import Manifest, ShardedFile, WrittenFile
from tests.support.manifests import manifest_of


def manifest(*files: tuple[str, int], title: str = "Agents") -> Manifest:
    written = (WrittenFile(file, rows, "0" * 64) for file, rows in files)
    annotators = {"7": Counter[str](), "8": Counter[str]()}
    return manifest_of(*written, title=title, tasks=1200, kinds=Counter(edited=2), annotators=annotators)


def sets_of(*files: tuple[str, int]) -> dict[str, dict[str, str]]:
    return loadable_sets(manifest(*files).files)


def head(card: str) -> dict[str, Any]:
    """The YAML at the top of a card."""
    return dict(yaml.safe_load(card.split("---\n")[1]))


def test_each_set_of_training_rows_has_its_name() -> None:
    files = [
        "trl/sft.jsonl",
        "trl/sft_prompt_completion.jsonl",
        "prm/prm.jsonl",
        "openai/dpo.jsonl",
        "llamafactory/sft.json",
    ]
    assert sets_of(*((file, 1) for file in files)) == {
        "trl-sft": {"train": "trl/sft.jsonl"},
        "trl-sft-prompt-completion": {"train": "trl/sft_prompt_completion.jsonl"},
        "prm": {"train": "prm/prm.jsonl"},
        "openai-dpo": {"train": "openai/dpo.jsonl"},
        "llamafactory-sft": {"train": "llamafactory/sft.json"},
    }


def test_the_files_of_a_split_are_the_splits_of_a_set() -> None:
    assert sets_of(("trl/dpo.train.jsonl", 9), ("trl/dpo.test.jsonl", 1)) == {
        "trl-dpo": {"train": "trl/dpo.train.jsonl", "test": "trl/dpo.test.jsonl"}
    }


def test_parquet_is_what_is_loaded_where_there_is_both() -> None:
    assert sets_of(("trl/dpo.jsonl", 9), ("trl/dpo.parquet", 9)) == {"trl-dpo": {"train": "trl/dpo.parquet"}}


def test_the_shards_of_a_file_are_one_pattern() -> None:
    shards = [("trl/dpo.test-00000-of-00002.jsonl", 1), ("trl/dpo.test-00001-of-00002.jsonl", 4)]
    folder = [("llamafactory/sft/sft-00001-of-00002.json", 3), ("trl/sft-00000-of-00002.jsonl", 0)]
    assert sets_of(*shards, *folder) == {
        "trl-dpo": {"test": "trl/dpo.test-*-of-00002.jsonl"},
        "llamafactory-sft": {"train": "llamafactory/sft/sft-*-of-00002.json"},
    }


def test_shards_of_parquet_are_loaded_where_there_is_both() -> None:
    both = [("trl/dpo-00000-of-00002.jsonl", 2), ("trl/dpo-00000-of-00002.parquet", 2)]
    assert sets_of(*both) == {"trl-dpo": {"train": "trl/dpo-*-of-00002.parquet"}}


def test_the_card_lists_the_shards_of_a_file_once() -> None:
    pattern = "trl/dpo-*-of-00002.jsonl"
    whole = manifest(("trl/dpo-00000-of-00002.jsonl", 2000), ("trl/dpo-00001-of-00002.jsonl", 1))
    card = card_text(replace(whole, sharded=(ShardedFile("trl/dpo.jsonl", pattern, 2, 2001),)), "ana/traces", None)
    assert "| trl/dpo-&#42;-of-00002.jsonl | 2,001 | trl-dpo |" in card.splitlines()
    assert "00001-of" not in card


def test_what_cannot_be_loaded_is_in_no_set() -> None:
    left_out = ["trajectory_sft.jsonl", "trajectory_corrections.json", "manifest.json"]
    assert sets_of(*((file, 1) for file in left_out), ("trl/dpo.jsonl", 0), ("llamafactory/dataset_info.json", 0)) == {}


def test_a_card_without_sets_names_none() -> None:
    card = card_text(manifest(("trajectory_sft.jsonl", 2)), "ana/traces", None)
    assert head(card) == {"tags": ["ls-trajedit"]}
    assert "load_dataset(" not in card


def test_the_card_says_how_many_and_how_it_was_made() -> None:
    card = card_text(manifest(("trl/dpo.jsonl", 2000)), "ana/traces", None)
    for line in ("| tasks | 1,200 |", "| edited | 2 |", "| trl/dpo.jsonl | 2,000 | trl-dpo |", "- ls-trajedit 0.1.0"):
        assert line in card.splitlines()
    assert "- Label Studio project 12" in card
    assert "- fields that could be corrected: thought, action" in card
    assert "- 2 annotators" in card


def test_the_card_counts_removed_and_inserted_steps_where_there_are_any() -> None:
    assert "steps" not in card_text(manifest(), "me/traces", None).split("## Files")[0].split("| --- |")[1]
    with_steps = card_text(manifest_of(removed_steps=2, inserted_steps=1300), "me/traces", None)
    assert "| excluded | 0 |\n| removed steps | 2 |\n| inserted steps | 1,300 |" in with_steps


def test_a_card_names_its_licence_or_says_that_there_is_none() -> None:
    assert head(card_text(manifest(), "ana/traces", "mit"))["license"] == "mit"
    without = card_text(manifest(), "ana/traces", None)
    assert "license" not in head(without)
    assert "None is given" in without


def test_a_title_can_hold_anything_and_stays_a_title() -> None:
    card = card_text(manifest(title="a\n---\n[x](y) <script>"), "ana/traces", "mit: x\n- y")
    assert head(card)["license"] == "mit: x\n- y"
    assert "# a --- &#91;x&#93;(y) &#60;script&#62;" in card.splitlines()
