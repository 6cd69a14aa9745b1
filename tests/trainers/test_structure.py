"""The trainers on the rows of removed and inserted steps: TRL's, and one for stepwise supervision. OpenAI's files and
those of LLaMA-Factory are checked with the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedTokenizerFast, Trainer
from trl import DPOConfig, DPOTrainer, KTOTrainer, RewardTrainer

from .chat_templates import around_a_turn, with_template
from .learned_text import around, texts_where
from .loss_table import LossTable
from .rows import json_lines, load_rows
from .short_training import start_training, train
from .test_prm import labelled
from .test_tool_calls import TRAININGS
from .tiny_model import causal_model, reward_model

TEMPLATE = "qwen3"
# The sides of a trajectory are nearly the same, and what suits a single step overshoots.
OURS = {"learning_rate": 1e-3}


@pytest.mark.parametrize("folder", ["structure_text_files", "structure_tool_files"])
@pytest.mark.parametrize(("name", "file", "trainer", "config", "settings"), TRAININGS)
def test_takes_steps(
    request: pytest.FixtureRequest,
    tokenizer: PreTrainedTokenizerFast,
    losses: LossTable,
    tmp_path: Path,
    folder: str,
    name: str,
    file: str,
    trainer: type[Trainer],
    config: type[Any],
    settings: dict[str, Any],
) -> None:
    tokenizer = with_template(tokenizer, TEMPLATE)
    model = reward_model(tokenizer) if trainer is RewardTrainer else causal_model(tokenizer)
    more = {"ref_model": causal_model(tokenizer)} if trainer in (DPOTrainer, KTOTrainer) else {}
    rows = load_rows(request.getfixturevalue(folder) / file)
    first, last = train(
        start_training(trainer, config, model, rows, tokenizer, tmp_path, more, **{**OURS, **settings})
    ).losses
    losses.add(folder, name, file, TEMPLATE, [first, last])
    assert last < first


def test_what_was_removed_and_inserted_is_learned_on_its_side_after_one_prompt(
    structure_text_files: Path, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    tokenizer = with_template(tokenizer, TEMPLATE)
    more, rows = {"ref_model": causal_model(tokenizer)}, load_rows(structure_text_files / "trl/dpo.jsonl")
    trainer = start_training(DPOTrainer, DPOConfig, causal_model(tokenizer), rows, tokenizer, tmp_path, more)
    learned = []
    for row in trainer.train_dataset:
        batch = trainer.data_collator([row])
        start = len(row["prompt_ids"])
        assert torch.equal(batch["input_ids"][0][:start], batch["input_ids"][1][:start])
        for side, ids, mask in zip(("chosen", "rejected"), batch["input_ids"], batch["completion_mask"], strict=True):
            (text,) = texts_where(mask, ids, tokenizer)
            learned.append((text, row[side][0]["content"]))
    assert around(learned) == {around_a_turn(tokenizer)}
    acts = [text.splitlines()[-1].removeprefix("Action: ") for _, text in learned]
    assert list(zip(acts[::2], acts[1::2], strict=True)) == [
        ("calendar(day='Friday')", "lookup(name='bo')"),
        ("mail(to='Bo')", "lookup(name='bo')"),
        ("mail(to='Bo')", "lookup(name='BO')"),
        ("calendar(day='M')", "lookup(name='bo')"),
        ("lookup(name='bo')", "lookup(name='Bo')"),
        ("mail(to='Bo', text='Hi')", "mail(to='Bo')"),
    ]


def test_each_step_of_the_original_trace_has_one_label(
    structure_text_files: Path, tokenizer: PreTrainedTokenizerFast
) -> None:
    rows = load_rows(structure_text_files / "prm/prm.jsonl")
    assert [row["labels"] for row in rows] == [
        [True, False, True, True, True],
        [True, False, False, True, True],
        [True, False, True, True, True],
        [False, True, True, False, True],
    ]
    for row in rows:
        assert [bool(label) for label in labelled(row, tokenizer)["labels"] if label != -100] == row["labels"]


def test_each_result_stands_behind_its_call(structure_tool_files: Path) -> None:
    for row in json_lines(structure_tool_files / "trl/sft.jsonl"):
        calls: list[str] = []
        for message in row["messages"]:
            if message["role"] == "tool":
                assert message["tool_call_id"] == calls.pop(0)
            elif message["role"] == "assistant":
                assert not calls
                calls = [call["id"] for call in message.get("tool_calls", ())]
