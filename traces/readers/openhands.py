"""OpenHands events: a list of what the agent did (`action`, `args`) and what came back (`observation`, `content`).

The web app exports such a list, and evaluation writes it as `history` of each line of `output.jsonl`.

What is odd:
- What the model said stands in `tool_call_metadata.model_response` of every event of one answer, so an answer with
  several calls comes as several events, of which the first has the model's words. `args` is OpenHands' own reading of
  the call, with more in it than the model wrote; it is read only where no answer was recorded.
- A result names its call in `tool_call_metadata`, else its event in `cause`.
- State changes, empty observations, pauses, condensations and recalls without content are the framework's own.
- What happens between a `delegate` action and its observation is a sub-agent's work, a trace of its own.
- A command that the user ran is told to the agent as something the user says, and so is its output.

Facts: `openhands/events` (`serialization/event.py`), `openhands/memory/conversation_memory.py`, which makes the prompt
of the events, and `tests/runtime/trajs` of OpenHands/OpenHands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.field_path import FieldPath, format_path, get_field
from ls_trajedit.traces.model import Call, Image, Message, Other, Part, Result, Role, Text, Tool, Trace
from ls_trajedit.traces.places import Place, Under, format_place
from ls_trajedit.traces.read_options import ReadOptions
from ls_trajedit.traces.readers.base import (
    Format,
    arguments_at,
    build_trace,
    declared_tools,
    first_text,
    listed,
    message_lists,
)

__all__ = ["FORMAT", "is_event", "read", "recognize"]

_SOURCES: Final = ("agent", "user", "environment")
_CHATTER: Final = {
    **dict.fromkeys(("agent_state_changed", "change_agent_state", "pause", "resume", "stop"), "state changes"),
    **dict.fromkeys(("condensation", "condensation_request"), "condensations"),
    **dict.fromkeys(("loop_recovery", "loop_detection"), "loop detections"),
    "null": "empty observations",
    "recall": "recalls",
    "start": "starts",
}
# The one argument that the tool of an action takes; what else is in `args` is OpenHands' own.
_MAIN_ARGUMENT: Final = {
    "run": "command",
    "run_ipython": "code",
    "browse": "url",
    "browse_interactive": "browser_actions",
    "read": "path",
}
_NOT_ARGUMENTS: Final = frozenset(
    {"thought", "confirmation_state", "blocking", "hidden", "is_confirmed", "impl_source"}
)
_Event = Mapping[str, Any]


def recognize(source: Any) -> str | None:
    """Whether some list in the source holds events: each an action with `args` or an observation with `content`."""
    found = next(_found(source, ReadOptions()), None)
    if found is None:
        return None
    what = "of events with `action` and `args`, or `observation` and `content`"
    return f"a list `{format_path(found[0])}` {what}" if found[0] else f"a list {what}"


def read(source: Any, options: ReadOptions) -> list[Trace]:
    """The trace of the agent, then those of the agents that it delegated to."""
    path, events = next(_found(source, options), (None, None))
    if path is None or events is None:
        raise ReadError("it holds no list of OpenHands' events; `messages_key` names it")
    holder = source if isinstance(source, dict) else {}
    identity = first_text(holder, ("id",), ("instance_id",), ("conversation_id",))
    return list(_traces(source, path, events, options, identity, None, None))


def gather(values: Sequence[Any]) -> list[Any] | None:
    """Bare events, one a line or in one array, are one run."""
    return [list(values)] if len(values) > 1 and _are_events(values) else None


def is_event(item: Any) -> bool:
    """Whether the value is an event of OpenHands."""
    if not isinstance(item, dict) or item.get("source", "agent") not in _SOURCES:
        return False
    if isinstance(item.get("action"), str):
        return isinstance(item.get("args"), dict)
    return isinstance(item.get("observation"), str) and "content" in item


def _are_events(items: Sequence[Any]) -> bool:
    return all(is_event(item) for item in items) and any("source" in item for item in items)


def _found(source: Any, options: ReadOptions) -> Iterator[tuple[FieldPath, list[Any]]]:
    for path, items in message_lists(source, options):
        if _are_events(items):
            yield path, items


def _traces(
    source: Any,
    path: FieldPath,
    events: Sequence[_Event],
    options: ReadOptions,
    identity: str | None,
    parent: str | None,
    agent: str | None,
) -> Iterator[Trace]:
    delegated = list(_delegations(events))
    inner = {number for start, end in delegated for number in range(start + 1, end)}
    left_out: Counter[str] = Counter()
    reader = _Reader(options, left_out)
    own = [(number, event) for number, event in enumerate(events) if number not in inner]
    trace = build_trace(
        source,
        FORMAT.name,
        [message for number, event in own for message in reader.messages(event, (*path, number))],
        options,
        identity=identity,
        tools=reader.tools,
        agent=agent,
        parent=parent,
        left_out=left_out,
    )
    yield trace
    for number, (start, end) in enumerate(delegated, start=1):
        work = list(events[start + 1 : end])
        name = first_text(events[start], ("args", "agent"))
        if work:
            known = f"{trace.id}-delegate{number}" if trace.id else None
            yield from _traces(work, (), work, options, known, trace.id, name or "delegate")


def _delegations(events: Sequence[_Event]) -> Iterator[tuple[int, int]]:
    """The numbers of each delegate action and of its observation, without those that lie inside another."""
    depth, start = 0, 0
    for number, event in enumerate(events):
        if event.get("action") == "delegate":
            start = number if depth == 0 else start
            depth += 1
        elif event.get("observation") == "delegate" and depth:
            depth -= 1
            if depth == 0:
                yield start, number


class _Reader:
    """Reads the events of one agent in order. Remembers whose answers were read and which event made which call."""

    def __init__(self, options: ReadOptions, left_out: Counter[str]) -> None:
        self._options = options
        self._left_out = left_out
        self._answers: set[str] = set()
        self._callers: dict[str, str] = {}
        self.tools: tuple[Tool, ...] = ()

    def messages(self, event: _Event, place: Place) -> Iterator[Message]:
        """The messages that an event stands for."""
        is_action = isinstance(event.get("action"), str)
        kind = event["action"] if is_action else event["observation"]
        if kind == "recall" and (recalled := list(_recalled(event, place))):
            yield from recalled
        elif kind in _CHATTER:
            self._left_out[_CHATTER[kind]] += 1
        elif is_action:
            yield from self._acted(event, place)
        else:
            yield self._observed(event, place)

    def _acted(self, event: _Event, place: Place) -> Iterator[Message]:
        args, at = event["args"], (*place, "args")
        match event["action"], event.get("source", "agent"):
            case "system", _:
                self.tools = declared_tools(args.get("tools"))
                yield Message("system", tuple(_text(args, "content", at)))
            case "message", source:
                role: Role = "assistant" if source == "agent" else "user"
                yield Message(
                    role, (*_text(args, "content", at), *_images(args.get("image_urls"), (*at, "image_urls")))
                )
            case "run", "user":
                yield Message("user", (Text("User executed the command:\n"), *_text(args, "command", at)))
            case "finish" | "reject", "user":
                yield Message("user", tuple(_text(args, "thought", at)))
            case _, "agent":
                yield from self._called(event, place)
            case kind, _:
                # The agent hears of it; how it is told is not recorded.
                yield Message("user", (Text(f"User action `{kind}`: "), Other(args, at)))

    def _called(self, event: _Event, place: Place) -> Iterator[Message]:
        answer = _answer(event, place)
        if answer is None:
            parts = tuple(_parts_without_answer(event, place))
            self._callers[str(event.get("id"))] = next((part.name for part in parts if isinstance(part, Call)), "")
            yield Message("assistant", parts)
            return
        known, message, at = answer
        if known in self._answers:
            return
        self._answers.add(known)
        yield Message("assistant", (*_text(message, "content", at), *_calls(message, at)))

    def _observed(self, event: _Event, place: Place) -> Message:
        content = (
            *_text(event, "content", place),
            *_images(get_field(event, ("extras", "image_urls")), (*place, "extras", "image_urls")),
        )
        metadata = event.get("tool_call_metadata")
        if isinstance(metadata, dict) and isinstance(metadata.get("tool_call_id"), str):
            result = Result(content, metadata["tool_call_id"], first_text(metadata, ("function_name",)), place)
            return Message("tool", (result,))
        if name := self._callers.get(str(event.get("cause"))):
            return Message("tool", (Result(content, "", name, place),))
        return Message("user", content)


def _answer(event: _Event, place: Place) -> tuple[str, dict[str, Any], Place] | None:
    """The answer of the model that the event came from: its id, its message, and the place of that."""
    response = get_field(event, ("tool_call_metadata", "model_response"))
    message = get_field(response, ("choices", 0, "message"))
    if not isinstance(message, dict) or not message.get("tool_calls"):
        return None
    at = (*place, "tool_call_metadata", "model_response", "choices", 0, "message")
    calls = listed(message["tool_calls"], (*at, "tool_calls"))
    # Where the answer has no id, its calls tell it from others.
    return first_text(response, ("id",)) or str([first_text(call, ("id",)) for call in calls]), message, at


def _calls(message: dict[str, Any], place: Place) -> Iterator[Call]:
    for number, call in enumerate(message["tool_calls"]):
        at = (*place, "tool_calls", number, "function")
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise ReadError(f"the call at {format_place(at)} names no function")
        arguments, arguments_place = arguments_at(function.get("arguments"), (*at, "arguments"))
        yield Call(function["name"], arguments, first_text(call, ("id",)) or "", (*at, "name"), arguments_place)


def _parts_without_answer(event: _Event, place: Place) -> Iterator[Part]:
    args, at, kind = event["args"], (*place, "args"), event["action"]
    if kind in ("finish", "reject", "think"):
        said = [key for key in ("thought", "final_thought") if isinstance(args.get(key), str) and args[key]]
        yield from (Text(args[key], (*at, key)) for key in said[:1])
        return
    yield from _text(args, "thought", at)
    metadata = event.get("tool_call_metadata")
    name, call_id = (first_text(metadata, ("function_name",)), first_text(metadata, ("tool_call_id",)))
    main = _MAIN_ARGUMENT.get(kind)
    if kind == "call_tool_mcp" and isinstance(args.get("name"), str):
        arguments, arguments_place = arguments_at(args.get("arguments"), (*at, "arguments"))
        yield Call(args["name"], arguments, call_id or "", (*at, "name"), arguments_place)
    elif main is not None and isinstance(args.get(main), str):
        yield Call(name or kind, {main: args[main]}, call_id or "", None, (*at, main, Under(main)))
    else:
        # Without a place: what the model wrote was not recorded, so there is nothing to put a correction into.
        arguments = {key: value for key, value in args.items() if key not in _NOT_ARGUMENTS}
        yield Call(name or kind, arguments, call_id or "")


def _recalled(event: _Event, place: Place) -> Iterator[Message]:
    """What a recall brought into the prompt: instructions of the repository and knowledge that a word called up."""
    extras, at = event.get("extras"), (*place, "extras")
    if not isinstance(extras, dict):
        return
    for key in ("repo_instructions", "additional_agent_instructions", "conversation_instructions"):
        if parts := tuple(_text(extras, key, at)):
            yield Message("user", parts)
    knowledge = extras.get("microagent_knowledge")
    for number, item in enumerate(knowledge if isinstance(knowledge, list) else ()):
        if isinstance(item, dict) and (parts := tuple(_text(item, "content", (*at, "microagent_knowledge", number)))):
            yield Message("user", parts)


def _text(holder: Mapping[str, Any], key: str, place: Place) -> Iterator[Text | Other]:
    value = holder.get(key)
    if not isinstance(value, str | None):
        yield Other(value, (*place, key))
    elif value:
        yield Text(value, (*place, key))


def _images(urls: Any, place: Place) -> Iterator[Image]:
    for number, url in enumerate(urls if isinstance(urls, list) else ()):
        if isinstance(url, str) and url:
            yield Image(url, (*place, number))


FORMAT = Format("openhands", "OpenHands events", recognize, read, gather)
