"""Every edited step as a preference pair: the step as it was corrected over the step as it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ls_trajedit.converters.training.chat_turns import has_broken_call
from ls_trajedit.converters.training.conversation import prompt_before
from ls_trajedit.converters.training.counts import Omission
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.converters.training.turns import AssistantMessage, Message, trained_characters

__all__ = ["Completion", "StepPair", "completions", "step_pairs"]


@dataclass(frozen=True)
class Completion:
    """A corrected step after its prompt: the task and the corrected steps that precede it."""

    step: int
    prompt: list[Message]
    chosen: AssistantMessage
    n_edits: int
    is_stale: bool


@dataclass(frozen=True)
class StepPair(Completion):
    """A corrected step together with what the agent said there originally."""

    rejected: AssistantMessage

    def trained_characters(self) -> int:
        """How many characters a model is trained on that learns from both turns."""
        return trained_characters(self.chosen) + trained_characters(self.rejected)


def step_pairs(sample: Sample) -> Iterator[StepPair | Omission]:
    """For each edited step of the record its pair, or why there is none."""
    is_first = True
    for found in _edited_steps(sample):
        if isinstance(found, Omission):
            yield found
            continue
        step, rejected = found
        if rejected is None:
            yield Omission.EMPTY
        elif sample.rules.pairs == "first" and not is_first:
            yield Omission.LATER
        elif has_broken_call([rejected]):
            yield Omission.BROKEN_CALL
        else:
            is_first = False
            pair = StepPair(step.step, step.prompt, step.chosen, step.n_edits, step.is_stale, rejected)
            yield Omission.STALE if _is_too_stale(step, sample) else pair


def completions(sample: Sample) -> Iterator[Completion | Omission]:
    """For each edited step of the record its correction after its prompt, or why there is none."""
    for found in _edited_steps(sample):
        if isinstance(found, Omission):
            yield found
        else:
            yield Omission.STALE if _is_too_stale(found[0], sample) else found[0]


def _edited_steps(sample: Sample) -> Iterator[tuple[Completion, AssistantMessage | None] | Omission]:
    """Each edited step with what the agent said there originally: None where that is written as nothing."""
    for step in sorted(sample.noisy_steps | sample.edits.keys()):
        if step not in sample.edits:
            yield Omission.NOISE
            continue
        chosen, rejected = sample.corrected[step].said, sample.original[step].said
        if step not in sample.visible_steps:
            yield Omission.INVISIBLE
        elif chosen is None or step in sample.half_emptied_steps:
            yield Omission.EMPTY
        else:
            prompt = prompt_before(sample, step)
            if not prompt:
                yield Omission.NO_PROMPT
                continue
            if has_broken_call([*prompt, chosen]):
                yield Omission.BROKEN_CALL
                continue
            yield Completion(step, prompt, chosen, len(sample.edits[step]), sample.is_stale_at(step)), rejected


def _is_too_stale(completion: Completion, sample: Sample) -> bool:
    return completion.is_stale and sample.rules.stale != "include"
