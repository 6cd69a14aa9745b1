"""Two steps of training on a whole file at a time, and what they showed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import Dataset
from transformers import PreTrainedModel, PreTrainedTokenizerFast, Trainer

__all__ = ["SETTINGS", "Training", "start_training", "train"]

SETTINGS: dict[str, Any] = {
    "max_steps": 2,
    # High, so that one step shows.
    "learning_rate": 1e-2,
    "lr_scheduler_type": "constant",
    "logging_steps": 1,
    "use_cpu": True,
    "bf16": False,
    "dataloader_pin_memory": False,
    "save_strategy": "no",
    "report_to": "none",
    "disable_tqdm": True,
    "seed": 0,
}


@dataclass(frozen=True)
class Training:
    """What a trainer logged at each step."""

    logs: list[dict[str, float]]

    @property
    def losses(self) -> list[float]:
        return [log["loss"] for log in self.logs]


def start_training(
    trainer: type[Trainer],
    config: type[Any],
    model: PreTrainedModel,
    rows: Dataset,
    tokenizer: PreTrainedTokenizerFast,
    folder: Path,
    more: dict[str, Any] | None = None,
    **settings: Any,
) -> Trainer:
    """One of TRL's trainers, ready to take two steps, each on all rows, with nothing cut off. `more` goes to the
    trainer, `settings` into its config over SETTINGS.
    """
    ours = {"output_dir": str(folder), "per_device_train_batch_size": len(rows), "max_length": None}
    arguments = config(**{**SETTINGS, **ours, **settings})
    return trainer(model=model, args=arguments, train_dataset=rows, processing_class=tokenizer, **(more or {}))


def train(trainer: Trainer) -> Training:
    """Takes the steps."""
    done = trainer.train()
    assert done.global_step == SETTINGS["max_steps"]
    return Training([log for log in trainer.state.log_history if "loss" in log])
