"""A trace as one conversation in which user and assistant strictly alternate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ls_trajedit.converters.training.counts import Omission
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.converters.training.turns import Message, Turn, trained_characters, user_message

__all__ = ["Conversation", "Trajectory", "prompt_before", "trajectory_of"]

_MERGED = "\n\n"


class Conversation(NamedTuple):
    """`steps` holds, for each message of the assistant, the step that says it, and None for each other message."""

    messages: list[Message]
    steps: list[int | None]

    def trained_characters(self) -> int:
        """How many characters a model is trained on that learns every turn of the assistant."""
        return sum(trained_characters(message) for message in self.messages if message["role"] == "assistant")


@dataclass(frozen=True)
class Trajectory:
    """An edited trace from beginning to end. `steps` are those in which `corrected` shows an edit, in order, and
    `n_edits` counts their edits. `original` is None when the original trace is written as nothing."""

    corrected: Conversation
    original: Conversation | None
    steps: list[int]
    n_edits: int
    is_stale: bool


def trajectory_of(sample: Sample) -> Trajectory | Omission | None:
    """The whole conversation of an edited record, or why there is none; None for a record that nobody edited.

    With `--stale truncate` it ends at the first corrected action, because what follows answers another one.
    """
    if not sample.edits:
        return Omission.NOISE if sample.noisy_steps else None
    end = len(sample.corrected)
    if sample.stale_after is not None and sample.rules.stale == "truncate":
        end = sample.stale_after + 1
    steps = sorted(step for step in sample.visible_steps if step < end)
    if not steps:
        return Omission.STALE if sample.visible_steps else Omission.INVISIBLE
    corrected = _finished_conversation(sample, sample.corrected[:end])
    if corrected is None:
        return Omission.EMPTY
    is_stale = any(step is not None and sample.is_stale_at(step) for step in corrected.steps)
    if is_stale and sample.rules.stale == "exclude":
        return Omission.STALE
    original = _finished_conversation(sample, sample.original[:end])
    n_edits = sum(len(sample.edits[step]) for step in steps)
    return Trajectory(corrected, original, steps, n_edits, is_stale)


def prompt_before(sample: Sample, step: int) -> list[Message]:
    """The task and the corrected steps that precede this one. It ends with what a user or a tool says, because the
    assistant speaks next.

    >>> from ls_trajedit.converters.example import example_sample
    >>> for message in prompt_before(example_sample(), 1):
    ...     print(message["role"], "|", message["content"].replace("\\n", " / "))
    user | Find the weather in San Francisco.
    assistant | Thought: Look it up. / Action: web_search(query='SF weather')
    user | Observation: (none recorded)
    """
    messages = _conversation(sample, sample.corrected[:step]).messages
    if messages[-1]["role"] == "assistant":
        messages.append(user_message(sample.no_observation))
    return messages


def _finished_conversation(sample: Sample, turns: Sequence[Turn]) -> Conversation | None:
    """The task and all of `turns`, up to the last thing that the assistant says; None when it says nothing."""
    messages, steps = _conversation(sample, turns)
    while messages and messages[-1]["role"] != "assistant":
        messages.pop()
        steps.pop()
    return Conversation(messages, steps) if messages else None


def _conversation(sample: Sample, turns: Sequence[Turn]) -> Conversation:
    messages: list[Message] = [user_message(sample.task)]
    steps: list[int | None] = [None]
    for number, turn in enumerate(turns):
        if turn.said is not None:
            if messages[-1]["role"] == "assistant":
                messages.append(user_message(sample.no_observation))
                steps.append(None)
            messages.append(turn.said)
            steps.append(number)
        for heard in turn.heard:
            last = messages[-1]
            if heard["role"] == "user" and last["role"] == "user":
                messages[-1] = user_message(last["content"] + _MERGED + heard["content"])
            elif heard["role"] == "user" and last["role"] == "tool":
                messages[-1] = {**last, "content": last["content"] + _MERGED + heard["content"]}
            else:
                messages.append(heard)
                steps.append(None)
    return Conversation(messages, steps)
