"""What an annotation of a conversation corrects: which part of which message, and whether the agent said it.

On our own pages the path of an editor says which part it is. In tasks that somebody imported as they were recorded, a
path leads anywhere into the recording. There the correction is put where the editor points, the recording is read
again, and the message that has changed says whose it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

from ls_trajedit.converters.annotations.distances import distance_in_characters, distance_in_words
from ls_trajedit.converters.annotations.read import EditedField, Reading
from ls_trajedit.converters.annotations.structure import chat_structure
from ls_trajedit.converters.record import (
    DistanceKey,
    Edit,
    ReasonWithoutEdit,
    RejectedAnnotation,
    RejectReason,
    Remark,
    StepLabel,
)
from ls_trajedit.converters.traces import ChatTraces, value_text
from ls_trajedit.label_config.chat_data import Chat, Correction, Target, chat_fields
from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.field_path import FieldPath, format_path, parse_path, set_field
from ls_trajedit.traces.json_text import parse_json, same_json
from ls_trajedit.traces.model import Call, Message, Part, Reasoning, Text, Trace

__all__ = ["ChatReading", "make_edit", "read_corrections"]

_Said = TypeVar("_Said", ReasonWithoutEdit, Remark)


class ChatReading(NamedTuple):
    """What an annotation says about a conversation. `not_the_agents` are the corrections of what somebody else said:
    nothing that the agent could learn."""

    traces: ChatTraces
    edits: tuple[Edit, ...]
    not_the_agents: tuple[Edit, ...]
    labels: tuple[StepLabel, ...]
    reasons_without_edit: tuple[ReasonWithoutEdit, ...]
    remarks: tuple[Remark, ...]


class _Found(NamedTuple):
    """A correction, with the edit that records show for it."""

    correction: Correction | None
    edit: Edit


def read_corrections(chat: Chat, data: Mapping[str, Any], reading: Reading, steps_path: FieldPath) -> ChatReading:
    """What `reading`, of a task with this `data`, says about the conversation in it.

    Raises RejectedAnnotation when arguments that were JSON are not JSON any more, when the conversation cannot be read
    with a correction in it, and what `chat_structure` raises.
    """
    if chat.recorded_as is None:
        found = [_on_our_page(chat, edited) for edited in reading.edits]
    else:
        found = [item for edited in reading.edits for item in _as_recorded(chat, data, edited)]
    agents: list[_Found] = []
    others: list[_Found] = []
    for item in found:
        is_agents = item.correction is not None and item.correction.target.step is not None
        (agents if is_agents else others).append(item)
    corrections = [item.correction for item in agents if item.correction is not None]
    try:
        corrected = chat.corrected(corrections) if corrections else chat.trace
    except ValueError as error:
        raise RejectedAnnotation(RejectReason.UNREADABLE, f"a correction does not fit the trace: {error}") from None
    structure = chat_structure(reading.changes, chat, steps_path) if reading.changes else ()
    return ChatReading(
        traces=ChatTraces(chat.trace, corrected, structure),
        edits=tuple(item.edit for item in agents),
        not_the_agents=tuple(item.edit for item in others),
        labels=_labels(chat, reading, steps_path),
        reasons_without_edit=_as_recorded_at(chat, reading.reasons_without_edit, steps_path),
        remarks=_as_recorded_at(chat, reading.remarks, steps_path),
    )


def make_edit(step: int | None, field: str, original: str, edited: str, reason: str) -> Edit:
    """The edit from one text to the other, with the distances between them."""
    characters, words = distance_in_characters(original, edited), distance_in_words(original, edited)
    bounds: list[DistanceKey] = []
    if characters.is_lower_bound:
        bounds.append("edit_distance_chars")
    if words.is_lower_bound:
        bounds.append("edit_distance_words")
    return Edit(
        step_index=step,
        field=field,
        original_text=original,
        edited_text=edited,
        edit_distance_chars=characters.number,
        edit_distance_words=words.number,
        reason=reason,
        lower_bounds=tuple(bounds),
    )


def _on_our_page(chat: Chat, edited: EditedField) -> _Found:
    target = chat.target(edited.editor.path)
    if target is None:
        return _Found(None, _edit_at(edited))
    value = edited.value
    if target.kind == "arguments":
        value = _arguments(chat.value(target), edited)
    edit = make_edit(target.step, target.field, edited.original_text, edited.edited_text, edited.reason)
    return _Found(Correction(target, value), edit)


def _arguments(original: Any, edited: EditedField) -> Any:
    """The arguments that the text stands for. What was not JSON may stay text; what was JSON may not become text."""
    try:
        value = parse_json(edited.edited_text.encode("utf-8", "backslashreplace"))
    except ValueError:
        if isinstance(original, str):
            return edited.edited_text
        raise _not_json(edited) from None
    if isinstance(original, dict) and not isinstance(value, dict):
        raise _not_json(edited)
    return value if isinstance(value, dict) or not isinstance(original, str) else edited.edited_text


def _not_json(edited: EditedField) -> RejectedAnnotation:
    detail = f"`{edited.editor.control}` corrects the arguments of a call, and its text is not a JSON object"
    return RejectedAnnotation(RejectReason.NOT_JSON, detail)


def _as_recorded(chat: Chat, data: Mapping[str, Any], edited: EditedField) -> list[_Found]:
    """The parts that are other parts once the recording holds the correction."""
    path = edited.editor.path
    changed = set_field(data, path, edited.value)
    try:
        trace = chat.read_again(changed)
    except ReadError as error:
        detail = f"with the correction in `{edited.editor.control}`, {error}"
        raise RejectedAnnotation(RejectReason.UNREADABLE, detail) from None
    if len(trace.messages) != len(chat.trace.messages):
        raise _other_shape(edited)
    found = []
    for number, (old, new) in enumerate(zip(chat.trace.messages, trace.messages, strict=True)):
        for part, value in _differing_parts(old, new, edited):
            target = _target(chat.trace, number, part, value)
            if target is None:
                found.append(_Found(None, _edit_at(edited)))
                continue
            before = value_text(chat.value(target))
            edit = make_edit(target.step, target.field, before, value_text(value), edited.reason)
            found.append(_Found(Correction(target, value), edit))
    if not found and chat.target(path) is None:
        found.append(_Found(None, _edit_at(edited)))
    return found


def _differing_parts(old: Message, new: Message, edited: EditedField) -> list[tuple[int, Any]]:
    if (old.role, old.agent, old.name) != (new.role, new.agent, new.name):
        raise _other_shape(edited)
    if len(old.parts) == len(new.parts) + 1 and edited.value == "":
        # A text that was cleared is a part no more.
        for number, part in enumerate(old.parts):
            rest = old.parts[:number] + old.parts[number + 1 :]
            if isinstance(part, Text | Reasoning) and _texts_and_calls(rest) == _texts_and_calls(new.parts):
                return [(number, "")]
    if len(old.parts) != len(new.parts):
        raise _other_shape(edited)
    found: list[tuple[int, Any]] = []
    for number, (before, after) in enumerate(zip(old.parts, new.parts, strict=True)):
        match before, after:
            case (Text(a), Text(b)) | (Reasoning(a), Reasoning(b)):
                if a != b:
                    found.append((number, b))
            case Call(), Call():
                found.extend((number, value) for value in _differing_call(before, after, edited))
            case _ if type(before) is type(after):
                if _without_places(before) != _without_places(after):
                    found.append((number, None))
            case _:
                raise _other_shape(edited)
    return found


class _Name(str):
    """The corrected name of a tool, told apart from arguments that are text."""


def _differing_call(old: Call, new: Call, edited: EditedField) -> Iterable[Any]:
    if old.id != new.id:
        raise _other_shape(edited)
    if old.name != new.name:
        yield _Name(new.name)
    if not same_json(old.arguments, new.arguments):
        was_json, is_object = not isinstance(old.arguments, str), isinstance(new.arguments, dict)
        if (was_json and isinstance(new.arguments, str)) or (isinstance(old.arguments, dict) and not is_object):
            raise _not_json(edited)
        yield new.arguments


def _other_shape(edited: EditedField) -> RejectedAnnotation:
    detail = (
        f"`{edited.editor.control}` corrects `{format_path(edited.editor.path)}`, and with its text the conversation "
        "has other messages, calls or parts than before"
    )
    return RejectedAnnotation(RejectReason.UNREADABLE, detail)


def _target(trace: Trace, message: int, part: int, value: Any) -> Target | None:
    """What was corrected in one of the agent's steps; None for what somebody else said."""
    kind = "name" if isinstance(value, _Name) else "arguments"
    for target in chat_fields(trace).values():
        is_there = (target.message, target.part) == (message, part)
        if is_there and target.kind in ("content", "reasoning", kind):
            return target
    return None


