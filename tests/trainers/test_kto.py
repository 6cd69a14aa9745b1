"""TRL's KTOTrainer on `trl/kto.jsonl`."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerFast
from trl import KTOConfig, KTOTrainer

from .chat_templates import TEXT, TRAINED, around_a_turn, with_template
from .learned_text import around, texts_where
from .loss_table import LossTable
from .rows import load_rows
from .short_training import start_training, train
from .tiny_model import causal_model

FILE = "trl/kto.jsonl"
NOTHING_LEARNED = 0.5


@pytest.mark.parametrize("template", TRAINED)
def test_prefers_what_is_labelled_true_after_one_step(
    text_files: Path, tokenizer: PreTrainedTokenizerFast, template: str, losses: LossTable, tmp_path: Path
) -> None:
    training = train(_start(text_files / FILE, with_template(tokenizer, template), tmp_path))
    first, last = training.losses
    losses.add("text", "KTO", FILE, template, [first, last])
    assert first == pytest.approx(NOTHING_LEARNED, abs=1e-6)
    assert last < first - 0.01
    assert training.logs[-1]["rewards/chosen"] > training.logs[-1]["rewards/rejected"]


@pytest.mark.parametrize("template", TEXT)
def test_the_step_and_nothing_else_is_judged(
    text_files: Path, tokenizer: PreTrainedTokenizerFast, template: str, tmp_path: Path
) -> None:
    trainer = _start(text_files / FILE, with_template(tokenizer, template), tmp_path)
    learned = []
    for row in trainer.train_dataset:
        batch = trainer.data_collator([row])
        (text,) = texts_where(batch["completion_mask"][0], batch["input_ids"][0], trainer.processing_class)
        learned.append((text, row["completion"][0]["content"]))
    assert around(learned) == {around_a_turn(trainer.processing_class)}


def test_what_the_annotator_wrote_is_labelled_true(text_files: Path) -> None:
    labels = {row["completion"][0]["content"]: row["label"] for row in load_rows(text_files / FILE)}
    assert labels["Thought: Look it up.\nAction: web_search(query='SF weather')"] is True
    assert labels["Thought: Look it up.\nAction: web_search(queyr='SF weather')"] is False
    assert labels["Final Answer: It is sunny."] is False


def _start(file: Path, tokenizer: PreTrainedTokenizerFast, folder: Path) -> KTOTrainer:
    policy, reference = causal_model(tokenizer), causal_model(tokenizer)
    return start_training(KTOTrainer, KTOConfig, policy, load_rows(file), tokenizer, folder, {"ref_model": reference})
