"""TRL's trainers on the files of `--tools`, under the chat templates that write calls, and what the others do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
import pytest
from transformers import PreTrainedTokenizerFast, Trainer
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer, RewardConfig, RewardTrainer, SFTConfig, SFTTrainer

from .chat_templates import (
    CALL_AND_THOUGHT,
    CALL_DROPPED,
    CALL_ONLY,
    CALL_REFUSED,
    MASKING,
    TRAINED_WITH_TOOLS,
    with_template,
)
from .learned_text import texts_where
from .loss_table import LossTable
from .rows import json_lines, load_rows
from .short_training import start_training, train
from .tiny_model import causal_model, reward_model

DPO = "trl/dpo.jsonl"
ALL_ASSISTANT = {"assistant_only_loss": True}
TRAININGS: tuple[tuple[str, str, type[Trainer], type[Any], dict[str, Any]], ...] = (
    ("SFT", "trl/sft_prompt_completion.jsonl", SFTTrainer, SFTConfig, {}),
    ("SFT, assistant_only_loss", "trl/sft.jsonl", SFTTrainer, SFTConfig, ALL_ASSISTANT),
    ("DPO", DPO, DPOTrainer, DPOConfig, {}),
    ("DPO", "trl/dpo_trajectory.jsonl", DPOTrainer, DPOConfig, {}),
    ("KTO", "trl/kto.jsonl", KTOTrainer, KTOConfig, {}),
    ("Reward", DPO, RewardTrainer, RewardConfig, {}),
)


@pytest.mark.parametrize(("name", "file", "trainer", "config", "settings"), TRAININGS)
@pytest.mark.parametrize("template", TRAINED_WITH_TOOLS)
def test_takes_steps(
    tool_files: Path,
    tokenizer: PreTrainedTokenizerFast,
    template: str,
    losses: LossTable,
    tmp_path: Path,
    name: str,
    file: str,
    trainer: type[Trainer],
    config: type[Any],
    settings: dict[str, Any],
) -> None:
    tokenizer = with_template(tokenizer, template)
    model = reward_model(tokenizer) if trainer is RewardTrainer else causal_model(tokenizer)
    more = {"ref_model": causal_model(tokenizer)} if trainer in (DPOTrainer, KTOTrainer) else {}
    rows = load_rows(tool_files / file)
    first, last = train(start_training(trainer, config, model, rows, tokenizer, tmp_path, more, **settings)).losses
    losses.add("--tools", name, file, template, [first, last])
    assert last < first


@pytest.mark.parametrize("template", CALL_AND_THOUGHT)
def test_the_call_and_the_thought_are_learned_on_both_sides(
    tool_files: Path, tokenizer: PreTrainedTokenizerFast, template: str, tmp_path: Path
) -> None:
    tokenizer = with_template(tokenizer, template)
    more, rows = {"ref_model": causal_model(tokenizer)}, load_rows(tool_files / DPO)
    trainer = start_training(DPOTrainer, DPOConfig, causal_model(tokenizer), rows, tokenizer, tmp_path, more)
    n_calls = 0
    for row, written in zip(trainer.train_dataset, json_lines(tool_files / DPO), strict=True):
        batch = trainer.data_collator([row])
        for side, ids, mask in zip(("chosen", "rejected"), batch["input_ids"], batch["completion_mask"], strict=True):
            (message,), (learned,) = written[side], texts_where(mask, ids, tokenizer)
            assert message["content"].strip() in learned
            for call in message.get("tool_calls", ()):
                n_calls += 1
                assert call["function"]["name"] in learned
                assert all(text in learned for item in call["function"]["arguments"].items() for text in item)
            assert not [heard for heard in _heard(written["prompt"]) if heard in learned]
            assert "Observation:" not in learned
    assert n_calls


@pytest.mark.parametrize("template", [name for name in CALL_AND_THOUGHT if name in MASKING])
def test_no_result_of_a_tool_is_learned_from_a_conversation(
    tool_files: Path, tokenizer: PreTrainedTokenizerFast, template: str, tmp_path: Path
) -> None:
    tokenizer = with_template(tokenizer, template)
    file = tool_files / "trl/sft.jsonl"
    model, rows = causal_model(tokenizer), load_rows(file)
    trainer = start_training(SFTTrainer, SFTConfig, model, rows, tokenizer, tmp_path, **ALL_ASSISTANT)
    for row, written in zip(trainer.train_dataset, json_lines(file), strict=True):
        batch = trainer.data_collator([row])
        learned = texts_where(batch["labels"][0] != -100, batch["input_ids"][0], tokenizer)
        calls = [call for message in written["messages"] for call in message.get("tool_calls", ())]
        assert all(any(call["function"]["name"] in run for run in learned) for call in calls)
        assert not [heard for heard in _heard(written["messages"]) for run in learned if heard in run]
        assert not [run for run in learned if "Observation:" in run]


def test_no_tools_are_announced_where_a_trace_calls_none(
    tool_files: Path, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    tokenizer = with_template(tokenizer, "llama3_1")
    more, rows = {"ref_model": causal_model(tokenizer)}, load_rows(tool_files / DPO)
    trainer = start_training(DPOTrainer, DPOConfig, causal_model(tokenizer), rows, tokenizer, tmp_path, more)
    announced = [
        (row["trace_id"], "Given the following functions" in tokenizer.decode(row["prompt_ids"]))
        for row in trainer.train_dataset
    ]
    assert set(announced) == {("traj_001", True), ("traj_014", False)}


@pytest.mark.parametrize("template", CALL_ONLY)
def test_a_thought_beside_a_call_does_not_show_under(template: str, tokenizer: PreTrainedTokenizerFast) -> None:
    shown = _conversation(with_template(tokenizer, template))
    assert "web_search" in shown
    assert "Look it up." not in shown


@pytest.mark.parametrize("template", CALL_DROPPED)
def test_a_call_beside_a_thought_does_not_show_under(template: str, tokenizer: PreTrainedTokenizerFast) -> None:
    shown = _conversation(with_template(tokenizer, template))
    assert "Look it up." in shown
    assert "SF weather" not in shown


@pytest.mark.parametrize("template", CALL_REFUSED)
def test_a_conversation_with_calls_is_refused_by(template: str, tokenizer: PreTrainedTokenizerFast) -> None:
    with pytest.raises((jinja2.TemplateError, TypeError)):
        _conversation(with_template(tokenizer, template))


def _conversation(tokenizer: PreTrainedTokenizerFast) -> str:
    function = {"name": "web_search", "arguments": {"query": "SF weather"}}
    call = {"id": "s00000c00", "type": "function", "function": function}
    messages = [
        {"role": "user", "content": "Find the weather in San Francisco."},
        {"role": "assistant", "content": "Thought: Look it up.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "name": "web_search", "content": "1. A forecast"},
        {"role": "assistant", "content": "Final Answer: It is sunny."},
    ]
    return str(tokenizer.apply_chat_template(messages, tokenize=False))


def _heard(messages: list[dict[str, Any]]) -> list[str]:
    return [message["content"] for message in messages if message["role"] in ("tool", "user")]
