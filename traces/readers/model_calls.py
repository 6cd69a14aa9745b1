"""Traces out of recorded model calls, each with a prompt and an output of its own: spans, observations, runs.

Only model calls take steps. In time order, each continues the conversation that its prompt repeats: what is new in the
prompt was heard, and what came back is the agent's next message. So each message of the agent has its place in the
output of the call that said it, and nowhere else, though later prompts repeat it.

- A prompt that is not the conversation so far (a history that was cut, compacted, or written by another) is kept in
  the trace's `prompts` for that step. Messages of the assistant that no recorded call said are `given`.
- A prompt that has nothing to do with the conversation begins one of its own: a sub-agent, a side question. The
  conversation nearest the root and longest is the trace; the others are traces with it as their `parent`.
- A model call inside a model call was recorded twice, by two instrumentations: the inner one counts.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import takewhile
from typing import Any, Final

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.model import Image, Message, Other, Reasoning, Result, Text, Tool, Trace
from ls_trajedit.traces.read_options import ReadOptions
from ls_trajedit.traces.readers.base import build_trace
from ls_trajedit.traces.readers.payloads import Payload
from ls_trajedit.traces.readers.speakers import agents_of, turns_of

__all__ = ["ModelCall", "Span", "read_spans", "start_key"]

_ISO: Final = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:?\d\d)?$")
_WRAPPERS: Final = "model calls that only wrap others"
_UNANSWERED: Final = "model calls without an output"
_OTHER_SPANS: Final = "spans that are not model calls"
_OTHER_AGENTS: Final = "model calls of other agents"


@dataclass(frozen=True)
class ModelCall:
    """What one model call was given and what it said, with places in the source. `follows`: the prompt is only what
    is new since an earlier call. `conversation` is the id that calls of one conversation share, where they have one."""

    prompt: tuple[Message, ...]
    said: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    follows: bool = False
    conversation: str | None = None

    @staticmethod
    def of(prompt: Payload, said: Payload, conversation: str | None = None) -> ModelCall:
        """The call with this prompt and this output. Instructions that only the response repeats stand first; an
        empty system prompt is left out."""
        given = tuple(message for message in prompt.messages if message.parts or message.role != "system")
        system = () if any(message.role == "system" for message in given) else said.system
        tools = prompt.tools or said.tools
        return ModelCall((*system, *given), said.messages, tools, prompt.follows or said.follows, conversation)


@dataclass(frozen=True)
class Span:
    """A unit of recorded work. `start` sorts spans by time; `agent` is the name of the agent whose work begins here,
    and `is_border` says that it is the work of a tool or of an agent, so that what is below is not the span's own.
    `read` reads the model call that it is, or is None: it counts what it leaves out of the prompt and of the output."""

    identity: str
    parent: str | None
    start: tuple[Any, ...]
    agent: str | None = None
    is_border: bool = False
    read: Callable[[Counter[str], Counter[str]], ModelCall] | None = None


def start_key(time: Any, number: int) -> tuple[Any, ...]:
    """What sorts spans by the time at which they started: nanoseconds, or an ISO 8601 date; spans without one come
    last, in the order in which they are recorded."""
    if isinstance(time, int | float) and not isinstance(time, bool):
        return 0, time, number
    if isinstance(time, str) and time.isdecimal():
        return 0, int(time), number
    found = _ISO.match(time) if isinstance(time, str) else None
    if found is None:
        return 1, 0, number
    day, clock, fraction, offset = found.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}+00:00")
    except ValueError:
        return 1, 0, number
    seconds = int(moment.timestamp())
    if offset and offset != "Z":
        hours, minutes = int(offset[1:3]), int(offset[-2:])
        seconds -= (1 if offset[0] == "+" else -1) * (hours * 3600 + minutes * 60)
    return 0, seconds * 10**9 + int((fraction or "0").ljust(9, "0")[:9]), number


@dataclass
class _Thread:
    """A conversation that is being put together."""

    conversation: str | None = None
    spans: list[Span] = field(default_factory=list)
    agents: list[str | None] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    tools: dict[str, Tool] = field(default_factory=dict)
    prompts: dict[int, tuple[Message, ...]] = field(default_factory=dict)
    steps: int = 0
    depth: int = 0


def read_spans(
    source: Any,
    format_: str,
    spans: Iterable[Span],
    options: ReadOptions,
    *,
    identity: str | None,
    part_of: Callable[[frozenset[str]], Any],
    read: Callable[[Any, ReadOptions], list[Trace]],
    left_out: Counter[str],
    tools: Sequence[Tool] = (),
) -> list[Trace]:
    """The traces in these spans of one recording: that of the main conversation, whose source is all of it, then one
    for each other conversation. `part_of` gives the source with only the spans of these ids, and `read` reads it.

    Raises ReadError when there is no model call in it, or none of the agent that the options name.
    """
    ordered = sorted(spans, key=lambda span: span.start)
    by_id = {span.identity: span for span in ordered}
    wrappers = {wrapper for span in ordered if span.read for wrapper in _wrapped_in(span, by_id)}
    calls = [span for span in ordered if span.read and span.identity not in wrappers]
    if not calls:
        raise ReadError("it holds no model call, so nobody speaks in it")
    left_out[_WRAPPERS] += len(wrappers)
    left_out[_OTHER_SPANS] += sum(span.read is None for span in ordered)
    threads: list[_Thread] = []
    repeated: Counter[str] = Counter()
    said: Counter[str] = Counter()
    for span in calls:
        heard: Counter[str] = Counter()
        _add(threads, span, by_id, heard, said)
        repeated |= heard
    # Each prompt repeats the one before, and what outputs had.
    left_out += said | repeated
    threads = _with_agent(threads, options, left_out)
    main = _main(threads)
    agents = {agent for agent in main.agents if agent}
    messages, prompts = _as_heard(main, options)
    trace = build_trace(
        source,
        format_,
        messages,
        options,
        identity=identity,
        tools=tools or main.tools.values(),
        agent=next(iter(agents)) if len(agents) == 1 else options.agent,
        left_out=left_out,
        prompts=prompts,
    )
    traces = [trace]
    for thread in threads:
        if thread is not main and thread.steps:
            kept = {span.identity for span in thread.spans}
            kept |= {above.identity for span in thread.spans for above in _above(span, by_id) if above.agent}
            found = read(part_of(frozenset(kept)), options)[0]
            name = f"{trace.id}-{thread.spans[0].identity}" if trace.id else thread.spans[0].identity
            traces.append(replace(found, id=name, parent=trace.id))
    return traces


def _add(
    threads: list[_Thread], span: Span, by_id: Mapping[str, Span], heard: Counter[str], said: Counter[str]
) -> None:
    """Puts one model call into the conversation that it continues, or into a new one."""
    assert span.read is not None
    call = span.read(heard, said)
    above = [span, *_above(span, by_id)]
    agent = next((found.agent for found in above if found.agent), None)
    thread = _continued(threads, call, agent)
    if thread is None:
        thread = _Thread(call.conversation, depth=sum(found.is_border for found in above))
        threads.append(thread)
    _hear(thread, call)
    for tool in call.tools:
        thread.tools.setdefault(tool["function"]["name"], tool)
    if not call.said:
        said[_UNANSWERED] += 1
    else:
        thread.spans.append(span)
        thread.agents.append(agent)
    for message in call.said:
        if message.role == "assistant":
            thread.steps += 1
            message = replace(message, agent=agent)
        thread.messages.append(message)


def _continued(threads: Sequence[_Thread], call: ModelCall, agent: str | None) -> _Thread | None:
    """The conversation that a call continues, the latest first: the one whose last turn its prompt repeats or answers;
    else the one of the same agent that begins as its prompt does."""
    latest = list(reversed(threads))
    answered = {part.call_id for message in call.prompt for part in message.parts if isinstance(part, Result)}
    asked = {part.id for message in call.prompt for part in message.calls}
    known = (answered | asked) - {""}
    for thread in latest:
        if known & {part.id for message in thread.messages if not message.given for part in message.calls}:
            return thread
    for thread in latest:
        if _repeats_end(thread, call):
            return thread
    for thread in latest:
        alike = call.follows or not call.prompt or _begins_alike(thread, call) or _is_same_conversation(thread, call)
        if alike and agent == _last(thread.agents):
            return thread
    return None


def _begins_alike(thread: _Thread, call: ModelCall) -> bool:
    """Whether prompt and conversation open with the same request, under the same system prompt or after as many turns
    of the assistant's."""
    if _opening(thread.messages) != _opening(call.prompt):
        return False
    turns = sum(message.role == "assistant" for message in call.prompt)
    return _systems(call.prompt) == _systems(thread.messages) or (
        turns > 0 and turns == sum(message.role == "assistant" for message in thread.messages)
    )


