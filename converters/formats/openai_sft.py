"""`openai/sft.jsonl`: OpenAI's chat rows for supervised fine-tuning, the corrected trace as a conversation.

`weight` is 1 on the turns that were corrected and 0 on every other of the assistant's, so that the correction, and
nothing else, is learned.
"""

from __future__ import annotations

from collections.abc import Iterator

from ls_trajedit.converters.formats.base import Format, RowFormat, TrainingRow
from ls_trajedit.converters.formats.openai import openai_message, openai_tools
from ls_trajedit.converters.training.omission import Omission
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.converters.training.trajectory import Trajectory, trajectory_of
from ls_trajedit.converters.training.turns import Message, trained_characters

__all__ = ["FORMAT", "openai_sft_rows"]


def openai_sft_rows(sample: Sample) -> Iterator[TrainingRow | Omission]:
    """The row for one record.

    >>> from ls_trajedit.converters.example import example_sample
    >>> (row,) = openai_sft_rows(example_sample())
    >>> [(message["role"], message.get("weight")) for message in row.values["messages"]]
    [('user', None), ('assistant', 1), ('user', None), ('assistant', 0), ('user', None), ('assistant', 1)]
    """
    found = trajectory_of(sample)
    if isinstance(found, Trajectory):
        spoken = list(zip(found.corrected.messages, found.corrected.steps, strict=True))
        if not any(step in found.steps for _, step in spoken):
            yield Omission.EMPTY
            return
        messages = [_weighted(message, step, found.steps) for message, step in spoken]
        learned = sum(trained_characters(message) for message, step in spoken if step in found.steps)
        yield TrainingRow({"messages": messages, **openai_tools(sample, messages)}, learned, is_stale=found.is_stale)
    elif found is not None:
        yield found


def _weighted(message: Message, step: int | None, corrected: list[int]) -> Message:
    if step is None:
        return openai_message(message)
    return {**openai_message(message), "weight": int(step in corrected)}


FORMAT = Format("openai-sft", (RowFormat("openai/sft.jsonl", openai_sft_rows),))
