"""Models behind OpenAI-compatible endpoints, asked for one turn after the other.

A model executes nothing. Its calls get the results that the original trace recorded for equal calls, each of them once
and in their order; where one is missing, a program may execute the call (`--tools-command`), else the branch ends with
the turn that made it.

What is sent and what comes back is that of OpenAI's API reference ("Create chat completion"). Servers differ in what
they make of reasoning in a request: DeepSeek and Kimi ask for it beside calls, as `reasoning_content`, and some refuse
a key that they do not know. So it is sent, until a server names it in an error.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ls_trajedit.branches.agent import AgentRequest, BranchFailed, Continuation
from ls_trajedit.branches.answers import json_object, quoted, read_messages, read_result
from ls_trajedit.branches.attempts import attempt
from ls_trajedit.branches.log import BranchLog
from ls_trajedit.branches.program import Program
from ls_trajedit.branches.stop import Stop
from ls_trajedit.branches.url import Service, StatusFailed, find_service, is_transient_status
from ls_trajedit.label_studio.headers import can_be_token
from ls_trajedit.redaction import keep_secret, keep_token
from ls_trajedit.traces.chat import ChatFunction, ChatMessage, chat_messages
from ls_trajedit.traces.errors import SetupError, UsageError
from ls_trajedit.traces.json_text import canonical_json, json_line
from ls_trajedit.traces.model import Call, Message, Reasoning, Result, Text, Tool

__all__ = ["KEY_VARIABLE", "ModelAgent", "find_endpoint"]

KEY_VARIABLE = "OPENAI_API_KEY"
"""The environment variable with the key of the endpoint."""

_PATH = "/chat/completions"
_REASONING = "reasoning_content"
_REFUSING_STATUSES = (400, 422)
_CUT_OFF = ("length", "max_tokens")
_FILTERED = ("content_filter", "refusal")
_BROKEN = ("error", "abort")


@dataclass
class ModelAgent:
    """An agent that is a model: `name` at `service`, which is the endpoint for chat completions. `tools` executes calls
    without a recorded result. A request that fails in a way that may pass is repeated; a tool never is.
    `sends_reasoning` until the server refuses that."""

    service: Service
    name: str
    timeout: float
    retries: int
    max_turns: int
    tools: Program | None = None
    sends_reasoning: bool = True

    def __call__(self, request: AgentRequest, log: BranchLog, stop: Stop) -> Continuation:
        """What the model says, and the results of its calls. Raises what an agent raises."""
        if not request.is_agents_turn:
            raise BranchFailed(
                "not_its_turn",
                "the conversation ends with the agent's own words, and a model does not know what was answered; a "
                "program (--agent) may",
            )
        results = _RecordedResults(request)
        messages: list[Message] = []
        if waiting := _waiting_calls(request.messages):
            executed = self._results(waiting, results, log, stop)
            if executed is None:
                names = ", ".join(quoted(call.name) for call in waiting)
                raise BranchFailed(
                    "unexecuted_call",
                    f"the conversation ends with a call without a result ({names}), and no equal call was recorded; "
                    "--tools-command may execute it",
                )
            messages += executed
        for _ in range(self.max_turns):
            before = [*request.messages, *chat_messages(messages)]
            turn = self._turn(before, request.tools, log, stop)
            messages.append(turn)
            if not turn.calls:
                return Continuation(tuple(messages))
            executed = self._results(turn.calls, results, log, stop)
            if executed is None:
                return Continuation(tuple(messages), "unexecuted_call")
            messages += executed
        return Continuation(tuple(messages), "max_turns")

    def _turn(self, before: Sequence[ChatMessage], tools: Sequence[Tool], log: BranchLog, stop: Stop) -> Message:
        """The next message of the assistant."""
        message = attempt(lambda: self._asked(before, tools, log, stop), self.retries, log, stop)
        (turn,) = read_messages(before, [{**message, "role": "assistant"}])
        if all(
            isinstance(part, Reasoning) or (isinstance(part, Text) and not part.text.strip()) for part in turn.parts
        ):
            raise BranchFailed("says_nothing", "the model only thought, and neither said nor called anything")
        return turn

    def _asked(
        self, before: Sequence[ChatMessage], tools: Sequence[Tool], log: BranchLog, stop: Stop
    ) -> dict[str, Any]:
        with_reasoning = self.sends_reasoning and any("reasoning_content" in message for message in before)
        body: dict[str, Any] = {
            "model": self.name,
            "messages": [_as_sent(message, with_reasoning=with_reasoning) for message in before],
        }
        if tools:
            body["tools"] = tools
        try:
            raw = self.service.post(json_line(body), self.timeout, stop)
        except StatusFailed as failure:
            if not with_reasoning or failure.status not in _REFUSING_STATUSES or _REASONING not in failure.body:
                raise
            log.say(f"{failure.sentence}; from here on, no reasoning is sent")
            self.sends_reasoning = False
            return self._asked(before, tools, log, stop)
        return _message_in(json_object(raw, f"the answer of {self.service.name}"))

    def _results(
        self,
        calls: Sequence[Call],
        recorded: _RecordedResults,
        log: BranchLog,
        stop: Stop,
    ) -> list[Message] | None:
        """A message with the result of each call; None when one was not recorded and nothing may execute it."""
        found = [recorded.take(call) for call in calls]
        if self.tools is None and None in found:
            return None
        return [
            Message("tool", (replace(result, call_id=call.id, place=None),))
            if result is not None
            else self._executed(call, log, stop)
            for call, result in zip(calls, found, strict=True)
        ]

    def _executed(self, call: Call, log: BranchLog, stop: Stop) -> Message:
        """The result of a call that the tools execute. A program that fails fails the branch: what it would have said
        is not known, and a made-up result would be learned."""
        assert self.tools is not None
        sent = json_line({"id": call.id, "name": call.name, "arguments": call.arguments})
        try:
            raw = self.tools.run(sent + b"\n", self.timeout, log, stop)
            return read_result(call, json_object(raw, "what the program wrote"))
        except BranchFailed as failure:
            raise BranchFailed("tool_failed", f"the call of `{quoted(call.name)}`: {failure.sentence}") from None


def find_endpoint(url: str, key: str | None) -> Service:
    """The endpoint for chat completions under the address `url`, asked with that key if there is one, which is shown
    nowhere from now on. Raises what `find_service` raises, SetupError for a key that no header can hold, and UsageError
    for one beside a password in the address."""
    key = (key or "").strip()
    # Local servers are given words for a key, such as `not-needed`, and answers may well hold these.
    (keep_token if any(map(str.isdigit, key)) else keep_secret)(KEY_VARIABLE, key)
    if not can_be_token(key):
        raise SetupError(f"{KEY_VARIABLE} holds characters that a header cannot have; copy the key again")
    address = find_service("--model", url)
    if key and address.userinfo:
        raise UsageError(f"--model: give either a password in the address or {KEY_VARIABLE}; a request can hold one")
    path = address.path.rstrip("/").removesuffix(_PATH) + _PATH
    return Service(address.copy_with(path=path), (("Authorization", f"Bearer {key}"),) if key else ())


class _RecordedResults:
    """The results that the original trace holds, each to be given once, in order, to a call that is equal to its own.
    Those that stand in the conversation already have been given."""

    def __init__(self, request: AgentRequest) -> None:
        self._left: defaultdict[str, deque[Result]] = defaultdict(deque)
        for recorded in request.recorded:
            self._left[_key(recorded.name, recorded.arguments)].append(recorded.result)
        # An id that is used again is that of the later call.
        waiting: dict[str, Call] = {}
        for message in request.messages:
            waiting.update((call.id, call) for call in _calls([message]))
            if (answered := waiting.pop(message.get("tool_call_id", ""), None)) is not None:
                self.take(answered)

    def take(self, call: Call) -> Result | None:
        left = self._left[_key(call.name, call.arguments)]
        return left.popleft() if left else None


def _key(name: str, arguments: Any) -> str:
    return canonical_json([name, arguments])


def _calls(messages: Iterable[ChatMessage]) -> Iterator[Call]:
    for message in messages:
        for call in message.get("tool_calls", ()):
            yield Call(call["function"]["name"], call["function"]["arguments"], call["id"])


def _waiting_calls(messages: Sequence[ChatMessage]) -> list[Call]:
    """The calls of the agent's last message that have no result."""
    last = max((number for number, message in enumerate(messages) if message["role"] == "assistant"), default=0)
    heard = {message.get("tool_call_id") for message in messages[last:]}
    return [call for call in _calls(messages[last:]) if call.id not in heard]


