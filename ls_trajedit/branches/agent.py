"""What an agent is asked, what it answers, and how a branch fails.

An agent is whatever goes on from a corrected step: a program, a service, or a model. Each is asked with the same JSON
object and answers with chat messages; `answers` makes typed messages of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from ls_trajedit.branches.log import BranchLog
from ls_trajedit.branches.stop import Stop
from ls_trajedit.traces.chat import ChatMessage
from ls_trajedit.traces.json_text import json_line
from ls_trajedit.traces.model import Message, Result, Tool

__all__ = ["Agent", "AgentRequest", "BranchFailed", "Continuation", "Ending", "FailureReason", "RecordedCall"]

Ending = Literal["finished", "unexecuted_call", "max_turns"]
"""How a continuation ends: as the agent ended it, at a call that nobody executed, or because a model had as many turns
as it may have."""

FailureReason = Literal[
    "not_started",
    "exit_code",
    "timeout",
    "no_connection",
    "http_status",
    "redirect",
    "too_much",
    "not_json",
    "wrong_shape",
    "unknown_role",
    "bad_call",
    "unknown_call",
    "unanswered_call",
    "says_nothing",
    "repeats_prefix",
    "holds_secret",
    "not_storable",
    "cut_off",
    "refused",
    "model_error",
    "not_its_turn",
    "unexecuted_call",
    "tool_failed",
    "no_task",
    "no_boxes",
    "too_large",
    "not_imported",
]
"""Why a branch failed; docs/continue.md says what each means."""


@dataclass(frozen=True)
class RecordedCall:
    """A call that the original trace holds together with its result.

    `arguments` are those of the call as recorded: an object, or the text that is not one. Two calls are equal when
    their names are and their arguments are the same JSON.
    """

    name: str
    arguments: Any
    result: Result


@dataclass(frozen=True)
class AgentRequest:
    """What an agent is asked to continue.

    `id` is that of the branch. `messages` is the corrected conversation up to the cut, as `traces.chat` writes it; it
    ends with a call without a result where the corrected call has none. `tools` are the declared ones. `step` is the
    index, in the corrected trace, of the step that the agent takes next. `metadata` is a JSON object for the agent.

    `recorded` is every call of the original trace that has a result, in order, from its first step to its last. It is
    not sent: with it, a model's calls get the results that were recorded. Those of calls that stand with their result
    in `messages` are taken to be used.

    `is_agents_turn` is not sent either. It is False where `messages` ends with words of the agent that call nothing,
    and in the original trace somebody else was heard after them: a model does not know what they would say now.
    """

    id: str
    messages: tuple[ChatMessage, ...]
    tools: tuple[Tool, ...]
    step: int
    metadata: Mapping[str, Any] = field(default_factory=dict)
    recorded: tuple[RecordedCall, ...] = ()
    is_agents_turn: bool = True

    def as_json(self) -> bytes:
        """The JSON object that a program reads on its standard input, and a service in the body of a POST."""
        sent = {
            "id": self.id,
            "messages": self.messages,
            "tools": self.tools,
            "step": self.step,
            "metadata": dict(self.metadata),
        }
        return json_line(sent)


@dataclass(frozen=True)
class Continuation:
    """What follows the messages of a request: at least one message of the assistant among others. The ids of its calls
    are those of no other call of the conversation, and each result is that of a call before it."""

    messages: tuple[Message, ...]
    ending: Ending = "finished"


class BranchFailed(Exception):  # noqa: N818 - it says what happened to the branch; the run goes on
    """One branch has failed, and nothing else. `reason` is the slug for files and counts, `sentence` says to a person
    what happened. `is_transient` when another attempt may succeed, not before `retry_after` seconds if that is set."""

    def __init__(
        self, reason: FailureReason, sentence: str, *, is_transient: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence
        self.is_transient = is_transient
        self.retry_after = retry_after


class Agent(Protocol):
    """Continues a branch. It may be called by several threads at a time."""

    def __call__(self, request: AgentRequest, log: BranchLog, stop: Stop) -> Continuation:
        """What follows the request's messages. What the agent says to its makers goes to `log`.

        Raises BranchFailed, and Stopped as soon as `stop` is called, with nothing of the agent left running.
        """
        ...