def _edit_at(edited: EditedField) -> Edit:
    """The edit of something that is no part of what the agent said: its field is the path of the editor."""
    path = format_path(edited.editor.path)
    return make_edit(None, path, edited.original_text, edited.edited_text, edited.reason)


def _labels(chat: Chat, reading: Reading, steps_path: FieldPath) -> tuple[StepLabel, ...]:
    if chat.recorded_as is None:
        return reading.labels
    placed = [(label, label.step_index) for label in reading.labels]
    steps = [(label, chat.step_at((*steps_path, number))) for label, number in placed if number is not None]
    return tuple(replace(label, step_index=step) for label, step in steps if step is not None)


def _as_recorded_at(chat: Chat, said: tuple[_Said, ...], steps_path: FieldPath) -> tuple[_Said, ...]:
    """The same, each with the agent's step that was recorded where it is about, and the field in that."""
    if chat.recorded_as is None:
        return said
    places = (_recorded_at(chat, item, steps_path) for item in said)
    return tuple(replace(item, step_index=step, field=field) for item, (step, field) in zip(said, places, strict=True))


def _recorded_at(chat: Chat, said: ReasonWithoutEdit | Remark, steps_path: FieldPath) -> tuple[int | None, str]:
    """The agent's step that was recorded where this is about, and the field in it; the path for anything else."""
    step: FieldPath = () if said.step_index is None else (*steps_path, said.step_index)
    if step and not said.field and (number := chat.step_at(step)) is not None:
        return number, ""
    path = (*step, *(parse_path(said.field) if said.field else ()))
    target = chat.target(path) if path else None
    if target is not None and target.step is not None:
        return target.step, target.field
    return None, format_path(path) if path else ""


def _texts_and_calls(parts: Iterable[Part]) -> list[Part]:
    return [_without_places(part) for part in parts]


def _without_places(part: Part) -> Part:
    if isinstance(part, Call):
        return replace(part, name_place=None, arguments_place=None)
    return replace(part, place=None)