def _as_sent(message: ChatMessage, *, with_reasoning: bool) -> dict[str, Any]:
    """The message as OpenAI's API takes it: the arguments of a call are JSON text, and content that is empty beside
    calls is null."""
    sent: dict[str, Any] = dict(message)
    if not with_reasoning:
        sent.pop(_REASONING, None)
    if calls := message.get("tool_calls"):
        sent["content"] = message["content"] or None
        sent["tool_calls"] = [{**call, "function": _function(call["function"])} for call in calls]
    return sent


def _function(function: ChatFunction) -> ChatFunction:
    arguments = function["arguments"]
    text = arguments if isinstance(arguments, str) else json_line(arguments).decode()
    return {"name": function["name"], "arguments": text}


def _message_in(answer: dict[str, Any]) -> dict[str, Any]:
    """The message in an answer of the endpoint. Raises BranchFailed for an answer without one, and for one that is not
    whole."""
    choices = answer.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    if error := answer.get("error") or choice.get("error"):
        raise _error(error)
    message = choice.get("message")
    if not isinstance(message, dict):
        raise BranchFailed("wrong_shape", "the answer of the model has no `choices` with a `message`")
    reason = choice.get("finish_reason")
    if reason in _CUT_OFF:
        raise BranchFailed("cut_off", f"the model was cut off in the middle of its turn (`finish_reason: {reason}`)")
    if reason in _BROKEN:
        raise BranchFailed("model_error", f"the model broke off (`finish_reason: {reason}`)")
    refusal = message.get("refusal")
    if refusal or reason in _FILTERED:
        why = f": {quoted(str(refusal))}" if refusal else f" (`finish_reason: {reason}`)"
        raise BranchFailed("refused", f"the model, or a filter after it, refuses{why}")
    return message


def _error(error: Any) -> BranchFailed:
    """The failure for an error that came with the status of a success."""
    said = error.get("message", error) if isinstance(error, dict) else error
    code = error.get("code") if isinstance(error, dict) else None
    is_transient = isinstance(code, int) and is_transient_status(code)
    return BranchFailed(
        "model_error", f"the model's server reports an error: {quoted(str(said))}", is_transient=is_transient
    )
