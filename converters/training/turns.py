"""A step as turns of a chat: what the agent says, and what it hears in reply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from ls_trajedit.converters.training.datasets_text import loadable, well_formed
from ls_trajedit.converters.training.rendering import THOUGHT, Rendering
from ls_trajedit.converters.training.tool_calls import Parameters, ToolCall, parse_calls
from ls_trajedit.traces.field_path import MISSING, FieldPath, get_field
from ls_trajedit.traces.json_text import json_line
from ls_trajedit.traces.template import is_blank

__all__ = [
    "AssistantMessage",
    "Content",
    "FunctionCall",
    "Message",
    "MessageCall",
    "SystemMessage",
    "ToolMessage",
    "Turn",
    "UserMessage",
    "answer_turn",
    "call_id",
    "has_action",
    "numbered_calls",
    "step_calls",
    "step_turn",
    "text_of",
    "trained_characters",
    "trimmed",
    "user_message",
    "without_call_ids",
]


_MOST_STEPS, _MOST_CALLS = 100_000, 100
# No action that is read as calls is long enough to hold more, so that numbers made of step and position differ.
_CALLS_OF_A_STEP = 100_000
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class FunctionCall(TypedDict):
    """The tool that a call names, and its arguments. In a conversation these may be text that is not JSON; no row holds
    such a call."""

    name: str
    arguments: dict[str, Any]


class MessageCall(TypedDict):
    """A tool call as a message of the assistant holds it."""

    id: str
    type: Literal["function"]
    function: FunctionCall


Content = str | list[dict[str, Any]]
"""What a message says: text or, where there are images, parts as OpenAI's API takes them. Only messages of
conversations have parts."""


class _SystemText(TypedDict):
    role: Literal["system"]
    content: Content


class SystemMessage(_SystemText, total=False):
    """A system prompt of a conversation."""

    name: str


class _UserText(TypedDict):
    role: Literal["user"]
    content: Content


class UserMessage(_UserText, total=False):
    """What the user says: the task, or what the environment answered."""

    name: str


class _ToolAnswer(TypedDict):
    role: Literal["tool"]
    tool_call_id: str
    content: Content


class ToolMessage(_ToolAnswer, total=False):
    """What a tool answers to one call. Conversations need not have recorded the tool's name."""

    name: str


class _AssistantText(TypedDict):
    role: Literal["assistant"]
    content: Content


class AssistantMessage(_AssistantText, total=False):
    """What the agent says, with its tool calls if it makes any."""

    reasoning_content: str
    tool_calls: list[MessageCall]
    name: str


Message = SystemMessage | UserMessage | AssistantMessage | ToolMessage
"""A message of a chat, told apart by `role`."""


@dataclass(frozen=True)
class Turn:
    """What the agent says, and what it hears in reply. `said` is None when a step is written as nothing."""

    said: AssistantMessage | None
    heard: tuple[Message, ...] = ()


def step_turn(step: Any, number: int, rendering: Rendering, parameters: Parameters) -> Turn:
    """The turn that a step is. `number` is the step's index, from which the ids of its calls are made.

    >>> step_turn({"thought": "Open it.", "observation": "Sunny."}, 0, Rendering(), {}).heard
    ({'role': 'user', 'content': 'Observation: Sunny.'},)
    """
    fields = _fields(step, rendering)
    calls, paths = _calls(fields, rendering, parameters)
    if calls:
        return _turn_with_calls(fields, calls, paths, number, rendering)
    text = loadable(rendering.step.render(fields))
    observation = rendering.observation.render(fields)
    return Turn(_said(text) if text else None, (user_message(loadable(observation)),) if observation else ())


def answer_turn(trace: Mapping[str, Any], rendering: Rendering) -> Turn | None:
    """The turn that a trace's final answer is; None when it has no final answer."""
    if rendering.final_answer_key not in trace:
        return None
    text = loadable(rendering.final_answer.render({"final_answer": trace[rendering.final_answer_key]}))
    return Turn(_said(text) if text else None)


def call_id(step: int, position: int) -> str:
    """The id of a call that was recorded without one, by its step and its position there: nine lower-case ASCII letters
    and digits, as the chat template of the Mistral models demands and every other takes. No two calls of a trace have
    the same.

    >>> call_id(3, 0), call_id(3, 1)
    ('s00003c00', 's00003c01')
    """
    if step < _MOST_STEPS and position < _MOST_CALLS:
        return f"s{step:05d}c{position:02d}"
    return "x" + _base_36(step * _CALLS_OF_A_STEP + position).rjust(8, "0")


