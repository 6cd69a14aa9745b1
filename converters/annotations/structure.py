"""What an annotation says about whole steps: which are removed, and which are inserted beside them.

A step is inserted when that is chosen and something was typed for it. What was typed before the choice was taken back
is a remark, as far as it is there: Label Studio 1.23.2 does not submit it, and 1.12.1 does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ls_trajedit.converters.annotations.typed_texts import said_texts
from ls_trajedit.converters.record import (
    Insertion,
    ReasonWithoutEdit,
    RejectedAnnotation,
    RejectReason,
    Remark,
    Removal,
    StructureChange,
)
from ls_trajedit.converters.restructured_chat import free_call_id
from ls_trajedit.label_config.chat_data import Chat
from ls_trajedit.label_config.structure import REMOVE, InsertedBox, InsertionSlot, StructureControl
from ls_trajedit.traces.field_path import MISSING, FieldPath, format_path, get_field, parse_path
from ls_trajedit.traces.json_text import parse_json

__all__ = [
    "InsertedStep",
    "RemovedStep",
    "StepChange",
    "StructureReading",
    "chat_structure",
    "plain_structure",
    "read_structure",
]


class RemovedStep(NamedTuple):
    """The step of `control` is removed."""

    control: StructureControl
    reason: str

    @property
    def chosen_in(self) -> str:
        """The control in which this was chosen, as messages name it."""
        return f"`{self.control.control}`"


class InsertedStep(NamedTuple):
    """A step is inserted in the `slot` of `control`, with these texts, of which none is blank, in boxes of it."""

    control: StructureControl
    slot: InsertionSlot
    texts: tuple[tuple[InsertedBox, str], ...]
    reason: str

    @property
    def chosen_in(self) -> str:
        """The control in which this was chosen, as messages name it, and what was chosen."""
        return f"`{self.control.control}` ({self.slot.choice})"


StepChange = RemovedStep | InsertedStep


class StructureReading(NamedTuple):
    """What was chosen and typed in the controls for whole steps. `empty_insertions` counts the insertions for which
    nothing was typed."""

    changes: tuple[StepChange, ...]
    reasons_without_change: tuple[ReasonWithoutEdit, ...]
    remarks: tuple[Remark, ...]
    empty_insertions: int


def read_structure(
    structures: Iterable[StructureControl], given: Mapping[str, list[str]], data: Mapping[str, Any]
) -> StructureReading:
    """What the controls in `structures` were `given`, in a task with this `data`; in the order of the config.

    Raises RejectedAnnotation for a choice that the config lacks, and for several texts in one box.
    """
    changes: list[StepChange] = []
    reasons: list[ReasonWithoutEdit] = []
    remarks: list[Remark] = []
    empty = 0
    for structure in structures:
        if get_field(data, structure.step) in (MISSING, None):
            remarks += _remarks(structure, given)
            continue
        chosen = _choices(structure, given)
        reason = _reason(structure.reason, given)
        if REMOVE in chosen:
            changes.append(RemovedStep(structure, reason))
        elif reason:
            reasons.append(ReasonWithoutEdit(structure.step_index, "", reason))
        for slot in sorted(structure.slots, key=lambda slot: slot.number):
            texts = tuple((box, text) for box in slot.boxes if (text := _text(box, given)) is not None)
            reason = _reason(slot.reason, given)
            if slot.choice in chosen and texts:
                changes.append(InsertedStep(structure, slot, texts, reason))
                continue
            remarks += [Remark(box.control, structure.step_index, box.field, text) for box, text in texts]
            empty += slot.choice in chosen
            if reason:
                reasons.append(ReasonWithoutEdit(structure.step_index, "", reason))
    return StructureReading(tuple(changes), tuple(reasons), tuple(remarks), empty)


def plain_structure(
    changes: Sequence[StepChange], steps: Sequence[Any], editable_fields: Iterable[str], bare_step_field: str
) -> tuple[StructureChange, ...]:
    """The changes of a trace of the plain shape with these `steps`, along the trace. `editable_fields` are those in
    which the agent acts, and the others what it hears; without any, it acts in all. `bare_step_field` is the field of a
    step that is a bare string.

    Raises RejectedAnnotation for a step in which the agent does nothing, for a text that is not JSON although the field
    is JSON in this trace, and when every step is removed and none inserted.
    """
    acting = set(editable_fields)

    def made(change: InsertedStep, after: int, position: int) -> Any:
        if acting and acting.isdisjoint(box.field for box, _ in change.texts):
            raise _not_a_step(change, "nothing but what the agent would hear was typed")
        step: dict[str, Any] = {}
        for box, text in change.texts:
            path = parse_path(box.field)
            originals = (step if path == (bare_step_field,) else MISSING for step in steps if isinstance(step, str))
            fields = (get_field(step, path) for step in steps if not isinstance(step, str))
            _put(step, path, _value(text, (*originals, *fields), box), box)
        is_bare = step.keys() == {bare_step_field} and all(isinstance(step, str) for step in steps)
        return step[bare_step_field] if is_bare else step

    return _along_the_trace([(change.control.step_index, change) for change in changes], len(steps), made)


def chat_structure(changes: Sequence[StepChange], chat: Chat, steps_path: FieldPath) -> tuple[StructureChange, ...]:
    """The changes of a conversation, along it.

    Raises RejectedAnnotation for a message that is not a step of the agent, for arguments that are not a JSON object,
    for a step in which the agent does nothing, for a text in a box of a field that no inserted step has, and when every
    step is removed and none inserted.
    """

    def made(change: InsertedStep, after: int, position: int) -> Any:
        return _chat_step(change, chat, steps_path, free_call_id(chat.trace, after, position))

    placed = [(_step_of(change, chat, steps_path), change) for change in changes]
    return _along_the_trace(placed, len(chat.trace.steps), made)


def _remarks(structure: StructureControl, given: Mapping[str, list[str]]) -> Iterator[Remark]:
    """What was chosen and typed for a step that the task lacks."""
    if choices := given.get(structure.control):
        yield Remark(structure.control, structure.step_index, "", "\n".join(choices))
    fields = {box.control: box.field for slot in structure.slots for box in slot.boxes}
    for control in structure.controls:
        if control != structure.control:
            for text in said_texts(given.get(control, ())):
                yield Remark(control, structure.step_index, fields.get(control, ""), text)


def _choices(structure: StructureControl, given: Mapping[str, list[str]]) -> set[str]:
    chosen = given.get(structure.control, [])
    known = {REMOVE, *(slot.choice for slot in structure.slots)}
    for choice in chosen:
        if choice not in known:
            detail = f"`{structure.control}` holds the choice `{choice}`, which the config lacks"
            raise RejectedAnnotation(RejectReason.WRONG_SHAPE, detail)
    return set(chosen)


def _reason(control: str | None, given: Mapping[str, list[str]]) -> str:
    return "\n".join(said_texts(given.get(control or "", ())))


def _text(box: InsertedBox, given: Mapping[str, list[str]]) -> str | None:
    """The text in the box; None when nothing was typed there."""
    texts = said_texts(given.get(box.control, ()))
    if len(texts) > 1:
        raise RejectedAnnotation(RejectReason.SEVERAL_TEXTS, f"`{box.control}` holds {len(texts)} different texts")
    return texts[0] if texts else None


def _along_the_trace(
    changes: Iterable[tuple[int, StepChange]], n_steps: int, made: Callable[[InsertedStep, int, int], Any]
) -> tuple[StructureChange, ...]:
    """The changes, each with the index of its step. `made` makes an inserted step, given after which step it stands,
    and its place among those that do."""
    removed: dict[int, list[str]] = {}
    inserted: dict[int, list[InsertedStep]] = {}
    for index, change in changes:
        if isinstance(change, RemovedStep):
            removed.setdefault(index, []).append(change.reason)
        else:
            inserted.setdefault(index - change.slot.is_before, []).append(change)
    if len(removed) == n_steps and not inserted:
        raise RejectedAnnotation(RejectReason.NO_STEPS, f"all {n_steps} are, and none is inserted")
    structure: list[StructureChange] = []
    for index in sorted({*removed, *inserted}):
        if index in removed:
            structure.append(Removal(index, "\n".join(said_texts(removed[index]))))
        # Those after a step come before those before the next one.
        in_order = sorted(inserted.get(index, ()), key=lambda change: change.slot.is_before)
        for position, change in enumerate(in_order):
            structure.append(Insertion(index, position, made(change, index, position), change.reason))
    return tuple(structure)


def _value(text: str, originals: Iterable[Any], box: InsertedBox) -> Any:
    """What the text stands for: JSON where all `originals` of the field are values other than strings."""
    found = [original for original in originals if original is not MISSING and original is not None]
    if not found or any(isinstance(original, str) for original in found):
        return text
    try:
        return _parsed(text)
    except ValueError as error:
        detail = f"`{box.control}` fills `{box.field}`, which is JSON in this trace, and its text is not: {error}"
        raise RejectedAnnotation(RejectReason.NOT_JSON, detail) from None


def _parsed(text: str) -> Any:
    return parse_json(text.encode("utf-8", "backslashreplace"))


def _put(step: Any, path: FieldPath, value: Any, box: InsertedBox) -> None:
    """Puts the value of a box at `path` of the step that is being made, where nothing may be yet."""
    head, rest = path[0], path[1:]
    if isinstance(head, int) and isinstance(step, list):
        is_there = head < len(step)
        if head > len(step):
            raise _unattributed(box, f"fills item {head + 1} of a list, and nothing was typed for item {head}")
    elif isinstance(head, str) and isinstance(step, dict):
        is_there = head in step
    else:
        raise _unattributed(box, f"fills `{box.field}`, and another box fills something that has no such field")
    if is_there and not rest:
        raise _unattributed(box, f"fills `{box.field}`, and so does another box")
    inside = value
    if rest:
        inside = step[head] if is_there else [] if isinstance(rest[0], int) else {}
        _put(inside, rest, value, box)
    if is_there or isinstance(step, dict):
        step[head] = inside
    else:
        step.append(inside)


def _step_of(change: StepChange, chat: Chat, steps_path: FieldPath) -> int:
    """The agent's step that the change is about."""
    index = change.control.step_index
    if chat.recorded_as is None:
        if index < len(chat.trace.steps):
            return index
        found: frozenset[int] = frozenset()
    else:
        found = chat.steps_at((*steps_path, index))
        if len(found) == 1:
            return min(found)
    what = "several steps of the agent stand there" if found else "that is not a step of the agent"
    detail = f"{change.chosen_in} is about `{format_path(change.control.step)}`, and {what}"
    raise RejectedAnnotation(RejectReason.UNREADABLE, detail)