def _systems(messages: Sequence[Message]) -> list[Any]:
    """The system prompt: what stands before anybody else speaks."""
    return [_key(message) for message in takewhile(lambda message: message.role == "system", messages)]


def _is_same_conversation(thread: _Thread, call: ModelCall) -> bool:
    return call.conversation is not None and call.conversation == thread.conversation


def _opening(messages: Sequence[Message]) -> Any:
    heard = (message for message in messages if message.role in ("user", "tool"))
    first = next(heard, None) or next(iter(messages), None)
    return None if first is None else _key(first)


def _repeats_end(thread: _Thread, call: ModelCall) -> bool:
    """Whether the last two messages of the conversation stand in the prompt, one after the other."""
    end = [_turn(message) for message in thread.messages[-2:]]
    prompt = [_turn(message) for message in call.prompt]
    return len(end) == 2 and any(prompt[n : n + 2] == end for n in range(len(prompt) - 1))


def _hear(thread: _Thread, call: ModelCall) -> None:
    """Adds what is new in the prompt, and keeps the prompt where it is not the conversation so far."""
    before = thread.messages
    if before and call.follows:
        known = {_turn(message) for message in before}
        new = (message for message in call.prompt if message.role != "system" or _turn(message) not in known)
        thread.messages = [*before, *map(_given, new)]
        return
    partial = bool(before) and (not call.prompt or _is_partial(call.prompt) or _is_next(thread, call))
    thread.messages = [*before, *(_given(message) for message in _new(before, call.prompt, partial))]
    if not partial and call.said and [_key(m) for m in thread.messages] != [_key(m) for m in call.prompt]:
        thread.prompts[thread.steps] = tuple(_given(message) for message in call.prompt)