def numbered_calls(message: AssistantMessage, step: int) -> AssistantMessage:
    """The message as the step of that number says it: its calls have the ids of calls of that step."""
    if "tool_calls" not in message:
        return message
    calls: list[MessageCall] = [
        {**call, "id": call_id(step, position)} for position, call in enumerate(message["tool_calls"])
    ]
    return {**message, "tool_calls": calls}


def without_call_ids(message: AssistantMessage) -> AssistantMessage:
    """The message with empty ids in its calls. They say nothing of what the agent does."""
    if "tool_calls" not in message:
        return message
    calls: list[MessageCall] = [{**call, "id": ""} for call in message["tool_calls"]]
    return {**message, "tool_calls": calls}


def step_calls(step: Any, rendering: Rendering, parameters: Parameters) -> list[ToolCall]:
    """The calls that a step makes; none when nothing in it is a call, or when calls are written as text."""
    return _calls(_fields(step, rendering), rendering, parameters)[0]


def has_action(step: Any, rendering: Rendering) -> bool:
    """Whether the step holds anything that the template shows, other than a thought."""
    fields = _fields(step, rendering)
    return any(not is_blank(get_field(fields, path)) for path in rendering.step.fields if path != THOUGHT)


def trimmed(message: AssistantMessage | None) -> object:
    """What a chat template that trims writes of a message. Two messages of which this is equal are written the same
    under half of the templates that there are.

    >>> trimmed({"role": "assistant", "content": "ls()\\n"}) == trimmed({"role": "assistant", "content": "ls()"})
    True
    """
    if message is None:
        return None
    content = message["content"]
    parts = [content] if isinstance(content, str) else [part.get("text", part) for part in content]
    texts = ["".join(part for part in parts if isinstance(part, str)).strip()]
    others = [part for part in parts if not isinstance(part, str)]
    return texts, others, message.get("reasoning_content", "").strip(), message.get("tool_calls", ())


def user_message(text: str) -> UserMessage:
    """A message of the user."""
    return {"role": "user", "content": text}


def trained_characters(message: AssistantMessage) -> int:
    """How many characters of the message a model is trained on: its text, and its calls as JSON."""
    calls = message.get("tool_calls", ())
    text = len(text_of(message)) + len(message.get("reasoning_content", ""))
    return text + sum(len(json_line(call["function"]).decode()) for call in calls)


def text_of(message: Message) -> str:
    """The text of a message, without its images.

    >>> text_of({"role": "user", "content": [{"type": "text", "text": "Look: "}, {"type": "image_url"}]})
    'Look: '
    """
    content = message["content"]
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content if part["type"] == "text")


def _said(text: str) -> AssistantMessage:
    return {"role": "assistant", "content": text}


def _fields(step: Any, rendering: Rendering) -> Any:
    """The step as an object, which a bare string is not."""
    return {rendering.bare_step_field: step} if isinstance(step, str) else step


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


def _base_36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits


def _turn_with_calls(
    fields: Any, calls: list[ToolCall], paths: list[FieldPath], number: int, rendering: Rendering
) -> Turn:
    text = loadable(rendering.step.render(fields, without=paths))
    made = [_message_call(call, call_id(number, position)) for position, call in enumerate(calls)]
    answers = _answers(fields, len(made), rendering)
    heard = tuple(_tool_message(call, answer) for call, answer in zip(made, answers, strict=True))
    return Turn({"role": "assistant", "content": text, "tool_calls": made}, heard)


def _message_call(call: ToolCall, identity: str) -> MessageCall:
    return {"id": identity, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _tool_message(call: MessageCall, answer: str) -> ToolMessage:
    return {"role": "tool", "tool_call_id": call["id"], "name": call["function"]["name"], "content": answer}


def _answers(fields: Any, count: int, rendering: Rendering) -> list[str]:
    """The answer to each call: the observation without the words of the template. When the observation is a list with
    an item for each of several calls, each call gets its item; otherwise the first call gets all of it."""
    values = [get_field(fields, path) for path in rendering.observation.fields]
    known = [value for value in values if value is not MISSING and value is not None]
    none_recorded = loadable(rendering.no_answer)
    if len(known) == 1 and isinstance(known[0], list) and len(known[0]) == count > 1:
        return [_text(item) for item in known[0]]
    first = "\n".join(_text(value) for value in known) if known else none_recorded
    return [first, *[none_recorded] * (count - 1)]


def _text(value: Any) -> str:
    return loadable(value) if isinstance(value, str) else well_formed(json_line(value).decode())
