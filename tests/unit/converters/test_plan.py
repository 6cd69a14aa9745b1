"""The export plan: which files it writes."""

from __future__ import annotations

from ls_trajedit.converters.formats.registry import formats_named
from ls_trajedit.converters.plan import ExportPlan
from ls_trajedit.converters.training.rules import TrainingRules
from ls_trajedit.converters.training.split import parse_splits
from tests.support.samples import record_of

FORMATS = formats_named(["sft", "trl-dpo", "llamafactory"])
RECORD = record_of(["go"], task="Find the weather in San Francisco.")
SPLITS = TrainingRules(split=parse_splits("train=0.5,test=0.5"))


def test_without_splits_every_file_has_its_own_name() -> None:
    plan = ExportPlan(FORMATS)
    assert [(name, for_training) for name, _, for_training in plan.files()] == [
        ("trajectory_sft.jsonl", False),
        ("trl/dpo.jsonl", True),
        ("llamafactory/sft.json", True),
        ("llamafactory/dpo.json", True),
        ("llamafactory/dataset_info.json", True),
    ]
    assert [plan.file_name(file, RECORD) for _, file, _ in plan.files()] == [name for name, _, _ in plan.files()]


def test_splits_divide_the_training_files_and_nothing_else() -> None:
    plan = ExportPlan(FORMATS, rules=SPLITS)
    assert plan.splits == ("train", "test")
    assert [name for name, _, _ in plan.files()] == [
        "trajectory_sft.jsonl",
        *("trl/dpo.train.jsonl", "trl/dpo.test.jsonl"),
        *("llamafactory/sft.train.json", "llamafactory/sft.test.json"),
        *("llamafactory/dpo.train.json", "llamafactory/dpo.test.json"),
        "llamafactory/dataset_info.json",
    ]
    (dpo,) = FORMATS[1].files
    assert plan.file_name(dpo, RECORD) == "trl/dpo.train.jsonl"


def test_a_trace_without_a_task_is_in_the_split_of_its_id() -> None:
    plan = ExportPlan(FORMATS, rules=SPLITS)
    (dpo,) = FORMATS[1].files
    names = [plan.file_name(dpo, record_of(["go"], task="", trace_id=f"t{number}")) for number in range(20)]
    assert set(names) == {"trl/dpo.train.jsonl", "trl/dpo.test.jsonl"}


def test_parquet_files_stand_beside_files_of_rows_with_their_splits_together() -> None:
    assert list(ExportPlan(FORMATS, rules=SPLITS).parquet_sources()) == []
    assert list(ExportPlan(FORMATS, rules=SPLITS, with_parquet=True).parquet_sources()) == [
        ["trl/dpo.train.jsonl", "trl/dpo.test.jsonl"],
        ["llamafactory/sft.train.json", "llamafactory/sft.test.json"],
        ["llamafactory/dpo.train.json", "llamafactory/dpo.test.json"],
    ]
