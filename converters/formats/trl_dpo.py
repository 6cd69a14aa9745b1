"""`trl/dpo.jsonl`: for TRL's DPO, reward, ORPO and CPO trainers, a pair for each edited step.

The prompt holds the task and the corrected steps before; each side is one assistant turn, because these trainers learn
everything in a side, observations included.
"""

from __future__ import annotations

from collections.abc import Iterator

from ls_trajedit.converters.formats.base import Format, RowFormat, TrainingRow
from ls_trajedit.converters.formats.tools_column import tools_column
from ls_trajedit.converters.training.omission import Omission
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.converters.training.step_pairs import step_pairs
from ls_trajedit.converters.training.turns import trained_characters

__all__ = ["FORMAT", "dpo_rows"]


def dpo_rows(sample: Sample) -> Iterator[TrainingRow | Omission]:
    """The rows for one record.

    >>> from ls_trajedit.converters.example import example_sample
    >>> search, answer = dpo_rows(example_sample())
    >>> search.values["chosen"][0]["content"]
    "Thought: Look it up.\\nAction: web_search(query='SF weather')"
    >>> search.values["rejected"][0]["content"]
    "Thought: Look it up.\\nAction: web_search(queyr='SF weather')"
    >>> answer.values["rejected"], answer.values["prefix_stale"]
    ([{'role': 'assistant', 'content': 'Final Answer: It is sunny.'}], True)
    """
    for found in step_pairs(sample):
        if isinstance(found, Omission):
            yield found
            continue
        pair, rejected = found
        values = {
            "prompt": pair.prompt,
            "chosen": [pair.chosen],
            "rejected": [rejected],
            **tools_column(sample),
            **sample.columns(pair.step, pair.n_edits, pair.is_stale),
        }
        learned = trained_characters(pair.chosen) + trained_characters(rejected)
        yield TrainingRow(values, learned, is_pair=True, is_stale=pair.is_stale)


FORMAT = Format("trl-dpo", (RowFormat("trl/dpo.jsonl", dpo_rows),))
