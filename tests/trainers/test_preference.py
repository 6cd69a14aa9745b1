"""TRL's DPOTrainer on `trl/dpo.jsonl` and `trl/dpo_trajectory.jsonl`, and its RewardTrainer on both."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedTokenizerFast
from trl import DPOConfig, DPOTrainer, RewardConfig, RewardTrainer

from .chat_templates import TEXT, TRAINED, around_a_turn, with_template
from .learned_text import around, texts_where
from .loss_table import LossTable
from .rows import load_rows
from .short_training import start_training, train
from .tiny_model import causal_model, reward_model

STEPS, TRAJECTORIES = "trl/dpo.jsonl", "trl/dpo_trajectory.jsonl"
FILES = (STEPS, TRAJECTORIES)
NOTHING_LEARNED = pytest.approx(math.log(2), abs=1e-6)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("template", TRAINED)
def test_dpo_prefers_the_correction_after_one_step(
    text_files: Path, tokenizer: PreTrainedTokenizerFast, template: str, file: str, losses: LossTable, tmp_path: Path
) -> None:
    training = train(_start_dpo(text_files / file, with_template(tokenizer, template), tmp_path))
    first, last = training.losses
    losses.add("text", "DPO", file, template, [first, last])
    assert first == NOTHING_LEARNED
    assert last < first - 0.05
    assert training.logs[-1]["rewards/margins"] > 0
    assert training.logs[-1]["rewards/accuracies"] == 1


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("template", TRAINED)
def test_a_reward_model_takes_steps(
    text_files: Path, tokenizer: PreTrainedTokenizerFast, template: str, file: str, losses: LossTable, tmp_path: Path
) -> None:
    tokenizer = with_template(tokenizer, template)
    rows, model = load_rows(text_files / file), reward_model(tokenizer)
    training = train(start_training(RewardTrainer, RewardConfig, model, rows, tokenizer, tmp_path))
    first, last = training.losses
    losses.add("text", "Reward", file, template, [first, last])
    assert last < first
    assert training.logs[-1]["margin"] > training.logs[0]["margin"]


@pytest.mark.parametrize("template", TEXT)
def test_the_sides_are_the_two_versions_of_the_step_and_nothing_else(
    text_files: Path, tokenizer: PreTrainedTokenizerFast, template: str, tmp_path: Path
) -> None:
    trainer = _start_dpo(text_files / STEPS, with_template(tokenizer, template), tmp_path)
    learned = []
    for row in trainer.train_dataset:
        chosen, rejected = _sides(row, trainer)
        assert chosen != rejected
        learned += [(chosen, row["chosen"][0]["content"]), (rejected, row["rejected"][0]["content"])]
    assert around(learned) == {around_a_turn(trainer.processing_class)}
    assert "Action: web_search(query='SF weather')" in learned[0][0]
    assert "Action: web_search(queyr='SF weather')" in learned[1][0]


def test_dpo_on_trajectories_learns_the_observations_in_them(
    text_files: Path, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    trainer = _start_dpo(text_files / TRAJECTORIES, with_template(tokenizer, "qwen3"), tmp_path)
    for row in trainer.train_dataset:
        chosen, _ = _sides(row, trainer)
        assert all(message["content"] in chosen for message in row["chosen"])


def test_a_pair_that_first_differs_beyond_max_length_teaches_nothing(
    text_files: Path, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    tokenizer = with_template(tokenizer, "qwen3")
    row = _start_dpo(text_files / STEPS, tokenizer, tmp_path).train_dataset[0]
    sides = zip(row["chosen_ids"], row["rejected_ids"], strict=False)
    common = next(place for place, (chosen, rejected) in enumerate(sides) if chosen != rejected)
    assert common > 0
    cut = len(row["prompt_ids"]) + common
    model, more = causal_model(tokenizer), {"ref_model": causal_model(tokenizer)}
    one = load_rows(text_files / STEPS).select([0])
    trainer = start_training(DPOTrainer, DPOConfig, model, one, tokenizer, tmp_path, more, max_length=cut)
    assert train(trainer).losses == [NOTHING_LEARNED, NOTHING_LEARNED]


def test_a_row_whose_prompt_fills_max_length_is_left_out(
    text_files: Path, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    tokenizer = with_template(tokenizer, "qwen3")
    lengths = [len(row["prompt_ids"]) for row in _start_dpo(text_files / STEPS, tokenizer, tmp_path).train_dataset]
    model, more = causal_model(tokenizer), {"ref_model": causal_model(tokenizer)}
    rows, cut = load_rows(text_files / STEPS), max(lengths)
    trainer = start_training(DPOTrainer, DPOConfig, model, rows, tokenizer, tmp_path, more, max_length=cut)
    kept = [len(row["prompt_ids"]) for row in trainer.train_dataset]
    assert kept == [length for length in lengths if length < cut]


def _start_dpo(file: Path, tokenizer: PreTrainedTokenizerFast, folder: Path) -> DPOTrainer:
    policy, reference = causal_model(tokenizer), causal_model(tokenizer)
    return start_training(DPOTrainer, DPOConfig, policy, load_rows(file), tokenizer, folder, {"ref_model": reference})


def _sides(row: dict[str, Any], trainer: DPOTrainer) -> tuple[str, str]:
    """What is learned as chosen, and as rejected. Before it, both are the same."""
    batch, tokenizer = trainer.data_collator([row]), trainer.processing_class
    chosen, rejected = zip(batch["input_ids"], batch["completion_mask"], strict=True)
    assert torch.equal(chosen[0][: len(row["prompt_ids"])], rejected[0][: len(row["prompt_ids"])])
    (text,), (other_text,) = (texts_where(mask, ids, tokenizer) for ids, mask in (chosen, rejected))
    return text, other_text
