"""`openai/dpo.jsonl`: OpenAI's preference rows, which Together and Fireworks take as well: one for each edited step."""

from __future__ import annotations

from collections.abc import Iterator

from ls_trajedit.converters.formats.base import Format, RowFormat, TrainingRow
from ls_trajedit.converters.formats.openai import openai_message, openai_tools
from ls_trajedit.converters.training.omission import Omission
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.converters.training.step_pairs import step_pairs
from ls_trajedit.converters.training.turns import trained_characters

__all__ = ["FORMAT", "openai_dpo_rows"]


def openai_dpo_rows(sample: Sample) -> Iterator[TrainingRow | Omission]:
    """The rows for one record.

    >>> from ls_trajedit.converters.example import example_sample
    >>> _, answer = openai_dpo_rows(example_sample())
    >>> answer.values["preferred_output"]
    [{'role': 'assistant', 'content': 'Final Answer: I have not read a forecast yet.'}]
    >>> answer.values["non_preferred_output"]
    [{'role': 'assistant', 'content': 'Final Answer: It is sunny.'}]
    """
    for found in step_pairs(sample):
        if isinstance(found, Omission):
            yield found
            continue
        pair, rejected = found
        tools = openai_tools(sample, [*pair.prompt, pair.chosen, rejected])
        values = {
            "input": {"messages": [openai_message(message) for message in pair.prompt], **tools},
            "preferred_output": [openai_message(pair.chosen)],
            "non_preferred_output": [openai_message(rejected)],
        }
        learned = trained_characters(pair.chosen) + trained_characters(rejected)
        yield TrainingRow(values, learned, is_pair=True, is_stale=pair.is_stale)


FORMAT = Format("openai-dpo", (RowFormat("openai/dpo.jsonl", openai_dpo_rows),))
