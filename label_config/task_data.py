"""A trace as the `data` of a Label Studio task, and back.

Label Studio shows strings, and accepts a task only when its data has every key that the labeling config shows. A field
that is an object, a list or a number would be shown as `[object Object]`; a step that is a bare string has no field to
point at; a trace without a final answer would be refused. So `to_task_data` writes such fields as JSON text, such steps
as objects and such missing fields as empty strings, and notes under the key `ls_trajedit` what it did; `restore_trace`
undoes it.

What a Label Studio on PostgreSQL forgets, the order of keys and how some numbers are written, is noted there too, as
`layout`: that it is there says that the order can be trusted. A trace without one may have been in such a database
already, before it was exported and pushed again. `imported_data` gives the data as it was imported; whoever reads the
data of a task that may come from a server asks for that first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from ls_trajedit.label_config.branch_note import BRANCH, is_branch_note, locked_steps
from ls_trajedit.traces.field_path import (
    MISSING,
    RESERVED_KEY,
    Draft,
    FieldPath,
    format_path,
    get_field,
    parse_path,
    set_field,
)
from ls_trajedit.traces.json_text import json_indented, parse_json
from ls_trajedit.traces.jsonb import is_jsonb, layout_of, noted_layout, restore_layout

__all__ = [
    "NotesError",
    "bare_step_field",
    "check_notes",
    "editor_text",
    "imported_data",
    "json_texts",
    "knows_key_order",
    "restore_own_steps",
    "restore_trace",
    "shown_data",
    "to_task_data",
]

_LAYOUT = "layout"
_MISFIT = "does not fit the rest of the data"


class NotesError(ValueError):
    """What stands under the reserved key is not what `push` writes there. So nobody knows what the data was made from,
    and whether a text in it stands for JSON. The message says what is wrong, for a person."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"its `{RESERVED_KEY}` {what}, and only `push` writes under that key: rename it where it is your own, or "
            "push the trace again"
        )


def to_task_data(
    trace: dict[str, Any],
    *,
    steps_path: FieldPath,
    step_text_key: str,
    step_fields: Iterable[FieldPath],
    top_fields: Iterable[FieldPath],
) -> dict[str, Any]:
    """The task data for `trace`, in which each of `top_fields` is a string, and each of `step_fields` (paths inside a
    step) is a string, null or absent. All other fields stay as they are, and `trace` is not changed.
    """
    draft = Draft(trace)
    notes: dict[str, Any] = {}
    steps = get_field(trace, steps_path)
    bare = [index for index, step in enumerate(steps) if isinstance(step, str)]
    if bare:
        draft.set(steps_path, [{step_text_key: step} if isinstance(step, str) else step for step in steps])
        notes["bare_steps"] = {"steps_key": format_path(steps_path), "field": step_text_key, "indices": bare}
    fields = tuple(step_fields)
    tops = tuple(top_fields)
    for path in (*tops, *((*steps_path, index, *field) for index in range(len(steps)) for field in fields)):
        value = get_field(draft.value, path)
        if value is MISSING or value is None:
            if path in tops:
                noted, instead_of = _put_empty_text(draft, path)
                if instead_of is MISSING:
                    notes.setdefault("absent", []).append(format_path(noted))
                else:
                    notes.setdefault("replaced", {})[format_path(noted)] = instead_of
        elif not isinstance(value, str):
            draft.set(path, json_indented(value))
            notes.setdefault("json", []).append(format_path(path))
    data: dict[str, Any] = draft.value
    if layout := layout_of(_kept_values(data, notes)).as_json():
        notes[_LAYOUT] = layout
    return {**data, RESERVED_KEY: notes} if notes else data


def check_notes(data: Mapping[str, Any]) -> None:
    """Raises NotesError when the data has something under the reserved key that `push` would not write there.

    Only the types of it are checked; whether it fits the rest of the data shows when the trace is restored.
    """
    if RESERVED_KEY not in data:
        return
    notes = data[RESERVED_KEY]
    if not isinstance(notes, dict):
        raise NotesError("is not an object")
    if not notes:
        raise NotesError("is empty")
    for key, value in notes.items():
        if key not in _IS_OURS:
            raise NotesError(f"holds `{key[:40]}`")
        if not _IS_OURS[key](value):
            raise NotesError(f"holds something other than its own notes under `{key}`")


def _are_strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_position(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_layout(value: Any) -> bool:
    return noted_layout(value) is not None


def _are_bare_steps(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("steps_key"), str)
        and isinstance(value.get("field"), str)
        and isinstance(value.get("indices"), list)
        and all(map(_is_position, value["indices"]))
    )


_IS_OURS: Mapping[str, Callable[[Any], bool]] = {
    # of traces of the plain shape
    "bare_steps": _are_bare_steps,
    "json": _are_strings,
    "absent": _are_strings,
    "replaced": _is_object,
    _LAYOUT: _is_layout,
    # of conversations (chat_data.py)
    "format": _is_text,
    "source": _is_text,
    "trace": _is_position,
    "read": _is_object,
    "parent": _is_text,
    "tools": _is_text,
    # of branches of either kind (branch_data.py)
    BRANCH: is_branch_note,
}


def imported_data(data: dict[str, Any]) -> dict[str, Any]:
    """The data of a task as it was imported: with each object's keys in the order that they had in the file, and with
    the numbers as they were written there, wherever the database has changed that.

    What somebody has changed in the data since stays changed. Data without a note of the layout stays as it is. Raises
    NotesError when the notes are not ours.
    """
    if RESERVED_KEY not in data:
        return data
    check_notes(data)
    notes = data[RESERVED_KEY]
    layout = noted_layout(notes.get(_LAYOUT))
    if layout is None:
        return data
    others = {key: value for key, value in notes.items() if key != _LAYOUT}
    trace = {key: value for key, value in data.items() if key != RESERVED_KEY}
    kept = restore_layout(_kept_values(trace, others), layout)
    if "replaced" in others:
        trace, others["replaced"] = kept
    else:
        trace = kept
    return {**trace, RESERVED_KEY: others} if others else trace


