"""Files for OpenAI's fine-tuning, in `openai/`: chat rows, and preference pairs that Together and Fireworks read too.

They differ from the files for TRL: arguments are JSON text, every call has an answer, and our columns are left out.
Names, ids and schemas are those that the API takes (`openai_tools`). OpenAI takes no recorded reasoning, and images
from users alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, TypedDict

from ls_trajedit.converters.formats.base import Format, RowFormat, TrainingRow
from ls_trajedit.converters.formats.openai_tools import OpenAITools, openai_call_id, openai_name, openai_tools
from ls_trajedit.converters.training.chat_turns import image_urls
from ls_trajedit.converters.training.conversation import Conversation, Trajectory, trajectory_of
from ls_trajedit.converters.training.counts import Omission
from ls_trajedit.converters.training.datasets_text import loadable
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

_NO_TOOLS = OpenAITools()


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

    `weight` is 1 on the turns that were corrected or inserted and 0 on the assistant's other turns, so that a model is
    trained on the corrections alone.

    >>> from ls_trajedit.converters.example import example_sample
    >>> (row,) = openai_sft_rows(example_sample())
    >>> [(message["role"], message.get("weight")) for message in row.values["messages"]]
    [('user', None), ('assistant', 1), ('user', None), ('assistant', 0), ('user', None), ('assistant', 1)]

    A step that was inserted is trained on, and what comes after a removed one is not.

    >>> from ls_trajedit.converters.example import example_restructured
    >>> from ls_trajedit.converters.record import Insertion, Removal
    >>> (row,) = openai_sft_rows(example_restructured(Removal(0, ""), Insertion(1, 0, {"action": "read()"}, "")))
    >>> [message["weight"] for message in row.values["messages"] if message["role"] == "assistant"]
    [0, 1, 0]
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
    tools = _tools_of(sample)
    if tools is None:
        yield Omission.UNUSABLE_TOOLS
        return
    for message, step in zip(conversation.messages, conversation.steps, strict=True):
        if message["role"] == "assistant":
            is_corrected = step in found.steps
            is_weighted = is_weighted or is_corrected
            trained += trained_characters(message) if is_corrected else 0
            weighted = _assistant_message(message, tools)
            weighted["weight"] = int(is_corrected)
            messages.append(weighted)
        else:
            messages.append(openai_message(message, tools))
    if not is_weighted:
        yield Omission.EMPTY if found.steps else Omission.REMOVED
        return
    yield TrainingRow(
        {"messages": messages, **_tool_keys(tools, found.corrected.messages)},
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
    tools = None
    for found in step_pairs(sample):
        if isinstance(found, Omission):
            yield found
            continue
        said = [*found.prompt, found.chosen, found.rejected]
        # With what follows it, because a call at its end is not the last thing that is said.
        *prompt, _ = _answered(Conversation(said[:-1], [None] * len(said[:-1])), sample).messages
        tools = tools or _tools_of(sample)
        if tools is None:
            yield Omission.UNUSABLE_TOOLS
            continue
        values = {
            "input": {
                "messages": [openai_message(message, tools) for message in prompt],
                **_tool_keys(tools, said),
            },
            "preferred_output": [openai_message(found.chosen, tools)],
            "non_preferred_output": [openai_message(found.rejected, tools)],
        }
        left_out = _images_left_out([*prompt, found.chosen, found.rejected])
        yield TrainingRow(
            values, found.trained_characters(), is_pair=True, is_stale=found.is_stale, images_left_out=left_out
        )


def openai_message(message: Message, tools: OpenAITools = _NO_TOOLS) -> _Message:
    """The message as OpenAI takes it, in a row with these tools.

    >>> call = {"id": "c", "type": "function", "function": {"name": "web.search", "arguments": {"query": "SF"}}}
    >>> openai_message({"role": "assistant", "content": "", "tool_calls": [call]})["tool_calls"][0]["function"]
    {'name': 'web_search', 'arguments': '{"query":"SF"}'}
    """
    if message["role"] == "assistant":
        return _assistant_message(message, tools)
    if message["role"] == "tool":
        return {"role": "tool", "tool_call_id": openai_call_id(message["tool_call_id"]), "content": text_of(message)}
    if message["role"] == "system":
        system: SystemMessage = {**message, "content": text_of(message)}
        return {**system, "name": openai_name(system["name"])} if "name" in system else system
    return {**message, "name": openai_name(message["name"])} if "name" in message else message


def _assistant_message(message: AssistantMessage, tools: OpenAITools) -> _AssistantMessage:
    said: _AssistantMessage = {"role": "assistant", "content": text_of(message)}
    if "tool_calls" in message:
        said["tool_calls"] = [_call(call, tools) for call in message["tool_calls"]]
    return said


def _call(call: MessageCall, tools: OpenAITools) -> _Call:
    function = call["function"]
    arguments = json_line(function["arguments"]).decode()
    return {
        "id": openai_call_id(call["id"]),
        "type": "function",
        "function": {"name": tools.name(function["name"]), "arguments": arguments},
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
        messages.append({"role": "tool", "tool_call_id": call_id, "content": loadable(sample.rendering.no_answer)})
        steps.append(None)
    open_calls.clear()


def _images_left_out(messages: Iterable[Message]) -> int:
    return len(image_urls(message for message in messages if message["role"] != "user"))


def _tools_of(sample: Sample) -> OpenAITools | None:
    """The tools for the rows of a record; None when OpenAI refuses them."""
    if not sample.has_calls:
        return _NO_TOOLS
    turns = [*sample.corrected, *sample.original]
    said = [message for turn in turns for message in (turn.said, *turn.heard) if message is not None]
    return openai_tools(sample.tools, (call["function"]["name"] for call in _calls([*sample.before, *said])))


def _tool_keys(tools: OpenAITools, messages: Iterable[Message]) -> _Tools:
    """The keys that say which tools there are, and whether one of the messages makes several calls at once. Without
    tools, no keys."""
    if not tools.tools:
        return {}
    calls = [message.get("tool_calls", []) for message in messages if message["role"] == "assistant"]
    return {"tools": tools.tools, "parallel_tool_calls": any(len(made) > 1 for made in calls)}


def _calls(messages: Iterable[Message]) -> Iterator[MessageCall]:
    for message in messages:
        if message["role"] == "assistant":
            yield from message.get("tool_calls", ())


FORMATS = (
    Format("openai-sft", (RowFormat("openai/sft.jsonl", openai_sft_rows),)),
    Format("openai-dpo", (RowFormat("openai/dpo.jsonl", openai_dpo_rows),)),
)
