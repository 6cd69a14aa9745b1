"""`trl/dpo_trajectory.jsonl`: for each edited record, the whole corrected conversation over the whole original one.

Observations stand inside both sides. It is for trainers that mask them; TRL's own do not.
"""

from __future__ import annotations

from collections.abc import Iterator

from ls_trajedit.converters.formats.base import Format, RowFormat, TrainingRow
from ls_trajedit.converters.formats.tools_column import tools_column
from ls_trajedit.converters.training.conversation import Conversation
from ls_trajedit.converters.training.omission import Omission
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.converters.training.trajectory import Trajectory, trajectory_of
from ls_trajedit.converters.training.turns import trained_characters

__all__ = ["FORMAT", "trajectory_rows"]


def trajectory_rows(sample: Sample) -> Iterator[TrainingRow | Omission]:
    """The row for one record.

    >>> from ls_trajedit.converters.example import example_sample
    >>> (row,) = trajectory_rows(example_sample())
    >>> row.values["prompt"]
    [{'role': 'user', 'content': 'Find the weather in San Francisco.'}]
    >>> [message["role"] for message in row.values["chosen"]]
    ['assistant', 'user', 'assistant', 'user', 'assistant']
    >>> row.values["chosen"][-1]["content"], row.values["rejected"][-1]["content"]
    ('Final Answer: I have not read a forecast yet.', 'Final Answer: It is sunny.')
    """
    found = trajectory_of(sample)
    if not isinstance(found, Trajectory):
        if found is not None:
            yield found
        return
    if found.original is None:
        yield Omission.EMPTY
        return
    values = {
        "prompt": found.corrected.messages[:1],
        "chosen": found.corrected.messages[1:],
        "rejected": found.original.messages[1:],
        **tools_column(sample),
        **sample.columns(found.steps[0], found.n_edits, found.is_stale),
    }
    learned = _learned(found.corrected) + _learned(found.original)
    yield TrainingRow(values, learned, is_pair=True, is_stale=found.is_stale)


def _learned(conversation: Conversation) -> int:
    return sum(trained_characters(message) for message in conversation.messages if message["role"] == "assistant")


FORMAT = Format("trl-dpo-trajectory", (RowFormat("trl/dpo_trajectory.jsonl", trajectory_rows),))
