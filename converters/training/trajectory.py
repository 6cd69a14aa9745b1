"""A record as one conversation from beginning to end, for formats that do not learn step by step."""

from __future__ import annotations

from dataclasses import dataclass

from ls_trajedit.converters.training.conversation import Conversation, finished_conversation
from ls_trajedit.converters.training.omission import Omission
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.converters.training.turns import Turn

__all__ = ["Trajectory", "trajectory_of"]


@dataclass(frozen=True)
class Trajectory:
    """`steps` are those whose correction shows in `corrected`, the first one first; `n_edits` are their edits.
    `original` is None when the original trace was written as nothing."""

    corrected: Conversation
    original: Conversation | None
    steps: list[int]
    n_edits: int
    is_stale: bool


def trajectory_of(sample: Sample) -> Trajectory | Omission | None:
    """The conversation of an edited record, or why there is none; None for a record that nobody edited.

    `--stale truncate` ends it with the first corrected action, because what comes behind answers another one.
    """
    if not sample.edits:
        return Omission.NOISE if sample.noisy_steps else None
    end = len(sample.corrected)
    if sample.stale_after is not None and sample.rules.stale == "truncate":
        end = sample.stale_after + 1
    steps = sorted(step for step in sample.visible_steps if step < end)
    if not steps:
        return Omission.STALE if sample.visible_steps else Omission.INVISIBLE
    corrected = _conversation(sample, sample.corrected[:end])
    if corrected is None:
        return Omission.EMPTY
    is_stale = any(step is not None and sample.is_stale_at(step) for step in corrected.steps)
    if is_stale and sample.rules.stale == "exclude":
        return Omission.STALE
    n_edits = sum(len(sample.edits[step]) for step in steps)
    return Trajectory(corrected, _conversation(sample, sample.original[:end]), steps, n_edits, is_stale)


def _conversation(sample: Sample, turns: list[Turn]) -> Conversation | None:
    return finished_conversation(sample.task, turns, sample.no_observation)
