"""The controls with which an annotator removes a step, or inserts steps beside it.

A Choices named `P__structure` that offers any of STRUCTURE_CHOICES belongs to the step that the Text it points at shows
a part of. The boxes of the step that is inserted as the second one after it are `P__insert_2__W`; `W` says which field
of the new step a box fills.
"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from ls_trajedit.traces.errors import ConfigError
from ls_trajedit.traces.field_path import FieldPath

__all__ = [
    "CHAT_WORDS",
    "INSERT_AFTER",
    "INSERT_BEFORE",
    "REMOVE",
    "STRUCTURE_CHOICES",
    "STRUCTURE_SUFFIX",
    "InsertedBox",
    "InsertionSlot",
    "StructureControl",
    "StructureName",
    "structure_name",
]

STRUCTURE_SUFFIX = "__structure"

REMOVE = "Remove this step"
INSERT_AFTER = ("Insert a step after it", "Insert a second step after it", "Insert a third step after it")
INSERT_BEFORE = ("Insert a step before it", "Insert a second step before it", "Insert a third step before it")
STRUCTURE_CHOICES = frozenset({REMOVE, *INSERT_AFTER, *INSERT_BEFORE})

CHAT_WORDS = {
    "reasoning": "reasoning",
    "content": "content",
    "call_0__name": "tool_calls[0].name",
    "call_0__arguments": "tool_calls[0].arguments",
    "heard": "heard",
}
"""The fields of an inserted step of a conversation, by their word in the name of a box."""


@dataclass(frozen=True)
class InsertedBox:
    """A TextArea (`control`) that fills the field at the path `field` of an inserted step."""

    control: str
    field: str


@dataclass(frozen=True)
class InsertionSlot:
    """A step that can be inserted, by choosing `choice`: the one of that `number` (from 1) after the card's step or,
    where `is_before`, before it. `reason` is the control that asks why."""

    choice: str
    is_before: bool
    number: int
    boxes: tuple[InsertedBox, ...]
    reason: str | None


@dataclass(frozen=True)
class StructureControl:
    """The Choices (`control`) that says whether the step `step_index`, which is at `step` in the task's data, is
    removed, and which steps are inserted beside it, as far as it offers the `choices`. All its controls point at the
    tag `original`; `reason` is the one that asks why it is removed."""

    control: str
    original: str
    step: FieldPath
    step_index: int
    choices: frozenset[str]
    reason: str | None
    slots: tuple[InsertionSlot, ...]

    @property
    def controls(self) -> tuple[str, ...]:
        """The names of all its controls."""
        return (self.control, *self.text_areas)

    @property
    def text_areas(self) -> tuple[str, ...]:
        """The names of its controls in which texts are typed."""
        reasons = [self.reason, *(slot.reason for slot in self.slots)]
        boxes = (box.control for slot in self.slots for box in slot.boxes)
        return (*boxes, *(reason for reason in reasons if reason))

    def is_covered_by(self, other: StructureControl) -> bool:
        """Whether whatever can be done with it can be done with the other in the same way."""
        slots = {(slot.choice, box) for slot in other.slots for box in slot.boxes}
        return (
            (self.control, self.original, self.step) == (other.control, other.original, other.step)
            and self.choices <= other.choices
            and set(self.controls) <= set(other.controls)
            and all((slot.choice, box) in slots for slot in self.slots for box in slot.boxes)
        )


class StructureName(NamedTuple):
    """What the name of a TextArea says: that it belongs to the Choices `control`, and to the inserted step of this
    `number` (0: to the removal) after or before it. It fills the field that `word` says; None: it asks for the reason.
    """

    control: str
    number: int = 0
    is_before: bool = False
    word: str | None = None


_NAME = re.compile("__(?:structure_reason$|(insert|before)_([0-9]+)_(?:reason$|(?=_.)))")


def structure_name(name: str, controls: Container[str]) -> StructureName | None:
    """What the name of a TextArea says, if it belongs to one of these Choices. Raises ConfigError for a number that no
    choice has."""
    # A few of them: each is a copy of the name.
    for found in islice(_NAME.finditer(name), 10):
        control = name[: found.start()] + STRUCTURE_SUFFIX
        if control not in controls:
            continue
        kind, number = found.groups()
        if kind is None:
            return StructureName(control)
        if number not in _NUMBERS:
            raise ConfigError(
                f"the TextArea `{name}` is for an inserted step number {number[:9]} beside `{control}`; they are "
                f"numbered from 1 to {len(INSERT_AFTER)}"
            )
        word = name[found.end() + 1 :] if found.end() < len(name) else None
        return StructureName(control, int(number), kind == "before", word)
    return None


_NUMBERS = {str(number) for number in range(1, len(INSERT_AFTER) + 1)}
