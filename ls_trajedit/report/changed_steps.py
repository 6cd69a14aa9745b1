"""The steps that were removed from a trace and inserted into it, as the report shows them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from ls_trajedit.converters.record import ChatSource, Record, Removal
from ls_trajedit.converters.traces import value_text

__all__ = ["ChangedStep", "changed_steps"]


@dataclass(frozen=True)
class ChangedStep:
    """A step that was removed or inserted (`op`). `step_index` is its index in the original trace or, for an inserted
    one, that of the step after which it stands, -1 for none; `position` is its place among those that stand there.
    `texts` are what it says, each under the name of its field, and what it was answered."""

    op: Literal["remove", "insert"]
    step_index: int
    position: int
    texts: tuple[tuple[str, str], ...]
    reason: str

    @property
    def characters(self) -> int:
        """How many characters it has."""
        return sum(len(text) for _, text in self.texts)


def changed_steps(record: Record) -> tuple[ChangedStep, ...]:
    """The changes of the record's structure, in its order. Raises IndexError for a removed step that the original trace
    does not have."""
    is_chat = isinstance(record.source, ChatSource)
    found = []
    for change in record.structure:
        if isinstance(change, Removal):
            step = record.original_trace.steps[change.step_index]
            step = _with_its_results(step) if is_chat else step
            place = (change.step_index, 0)
        else:
            step, place = change.step, (change.after, change.position)
        texts = _chat_texts(step) if is_chat else _plain_texts(step)
        found.append(ChangedStep(change.op, *place, tuple((name, text) for name, text in texts if text), change.reason))
    return tuple(found)


def _with_its_results(step: dict[str, Any]) -> dict[str, Any]:
    """A removed step of a conversation: with it go the results of its calls, while what others said after it stays."""
    calls = {call["id"] for call in step.get("tool_calls", ())}
    heard = [said for said in step["heard"] if said["role"] == "tool" and said.get("tool_call_id") in calls]
    return {**step, "heard": heard}


def _plain_texts(step: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(step, dict):
        yield "", value_text(step)
        return
    for name, value in step.items():
        # null stands for nothing.
        yield name, "" if value is None else value_text(value)


def _chat_texts(step: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in step.items():
        if name == "tool_calls":
            for call in value:
                yield f"call {call['name']}", value_text(call["arguments"])
        elif name == "heard":
            for said in value:
                yield f"heard from {said['role']}", value_text(said["content"])
        else:
            yield name, value_text(value)
