"""The task data of a branch: a trace that continues a corrected one. What came before is shown and locked, and only
what is new can be corrected.

A conversation holds what came before as messages that were given to the agent (`given`), so its steps are the new ones;
its source is ATIF. In the plain shape, `steps` holds the new steps, and those before them stand in the note.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ls_trajedit.label_config.branch_note import BRANCH, Branch
from ls_trajedit.label_config.chat_data import chat_data
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.label_config.storable import what_cannot_be_stored
from ls_trajedit.label_config.task_data import editor_text, to_task_data
from ls_trajedit.traces.atif import exact_atif
from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.field_path import (
    MISSING,
    RESERVED_KEY,
    FieldPath,
    drop_field,
    format_path,
    get_field,
    set_field,
)
from ls_trajedit.traces.json_text import json_line
from ls_trajedit.traces.model import Message, Trace
from ls_trajedit.traces.plain_steps import PlainShapeError, to_plain_steps
from ls_trajedit.traces.read import read_chat
from ls_trajedit.traces.read_options import NO_OPTIONS
from ls_trajedit.traces.step_spelling import spelling_of

__all__ = ["SUPERSEDED", "BranchDataError", "chat_branch_data", "current_data", "plain_branch_data", "superseded_data"]


SUPERSEDED = (
    "The correction that this trace continues has been changed since. What is corrected here is kept, and is in no "
    "training file."
)
"""What the page of a branch says that is superseded."""


class BranchDataError(ValueError):
    """What the agent answered cannot be made a task. The message says why, for a person."""


def chat_branch_data(
    identity: str,
    parent: Trace,
    prefix: Sequence[Message],
    new: Sequence[Message],
    branch: Branch,
    *,
    first_step: int,
) -> dict[str, Any]:
    """The task data of a conversation with this id that goes on with `new` after `prefix`, what was kept of the trace
    `parent`. The title of its first step calls that `first_step`, counted from 1.

    Raises BranchDataError when the agent does nothing in it, when a result answers no call, and for what Label Studio
    cannot keep.
    """
    before = (replace(message, given=True) if message.role == "assistant" else message for message in prefix)
    trace = replace(parent, id=identity, messages=(*before, *new), prompts={}, left_out={})
    if not trace.steps:
        raise BranchDataError("the agent does nothing in it")
    try:
        (read,) = read_chat(exact_atif(trace), "atif", NO_OPTIONS)
    except ReadError as error:
        raise BranchDataError(str(error)) from None
    data = chat_data(replace(read, parent=parent.parent), NO_OPTIONS, first_step=first_step)
    return _with_note(data, branch, {})


def plain_branch_data(
    identity: str,
    trace: Mapping[str, Any],
    prefix: Sequence[Any],
    new: Sequence[Message],
    branch: Branch,
    schema: Schema,
) -> dict[str, Any]:
    """The task data of a trace of the plain shape with this id that goes on with `new` after the steps of `prefix`.
    `trace` is the corrected trace in the shape in which it was imported; `prefix` are those of its steps that were
    kept, the last one without an observation where `new` begins with what was heard.

    New steps have the fields that those of `trace` have, and a call is written as the calls of `trace` are. Raises
    BranchDataError when the plain shape, or the fields of this trace, cannot express what is new.
    """
    steps_path = schema.steps_path
    in_steps, at_the_top = schema.shown_fields()
    shown = {str(path[0]) for path in in_steps}
    spelling = spelling_of([*prefix, *get_field(trace, steps_path)], shown, schema.bare_step_field)
    locked = list(prefix)
    try:
        if not locked and new and new[0].role != "assistant":
            raise PlainShapeError("it begins with what is heard, and no step is before it")
        # With as many steps before them as there are, messages call each step by its number.
        steps = to_plain_steps(Trace("", "", (*[Message("assistant", ())] * len(locked), *new)))["steps"]
        if locked and (heard := steps[len(locked) - 1].get("observation")) is not None:
            locked[-1] = spelling.with_observation(locked[-1], heard, f"step {len(locked)}")
        numbered = list(enumerate(steps))[len(locked) :]
        own = [spelling.spelled(step, f"step {number + 1}") for number, step in numbered]
        draft = dict(trace)
        has_answer = get_field(trace, schema.final_answer_path) not in (MISSING, None)
        if own and (has_answer or schema.final_answer_path in at_the_top) and _is_answer(steps[-1]):
            draft = _put(draft, schema.final_answer_path, steps[-1]["action"])
            thought = {key: value for key, value in steps[-1].items() if key != "action"}
            own[-1:] = [spelling.spelled(thought, f"step {len(steps)}")] if thought else []
        else:
            draft = drop_field(draft, schema.final_answer_path)
    except PlainShapeError as error:
        raise BranchDataError(str(error)) from None
    if len(steps) == len(locked):
        raise BranchDataError("the agent does nothing in it")
    draft = _put(draft, schema.id_path, identity)
    data = to_task_data(
        set_field(draft, steps_path, own),
        steps_path=steps_path,
        step_text_key=schema.bare_step_field,
        step_fields=in_steps,
        top_fields=at_the_top,
    )
    note = {
        "steps_key": format_path(steps_path),
        "locked": json_line(locked).decode(),
        "shown": "\n\n".join(_shown(step, number) for number, step in enumerate(locked, start=1)),
        "titles": [f"Step {len(locked) + number}" for number in range(1, len(own) + 1)],
    }
    return _with_note(data, branch, note)


def superseded_data(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data of a branch, with the note that the correction that it continues has been changed since."""
    notes = data[RESERVED_KEY]
    return {**data, RESERVED_KEY: {**notes, BRANCH: {**notes[BRANCH], "superseded": True, "notice": SUPERSEDED}}}


def current_data(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data of a branch without the note of `superseded_data`: somebody says again what it continues."""
    notes = data[RESERVED_KEY]
    note = {key: value for key, value in notes[BRANCH].items() if key not in ("superseded", "notice")}
    return {**data, RESERVED_KEY: {**notes, BRANCH: note}}


def _with_note(data: dict[str, Any], branch: Branch, more: Mapping[str, Any]) -> dict[str, Any]:
    """The data with the note of what it continues. Raises BranchDataError for what Label Studio cannot keep."""
    note = {"parent": vars(branch.parent), "round": branch.round, **more}
    noted = {**data, RESERVED_KEY: {**data.get(RESERVED_KEY, {}), BRANCH: note}}
    if (what := what_cannot_be_stored(noted)) is not None:
        raise BranchDataError(what)
    return noted


def _is_answer(step: Mapping[str, Any]) -> bool:
    """Whether the agent only says something, which nobody answers."""
    return isinstance(step.get("action"), str) and "observation" not in step


def _put(data: dict[str, Any], path: FieldPath, value: Any) -> dict[str, Any]:
    """The data with `value` at `path`, whatever was on the way."""
    inner = data.get(str(path[0])) if len(path) > 1 else None
    put = value if len(path) == 1 else _put(inner if isinstance(inner, dict) else {}, path[1:], value)
    return {**data, str(path[0]): put}


def _shown(step: Any, number: int) -> str:
    """A locked step as a person reads it."""
    fields = {"": step} if isinstance(step, str) else step
    lines = (f"{key}: {text}" if key else text for key, value in fields.items() if (text := editor_text(value)))
    return "\n".join([f"Step {number}", *lines])