def _is_next(thread: _Thread, call: ModelCall) -> bool:
    """Whether a prompt of the same conversation, by its id, repeats nothing of it but the system prompt."""
    if not _is_same_conversation(thread, call):
        return False
    known = {_turn(message) for message in thread.messages}
    return not any(message.role != "system" and _turn(message) in known for message in call.prompt)


def _is_partial(prompt: Sequence[Message]) -> bool:
    """Whether results in the prompt answer calls that are not in it, so that it is only what is new."""
    asked = {call.id for message in prompt for call in message.calls}
    results = [part for message in prompt for part in message.parts if isinstance(part, Result)]
    return any(result.call_id not in asked if result.call_id else not asked for result in results)


def _new(before: Sequence[Message], prompt: Sequence[Message], partial: bool) -> Iterator[Message]:
    """What the prompt holds beyond the conversation. From the start both go side by side, where a turn of the
    assistant's matches any other (an API repeats it without its reasoning; it may have been corrected)."""
    start = 0
    if not partial:
        both = zip(before, prompt, strict=False)
        start = next((n for n, (old, new) in enumerate(both) if not _matches(old, new)), min(len(before), len(prompt)))
    if start == len(before):
        yield from prompt[start:]
        return
    rest = prompt[start:]
    known = Counter(_turn(message) for message in before[start:])
    # Turns of the agent that the prompt has in other words than the conversation.
    reworded = sum(((known - Counter(map(_turn, rest)))[turn] for turn in known if turn[0] == "assistant"), 0)
    asked = {call.id for message in before for call in message.calls if call.id}
    answered = {part.call_id for message in before for part in message.parts if isinstance(part, Result)} - {""}
    for message in rest:
        turn = _turn(message)
        if known[turn] > 0:
            known[turn] -= 1
        elif message.role == "tool":
            result = message.parts[0]
            assert isinstance(result, Result)
            if result.call_id not in answered:
                yield message
        elif message.role == "assistant" and reworded > 0 and all(call.id in asked for call in message.calls):
            reworded -= 1
        elif not (message.calls and all(call.id in asked for call in message.calls)):
            yield message


