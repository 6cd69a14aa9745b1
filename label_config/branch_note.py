"""What a task's data says of the correction that its trace continues: the note `branch` under the reserved key.

    {"parent": {"trace_id", "task_id", "annotation_id", "step", "sha256"}, "round": 2,
     "superseded": true?, "notice": "…"?,                        the correction has been changed since, in words, too
     "steps_key": "steps", "locked": "[…]", "shown": "…", "titles": ["Step 4", …]}     traces of the plain shape only

`locked` is the JSON text of the steps that come before those in the data, and `shown` what a person reads of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ls_trajedit.traces.field_path import RESERVED_KEY, parse_path
from ls_trajedit.traces.json_text import parse_json, typed_item

__all__ = [
    "BRANCH",
    "Branch",
    "Identity",
    "Parent",
    "branch_of",
    "is_branch_note",
    "locked_count",
    "locked_steps",
    "parse_branch",
]

BRANCH = "branch"
"""The key of the note."""

Identity = int | str | None
"""The id of a project, a task or an annotation. Label Studio numbers them, other tools may write strings, and what was
made by hand may have none."""


@dataclass(frozen=True)
class Parent:
    """The correction that a branch continues: that of the annotation `annotation_id` of the task `task_id`, up to and
    including the step `step` of its corrected trace, -1 where nothing of that was kept. `sha256` is the hash of the
    correction; another one is another correction."""

    trace_id: str
    task_id: Identity
    annotation_id: Identity
    step: int
    sha256: str


@dataclass(frozen=True)
class Branch:
    """What a trace continues. `round` counts from 1 for traces that were pushed, so it is 2 or more here. `superseded`
    is written only where the correction has been changed since, so that another branch continues it."""

    parent: Parent
    round: int
    superseded: bool = False

    def __post_init__(self) -> None:
        """Leaves out what is written only where it says something."""
        if not self.superseded:
            object.__delattr__(self, "superseded")


def parse_branch(value: Any) -> Branch:
    """The branch of which a note or a record says this. Raises ValueError or TypeError, with the key, when one is
    missing or a value is of the wrong type."""
    parent = typed_item(value, "parent", dict)
    return Branch(
        Parent(
            typed_item(parent, "trace_id", str),
            typed_item(parent, "task_id", int, str, type(None)),
            typed_item(parent, "annotation_id", int, str, type(None)),
            typed_item(parent, "step", int),
            typed_item(parent, "sha256", str),
        ),
        typed_item(value, "round", int),
        "superseded" in value and typed_item(value, "superseded", bool),
    )


def is_branch_note(value: Any) -> bool:
    """Whether `value` is a note that says what a trace continues."""
    try:
        branch = parse_branch(value)
        if not value.keys() <= _ALL_KEYS or branch.round < 2 or branch.parent.step < -1:
            return False
        typed_item({"notice": "", **value}, "notice", str)
        if value.keys().isdisjoint(_PLAIN_KEYS):
            return True
        parse_path(typed_item(value, "steps_key", str))
        typed_item(value, "shown", str)
        return (
            all(isinstance(title, str) for title in typed_item(value, "titles", list))
            and isinstance(typed_item(value, "locked", str), str)
            and isinstance(locked_steps(value), list)
        )
    except (ValueError, TypeError):
        return False


def locked_steps(note: Mapping[str, Any]) -> list[Any]:
    """The steps of a trace of the plain shape that come before those in its data. Raises ValueError when `locked` is
    not JSON."""
    locked: list[Any] = parse_json(note["locked"].encode("utf-8", "surrogatepass"))
    return locked


def branch_of(data: Mapping[str, Any]) -> Branch | None:
    """What the trace in a task's data continues; None for one that was pushed, and for a note that is not ours."""
    note = _note_in(data)
    # Of every task this is asked, and most are none.
    return parse_branch(note) if note is not None and is_branch_note(note) else None


def locked_count(data: Mapping[str, Any]) -> int:
    """How many steps come before those in a task's data. Raises ValueError for a note that is not ours."""
    note = _note_in(data)
    return len(locked_steps(note)) if note is not None and "locked" in note else 0


def _note_in(data: Mapping[str, Any]) -> Any:
    notes = data.get(RESERVED_KEY)
    return notes.get(BRANCH) if isinstance(notes, dict) else None


_PLAIN_KEYS = {"steps_key", "locked", "shown", "titles"}
_ALL_KEYS = {"parent", "round", "superseded", "notice", *_PLAIN_KEYS}
