"""`prm/prm.jsonl`, read as stepwise supervision is. TRL has had no trainer for it since 1.13; the reader here does what
that one did, and the model learns a label for each step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import DataCollatorForTokenClassification, PreTrainedTokenizerFast, Trainer, TrainingArguments

from .loss_table import LossTable
from .rows import load_rows
from .short_training import SETTINGS, train
from .tiny_model import step_model

FILE = "prm/prm.jsonl"
SEPARATOR = "\n"
# A handful of labels: the step that suits a thousand tokens is too long for them.
OURS = {"learning_rate": 1e-3}


def test_takes_steps(text_files: Path, tokenizer: PreTrainedTokenizerFast, losses: LossTable, tmp_path: Path) -> None:
    rows = load_rows(text_files / FILE)
    tokens = Dataset.from_list([labelled(row, tokenizer) for row in rows])
    trainer = Trainer(
        step_model(tokenizer),
        TrainingArguments(**{**SETTINGS, **OURS}, output_dir=str(tmp_path), per_device_train_batch_size=len(rows)),
        DataCollatorForTokenClassification(tokenizer),
        tokens,
    )
    first, last = train(trainer).losses
    losses.add("stepwise supervision", "token classification", FILE, "none", [first, last])
    assert last < first


def test_each_step_has_one_label_behind_its_text(text_files: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    for row in load_rows(text_files / FILE):
        tokens = labelled(row, tokenizer)
        ends = [place for place, label in enumerate(tokens["labels"]) if label != -100]
        assert [bool(tokens["labels"][end]) for end in ends] == row["labels"]
        texts = [tokenizer.decode(tokens["input_ids"][: end + 1]) for end in ends]
        assert texts == [row["prompt"] + _joined(row["completions"][: n + 1]) for n in range(len(ends))]


def test_the_steps_that_were_corrected_are_the_wrong_ones(text_files: Path) -> None:
    labels = {(row["trace_id"], row["annotator"]): row["labels"] for row in load_rows(text_files / FILE)}
    assert labels == {
        ("traj_001", "2"): [False, True, False],
        ("traj_010", "2"): [True, True, True],
        ("traj_014", "2"): [True, False, True, False, False],
        ("traj_014", "3"): [True, True, True, False, False],
    }


def labelled(row: dict[str, Any], tokenizer: PreTrainedTokenizerFast) -> dict[str, list[int]]:
    """The prompt, then the steps, each with a separator, whose token carries the label of the step."""
    ids: list[int] = tokenizer(row["prompt"])["input_ids"]
    labels = [-100] * len(ids)
    for text, label in zip(row["completions"], row["labels"], strict=True):
        step = tokenizer(text)["input_ids"] + tokenizer(SEPARATOR)["input_ids"]
        ids = ids + step
        labels += [-100] * (len(step) - 1) + [int(label)]
    return {"input_ids": ids, "labels": labels}


def _joined(steps: list[str]) -> str:
    return "".join(step + SEPARATOR for step in steps)