def knows_key_order(data: Mapping[str, Any], path: FieldPath) -> bool:
    """Whether the order of the keys at `path` of a task's data, as it came from the server, is known to be that of the
    file: because it is noted, or because what stands there cannot have been in PostgreSQL's `jsonb`, which has an order
    of its own. What stands elsewhere in the data does not count: it may have been added later."""
    noted = noted_layout(data.get(RESERVED_KEY, {}).get(_LAYOUT)) is not None
    return noted or not is_jsonb(get_field(data, path))


def shown_data(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """The task data (as it was imported) with what the trace has wherever `to_task_data` put an empty string: null,
    another value, or nothing. Everything else is what is shown. A note that does not fit the data says nothing."""
    notes = data.get(RESERVED_KEY)
    if not isinstance(notes, dict):
        return data
    replaced, absent = notes.get("replaced"), notes.get("absent")
    draft = Draft(data)
    for text, value in replaced.items() if isinstance(replaced, dict) else ():
        with suppress(ValueError, KeyError, IndexError, TypeError, AttributeError):
            draft.set(parse_path(text), value)
    for text in absent if isinstance(absent, list) else ():
        with suppress(ValueError, TypeError, AttributeError):
            draft.drop(parse_path(text))
    shown: Mapping[str, Any] = draft.value
    return shown


def editor_text(value: Any) -> str | None:
    """What an editor holds for the field value `value`, or None when there is nothing to edit (missing or null).

    >>> editor_text({"query": "weather"})
    '{\\n  "query": "weather"\\n}'
    """
    if value is MISSING or value is None:
        return None
    return value if isinstance(value, str) else json_indented(value)


def json_texts(data: Mapping[str, Any]) -> frozenset[str]:
    """The paths of the strings in the task data that are JSON which `to_task_data` wrote for values of other types."""
    notes = data.get(RESERVED_KEY)
    noted = notes.get("json") if isinstance(notes, dict) else None
    return frozenset(text for text in noted if isinstance(text, str)) if isinstance(noted, list) else frozenset()


def bare_step_field(data: Mapping[str, Any]) -> str | None:
    """The field under which the task data, whose notes are ours, has the steps that are bare strings in the trace; None
    when there are none."""
    field: str | None = data.get(RESERVED_KEY, {}).get("bare_steps", {}).get("field")
    return field


def restore_trace(data: dict[str, Any]) -> dict[str, Any]:
    """The trace that `data` was made from, with the corrections that were made in `data`. These are made in what
    `imported_data` gives; without any, it does not matter. That of a branch begins with the steps that it has from its
    parent.

    Raises NotesError when the notes in the data are not ours, or do not fit the rest of it.
    """
    trace = restore_own_steps(data)
    branch = data[RESERVED_KEY].get(BRANCH, {}) if RESERVED_KEY in data else {}
    if "locked" not in branch:
        return trace
    steps_path = parse_path(branch["steps_key"])
    own = get_field(trace, steps_path)
    if not isinstance(own, list):
        raise NotesError(_MISFIT)
    whole: dict[str, Any] = set_field(trace, steps_path, [*locked_steps(branch), *own])
    return whole


def restore_own_steps(data: dict[str, Any]) -> dict[str, Any]:
    """What `restore_trace` gives, without the steps that a branch has from its parent: the page has no cards for them.
    Raises what that raises."""
    data = imported_data(data)
    notes = data.get(RESERVED_KEY)
    if notes is None:
        return data
    try:
        return _restored(data, notes)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        raise NotesError(_MISFIT) from None


def _restored(data: dict[str, Any], notes: Mapping[str, Any]) -> dict[str, Any]:
    draft = Draft({key: value for key, value in data.items() if key != RESERVED_KEY})
    for text in notes.get("json", ()):
        path = parse_path(text)
        draft.set(path, parse_json(get_field(draft.value, path).encode("utf-8", "backslashreplace")))
    for text, value in notes.get("replaced", {}).items():
        draft.set(parse_path(text), value)
    for text in notes.get("absent", ()):
        draft.drop(parse_path(text))
    if bare := notes.get("bare_steps"):
        steps_path = parse_path(bare["steps_key"])
        steps = list(get_field(draft.value, steps_path))
        for index in bare["indices"]:
            steps[index] = steps[index][bare["field"]]
        draft.set(steps_path, steps)
    trace: dict[str, Any] = draft.value
    return trace


def _kept_values(trace: dict[str, Any], notes: Mapping[str, Any]) -> Any:
    """What of a trace the database keeps: what is in the data, and what was replaced there."""
    return [trace, notes["replaced"]] if "replaced" in notes else trace


def _put_empty_text(draft: Draft, path: FieldPath) -> tuple[FieldPath, Any]:
    """Puts an empty string at `path`; returns the path of what was put in (the field, or the first thing on the way
    that is not an object), and what was there before: null, another value without fields, or MISSING."""
    data = draft.value
    put = next((i for i in range(1, len(path)) if not isinstance(get_field(data, path[:i]), dict)), len(path))
    before = get_field(data, path[:put])
    value: Any = ""
    for key in reversed(path[put:]):
        value = {key: value}
    parent = get_field(data, path[: put - 1])
    draft.set(path[: put - 1], {**parent, path[put - 1]: value})
    return path[:put], before
