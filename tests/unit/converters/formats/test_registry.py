"""The formats: their names, their order and their files."""

from __future__ import annotations

import pickle

import pytest

from ls_trajedit.converters.formats import interchange
from ls_trajedit.converters.formats.registry import FORMATS, formats_named


def test_the_files_have_the_names_and_the_order_of_the_documentation() -> None:
    assert [(name, [file.file for file in format_.files]) for name, format_ in FORMATS.items()] == [
        ("corrections", ["trajectory_corrections.json"]),
        ("sft", ["trajectory_sft.jsonl"]),
        ("dpo", ["trajectory_dpo.jsonl"]),
        ("trl-sft", ["trl/sft.jsonl", "trl/sft_prompt_completion.jsonl"]),
        ("trl-dpo", ["trl/dpo.jsonl"]),
        ("trl-dpo-trajectory", ["trl/dpo_trajectory.jsonl"]),
        ("trl-kto", ["trl/kto.jsonl"]),
        ("prm", ["prm/prm.jsonl"]),
        ("openai-sft", ["openai/sft.jsonl"]),
        ("openai-dpo", ["openai/dpo.jsonl"]),
        ("llamafactory", ["llamafactory/sft.json", "llamafactory/dpo.json", "llamafactory/dataset_info.json"]),
        ("atif", ["atif/corrected.jsonl", "atif/original.jsonl"]),
        ("native", ["native/corrected.jsonl"]),
    ]


def test_the_default_is_the_interchange_format() -> None:
    assert [format_.name for format_ in interchange.FORMATS] == ["corrections", "sft", "dpo"]


def test_formats_are_named_in_any_order_and_all_is_every_one() -> None:
    assert formats_named(["dpo", "trl-kto", "dpo", "corrections"]) == tuple(
        FORMATS[name] for name in ("corrections", "dpo", "trl-kto")
    )
    assert formats_named(["all"]) == formats_named(["prm", "all"]) == tuple(FORMATS.values())


def test_an_unknown_format_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(
        ValueError, match=r"`trl_dpo` is not a format; did you mean `trl-dpo`\? \(formats: corrections, "
    ):
        formats_named(["corrections", "trl_dpo"])


def test_every_format_can_be_sent_to_another_process() -> None:
    for format_ in FORMATS.values():
        assert pickle.loads(pickle.dumps(format_)) == format_
