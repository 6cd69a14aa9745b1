"""A task and its turns as one conversation, in which user and assistant alternate strictly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ls_trajedit.converters.training.turns import Message, Turn, user_message

__all__ = ["Conversation", "finished_conversation", "prompt_after"]

_MERGED = "\n\n"


class Conversation(NamedTuple):
    """`steps` says for each message which turn said it; None for what the assistant heard."""

    messages: list[Message]
    steps: list[int | None]


def prompt_after(task: str, turns: Sequence[Turn], no_observation: str) -> list[Message]:
    """The task and `turns`, up to where the assistant speaks next: it ends with what a user or a tool says.

    >>> turn = Turn({"role": "assistant", "content": "Look it up."})
    >>> [message["content"] for message in prompt_after("Find it.", [turn], "(nothing)")]
    ['Find it.', 'Look it up.', '(nothing)']
    """
    messages = _conversation(task, turns, no_observation).messages
    if messages[-1]["role"] == "assistant":
        messages.append(user_message(no_observation))
    return messages


def finished_conversation(task: str, turns: Sequence[Turn], no_observation: str) -> Conversation | None:
    """The task and all of `turns`, up to the last that the assistant says; None when it says nothing."""
    messages, steps = _conversation(task, turns, no_observation)
    while messages and messages[-1]["role"] != "assistant":
        messages.pop()
        steps.pop()
    return Conversation(messages, steps) if messages else None


def _conversation(task: str, turns: Sequence[Turn], no_observation: str) -> Conversation:
    messages: list[Message] = [user_message(task)]
    steps: list[int | None] = [None]
    for number, turn in enumerate(turns):
        if turn.said is not None:
            if messages[-1]["role"] == "assistant":
                messages.append(user_message(no_observation))
                steps.append(None)
            messages.append(turn.said)
            steps.append(number)
        for heard in turn.heard:
            if heard["role"] == "user" and messages[-1]["role"] != "assistant":
                last = messages.pop()
                messages.append({**last, "content": last["content"] + _MERGED + heard["content"]})
            else:
                messages.append(heard)
                steps.append(None)
    return Conversation(messages, steps)