def _matches(old: Message, new: Message) -> bool:
    return old.role == new.role == "assistant" or _turn(old) == _turn(new)


def _given(message: Message) -> Message:
    """A message of a prompt: what the assistant says in it was said elsewhere."""
    return replace(message, given=True) if message.role == "assistant" else message


def _with_agent(threads: list[_Thread], options: ReadOptions, left_out: Counter[str]) -> list[_Thread]:
    if options.agent is None:
        return threads
    chosen = [thread for thread in threads if options.agent in thread.agents]
    if not chosen:
        names = sorted({name for thread in threads for name in thread.agents if name})
        known = ", ".join(f"`{name}`" for name in names) or "no agent that is named"
        raise ReadError(f"`agent: {options.agent}` names nobody who speaks in it; there is {known}")
    left_out[_OTHER_AGENTS] += sum(len(thread.spans) for thread in threads if thread not in chosen)
    return chosen


def _main(threads: Sequence[_Thread]) -> _Thread:
    """The conversation nearest the root; of several the longest, and of these the last."""
    if not threads:
        raise ReadError("no model call in it has a prompt or an output")
    spoken = [thread for thread in threads if thread.steps] or list(threads)
    top = min(thread.depth for thread in spoken)
    candidates = [thread for thread in spoken if thread.depth == top]
    longest = max(thread.steps for thread in candidates)
    return [thread for thread in candidates if thread.steps == longest][-1]


def _as_heard(thread: _Thread, options: ReadOptions) -> tuple[list[Message], dict[int, tuple[Message, ...]]]:
    """The messages, with those of other agents as heard by the one that the options name. `agent` stands on a message
    only where several agents speak in the conversation, one after the other: who hands over leaves its turns in the
    prompts of the next, so without the option all of them are the assistant's."""
    if len(agents_of(thread.messages)) < 2:
        return [replace(message, agent=None) for message in thread.messages], thread.prompts
    if options.agent is None:
        return thread.messages, thread.prompts
    return turns_of(thread.messages, options), {}


def _wrapped_in(span: Span, by_id: Mapping[str, Span]) -> Iterator[str]:
    """The model calls above one that are the same call, recorded by somebody else."""
    for above in _above(span, by_id):
        if above.is_border:
            return
        if above.read is not None:
            yield above.identity


def _above(span: Span, by_id: Mapping[str, Span]) -> Iterator[Span]:
    """The spans above one, the nearest first."""
    seen = {span.identity}
    above = by_id.get(span.parent or "")
    while above is not None and above.identity not in seen:
        seen.add(above.identity)
        yield above
        above = by_id.get(above.parent or "")


def _key(message: Message) -> tuple[Any, ...]:
    """What a message says, whatever the places: two with the same key are one and the same in a row."""
    thought = "\n".join(part.text for part in message.parts if isinstance(part, Reasoning))
    return (*_turn(message), thought)


def _turn(message: Message) -> tuple[Any, ...]:
    """The key without what prompts do not repeat: reasoning."""
    others = tuple(_part_key(part) for part in message.parts if isinstance(part, Image | Other | Result))
    calls = tuple((call.id, call.name, _canonical(call.arguments)) for call in message.calls)
    return message.role, message.text, calls, others


def _part_key(part: Image | Other | Result) -> tuple[Any, ...]:
    match part:
        case Image(url):
            return "image", url
        case Other(value):
            return "other", _canonical(value)
        case Result():
            others = tuple(_part_key(item) for item in part.content if not isinstance(item, Text))
            return "result", part.call_id, part.text, others


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _last(agents: Sequence[str | None]) -> str | None:
    return agents[-1] if agents else None
