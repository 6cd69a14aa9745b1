"""The formats: their names and files, and what a record becomes in those of the interchange format."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.converters.formats.base import TrainingRow
from ls_trajedit.converters.formats.registry import DEFAULT_FORMATS, FORMATS, formats_named
from ls_trajedit.converters.training.sample import Sample
from tests.support.strategies import exact

RECORD: dict[str, Any] = {
    "trace_id": "traj_001",
    "annotator": "3",
    "task": "Find the weather.",
    "original_trace": {"task": "Find the weather.", "steps": [{"action": "queyr"}]},
    "corrected_trace": {"task": "Find the weather.", "steps": [{"action": "query"}]},
    "edits": [{"field": "action"}],
    "n_edits": 1,
    "total_edit_distance": 2,
    "source": {"task_id": 5},
}
UNEDITED = {**RECORD, "corrected_trace": RECORD["original_trace"], "edits": [], "n_edits": 0, "total_edit_distance": 0}


def values(name: str, record: dict[str, Any]) -> list[Any]:
    (file,) = FORMATS[name].files
    return [row.values for row in file.rows(Sample(record)) if isinstance(row, TrainingRow)]


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
    ]


def test_the_default_is_the_interchange_format() -> None:
    assert [format_.name for format_ in DEFAULT_FORMATS] == ["corrections", "sft", "dpo"]


def test_formats_are_named_in_any_order_and_all_is_every_one() -> None:
    assert formats_named(["dpo", "trl-kto", "dpo", "corrections"]) == tuple(
        FORMATS[name] for name in ("corrections", "dpo", "trl-kto")
    )
    assert formats_named(["all"]) == formats_named(["prm", "all"]) == tuple(FORMATS.values())


def test_a_format_that_is_not_there_is_told_with_the_nearest_one() -> None:
    with pytest.raises(ValueError, match=r"`trl_dpo` is no format; did you mean `trl-dpo`\? \(formats: corrections, "):
        formats_named(["corrections", "trl_dpo"])


def test_every_format_can_be_sent_to_another_process() -> None:
    for format_ in FORMATS.values():
        assert pickle.loads(pickle.dumps(format_)) == format_


@pytest.mark.parametrize("record", [RECORD, UNEDITED])
def test_the_corrections_hold_every_record_as_it_is(record: dict[str, Any]) -> None:
    assert values("corrections", record) == [record]


def test_a_line_to_fine_tune_on_is_the_task_and_the_corrected_trace() -> None:
    assert exact(values("sft", RECORD)) == exact(
        [{"prompt": "Find the weather.", "completion": RECORD["corrected_trace"], "trace_id": "traj_001"}]
    )


def test_a_preference_is_the_corrected_trace_over_the_original() -> None:
    assert exact(values("dpo", RECORD)) == exact(
        [
            {
                "prompt": "Find the weather.",
                "chosen": RECORD["corrected_trace"],
                "rejected": RECORD["original_trace"],
                "trace_id": "traj_001",
            }
        ]
    )


@pytest.mark.parametrize("name", ["sft", "dpo"])
def test_there_is_nothing_to_train_on_in_an_unedited_trace(name: str) -> None:
    assert values(name, UNEDITED) == []


def test_the_corrections_end_with_what_was_counted() -> None:
    counts = Counts()
    counts.kinds.update({"edited": 2, "unedited": 3, "rejected": 4})
    tail = FORMATS["corrections"].files[0].tail
    assert tail is not None
    assert tail(counts, ["train", "test"]) == b'\n],\n"n_total": 5,\n"n_edited": 2,\n"n_unedited": 3}\n'
