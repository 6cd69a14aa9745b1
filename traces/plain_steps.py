"""The plain shape: a trace written as a task and steps of thought, action and observation, and such steps as a trace.

`{"id", "task_description", "steps": [{"thought"?, "action"?, "observation"?}]}`. The agent's reasoning is the thought
or, where it has none, what it says beside a call. The action is what it says, or the call as `{"name", "arguments"}`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.field_path import MISSING, get_field
from ls_trajedit.traces.json_text import json_line
from ls_trajedit.traces.model import Image, Message, Other, Reasoning, Result, Step, Text, Trace
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.read_options import NO_OPTIONS
from ls_trajedit.traces.readers.steps import read_steps

__all__ = ["PlainShapeError", "to_plain_steps", "trace_of_steps"]


class PlainShapeError(ValueError):
    """The plain shape cannot express the trace. The message says what it cannot."""


def to_plain_steps(trace: Trace) -> dict[str, Any]:
    """The trace in the plain shape. Raises PlainShapeError where that cannot express it: several calls in a step, a
    reasoning beside both text and call, several messages between two steps, a system prompt, images.

    >>> said = Message("assistant", (Reasoning("Look."), Text("It is sunny.")))
    >>> to_plain_steps(Trace("t1", "The weather?", (Message("user", (Text("The weather?"),)), said)))["steps"]
    [{'thought': 'Look.', 'action': 'It is sunny.'}]
    """
    before = trace.before
    if any(message.role == "system" for message in before):
        raise PlainShapeError("it has a system prompt")
    if len(before) > 1 or any(message.role != "user" for message in before):
        raise PlainShapeError("more than the task was said before the first step")
    if before and _heard(before[0], "the task") != trace.task:
        raise PlainShapeError("its task is not what the user said first")
    return {
        "id": trace.id,
        "task_description": trace.task,
        "steps": [_plain_step(step, f"step {number}") for number, step in enumerate(trace.steps, start=1)],
    }


def trace_of_steps(data: dict[str, Any], options: Options) -> Trace:
    """The trace in an object of the plain shape, whose keys the options name. Raises ReadError when it cannot be read
    as messages."""
    steps = [
        {"action": step} if isinstance(step, str) else _renamed(step, options)
        for step in get_field(data, options.steps_path)
    ]
    task = next((text for path in options.task_paths if isinstance(text := get_field(data, path), str)), "")
    answer = get_field(data, options.final_answer_path)
    plain: dict[str, Any] = {"task_description": task, "steps": steps}
    if answer is not MISSING:
        plain["final_answer"] = answer
    if isinstance(data.get("tools"), list):
        plain["tools"] = data["tools"]
    identity = get_field(data, options.id_path)
    try:
        (trace,) = read_steps(plain, NO_OPTIONS)
    except (ReadError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise ReadError(str(error)) from None
    return replace(trace, id="" if identity in (MISSING, None) else str(identity), source=data)


def _renamed(step: dict[str, Any], options: Options) -> dict[str, Any]:
    """The step with its text under `action`."""
    if options.step_text_key == "action" or "action" in step:
        return step
    return {"action" if key == options.step_text_key else key: value for key, value in step.items()}


def _plain_step(step: Step, where: str) -> dict[str, Any]:
    parts = step.message.parts
    reasoning = [part.text for part in parts if isinstance(part, Reasoning)]
    said = [part.text for part in parts if isinstance(part, Text)]
    calls = step.message.calls
    if any(isinstance(part, Image | Other) for part in parts):
        raise PlainShapeError(f"{where} holds an image or something else that is not text")
    if len(calls) > 1:
        raise PlainShapeError(f"{where} has {len(calls)} calls")
    if len(reasoning) > 1 or len(said) > 1:
        raise PlainShapeError(f"{where} has several texts")
    if reasoning and said and calls:
        raise PlainShapeError(f"{where} has a reasoning, a text and a call")
    plain: dict[str, Any] = {}
    thought = reasoning or (said if calls else [])
    if thought:
        plain["thought"] = thought[0]
    if calls:
        plain["action"] = {"name": calls[0].name, "arguments": calls[0].arguments}
    elif said:
        plain["action"] = said[0]
    heard = _observation(step.heard, where)
    return plain if heard is None else {**plain, "observation": heard}


def _observation(heard: Sequence[Message], where: str) -> str | None:
    if len(heard) > 1:
        raise PlainShapeError(f"{len(heard)} messages follow {where}")
    return _heard(heard[0], f"what follows {where}") if heard else None


def _heard(message: Message, where: str) -> str:
    parts = [inner for part in message.parts for inner in (part.content if isinstance(part, Result) else (part,))]
    if any(isinstance(part, Image) for part in parts):
        raise PlainShapeError(f"{where} holds an image")
    texts = [
        part.text if isinstance(part, Text) else json_line(part.value).decode()
        for part in parts
        if isinstance(part, Text | Other)
    ]
    return "\n".join(texts)
