"""Both traces of a record side by side: which steps were kept, removed and inserted, and what stands over what.

A *run* is everything that was removed and inserted between two steps that were kept. In a run the first removed step
is replaced by the first inserted one, the second by the second, and so on. What is left over has the next kept step on
the other side: it came too early where a step was inserted before it, and it is what comes instead of a removed one.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from ls_trajedit.converters.record import Insertion, Removal, StructureChange
from ls_trajedit.converters.structure import Kept, merged_order

__all__ = ["AlignedStep", "Alignment", "Change", "Heard", "aligned"]


class Heard(NamedTuple):
    """How many messages of others, results of calls aside, were heard before a step: `recorded` ones, and those that an
    annotator typed for inserted steps."""

    recorded: int = 0
    typed: int = 0


@dataclass(frozen=True)
class AlignedStep:
    """A step with its `index` in the original trace, None for an inserted one, and its `position` in the corrected
    trace, None for a removed one. The final answer is the step after the last."""

    index: int | None
    position: int | None
    heard: Heard

    @property
    def is_kept(self) -> bool:
        """Whether the step is in both traces."""
        return self.index is not None and self.position is not None


@dataclass(frozen=True)
class Change:
    """A place where the corrected trace goes another way. `chosen` is the position of the step that is right, and
    `rejected` the index of what the agent did there in the original trace; None where there is no such step. `kept` is
    the index of the chosen step, None for an inserted one. `place` is the position in the corrected trace at which the
    change shows: that of what follows, for a removal.

    With `answers_others`, somebody else said something between the two, so that they answer different things."""

    kind: Literal["edit", "insertion", "removal", "replacement"]
    chosen: int | None
    rejected: int | None
    kept: int | None
    place: int
    answers_others: bool = False


def aligned(
    structure: Sequence[StructureChange],
    length: int,
    others_after: Callable[[int], int],
    types_others: Callable[[Insertion], int],
) -> Alignment:
    """All steps of both traces, in order. `length` is that of the original trace, its final answer included;
    `others_after` says how many messages of others were heard after a step, and `types_others` how many were typed for
    an inserted one. What is inserted after a removed step stands before what was heard after that one.

    >>> changes = [Removal(0, ""), Insertion(0, 0, {"action": "ls"}, "")]
    >>> [(step.index, step.position) for step in aligned(changes, 2, lambda step: 0, lambda insertion: 0).steps]
    [(0, None), (None, 0), (1, 1)]
    """
    steps: list[AlignedStep] = []
    position = recorded = typed = after_removed = 0
    for step in merged_order(structure, length):
        match step:
            case Insertion():
                steps.append(AlignedStep(None, position, Heard(recorded, typed)))
                position += 1
                typed += types_others(step)
            case Removal(step_index=index):
                recorded += after_removed
                steps.append(AlignedStep(index, None, Heard(recorded, typed)))
                after_removed = others_after(index)
            case Kept(index):
                recorded += after_removed
                steps.append(AlignedStep(index, position, Heard(recorded, typed)))
                position += 1
                recorded += others_after(index)
                after_removed = 0
    return Alignment(tuple(steps))


@dataclass(frozen=True)
class Alignment:
    """The steps of both traces of a record, in order."""

    steps: tuple[AlignedStep, ...]

    @cached_property
    def positions(self) -> dict[int, int]:
        """Where each step that was kept stands in the corrected trace, by its index."""
        return {
            step.index: step.position for step in self.steps if step.index is not None and step.position is not None
        }

    @cached_property
    def indices(self) -> list[int | None]:
        """The index of each step of the corrected trace."""
        return [step.index for step in self.steps if step.position is not None]

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """What was removed and inserted, along the trace: each with what stands on the other side."""
        found: list[Change] = []
        run: list[AlignedStep] = []
        for step in self.steps:
            if step.is_kept:
                found.extend(_changes_of(run, step, len(self.indices)))
                run = []
            else:
                run.append(step)
        found.extend(_changes_of(run, None, len(self.indices)))
        return tuple(found)

    @cached_property
    def last_same_prompt(self) -> int:
        """The last position before which both traces are the same. What others said after a removed step is not the
        same: it stood after that step."""
        for number, step in enumerate(self.steps):
            if not step.is_kept:
                following = next((later for later in self.steps[number:] if later.position is not None), None)
                if following is None or following.position is None:
                    break
                return following.position - (following.heard.recorded != step.heard.recorded)
        return len(self.indices)

    def stale_from(self, acts: Callable[[AlignedStep], bool], edited: Container[int]) -> Iterator[tuple[int, int]]:
        """For each act that was inserted or removed the first position with a prompt that holds something recorded in
        answer to what is not there any more, and the first one at which the step itself was recorded so. `acts` says
        which steps act, and `edited` holds the indices of those that were edited, so that they say what they should."""
        for number, step in enumerate(self.steps):
            if step.is_kept or not acts(step):
                continue
            if step.position is not None:
                yield step.position + 1, step.position + 1
            else:
                yield from _stale_from_removal(step, self.steps[number + 1 :], edited)


def _stale_from_removal(
    removed: AlignedStep, following: Iterable[AlignedStep], edited: Container[int]
) -> Iterator[tuple[int, int]]:
    for step in following:
        if step.position is not None and step.heard.recorded > removed.heard.recorded:
            # What others said after the removed step answers it.
            yield step.position, step.position
            return
        if step.position is not None and step.index is not None:
            yield step.position + 1, step.position + (step.index in edited)
            return


def _changes_of(run: Sequence[AlignedStep], following: AlignedStep | None, end: int) -> Iterator[Change]:
    """The changes of one run, before the kept step `following`."""
    inserted = [step for step in run if step.index is None]
    removed = [step for step in run if step.position is None]
    for number, step in enumerate(inserted):
        is_replacement = number < len(removed)
        other = removed[number] if is_replacement else following
        yield _change("replacement" if is_replacement else "insertion", step, other, end)
    for step in removed[len(inserted) :]:
        yield _change("removal", following, step, end)


def _change(
    kind: Literal["insertion", "removal", "replacement"],
    chosen: AlignedStep | None,
    rejected: AlignedStep | None,
    end: int,
) -> Change:
    return Change(
        kind,
        None if chosen is None else chosen.position,
        None if rejected is None else rejected.index,
        None if chosen is None else chosen.index,
        end if chosen is None or chosen.position is None else chosen.position,
        chosen is not None and rejected is not None and _answer_different_things(chosen.heard, rejected.heard),
    )


def _answer_different_things(chosen: Heard, rejected: Heard) -> bool:
    """Whether others spoke between the two. What was typed after the chosen step is not in its prompt."""
    return chosen.recorded != rejected.recorded or chosen.typed > rejected.typed
