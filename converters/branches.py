"""Branches: traces that continue a corrected one, from the first step whose correction makes what follows stale.

A correction is known by the annotation that it stands in and by the hash of what it says. Up to where it counts, the
corrected trace is given to an agent, which says what happens next; so this module says where that is, which of the
recorded results are still true there, and what the agent is given as messages.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ls_trajedit.converters.record import Insertion, Parent, Record, RecordedTrace, Removal
from ls_trajedit.converters.structure import Kept, corrected_order
from ls_trajedit.converters.traces import ChatTraces, Traces
from ls_trajedit.converters.training import tool_calls
from ls_trajedit.converters.training.acts import is_act, is_acting_step
from ls_trajedit.converters.training.rendering import THOUGHT, Rendering
from ls_trajedit.traces.field_path import FieldPath, drop_field, get_field
from ls_trajedit.traces.json_text import canonical_json, json_line, same_json
from ls_trajedit.traces.model import Call, Message, Other, Result, Text, Tool, Trace
from ls_trajedit.traces.read_options import NO_OPTIONS
from ls_trajedit.traces.readers.base import declared_tools
from ls_trajedit.traces.readers.steps import read_steps
from ls_trajedit.traces.template import is_blank

__all__ = ["Cut", "KnownResult", "branch_id", "correction_sha256", "cut_of"]

_ID_DIGITS = 12
_ACTION: FieldPath = ("action",)
_ACTION_INPUT: FieldPath = ("action_input",)


@dataclass(frozen=True)
class KnownResult:
    """A call of the recorded trace, and the first answer to it."""

    name: str
    arguments: Any
    result: Result


@dataclass(frozen=True)
class Cut:
    """Where a branch begins. `position` is the last step of the corrected trace that stands before it, -1 where none
    does, and `messages` is all that was said up to there, without what is not true any more.

    `steps` are those steps as the trace has them, for a trace of the plain shape; None for a conversation. `results`
    are those of all recorded calls, in order. `is_agents_turn` is False where `messages` ends with words of the agent
    to which something was heard in the trace, which is not true any more."""

    position: int
    messages: tuple[Message, ...]
    steps: tuple[Any, ...] | None
    tools: tuple[Tool, ...]
    results: tuple[KnownResult, ...]
    is_agents_turn: bool


def correction_sha256(record: Record) -> str:
    """The hash of what an annotation corrects: the same whenever the same fields get the same texts and the same steps
    are removed and inserted, whatever the reasons.

    >>> from ls_trajedit.converters.example import example_record
    >>> correction_sha256(example_record())[:12]
    '15e018ca1072'
    """
    said = {
        "edits": [[edit.step_index, edit.field, edit.edited_text] for edit in record.edits],
        "structure": [
            {"op": change.op, "step_index": change.step_index}
            if isinstance(change, Removal)
            else {"op": change.op, "after": change.after, "position": change.position, "step": change.step}
            for change in record.structure
        ],
    }
    return hashlib.sha256(canonical_json(said).encode()).hexdigest()


def branch_id(parent: Parent) -> str:
    """The id of the trace that continues this correction.

    >>> branch_id(Parent("traj_001", 5, 8, 0, "5d7a"))
    'traj_001~d78f56218e09'
    """
    named = canonical_json([parent.annotation_id, parent.sha256])
    return f"{parent.trace_id}~{hashlib.sha256(named.encode()).hexdigest()[:_ID_DIGITS]}"


def cut_of(record: Record, traces: Traces, rendering: Rendering) -> Cut | None:
    """Where the correction of `record`, whose `traces` are these, wants the trace to go on; None where it makes nothing
    stale, and where the corrected trace ends there with words to which nobody answered.

    An edited or inserted act is followed from that step on, with the results of those of its calls that are as they
    were and, for an inserted step, what it was said to hear. After a step that was removed, it is from the step that
    would come next. Steps that follow at once and that the annotator wrote, too, stand before the cut where everything
    that they answer is known.
    """
    chat = traces if isinstance(traces, ChatTraces) else None
    order = corrected_order(record.structure, len(record.original_trace.steps))
    acts = frozenset(_acts(record, order, chat is not None, rendering))
    position = min([*acts, *_before_removed(record, order, chat is not None, rendering)], default=None)
    if position is None:
        return None
    if chat is not None:
        original, corrected = chat.original, chat.corrected
    else:
        original = _conversation(record, record.original_trace, rendering)
        corrected = _conversation(record, record.corrected_trace, rendering)
    known = _Known(original, corrected, order)
    is_open = position in acts
    while known.is_settled(position, is_open) and _is_typed(position + 1, order, acts):
        position, is_open = position + 1, True
    end = known.end(position, is_open)
    messages = (*corrected.messages[:end], *(known.later_results(position, end) if is_open else ()))
    if not messages or (len(messages) == len(corrected.messages) and _nobody_answers(messages[-1])):
        return None
    steps = None if chat else tuple(_plain_steps(record, position, is_open, known, rendering))
    tools = corrected.tools if chat else declared_tools(_tools_in(record, rendering))
    is_agents_turn = not (_nobody_answers(messages[-1]) and position >= 0 and corrected.steps[position].heard)
    return Cut(position, messages, steps, tools, tuple(_results(original)), is_agents_turn)


def _acts(record: Record, order: Sequence[Kept | Insertion], is_chat: bool, rendering: Rendering) -> Iterator[int]:
    """The positions of the corrected steps that do something else than before, or are new."""
    edited = {edit.step_index for edit in record.edits if is_act(edit, is_chat=is_chat, rendering=rendering)}
    for position, item in enumerate(order):
        if isinstance(item, Kept):
            if item.index in edited:
                yield position
        elif is_acting_step(item.step, is_chat=is_chat, rendering=rendering):
            yield position


def _is_typed(position: int, order: Sequence[Kept | Insertion], acts: Container[int]) -> bool:
    """Whether there is such a step, and the annotator wrote what it does."""
    return position in acts or (position < len(order) and isinstance(order[position], Insertion))


def _before_removed(
    record: Record, order: Sequence[Kept | Insertion], is_chat: bool, rendering: Rendering
) -> Iterator[int]:
    """For each act that was removed, the position of the last step before the one that is next now."""
    kept = [(position, item.index) for position, item in enumerate(order) if isinstance(item, Kept)]
    for change in record.structure:
        if isinstance(change, Removal):
            step = record.original_trace.steps[change.step_index]
            if is_acting_step(step, is_chat=is_chat, rendering=rendering):
                after = (position for position, index in kept if index > change.step_index)
                yield next(after, len(order)) - 1


@dataclass(frozen=True)
class _Known:
    """Which results are true in the corrected trace, whose steps are in this order."""

    original: Trace
    corrected: Trace
    order: tuple[Kept | Insertion, ...]

    def unchanged_calls(self, position: int) -> tuple[Call, ...]:
        """The calls of the step that were made just so, or that an inserted step was said to get an answer to."""
        made = self.corrected.steps[position].message.calls
        item = self.order[position]
        if isinstance(item, Insertion):
            return made
        before = self.original.steps[item.index].message.calls
        if len(before) != len(made):
            # A text of the plain shape may have become a call, or a call a text.
            return ()
        pairs = zip(before, made, strict=True)
        return tuple(new for old, new in pairs if old.name == new.name and same_json(old.arguments, new.arguments))

    def is_settled(self, position: int, is_open: bool) -> bool:
        """Whether every call of the step was answered and, after an act (`is_open`), all that was heard is true. There
        is nothing before the first."""
        if position < 0:
            return True
        step = self.corrected.steps[position]
        heard = list(self.later_results(position, step.position + 1))
        answered = {part.call_id for message in heard for part in message.parts if isinstance(part, Result)}
        is_true = not is_open or all(message in heard for message in step.heard)
        return is_true and all(call.id in answered for call in step.message.calls)

    def end(self, position: int, is_open: bool) -> int:
        """How many messages of the corrected trace stand before what may be stale: with an act (`is_open`) up to its
        own message, else up to the next step."""
        if is_open:
            return self.corrected.steps[position].position + 1
        following = position + 1
        is_last = following >= len(self.corrected.steps)
        return len(self.corrected.messages) if is_last else self.corrected.steps[following].position

    def later_results(self, position: int, end: int) -> Iterator[Message]:
        """What was said after the first `end` messages and is true: what an inserted step hears, and the results of
        calls of this step and those before it that are as they were."""
        item = self.order[position]
        typed = len(_heard_by(item, self.corrected, position)) if isinstance(item, Insertion) else 0
        calls = {call.id: True for message in self.corrected.messages[:end] for call in message.calls}
        calls.update((call.id, False) for call in self.corrected.steps[position].message.calls)
        if typed or not isinstance(item, Insertion):
            calls.update((call.id, True) for call in self.unchanged_calls(position))
        for number, message in enumerate(self.corrected.messages[end:]):
            # An id that is used again belongs to the later call.
            calls.update((call.id, False) for call in message.calls)
            named = next((part.call_id for part in message.parts if isinstance(part, Result)), None)
            if number < typed or (named is not None and calls.get(named)):
                yield message


def _heard_by(insertion: Insertion, corrected: Trace, position: int) -> Sequence[object]:
    """What an inserted step was said to hear, one item for each message."""
    if isinstance(insertion.step, dict) and isinstance(insertion.step.get("heard"), list):
        heard: list[object] = insertion.step["heard"]
        return heard
    return corrected.steps[position].heard


def _nobody_answers(last: Message) -> bool:
    return last.role == "assistant" and not last.calls


def _plain_steps(record: Record, position: int, is_open: bool, known: _Known, rendering: Rendering) -> Iterator[Any]:
    """The corrected steps up to the cut; the last one without an observation that is not true any more."""
    steps = record.corrected_trace.steps[: position + 1]
    yield from steps[:-1] if is_open else steps
    if is_open:
        last, step = steps[-1], known.corrected.steps[position]
        is_known = isinstance(known.order[position], Insertion) or any(known.later_results(position, step.position + 1))
        yield last if is_known or isinstance(last, str) else _without(last, rendering.observation.fields)


def _without(step: Any, paths: Iterable[FieldPath]) -> Any:
    for path in paths:
        step = drop_field(step, path)
    return step


def _results(trace: Trace) -> Iterator[KnownResult]:
    made: list[tuple[Call, list[Result]]] = []
    by_id: dict[str, list[Result]] = {}
    for message in trace.messages:
        for call in message.calls:
            by_id[call.id] = []
            made.append((call, by_id[call.id]))
        for part in message.parts:
            if isinstance(part, Result) and part.call_id in by_id:
                by_id[part.call_id].append(part)
    return (KnownResult(call.name, call.arguments, results[0]) for call, results in made if results)


def _conversation(record: Record, recorded: RecordedTrace, rendering: Rendering) -> Trace:
    """A trace of the plain shape as messages: an assistant's message for each step, then what it observed. Where the
    template for a step shows more than a thought and one action, what the agent said is what the template writes."""
    tools = tool_calls.declared_tools(_tools_in(record, rendering)) or []
    parameters = tool_calls.signatures(tools, knows_key_order=False)
    steps = [_readable_step(step, rendering, parameters) for step in recorded.steps]
    source = {"task": recorded.value()["task"], "steps": steps, "final_answer": recorded.answer}
    # A list without steps is not recognized as a list of steps.
    trace = read_steps(source if steps else {**source, "steps": [{"action": ""}]}, NO_OPTIONS)[0]
    messages = tuple(map(_in_words, trace.messages))
    if not steps:
        messages = tuple(message for message in messages if message.parts)
    return Trace(record.trace_id, source["task"], messages)


def _readable_step(step: Any, rendering: Rendering, parameters: tool_calls.Parameters) -> dict[str, Any]:
    """The step as one that the reader of plain steps knows."""
    fields = {rendering.bare_step_field: step} if isinstance(step, str) else step
    thought = get_field(fields, THOUGHT)
    acts = [path for path in rendering.step.fields if path != THOUGHT]
    found = {path: value for path in acts if not is_blank(value := get_field(fields, path))}
    readable: dict[str, Any] = {"action": ""}
    if not is_blank(get_field(fields, _ACTION)) and found.keys() <= {_ACTION, _ACTION_INPUT}:
        found, readable = {}, {key: fields[key] for key in ("action", "action_input") if key in fields}
    if len(found) > 1 or not (isinstance(thought, str) or is_blank(thought)):
        readable = {"action": rendering.step.render(fields)}
    else:
        action = next(iter(found.values()), readable["action"])
        calls = tool_calls.parse_calls(action, parameters) if rendering.as_tool_calls and len(readable) == 1 else None
        readable["action"] = vars(calls[0]) if calls and len(calls) == 1 else action
        readable.update({} if is_blank(thought) else {"thought": thought})
    observed = [value for path in rendering.observation.fields if not is_blank(value := get_field(fields, path))]
    if len(observed) == 1:
        readable["observation"] = observed[0]
    elif observed:
        readable["observation"] = rendering.observation.render(fields)
    return readable


def _in_words(message: Message) -> Message:
    """The message, in which something else that the agent said is JSON."""
    if message.role != "assistant":
        return message
    parts = tuple(Text(json_line(part.value).decode()) if isinstance(part, Other) else part for part in message.parts)
    return Message(message.role, parts)


def _tools_in(record: Record, rendering: Rendering) -> Any:
    """What a trace of the plain shape says of its tools; MISSING when it says nothing."""
    return get_field(record.source.extra, ("tools",) if rendering.tools_path is None else rendering.tools_path)
