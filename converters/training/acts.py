"""What in a step is an act: something that may have been answered from outside the agent. A thought is none, and what
was observed is an answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ls_trajedit.converters.record import Edit
from ls_trajedit.converters.training.rendering import THOUGHT, Rendering, is_within
from ls_trajedit.traces.field_path import FieldPath, parse_path
from ls_trajedit.traces.template import is_blank

__all__ = ["is_act", "is_acting_step"]


def is_act(edit: Edit, *, is_chat: bool, rendering: Rendering) -> bool:
    """Whether something outside the agent may have answered what was edited: any field of a step but the thought and
    what the observation shows."""
    if edit.step_index is None:
        return False
    if is_chat:
        return not edit.field.startswith("reasoning")
    return not _is_thought_or_observation(parse_path(edit.field), rendering)


def is_acting_step(step: Any, *, is_chat: bool, rendering: Rendering) -> bool:
    """Whether something outside the agent may have answered this step of a record: it does more than think.

    >>> is_acting_step({"thought": "Hm.", "observation": "x", "action": ""}, is_chat=False, rendering=Rendering())
    False
    """
    if isinstance(step, str):
        return not is_blank(step)
    if is_chat:
        said = (value for key, value in step.items() if key != "heard" and not key.startswith("reasoning"))
        return any(value not in ("", [], None) for value in said)
    return any(not is_blank(value) for path, value in _leaves(step) if not _is_thought_or_observation(path, rendering))


def _is_thought_or_observation(path: FieldPath, rendering: Rendering) -> bool:
    return path == THOUGHT or any(is_within(path, other) for other in rendering.observation.fields)


def _leaves(step: Any) -> Iterator[tuple[FieldPath, Any]]:
    """Every field of a step, with its path; of an object in it also the fields, and not the object itself."""
    below: list[tuple[FieldPath, Any]] = [((), step)]
    while below:
        path, value = below.pop()
        if isinstance(value, dict):
            below.extend(((*path, key), inner) for key, inner in value.items())
        else:
            yield path, value
