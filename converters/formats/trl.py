"""`trl/`: supervised fine-tuning with TRL.

`sft.jsonl` has a row for each edited record, the corrected trace as a conversation; the assistant's turns are learned.
`sft_prompt_completion.jsonl` has a row for each edited step, and what is learned is the corrected step alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from ls_trajedit.converters.formats.base import Format, RowFormat, TrainingRow
from ls_trajedit.converters.formats.tools_column import tools_column
from ls_trajedit.converters.training.omission import Omission
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.converters.training.step_pairs import completions
from ls_trajedit.converters.training.trajectory import Trajectory, trajectory_of
from ls_trajedit.converters.training.turns import trained_characters

__all__ = ["FORMAT", "completion_rows", "conversation_rows"]


def conversation_rows(sample: Sample) -> Iterator[TrainingRow | Omission]:
    """The row for one record.

    >>> from ls_trajedit.converters.example import example_sample
    >>> (row,) = conversation_rows(example_sample())
    >>> for message in row.values["messages"]:
    ...     print(message["role"], "|", message["content"].replace("\\n", " / "))
    user | Find the weather in San Francisco.
    assistant | Thought: Look it up. / Action: web_search(query='SF weather')
    user | Observation: (none recorded)
    assistant | Thought: Open it. / Action: open_url(results[0])
    user | Observation: (none recorded)
    assistant | Final Answer: I have not read a forecast yet.
    """
    found = trajectory_of(sample)
    if isinstance(found, Trajectory):
        messages = found.corrected.messages
        yield TrainingRow(
            {
                "messages": messages,
                **tools_column(sample),
                **sample.columns(found.steps[0], found.n_edits, found.is_stale),
            },
            sum(trained_characters(message) for message in messages if message["role"] == "assistant"),
            is_stale=found.is_stale,
        )
    elif found is not None:
        yield found


def completion_rows(sample: Sample) -> Iterator[TrainingRow | Omission]:
    """The rows for one record.

    >>> from ls_trajedit.converters.example import example_sample
    >>> search, answer = completion_rows(example_sample())
    >>> [message["content"] for message in search.values["prompt"]]
    ['Find the weather in San Francisco.']
    >>> [message["content"] for message in search.values["completion"]]
    ["Thought: Look it up.\\nAction: web_search(query='SF weather')"]
    >>> answer.values["step"], answer.values["completion"][0]["content"]
    (2, 'Final Answer: I have not read a forecast yet.')
    """
    for pair in completions(sample):
        if isinstance(pair, Omission):
            yield pair
            continue
        values = {
            "prompt": pair.prompt,
            "completion": [pair.chosen],
            **tools_column(sample),
            **sample.columns(pair.step, pair.n_edits, pair.is_stale),
        }
        yield TrainingRow(values, trained_characters(pair.chosen), is_stale=pair.is_stale)


FORMAT = Format(
    "trl-sft",
    (RowFormat("trl/sft.jsonl", conversation_rows), RowFormat("trl/sft_prompt_completion.jsonl", completion_rows)),
)
