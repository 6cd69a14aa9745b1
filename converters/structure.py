"""Which steps a corrected trace has: those that were kept, and those that were put in between."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ls_trajedit.converters.record import Insertion, Removal, StructureChange
from ls_trajedit.traces.field_path import Draft, FieldPath, get_field

__all__ = ["Kept", "corrected_order", "corrected_position", "merged_order", "restructured", "restructured_trace"]

Item = TypeVar("Item")


@dataclass(frozen=True)
class Kept:
    """The step of the original trace with this index."""

    index: int


def merged_order(structure: Iterable[StructureChange], n_steps: int) -> Iterator[Kept | StructureChange]:
    """The steps of both traces, in order, for an original trace with `n_steps`: those that were kept, removed and
    inserted. What is inserted after a step follows it, also where that was removed."""
    removed: dict[int, Removal] = {}
    inserted: dict[int, list[Insertion]] = {}
    for change in structure:
        if isinstance(change, Removal):
            removed[change.step_index] = change
        else:
            inserted.setdefault(change.after, []).append(change)
    for index in range(-1, n_steps):
        if index >= 0:
            yield removed.get(index) or Kept(index)
        yield from sorted(inserted.get(index, ()), key=lambda insertion: insertion.position)


def corrected_order(structure: Iterable[StructureChange], n_steps: int) -> tuple[Kept | Insertion, ...]:
    """The steps of the corrected trace, in order, for an original trace with `n_steps`.

    >>> order = corrected_order([Removal(0, ""), Insertion(0, 0, {"action": "ls"}, "")], 2)
    >>> [step.index if isinstance(step, Kept) else step.step for step in order]
    [{'action': 'ls'}, 1]
    """
    return tuple(step for step in merged_order(structure, n_steps) if not isinstance(step, Removal))


def corrected_position(structure: Iterable[StructureChange], n_steps: int, index: int) -> int | None:
    """The index in the corrected trace of the step that was `index` in the original one; None when it was removed. The
    final answer, which is `n_steps` in the original, stands after the last step.

    >>> corrected_position([Insertion(-1, 0, {}, "")], 2, 2)
    3
    """
    order = corrected_order(structure, n_steps)
    if index == n_steps:
        return len(order)
    return next((position for position, step in enumerate(order) if step == Kept(index)), None)


def restructured(
    items: Sequence[Item], structure: Iterable[StructureChange], made: Callable[[Insertion], Item]
) -> list[Item]:
    """`items`, one for each step of the original trace, with the removed ones gone and those `made` of insertions in
    their places."""
    order = corrected_order(structure, len(items))
    return [items[step.index] if isinstance(step, Kept) else made(step) for step in order]


def restructured_trace(trace: Any, steps_path: FieldPath, structure: Iterable[StructureChange]) -> Any:
    """`trace`, of the plain shape and with its steps at `steps_path`, with these changes.

    >>> restructured_trace({"task": "Look.", "steps": ["ls", "cd"]}, ("steps",), [Removal(0, "")])
    {'task': 'Look.', 'steps': ['cd']}
    """
    draft = Draft(trace)
    draft.set(steps_path, restructured(get_field(trace, steps_path), structure, lambda insertion: insertion.step))
    return draft.value
