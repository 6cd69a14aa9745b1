"""What an agent answers, checked and read: chat messages in, typed messages out.

The messages are read by the reader of OpenAI's chat messages, so an agent may write them in each way in which traces
have them: `content: null`, reasoning under several keys, calls as tags in the text, arguments as JSON text. What is
checked here is what only matters in an answer: that it goes on from the conversation before it, and repeats none of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from ls_trajedit.branches.agent import BranchFailed, Ending, FailureReason
from ls_trajedit.label_config.storable import what_cannot_be_stored
from ls_trajedit.redaction import find_secret, redact
from ls_trajedit.traces.chat import ChatMessage
from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.json_text import canonical_json, parse_json
from ls_trajedit.traces.model import Call, Message, Result, Text
from ls_trajedit.traces.read import read_chat
from ls_trajedit.traces.read_options import ReadOptions
from ls_trajedit.traces.readers.base import arguments_at
from ls_trajedit.traces.readers.openai_chat import FORMAT

__all__ = ["MOST_MESSAGES", "ending_of", "json_object", "messages_in", "quoted", "read_messages", "read_result"]

MOST_MESSAGES = 2_000

_ROLES = ("system", "user", "assistant", "tool")
_PARTS = ("text", "thinking", "refusal", "image_url")
_MESSAGES = ReadOptions(messages_key=("messages",))
_LONGEST_QUOTE = 80
_NO_CALL = "a result in the answer is that of no call that waits for one"


def messages_in(raw: bytes, whose: str) -> Any:
    """What stands under `messages`, the only key, in the JSON object that `raw` is. `whose` answer it is, messages say.
    Raises BranchFailed for anything else, and when a secret is in it."""
    answer = json_object(raw, whose)
    if answer.keys() != {"messages"}:
        keys = ", ".join(f"`{quoted(key)}`" for key in list(answer)[:5]) or "no key"
        raise BranchFailed(
            "wrong_shape", f"{whose} is an object with {keys}; it has to have `messages` and nothing else"
        )
    return answer["messages"]


def json_object(raw: bytes, whose: str) -> dict[str, Any]:
    """The JSON object that `raw` is. Raises BranchFailed when it is not one, and when a secret is in it."""
    if found := find_secret(raw):
        raise BranchFailed("holds_secret", f"{whose} holds {found}, so nothing of it was kept")
    try:
        value = parse_json(raw)
    except ValueError as error:
        how = f"begins with `{quoted(raw[:4_000].decode('utf-8', 'replace'))}`" if raw.strip() else "is empty"
        raise BranchFailed("not_json", f"{whose} is not JSON ({error}): it {how}") from None
    if not isinstance(value, dict):
        raise BranchFailed("wrong_shape", f"{whose} is JSON, but not an object")
    return value


def read_messages(before: Sequence[ChatMessage], answer: Any) -> tuple[Message, ...]:
    """The messages of an answer to the conversation `before`, which is in the form in which it was sent.

    Calls get ids that no other call has, if they lack them or share them with others, and each result that of its call.
    Raises BranchFailed for what is not a list of chat messages that continue the conversation.
    """
    items = list(_checked(answer))
    if not any(item["role"] == "assistant" for item in items):
        _fail("says_nothing", "there is no message of the assistant in the answer")
    _refuse_repetition(before, items)
    if (what := what_cannot_be_stored({"messages": items})) is not None:
        _fail("not_storable", what)
    calls = _Calls(before)
    linked = [calls.link(item, number) for number, item in enumerate(items)]
    messages = _read([*calls.stand_in, *linked])[len(calls.stand_in) :]
    waiting = set(calls.waited_for)
    for number, message in enumerate(messages):
        if message.role == "assistant" and all(isinstance(p, Text) and not p.text.strip() for p in message.parts):
            _fail("says_nothing", f"the assistant says and does nothing in message {number + 1} of the answer")
        waiting.update(call.id for call in message.calls)
        for part in message.parts:
            if isinstance(part, Result):
                if part.call_id not in waiting:
                    _fail("unknown_call", _NO_CALL)
                waiting.remove(part.call_id)
    return messages


def read_result(call: Call, answer: dict[str, Any]) -> Message:
    """The message with the result of a call, from the object that a program for tools wrote: `content` is a string or a
    list of parts. Raises BranchFailed for anything else."""
    if answer.keys() != {"content"} or not isinstance(answer["content"], str | list):
        _fail("wrong_shape", "the object has to have `content`, a string or a list of parts, and nothing else")
    if (what := what_cannot_be_stored(answer)) is not None:
        _fail("not_storable", what)
    called = {"role": "assistant", "content": "", "tool_calls": [{"id": call.id, "function": {"name": call.name}}]}
    result = {"role": "tool", "tool_call_id": call.id, "content": answer["content"]}
    return _read([called, result])[1]


def ending_of(messages: Sequence[Message]) -> Ending:
    """How the messages that an agent gave end: as it ended them, or at a call without a result."""
    last = max(number for number, message in enumerate(messages) if message.role == "assistant")
    heard = {part.call_id for message in messages[last:] for part in message.parts if isinstance(part, Result)}
    return "finished" if all(call.id in heard for call in messages[last].calls) else "unexecuted_call"


def _read(items: list[dict[str, Any]]) -> tuple[Message, ...]:
    try:
        (trace,) = read_chat({"messages": items}, FORMAT.name, _MESSAGES)
    except ReadError as error:
        if any(item["role"] == "tool" and not item.get("tool_call_id") for item in items):
            _fail("unknown_call", _NO_CALL)
        _fail("wrong_shape", f"the messages of the answer cannot be read: {error}")
    return trace.messages


class _Calls:
    """The calls of a conversation: which ids are in use, and which calls still wait for their result. `waited_for` are
    those that do at its end."""

    def __init__(self, before: Sequence[ChatMessage]) -> None:
        self._names: dict[str, str] = {}
        # Ids as the agent writes them, each with what it is here.
        self._ids: dict[str, str] = {}
        self._waiting: dict[str, None] = {}
        self._new = 0
        for message in before:
            if message["role"] == "assistant":
                self._waiting = {}
            for call in message.get("tool_calls", ()):
                self._names[call["id"]] = call["function"]["name"]
                self._ids[call["id"]] = call["id"]
                self._waiting[call["id"]] = None
            self._waiting.pop(message.get("tool_call_id", ""), None)
        self.waited_for = tuple(self._waiting)
        self._first = dict(self._waiting)
        self.stand_in = list(self._stand_in())

    def _stand_in(self) -> Iterator[dict[str, Any]]:
        """What stands for the conversation before the answer while that is read: its calls, and results of those that
        do not wait for one."""
        if self._names:
            calls = [{"id": identity, "function": {"name": name}} for identity, name in self._names.items()]
            yield {"role": "assistant", "content": "", "tool_calls": calls}
        for identity in self._names:
            if identity not in self._waiting:
                yield {"role": "tool", "tool_call_id": identity, "content": ""}

    def link(self, item: dict[str, Any], number: int) -> dict[str, Any]:
        """The message, with ids for its calls that no other call has, or with that of the call whose result it is."""
        if item["role"] == "tool":
            return self._link_result(item, number)
        if item["role"] == "assistant":
            for identity in self._first:
                _fail(
                    "unanswered_call",
                    f"the conversation ends with the call `{quoted(identity)}` of `{quoted(self._names[identity])}`, "
                    "whose result the answer has to begin with, as a message of the role `tool`",
                )
            if item.get("tool_calls"):
                return {**item, "tool_calls": [self._link_call(call) for call in item["tool_calls"]]}
        return item

    def _link_call(self, call: dict[str, Any]) -> dict[str, Any]:
        given = call.get("id") or ""
        identity = given if given and given not in self._names else self._unused()
        self._names[identity] = _called(call)["name"]
        self._ids[given] = identity
        self._waiting[identity] = None
        return {**call, "id": identity}

    def _unused(self) -> str:
        while True:
            self._new += 1
            if (identity := f"call{self._new:05d}") not in self._names:
                return identity

    def _link_result(self, item: dict[str, Any], number: int) -> dict[str, Any]:
        given = item.get("tool_call_id") or ""
        identity = self._ids.get(given) if given else self._waiting_for(item.get("name"))
        if identity is None and not given and not self._waiting:
            # It may be that of a call in tags, of which the reader knows.
            return item
        if identity not in self._waiting:
            whose = f"the call `{quoted(given)}`" if given else "a call"
            _fail("unknown_call", f"message {number + 1} of the answer is the result of {whose}, which waits for none")
        del self._waiting[identity]
        self._first.pop(identity, None)
        return {**item, "tool_call_id": identity}

    def _waiting_for(self, name: str | None) -> str | None:
        """The first call that waits for its result, of that name if there is one."""
        return next((identity for identity in self._waiting if name in (None, self._names[identity])), None)


def _checked(answer: Any) -> Iterator[dict[str, Any]]:
    """The messages, each of the shape that the reader takes for granted."""
    if not isinstance(answer, list):
        _fail("wrong_shape", "`messages` of the answer is not a list")
    if len(answer) > MOST_MESSAGES:
        _fail("too_much", f"the answer has {len(answer):,} messages; {MOST_MESSAGES:,} are allowed")
    for number, item in enumerate(answer):
        where = f"message {number + 1} of the answer"
        if not isinstance(item, dict):
            _fail("wrong_shape", f"{where} is not an object")
        role = item.get("role")
        if role not in _ROLES:
            what = f"the role `{quoted(role)}`" if isinstance(role, str) else "no role"
            _fail("unknown_role", f"{where} has {what}; it has to be one of {', '.join(_ROLES)}")
        if not isinstance(item.get("content"), str | list | None):
            _fail("wrong_shape", f"the `content` of {where} is neither a string nor a list of parts")
        for part in item["content"] if isinstance(item.get("content"), list) else ():
            if not isinstance(part, str) and not (isinstance(part, dict) and part.get("type") in _PARTS):
                _fail("wrong_shape", f"{where} has a part that is neither a text nor an image")
        for key in ("name", "tool_call_id"):
            if not isinstance(item.get(key), str | None):
                _fail("wrong_shape", f"the `{key}` of {where} is not a string")
        calls = item.get("tool_calls")
        if not isinstance(calls, list | None):
            _fail("bad_call", f"the `tool_calls` of {where} is not a list")
        if calls and role != "assistant":
            _fail("bad_call", f"{where} has calls, but it is not the assistant's")
        older = item.get("function_call")
        for call in (*(calls or ()), *([] if older is None else [{"function": older}])):
            _check_call(call, where)
        # The reader knows a message by that key.
        yield {"content": None, **item}


def _check_call(call: Any, where: str) -> None:
    function = _called(call) if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str) or not function["name"]:
        _fail("bad_call", f"a call in {where} has no name")
    if not isinstance(call.get("id"), str | None):
        _fail("bad_call", f"the `id` of a call in {where} is not a string")
    if not isinstance(function.get("arguments"), dict | str | None):
        _fail("bad_call", f"the `arguments` of a call in {where} are neither an object nor a string")


def _called(call: dict[str, Any]) -> Any:
    """What a call calls: `function`, `custom` for a tool that takes text, or itself."""
    return next((call[key] for key in ("function", "custom") if key in call), call)


def _refuse_repetition(before: Sequence[ChatMessage], items: Sequence[dict[str, Any]]) -> None:
    """Raises BranchFailed when the answer begins with what was sent: all of it, or its end."""
    sent = [_content(dict(message)) for message in before]
    given = [_content(item) for item in items[: len(sent)]]
    starts = range(max(0, len(sent) - len(given)), len(sent))
    if given[:1] == sent[:1] or any(given[: len(sent) - start] == sent[start:] for start in starts):
        _fail("repeats_prefix", "the answer begins with messages that were sent; it has to hold only what follows them")


def _content(item: dict[str, Any]) -> str:
    """What two messages share when one repeats the other, in whatever form."""
    calls = [_same_call(_called(call)) for call in item.get("tool_calls") or ()]
    return canonical_json([item["role"], item.get("content") or "", item.get("tool_call_id"), calls])


def _same_call(function: Any) -> list[Any]:
    arguments, _ = arguments_at(function.get("arguments", function.get("input")), ())
    return [function["name"], arguments]


def quoted(text: str, longest: int = _LONGEST_QUOTE) -> str:
    """The beginning of a text that somebody else wrote, as one line."""
    line = " ".join(redact(text[:4_000])[: 2 * longest].split())
    return line if len(line) <= longest else f"{line[:longest]}…"


def _fail(reason: FailureReason, sentence: str) -> NoReturn:
    raise BranchFailed(reason, sentence)
