"""A step as turns of a conversation: what the agent says, and what it hears in answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ls_trajedit.converters.training.datasets_text import loadable, well_formed
from ls_trajedit.converters.training.rendering import THOUGHT, Rendering
from ls_trajedit.converters.training.tool_calls import ToolCall, parse_calls
from ls_trajedit.traces.field_path import MISSING, FieldPath, get_field
from ls_trajedit.traces.json_text import json_line

__all__ = [
    "Message",
    "Turn",
    "answer_turn",
    "has_action",
    "step_calls",
    "step_turn",
    "trained_characters",
    "user_message",
]

Message = dict[str, Any]
"""A message of a chat: `role` and `content`; of an assistant `tool_calls`, too; of a tool its name and the call."""

Parameters = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Turn:
    """`said` is None when there is nothing to say: a step without a text is no turn. `heard` is what came back."""

    said: Message | None
    heard: tuple[Message, ...] = ()


def step_turn(step: Any, number: int, rendering: Rendering, parameters: Parameters) -> Turn:
    """The turn that a step is. `number` is its index, which the ids of its calls are made of.

    >>> step_turn({"thought": "Open it.", "observation": "Sunny."}, 0, Rendering(), {}).heard
    ({'role': 'user', 'content': 'Observation: Sunny.'},)
    """
    fields = step_fields(step, rendering)
    calls, paths = _calls(fields, rendering, parameters)
    if calls:
        return _turn_with_calls(fields, calls, paths, number, rendering)
    text = loadable(rendering.step.render(fields))
    observation = rendering.observation.render(fields)
    return Turn(
        {"role": "assistant", "content": text} if text else None,
        (user_message(loadable(observation)),) if observation else (),
    )


def answer_turn(trace: Mapping[str, Any], rendering: Rendering) -> Turn | None:
    """The turn that a trace's final answer is; None when it has none."""
    if rendering.final_answer_key not in trace:
        return None
    text = loadable(rendering.final_answer.render({"final_answer": trace[rendering.final_answer_key]}))
    return Turn({"role": "assistant", "content": text} if text else None)


def step_calls(step: Any, rendering: Rendering, parameters: Parameters) -> list[ToolCall]:
    """The calls that a step makes; none when nothing in it is a call, or when calls are not asked for."""
    return _calls(step_fields(step, rendering), rendering, parameters)[0]


def has_action(step: Any, rendering: Rendering) -> bool:
    """Whether the step holds anything that the template shows beside a thought."""
    fields = step_fields(step, rendering)
    return any(get_field(fields, path) not in (MISSING, None) for path in rendering.step.fields if path != THOUGHT)


def step_fields(step: Any, rendering: Rendering) -> Any:
    """The step as an object, which a bare string is not."""
    return {rendering.bare_step_field: step} if isinstance(step, str) else step


def user_message(text: str) -> Message:
    """A turn of the user."""
    return {"role": "user", "content": text}


def trained_characters(message: Message) -> int:
    """How many characters of it there are to learn: its text, and its calls as JSON."""
    calls = message.get("tool_calls", ())
    return len(message["content"]) + sum(len(json_line(call["function"]).decode()) for call in calls)


def _calls(fields: Any, rendering: Rendering, parameters: Parameters) -> tuple[list[ToolCall], list[FieldPath]]:
    """The calls in the fields that the template shows, and the fields that are calls."""
    calls, paths = [], []
    for path in rendering.step.fields if rendering.as_tool_calls else ():
        value = MISSING if path == THOUGHT else get_field(fields, path)
        found = None if value is MISSING else parse_calls(value, parameters)
        if found:
            calls.extend(found)
            paths.append(path)
    return calls, paths


def _turn_with_calls(
    fields: Any, calls: list[ToolCall], paths: list[FieldPath], number: int, rendering: Rendering
) -> Turn:
    text = loadable(rendering.step.render(fields, without=paths))
    made = [_call(call, f"call_{number}_{position}") for position, call in enumerate(calls)]
    heard = (
        {"role": "tool", "tool_call_id": call["id"], "name": call["function"]["name"], "content": content}
        for call, content in zip(made, _answers(fields, len(made), rendering), strict=True)
    )
    return Turn({"role": "assistant", "content": text, "tool_calls": made}, tuple(heard))


def _call(call: ToolCall, identity: str) -> dict[str, Any]:
    return {"id": identity, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _answers(fields: Any, count: int, rendering: Rendering) -> list[str]:
    """What each call is answered: the observation without the words of the template. Of several calls, each gets its
    part of an observation that is a list of as many; of another, the first call gets all."""
    values = [get_field(fields, path) for path in rendering.observation.fields]
    known = [value for value in values if value is not MISSING and value is not None]
    none_recorded = loadable(rendering.no_observation.removeprefix("Observation: "))
    if len(known) == 1 and isinstance(known[0], list) and len(known[0]) == count > 1:
        return [_text(item) for item in known[0]]
    first = "\n".join(_text(value) for value in known) if known else none_recorded
    return [first, *[none_recorded] * (count - 1)]


def _text(value: Any) -> str:
    return loadable(value) if isinstance(value, str) else well_formed(json_line(value).decode())
