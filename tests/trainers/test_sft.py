"""TRL's SFTTrainer on `trl/sft.jsonl` and `trl/sft_prompt_completion.jsonl`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transformers import PreTrainedTokenizerFast
from trl import SFTConfig, SFTTrainer

from .chat_templates import MASKING, TEXT, TRAINED, around_a_turn, with_template
from .learned_text import around, texts_where
from .loss_table import LossTable
from .rows import load_rows
from .short_training import start_training, train
from .tiny_model import causal_model

CONVERSATIONS, STEPS = "trl/sft.jsonl", "trl/sft_prompt_completion.jsonl"


@pytest.mark.parametrize("template", TRAINED)
def test_takes_steps_on_corrected_steps(
    text_files: Path, tokenizer: PreTrainedTokenizerFast, template: str, losses: LossTable, tmp_path: Path
) -> None:
    first, last = train(_start(text_files / STEPS, with_template(tokenizer, template), tmp_path)).losses
    losses.add("text", "SFT", STEPS, template, [first, last])
    assert last < first


@pytest.mark.parametrize("template", [name for name in TRAINED if name in MASKING])
def test_takes_steps_on_conversations(
    text_files: Path, tokenizer: PreTrainedTokenizerFast, template: str, losses: LossTable, tmp_path: Path
) -> None:
    trainer = _start(text_files / CONVERSATIONS, with_template(tokenizer, template), tmp_path, assistant_only_loss=True)
    first, last = train(trainer).losses
    losses.add("text", "SFT, assistant_only_loss", CONVERSATIONS, template, [first, last])
    assert last < first


@pytest.mark.parametrize("template", TEXT)
def test_the_corrected_step_and_nothing_else_is_learned(
    text_files: Path, tokenizer: PreTrainedTokenizerFast, template: str, tmp_path: Path
) -> None:
    trainer = _start(text_files / STEPS, with_template(tokenizer, template), tmp_path)
    learned = [(_only(runs), row["completion"][0]["content"]) for row, runs in _learned(trainer)]
    assert around(learned) == {around_a_turn(trainer.processing_class)}
    assert "Thought: Look it up.\nAction: web_search(query='SF weather')" in learned[0][0]


@pytest.mark.parametrize("template", MASKING)
def test_no_observation_of_a_conversation_is_learned(
    text_files: Path, tokenizer: PreTrainedTokenizerFast, template: str, tmp_path: Path
) -> None:
    trainer = _start(text_files / CONVERSATIONS, with_template(tokenizer, template), tmp_path, assistant_only_loss=True)
    for row, runs in _learned(trainer):
        said = [message["content"] for message in row["messages"] if message["role"] == "assistant"]
        assert len(runs) == len(said)
        around(zip(runs, said, strict=True))
        assert not [run for run in runs if row["messages"][0]["content"] in run or "Observation:" in run]


def test_every_observation_is_learned_when_the_loss_is_not_told_to_leave_them_out(
    text_files: Path, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    trainer = _start(text_files / CONVERSATIONS, with_template(tokenizer, "qwen3"), tmp_path)
    for row, runs in _learned(trainer):
        assert all(message["content"] in _only(runs) for message in row["messages"])


def _start(file: Path, tokenizer: PreTrainedTokenizerFast, folder: Path, **settings: Any) -> SFTTrainer:
    return start_training(
        SFTTrainer, SFTConfig, causal_model(tokenizer), load_rows(file), tokenizer, folder, **settings
    )


def _learned(trainer: SFTTrainer) -> list[tuple[dict[str, Any], list[str]]]:
    """Each row with the texts in it that are learned."""
    rows = list(trainer.train_dataset)
    batches = [trainer.data_collator([row]) for row in rows]
    tokenizer = trainer.processing_class
    runs = [texts_where(batch["labels"][0] != -100, batch["input_ids"][0], tokenizer) for batch in batches]
    return list(zip(rows, runs, strict=True))


def _only(runs: list[str]) -> str:
    (run,) = runs
    return run
