"""Why the other files are there: what TRL does with `trajectory_sft.jsonl` and `trajectory_dpo.jsonl`."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerFast
from trl import DPOConfig, DPOTrainer, RewardConfig, RewardTrainer, SFTConfig, SFTTrainer

from .chat_templates import with_template
from .rows import load_rows
from .short_training import start_training
from .tiny_model import causal_model, reward_model

CRASH = "'dict' object has no attribute 'endswith'"


def test_sft_crashes_on_a_trace(text_files: Path, tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    tokenizer = with_template(tokenizer, "qwen3")
    model, rows = causal_model(tokenizer), load_rows(text_files / "trajectory_sft.jsonl")
    with pytest.raises(AttributeError, match=CRASH):
        start_training(SFTTrainer, SFTConfig, model, rows, tokenizer, tmp_path)


def test_dpo_crashes_on_a_trace(text_files: Path, tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    tokenizer = with_template(tokenizer, "qwen3")
    model, rows = causal_model(tokenizer), load_rows(text_files / "trajectory_dpo.jsonl")
    reference = {"ref_model": causal_model(tokenizer)}
    with pytest.raises(AttributeError, match=CRASH):
        start_training(DPOTrainer, DPOConfig, model, rows, tokenizer, tmp_path, reference)


def test_a_reward_model_crashes_on_a_trace(
    text_files: Path, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    tokenizer = with_template(tokenizer, "qwen3")
    model, rows = reward_model(tokenizer), load_rows(text_files / "trajectory_dpo.jsonl")
    with pytest.raises(AttributeError, match=CRASH):
        start_training(RewardTrainer, RewardConfig, model, rows, tokenizer, tmp_path)
