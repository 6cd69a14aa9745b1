"""The messages of a conversation as training rows have them: as they were recorded, or written as text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from ls_trajedit.converters.training.datasets_text import loadable, well_formed
from ls_trajedit.converters.training.rendering import Rendering
from ls_trajedit.converters.training.rules import Reasoning
from ls_trajedit.converters.training.tool_calls import ToolCall, well_formed_json
from ls_trajedit.converters.training.turns import AssistantMessage, Message, Turn, text_of, user_message
from ls_trajedit.label_config.chat_data import heard_text
from ls_trajedit.traces import model
from ls_trajedit.traces.chat import chat_message
from ls_trajedit.traces.json_text import json_line
from ls_trajedit.traces.template import OBSERVATION_TEMPLATE, STEP_TEMPLATE, Template, is_blank, parse_template

__all__ = [
    "chat_turns",
    "has_broken_call",
    "heard_messages",
    "image_urls",
    "object_calls",
    "system_text",
    "text_messages",
    "text_turns",
]


def chat_turns(trace: model.Trace, reasoning: Reasoning) -> list[Turn]:
    """The steps of a conversation, each message as it was recorded. What its reasoning becomes, `reasoning` says."""
    return [Turn(_said(step.message, reasoning), tuple(heard_messages(step.heard, reasoning))) for step in trace.steps]


def heard_messages(messages: Iterable[model.Message], reasoning: Reasoning = "keep") -> list[Message]:
    """Recorded messages as rows have them."""
    return [_message(message, reasoning) for message in messages]


def text_turns(trace: model.Trace, rendering: Rendering, reasoning: Reasoning) -> list[Turn]:
    """The steps of a conversation as text: calls and reasoning by the template for a step, results by the one for an
    observation."""
    return [
        Turn(_said_as_text(step.message, rendering, reasoning), tuple(text_messages(step.heard, rendering, reasoning)))
        for step in trace.steps
    ]


def text_messages(messages: Iterable[model.Message], rendering: Rendering, reasoning: Reasoning) -> list[Message]:
    """What the agent heard, as text of the user. What it was given as its own words stays the assistant's."""
    said: list[Message] = []
    for message in messages:
        if message.role == "assistant":
            given = _said_as_text(message, rendering, reasoning)
            said.extend([given] if given else [])
            continue
        text = _text_without_images(message)
        if message.role == "tool":
            text = _rendered({"observation": text}, rendering.observation, OBSERVATION_TEMPLATE)
        if text:
            said.append(user_message(loadable(text)))
    return said


def system_text(trace: model.Trace) -> str:
    """The system prompts before the first step, one after the other."""
    return "\n\n".join(well_formed(message.text) for message in trace.before if message.role == "system")


def image_urls(messages: Iterable[Message]) -> list[str]:
    """The addresses of the images in the messages, in order."""
    return [
        part["image_url"]["url"]
        for message in messages
        if not isinstance(message["content"], str)
        for part in message["content"]
        if part["type"] == "image_url"
    ]


def has_broken_call(messages: Iterable[Message]) -> bool:
    """Whether a message makes a call that names no tool, or whose arguments are not an object, as a model wrote
    them."""
    return any(
        not isinstance(call["function"]["arguments"], dict) or is_blank(call["function"]["name"])
        for message in messages
        if message["role"] == "assistant"
        for call in message.get("tool_calls", ())
    )


def object_calls(trace: model.Trace) -> list[ToolCall]:
    """The calls of the agent whose arguments are an object."""
    return [
        ToolCall(well_formed(call.name), well_formed_json(call.arguments))
        for step in trace.steps
        for call in step.message.calls
        if isinstance(call.arguments, dict)
    ]


def _said(message: model.Message, reasoning: Reasoning) -> AssistantMessage | None:
    said = cast(AssistantMessage, _message(message, reasoning))
    is_empty = (
        (not said["content"] or is_blank(said["content"]))
        and "tool_calls" not in said
        and "reasoning_content" not in said
    )
    return None if is_empty else said


def _message(message: model.Message, reasoning: Reasoning) -> Message:
    chat: dict[str, Any] = well_formed_json(dict(chat_message(message)))
    thought = chat.get("reasoning_content")
    if thought is not None and reasoning != "keep":
        del chat["reasoning_content"]
        if reasoning == "text":
            chat["content"] = _with_text_before(thought, chat["content"])
    return cast(Message, chat)


def _with_text_before(thought: str, content: str | list[dict[str, Any]]) -> str | list[dict[str, Any]]:
    if isinstance(content, str):
        return f"{thought}\n\n{content}" if content else thought
    return [{"type": "text", "text": f"{thought}\n\n"}, *content]


def _said_as_text(message: model.Message, rendering: Rendering, reasoning: Reasoning) -> AssistantMessage | None:
    said = _message(message, "drop" if reasoning == "drop" else "text")
    text = text_of(said)
    if message.calls:
        calls = "\n".join(_call_text(call) for call in message.calls)
        fields = {"action": calls, **({"thought": text} if text else {})}
        text = _rendered(fields, rendering.step, STEP_TEMPLATE)
    return {"role": "assistant", "content": loadable(text)} if text else None


def _rendered(fields: dict[str, str], template: Template, default: str) -> str:
    """The fields as the template writes them or, where it lacks one of them because it was written for other traces, as
    the default one does."""
    text = template.render(fields)
    return text if all(value in text for value in fields.values()) else parse_template(default).render(fields)


def _call_text(call: model.Call) -> str:
    """The call as text; arguments that are not JSON as the model wrote them."""
    arguments = call.arguments if isinstance(call.arguments, str) else json_line(call.arguments).decode()
    return f"{call.name}({arguments})"


def _text_without_images(message: model.Message) -> str:
    if message.role == "tool":
        kept = tuple(
            model.Result(tuple(item for item in part.content if not isinstance(item, model.Image)))
            for part in message.parts
            if isinstance(part, model.Result)
        )
        return heard_text(model.Message("tool", kept))
    parts = tuple(part for part in message.parts if not isinstance(part, model.Image))
    return heard_text(model.Message(message.role, parts))
