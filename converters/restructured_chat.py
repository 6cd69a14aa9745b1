"""A conversation with steps removed and inserted.

- A removed step takes its message away, and the results of its calls. What others said after it stays where it was. An
  id that several calls have is, for a result, that of the last one before it.
- An inserted step stands right before the next step that was kept: after everything that was heard. One that is
  inserted after a removed step stands where that stood: what was heard after that is then heard after the inserted one.
- It is said by the same agent as the step beside which it was inserted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from ls_trajedit.converters.record import Insertion, Removal, StructureChange
from ls_trajedit.traces.model import Call, Message, Part, Reasoning, Result, Text, Trace

__all__ = ["free_call_id", "restructured_chat"]


def restructured_chat(trace: Trace, structure: Sequence[StructureChange]) -> Trace:
    """`trace` with these changes. Its recorded prompts are left where nothing before the step was removed or inserted;
    its source stays what it was.

    >>> trace = Trace("t", "Add.", (Message("user", (Text("Add."),)), Message("assistant", (Text("3"),))))
    >>> changed = restructured_chat(trace, [Removal(0, ""), Insertion(0, 0, {"content": "2", "heard": []}, "")])
    >>> [message.text for message in changed.messages]
    ['Add.', '2']
    """
    if not structure:
        return trace
    steps = trace.steps
    removed = {steps[change.step_index].position for change in structure if isinstance(change, Removal)}
    inserted: dict[int, list[Message]] = {}
    insertions = [change for change in structure if isinstance(change, Insertion)]
    for insertion in sorted(insertions, key=lambda insertion: (insertion.after, insertion.position)):
        beside = steps[max(insertion.after, 0)].message
        at = _position(trace, insertion.after, removed)
        inserted.setdefault(at, []).extend(_inserted_messages(insertion.step, beside))
    messages: list[Message] = []
    called_by: dict[str, int] = {}
    for number, message in enumerate(trace.messages):
        messages += inserted.get(number, ())
        called_by.update((call.id, number) for call in message.calls)
        if number not in removed and removed.isdisjoint(_answered(message, called_by)):
            messages.append(message)
    messages += inserted.get(len(trace.messages), ())
    last = min(change.step_index - 1 if isinstance(change, Removal) else change.after for change in structure)
    prompts = {step: prompt for step, prompt in trace.prompts.items() if step <= last}
    return replace(trace, messages=tuple(messages), prompts=prompts)


def free_call_id(trace: Trace, after: int, position: int) -> str:
    """The id of a call in the step that is inserted at that `position` after the step `after`: nine letters and digits,
    which is what the strictest chat templates (Mistral's) take, and none that the trace has."""
    taken = set(_call_ids((*trace.messages, *(message for prompt in trace.prompts.values() for message in prompt))))
    # In steps of 10, so that no two positions of a gap get the same.
    ids = (f"i{after + 1:05}c{number:02}" for number in count(position, 10))
    return next(identity for identity in ids if identity not in taken)


def _position(trace: Trace, after: int, removed: set[int]) -> int:
    """Before which message something stands that is inserted after that step."""
    steps = trace.steps
    if after >= 0 and steps[after].position in removed:
        return steps[after].position
    return steps[after + 1].position if after + 1 < len(steps) else len(trace.messages)


def _inserted_messages(step: Any, beside: Message) -> list[Message]:
    """The message of a step, as records show it, and what was heard after it."""
    parts: list[Part] = []
    if "reasoning" in step:
        parts.append(Reasoning(step["reasoning"]))
    if "content" in step:
        parts.append(Text(step["content"]))
    parts += [Call(call["name"], call["arguments"], call["id"]) for call in step.get("tool_calls", ())]
    said = Message("assistant", tuple(parts), agent=beside.agent, name=beside.name)
    return [said, *map(_heard_message, step["heard"])]


def _heard_message(heard: dict[str, Any]) -> Message:
    text = Text(heard["content"])
    if heard["role"] == "tool":
        return Message("tool", (Result((text,), heard["tool_call_id"]),))
    return Message("user", (text,))


def _answered(message: Message, called_by: dict[str, int]) -> Iterable[int]:
    """The numbers of the messages whose calls this one answers."""
    results = (part for part in message.parts if isinstance(part, Result))
    return [called_by[result.call_id] for result in results if result.call_id in called_by]


def _call_ids(messages: Iterable[Message]) -> Iterable[str]:
    for message in messages:
        for part in message.parts:
            match part:
                case Call(id=identity) | Result(call_id=identity):
                    yield identity
                case _:
                    pass
