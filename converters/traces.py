"""Both traces of a record in the shape in which readers give them, for what the record itself cannot hold.

A record shows traces under the names that all records share. Training rows of a conversation need its roles and places,
and the native format needs the trace as it was imported.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ls_trajedit.converters.record import Edit, RecordedTrace, StructureChange
from ls_trajedit.converters.restructured_chat import restructured_chat
from ls_trajedit.label_config.chat_data import Chat, Correction, chat_fields
from ls_trajedit.label_config.task_data import knows_key_order
from ls_trajedit.traces.chat import chat_messages
from ls_trajedit.traces.field_path import FieldPath
from ls_trajedit.traces.json_text import json_indented
from ls_trajedit.traces.model import Image, Other, Reasoning, Step, Text, Trace

__all__ = ["ChatTraces", "PlainTraces", "Traces", "recorded_chat", "value_text"]


@dataclass(frozen=True)
class PlainTraces:
    """A trace of the plain shape, all of it, after the corrections. `stored` is the data of its task as Label Studio's
    database gave it."""

    corrected: dict[str, Any]
    stored: Mapping[str, Any]

    def knows_key_order(self, path: FieldPath) -> bool:
        """Whether the order of keys at `path` of the trace is known to be that of the file that it came from."""
        return knows_key_order(self.stored, path)

    @property
    def native(self) -> Any:
        """The corrected trace in the format it came in."""
        return self.corrected


@dataclass(frozen=True)
class ChatTraces:
    """A conversation before and after the corrections. `edited` has the same messages with the same parts as
    `original`, some of them corrected; `structure` says which steps are then removed and inserted."""

    original: Trace
    edited: Trace
    structure: tuple[StructureChange, ...] = ()

    @cached_property
    def corrected(self) -> Trace:
        """The conversation after all corrections."""
        return restructured_chat(self.edited, self.structure)

    @property
    def native(self) -> Any:
        """The corrected trace in the format it came in; None where steps were removed or inserted, because nobody
        knows how that format would record them."""
        return None if self.structure else self.edited.source

    def unedited(self) -> ChatTraces:
        """The same conversation without any correction."""
        return ChatTraces(self.original, self.original)

    def with_edit(self, other: ChatTraces, edit: Edit) -> ChatTraces:
        """These traces with the correction that `edit` stands for, as `other` has it."""
        targets = chat_fields(self.original)
        target = targets[edit.step_index, edit.field]
        value = Chat(other.edited, {}).value(target)
        edited = Chat(self.edited, {}).corrected([Correction(target, value)])
        return replace(self, edited=edited)


Traces = PlainTraces | ChatTraces


def recorded_chat(trace: Trace) -> RecordedTrace:
    """The conversation as records hold it: what was said before the first step, then the steps with what was heard
    after each."""
    steps = [_recorded_step(step) for step in trace.steps]
    return RecordedTrace({"task": trace.task, "before": chat_messages(trace.before), "steps": steps})


def value_text(value: Any) -> str:
    """A corrected value as a person reads it: a string, or indented JSON for the arguments of a call."""
    return value if isinstance(value, str) else json_indented(value)


def _recorded_step(step: Step) -> dict[str, Any]:
    recorded: dict[str, Any] = dict(_said(step))
    calls = [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in step.message.calls]
    if calls:
        recorded["tool_calls"] = calls
    images = [part.url for part in step.message.parts if isinstance(part, Image)]
    if images:
        recorded["images"] = images
    recorded["heard"] = chat_messages(step.heard)
    return recorded


def _said(step: Step) -> Iterator[tuple[str, Any]]:
    counts: dict[str, int] = {}
    for part in step.message.parts:
        match part:
            case Reasoning(text):
                yield _numbered("reasoning", counts), text
            case Text(text):
                yield _numbered("content", counts), text
            case Other(value):
                yield _numbered("other", counts), value
            case _:
                pass


def _numbered(name: str, counts: dict[str, int]) -> str:
    counts[name] = counts.get(name, 0) + 1
    return name if counts[name] == 1 else f"{name}_{counts[name]}"
