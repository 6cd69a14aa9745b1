"""What the options say about how traces were recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ls_trajedit.traces.field_path import FieldPath

if TYPE_CHECKING:
    from ls_trajedit.traces.model import Role

__all__ = ["NO_OPTIONS", "STEPS", "ReadOptions"]

STEPS = "steps"
"""The plain shape, which is what remains: a list of steps that are all the agent's. Options say what its keys are."""


@dataclass(frozen=True)
class ReadOptions:
    """What cannot be known from the traces, as the options say it: `from`, `messages_key`, `role_key`, `roles` (from
    the word in the source to the role), `agent` (whose turns are steps), `id_key` (one or several, joined with `-`)
    and `task_key`."""

    format: str | None = None
    messages_key: FieldPath | None = None
    role_key: str | None = None
    roles: Mapping[str, Role] = field(default_factory=dict)
    agent: str | None = None
    id_keys: tuple[FieldPath, ...] = ()
    task_key: FieldPath | None = None


NO_OPTIONS = ReadOptions()
