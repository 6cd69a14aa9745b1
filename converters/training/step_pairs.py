"""Every edited step as a pair: the step as it was corrected, and as it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ls_trajedit.converters.training.omission import Omission
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.converters.training.turns import Message

__all__ = ["StepPair", "completions", "step_pairs"]


@dataclass(frozen=True)
class StepPair:
    """`prompt` is the task and the corrected steps before; `chosen` and `rejected` are one assistant turn each.
    `rejected` is None when the original step was written as nothing."""

    step: int
    prompt: list[Message]
    chosen: Message
    rejected: Message | None
    n_edits: int
    is_stale: bool


def step_pairs(sample: Sample) -> Iterator[tuple[StepPair, Message] | Omission]:
    """For each edited step of the record its pair, with the side that is rejected, or why there is none."""
    is_first = True
    for found in _corrections(sample):
        if isinstance(found, Omission):
            yield found
        elif found.rejected is None:
            yield Omission.EMPTY
        elif sample.rules.pairs == "first" and not is_first:
            yield Omission.LATER
        else:
            is_first = False
            yield Omission.STALE if _is_refused(found, sample) else (found, found.rejected)


def completions(sample: Sample) -> Iterator[StepPair | Omission]:
    """For each edited step its pair, of which only the chosen side counts, or why there is none."""
    for found in _corrections(sample):
        refused = isinstance(found, StepPair) and _is_refused(found, sample)
        yield Omission.STALE if refused else found


def _corrections(sample: Sample) -> Iterator[StepPair | Omission]:
    for step in sorted(sample.noisy_steps | sample.edits.keys()):
        if step not in sample.edits:
            yield Omission.NOISE
            continue
        chosen, rejected = sample.corrected[step].said, sample.original[step].said
        if chosen == rejected:
            yield Omission.INVISIBLE
        elif chosen is None:
            yield Omission.EMPTY
        else:
            yield StepPair(
                step, sample.prompt(step), chosen, rejected, len(sample.edits[step]), sample.is_stale_at(step)
            )


def _is_refused(pair: StepPair, sample: Sample) -> bool:
    return pair.is_stale and sample.rules.stale != "include"
