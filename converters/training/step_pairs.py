"""Every change as a preference pair: the step as it is to be over what the agent did there.

- An edited step: as it was corrected, over as it was.
- A step that replaces a removed one: the inserted one, over the removed one.
- Any other inserted step: over the next step of the agent, which came too early.
- Any other removed step: the next step as it was corrected, over the removed one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ls_trajedit.converters.training.alignment import Change
from ls_trajedit.converters.training.chat_turns import has_broken_call
from ls_trajedit.converters.training.conversation import prompt_before
from ls_trajedit.converters.training.counts import Omission
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.converters.training.turns import AssistantMessage, Message, trained_characters

__all__ = ["Completion", "StepPair", "completions", "step_pairs"]


@dataclass(frozen=True)
class Completion:
    """A step of the corrected trace, by its position, after its prompt: the task and the steps that precede it."""

    step: int
    prompt: list[Message]
    chosen: AssistantMessage
    n_edits: int
    is_stale: bool


@dataclass(frozen=True)
class StepPair(Completion):
    """Such a step together with what the agent did there: the step `rejected_step` of the original trace."""

    rejected: AssistantMessage
    rejected_step: int

    def trained_characters(self) -> int:
        """How many characters a model is trained on that learns from both turns."""
        return trained_characters(self.chosen) + trained_characters(self.rejected)


def step_pairs(sample: Sample) -> Iterator[StepPair | Omission]:
    """For each change of the record its pair, or why there is none.

    >>> from ls_trajedit.converters.example import example_restructured
    >>> from ls_trajedit.converters.record import Insertion, Removal
    >>> def shown(*structure):
    ...     for pair in step_pairs(example_restructured(*structure)):
    ...         print(len(pair.prompt), *(side["content"].splitlines()[-1] for side in (pair.chosen, pair.rejected)))
    >>> reading = Insertion(1, 0, {"thought": "Read it.", "action": "read()"}, "")
    >>> shown(reading)
    5 Action: read() Final Answer: It is sunny.
    >>> shown(Removal(1, ""))
    3 Final Answer: It is sunny. Action: open_url(results[0])
    >>> shown(Removal(1, ""), reading)
    3 Action: read() Action: open_url(results[0])
    """
    is_first = True
    for change in sample.changes:
        if (reason := _no_pair(change, sample)) is not None:
            yield reason
            continue
        found = _completion(change, sample)
        if isinstance(found, Omission):
            yield found
            continue
        rejected = sample.rejected(change)
        if rejected is None or change.rejected is None:
            yield Omission.EMPTY
        elif sample.rules.pairs == "first" and not is_first:
            yield Omission.LATER
        elif has_broken_call([rejected]):
            yield Omission.BROKEN_CALL
        else:
            is_first = False
            known = (found.step, found.prompt, found.chosen, found.n_edits, found.is_stale)
            pair = StepPair(*known, rejected, change.rejected)
            yield _reason(found, sample) if _is_too_stale(found, sample) else pair


def completions(sample: Sample) -> Iterator[Completion | Omission]:
    """For each step that was edited or inserted what it says after its prompt, or why there is none. A removal has
    nothing to say: what comes instead was right before. Of a branch that was accepted, each step of its own."""
    if sample.is_accepted:
        for position in sample.own_positions:
            said = sample.corrected[position].said
            yield Omission.EMPTY if said is None else _after_prompt(sample, position, said, 0)
    for change in sample.changes:
        if change.kind == "removal":
            yield Omission.REMOVED
        elif change.kind == "edit" and (reason := _no_edit(change, sample)) is not None:
            yield reason
        else:
            found = _completion(change, sample)
            yield _reason(found, sample) if isinstance(found, Completion) and _is_too_stale(found, sample) else found


def _no_pair(change: Change, sample: Sample) -> Omission | None:
    """Why what stands there now is not known to be better than what the agent did there."""
    if change.kind == "edit":
        return _no_edit(change, sample)
    if change.chosen is None or change.rejected is None:
        return Omission.NO_NEXT
    if change.answers_others:
        return Omission.ANSWERS_OTHERS
    if not sample.is_written_otherwise(change):
        return Omission.INVISIBLE
    if change.kept is not None and change.kept not in sample.visible_steps:
        # What comes instead of a removed step was not rewritten, so it is right only if nobody doubts it.
        if change.kept in sample.steps_called_wrong:
            return Omission.INCORRECT
        if change.kept in sample.disputed:
            return Omission.DISPUTED
    return None


def _no_edit(change: Change, sample: Sample) -> Omission | None:
    if change.rejected not in sample.edits:
        return Omission.NOISE
    return None if change.rejected in sample.visible_steps else Omission.INVISIBLE


def _completion(change: Change, sample: Sample) -> Completion | Omission:
    """What stands there now, after its prompt."""
    chosen = sample.chosen(change)
    if chosen is None or change.chosen is None or change.kept in sample.half_emptied_steps:
        return Omission.EMPTY
    return _after_prompt(sample, change.chosen, chosen, sample.n_edits(change))


def _after_prompt(sample: Sample, position: int, said: AssistantMessage, n_edits: int) -> Completion | Omission:
    prompt = prompt_before(sample, position)
    if not prompt:
        return Omission.NO_PROMPT
    if has_broken_call([*prompt, said]):
        return Omission.BROKEN_CALL
    return Completion(position, prompt, said, n_edits, sample.is_stale_at(position))


def _is_too_stale(completion: Completion, sample: Sample) -> bool:
    return completion.is_stale and sample.rules.stale != "include"


def _reason(stale: Completion, sample: Sample) -> Omission:
    is_regenerated = sample.branch_point is not None and stale.step > sample.branch_point
    return Omission.REGENERATED if is_regenerated else Omission.STALE