def _chat_step(change: InsertedStep, chat: Chat, steps_path: FieldPath, call_id: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for box, text in change.texts:
        path = parse_path(box.field)
        if chat.recorded_as is not None:
            path = _said_at(path, chat, steps_path, change.control.step_index)
        _put(made, path, _chat_value(text, path, chat, box), box)
    calls = made.pop("tool_calls", [])
    heard = made.pop("heard", None)
    if calls and "name" not in calls[0]:
        raise _not_a_step(change, "arguments were typed, and no name of a call")
    if not calls and not made:
        raise _not_a_step(change, "nothing but what the agent would hear was typed")
    step: dict[str, Any] = {name: made[name] for name in ("reasoning", "content") if name in made}
    if calls:
        step["tool_calls"] = [
            {"id": call_id, "name": calls[0]["name"], "arguments": calls[0].get("arguments", {})},
        ]
    answer = (
        {"role": "tool", "content": heard, "tool_call_id": call_id} if calls else {"role": "user", "content": heard}
    )
    return {**step, "heard": [] if heard is None else [answer]}


def _said_at(path: FieldPath, chat: Chat, steps_path: FieldPath, index: int) -> FieldPath:
    """What the field at `path` of a recorded message is in a step, as its own message has it or, where that lacks it,
    another one of the agent's. The words that our own pages use are their own names."""
    places = {place[len(steps_path)] for place in chat.targets if place[: len(steps_path)] == steps_path}
    for item in (index, *sorted(place for place in places if isinstance(place, int))):
        target = chat.target((*steps_path, item, *path))
        if target is not None and target.step is not None:
            return (*parse_path(target.field), *target.inside)
    return path


def _chat_value(text: str, path: FieldPath, chat: Chat, box: InsertedBox) -> Any:
    match path:
        case ("reasoning",) | ("content",) | ("heard",) | ("tool_calls", 0, "name"):
            return text
        case ("tool_calls", 0, "arguments"):
            return _arguments(text, box)
        case ("tool_calls", 0, "arguments", *_):
            calls = (call for step in chat.trace.steps for call in step.message.calls)
            return _value(text, (get_field(call.arguments, path[3:]) for call in calls), box)
    raise _unattributed(box, f"fills `{box.field}`, which no inserted step of a conversation has")


def _arguments(text: str, box: InsertedBox) -> dict[str, Any]:
    try:
        arguments = _parsed(text)
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        detail = f"`{box.control}` holds the arguments of a call, and its text is not a JSON object"
        raise RejectedAnnotation(RejectReason.NOT_JSON, detail)
    return arguments


def _unattributed(box: InsertedBox, what: str) -> RejectedAnnotation:
    return RejectedAnnotation(RejectReason.UNATTRIBUTED_TEXT, f"`{box.control}` {what}")


def _not_a_step(change: InsertedStep, what: str) -> RejectedAnnotation:
    return RejectedAnnotation(RejectReason.NOT_A_STEP, f"{change.chosen_in}: {what}")
