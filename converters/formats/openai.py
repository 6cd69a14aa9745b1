"""Files for OpenAI's fine-tuning, in `openai/`: chat rows, and preference pairs that Together and Fireworks read too.

They differ from the files for TRL: arguments are JSON text, names have only letters, digits, `_` and `-`, every call
has an answer, and there are no columns of ours. OpenAI takes no recorded reasoning, and images from users alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal, TypedDict

from ls_trajedit.converters.formats.base import Format, RowFormat, TrainingRow
from ls_trajedit.converters.training.chat_turns import image_urls
from ls_trajedit.converters.training.conversation import Conversation, Trajectory, trajectory_of
from ls_trajedit.converters.training.counts import Omission
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.converters.training.step_pairs import step_pairs
from ls_trajedit.converters.training.tool_calls import Tool
from ls_trajedit.converters.training.turns import (
    AssistantMessage,
    Content,
    Message,
    MessageCall,
    SystemMessage,
    UserMessage,
    text_of,
    trained_characters,
)
from ls_trajedit.traces.json_text import json_line

__all__ = ["FORMATS", "openai_dpo_rows", "openai_message", "openai_sft_rows"]


_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]", re.ASCII)


class _FunctionCall(TypedDict):
    name: str
    arguments: str


class _Call(TypedDict):
    id: str
    type: Literal["function"]
    function: _FunctionCall


class _AssistantText(TypedDict):
    role: Literal["assistant"]
    content: Content


class _AssistantMessage(_AssistantText, total=False):
    tool_calls: list[_Call]
    weight: int


class _ToolMessage(TypedDict):
    role: Literal["tool"]
    tool_call_id: str
    content: Content


_Message = SystemMessage | UserMessage | _AssistantMessage | _ToolMessage


class _Tools(TypedDict, total=False):
    tools: list[Tool]
    parallel_tool_calls: bool


def openai_sft_rows(sample: Sample) -> Iterator[TrainingRow | Omission]:
    """The row of `sft.jsonl` for one record: the corrected trace as a conversation.

    `weight` is 1 on the turns that were corrected and 0 on the assistant's other turns, so that a model is trained on
    the corrections alone.

    >>> from ls_trajedit.converters.example import example_sample
    >>> (row,) = openai_sft_rows(example_sample())
    >>> [(message["role"], message.get("weight")) for message in row.values["messages"]]
    [('user', None), ('assistant', 1), ('user', None), ('assistant', 0), ('user', None), ('assistant', 1)]
    """
    sample = sample.without_reasoning
    found = trajectory_of(sample)
    if not isinstance(found, Trajectory):
        if found is not None:
            yield found
        return
    messages: list[_Message] = []
    trained = 0
    is_weighted = False
    conversation = _answered(found.corrected, sample)
    for message, step in zip(conversation.messages, conversation.steps, strict=True):
        if message["role"] == "assistant":
            is_corrected = step in found.steps
            is_weighted = is_weighted or is_corrected
            trained += trained_characters(message) if is_corrected else 0
            weighted = _assistant_message(message)
            weighted["weight"] = int(is_corrected)
            messages.append(weighted)
        else:
            messages.append(openai_message(message))
    if not is_weighted:
        yield Omission.EMPTY
        return
    yield TrainingRow(
        {"messages": messages, **_tools(sample, found.corrected.messages)},
        trained,
        is_stale=found.is_stale,
        images_left_out=_images_left_out(conversation.messages),
    )


def openai_dpo_rows(sample: Sample) -> Iterator[TrainingRow | Omission]:
    """The rows of `dpo.jsonl` for one record: a preference pair for each edited step.

    >>> from ls_trajedit.converters.example import example_sample
    >>> _, answer = openai_dpo_rows(example_sample())
    >>> answer.values["preferred_output"]
    [{'role': 'assistant', 'content': 'Final Answer: I have not read a forecast yet.'}]
    >>> answer.values["non_preferred_output"]
    [{'role': 'assistant', 'content': 'Final Answer: It is sunny.'}]
    """
    sample = sample.without_reasoning
    for found in step_pairs(sample):
        if isinstance(found, Omission):
            yield found
            continue
        prompt = _answered(Conversation(found.prompt, [None] * len(found.prompt)), sample).messages
        tools = _tools(sample, [*found.prompt, found.chosen, found.rejected])
        values = {
            "input": {"messages": [openai_message(message) for message in prompt], **tools},
            "preferred_output": [openai_message(found.chosen)],
            "non_preferred_output": [openai_message(found.rejected)],
        }
        left_out = _images_left_out([*prompt, found.chosen, found.rejected])
        yield TrainingRow(
            values, found.trained_characters(), is_pair=True, is_stale=found.is_stale, images_left_out=left_out
        )


def openai_message(message: Message) -> _Message:
    """The message as OpenAI takes it.

    >>> call = {"id": "c", "type": "function", "function": {"name": "web.search", "arguments": {"query": "SF"}}}
    >>> openai_message({"role": "assistant", "content": "", "tool_calls": [call]})["tool_calls"][0]["function"]
    {'name': 'web_search', 'arguments': '{"query":"SF"}'}
    """
    if message["role"] == "assistant":
        return _assistant_message(message)
    if message["role"] == "tool":
        return {"role": "tool", "tool_call_id": message["tool_call_id"], "content": text_of(message)}
    if message["role"] == "system":
        return {**message, "content": text_of(message)}
    return message


def _assistant_message(message: AssistantMessage) -> _AssistantMessage:
    said: _AssistantMessage = {"role": "assistant", "content": text_of(message)}
    if "tool_calls" in message:
        said["tool_calls"] = [_call(call) for call in message["tool_calls"]]
    return said


def _call(call: MessageCall) -> _Call:
    function = call["function"]
    arguments = json_line(function["arguments"]).decode()
    return {
        "id": call["id"],
        "type": "function",
        "function": {"name": _allowed_name(function["name"]), "arguments": arguments},
    }


def _answered(conversation: Conversation, sample: Sample) -> Conversation:
    """The conversation with an answer to every call, because OpenAI refuses any other: where a conversation has none,
    as where it was interrupted, the words for nothing recorded. Calls at its very end need no answer."""
    if not sample.is_recorded:
        return conversation
    messages: list[Message] = []
    steps: list[int | None] = []
    open_calls: dict[str, str] = {}
    for message, step in zip(conversation.messages, conversation.steps, strict=True):
        if message["role"] == "tool":
            open_calls.pop(message["tool_call_id"], None)
        else:
            _answer(open_calls, messages, steps, sample)
        messages.append(message)
        steps.append(step)
        if message["role"] == "assistant":
            open_calls = {call["id"]: call["function"]["name"] for call in message.get("tool_calls", ())}
    return Conversation(messages, steps)


def _answer(open_calls: dict[str, str], messages: list[Message], steps: list[int | None], sample: Sample) -> None:
    for call_id in open_calls:
        content = sample.no_observation.removeprefix("Observation: ")
        messages.append({"role": "tool", "tool_call_id": call_id, "content": content})
        steps.append(None)
    open_calls.clear()


def _images_left_out(messages: Iterable[Message]) -> int:
    return len(image_urls(message for message in messages if message["role"] != "user"))


def _tools(sample: Sample, messages: Iterable[Message]) -> _Tools:
    """The keys that say which tools there are, and whether one of the messages makes several calls at once; none when
    there are no tools."""
    if not sample.has_calls or not sample.tools:
        return {}
    tools: list[Tool] = [{"type": "function", "function": _renamed(tool["function"])} for tool in sample.tools]
    calls = [message.get("tool_calls", []) for message in messages if message["role"] == "assistant"]
    return {"tools": tools, "parallel_tool_calls": any(len(made) > 1 for made in calls)}


def _renamed(function: dict[str, Any]) -> dict[str, Any]:
    return {**function, "name": _allowed_name(function["name"])}


def _allowed_name(name: str) -> str:
    return _NOT_IN_NAMES.sub("_", name)


FORMATS = (
    Format("openai-sft", (RowFormat("openai/sft.jsonl", openai_sft_rows),)),
    Format("openai-dpo", (RowFormat("openai/dpo.jsonl", openai_dpo_rows),)),
)
