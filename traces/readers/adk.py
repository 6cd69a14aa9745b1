"""Sessions of Google's Agent Development Kit: `events` with an `author` and a `content` of Gemini's parts.

What is odd:

- The author is `user` or the name of an agent; the function's responses to an agent are events of that agent with the
  role `user`.
- Where several agents speak, `agent: NAME` in the options chooses whose turns are steps. What the others said and
  called is heard, but not what happened in a branch that the chosen agent was not in.
- Events without content only change the state, partial events repeat what a whole one says later, and requests for
  credentials are not the agent's: all are left out.
- Sessions hold neither the system prompt nor the declared tools.

Facts: google/adk-python (`events/event.py`, `flows/llm_flows/contents.py`), sessions in google/adk-samples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from ls_trajedit.traces.model import Message, Role, Trace
from ls_trajedit.traces.places import Place
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions
from ls_trajedit.traces.readers.base import Format, build_trace, role_of
from ls_trajedit.traces.readers.conversations import Conversation, conversations, only_conversation, source_id
from ls_trajedit.traces.readers.gemini import are_parts, part_of, parts_in
from ls_trajedit.traces.readers.speakers import agents_of, turns_of
from ls_trajedit.traces.readers.turns import turns

__all__ = ["FORMAT"]

_CREDENTIALS: Final = "adk_request_credential"
_EVENT_KEYS: Final = frozenset({"content", "actions", "invocation_id", "invocationId", "errorCode", "error_code"})


def recognize(source: Any) -> str | None:
    """Whether some list in the source holds events with an author and a content."""
    found = next(_found(source, NO_OPTIONS), None)
    return None if found is None else f"{found.name} of events with `author` and `content.parts`"


def read(source: Any, options: ReadOptions) -> list[Trace]:
    """The one trace in the source."""
    found = only_conversation(_found(source, options), "events with `author` and `content.parts`")
    left_out: Counter[str] = Counter()
    events = [(event, (*found.place, number)) for number, event in enumerate(found.items)]
    messages = [
        message
        for event, place in _heard(events, options, left_out)
        for message in _messages(event, place, options, left_out)
    ]
    heard = turns_of(messages, options)
    agents = agents_of(messages)
    return [
        build_trace(
            source,
            FORMAT.name,
            heard,
            options,
            identity=source_id(source),
            agent=options.agent or (agents[0] if len(agents) == 1 else None),
            left_out=left_out,
        )
    ]


def gather(values: Sequence[Any]) -> list[Any] | None:
    """Bare events, one a line or in one array, are one session."""
    return [list(values)] if len(values) > 1 and _are_events(values) else None


def _heard(
    events: Sequence[tuple[dict[str, Any], Place]], options: ReadOptions, left_out: Counter[str]
) -> Iterator[tuple[dict[str, Any], Place]]:
    """The events that are part of the conversation, and that the chosen agent could hear."""
    branches = {event.get("branch") or "" for event, _ in events if event["author"] == options.agent}
    for event, place in events:
        kind = _framework_only(event)
        branch = event.get("branch")
        if kind is not None:
            left_out[kind] += 1
        elif branch and branches and not any(own == branch or own.startswith(f"{branch}.") for own in branches):
            left_out["events of other branches"] += 1
        else:
            yield event, place


def _framework_only(event: dict[str, Any]) -> str | None:
    """What kind of event this is, if it is not part of the conversation."""
    parts = _parts(event)
    if not parts:
        return "events without content"
    if event.get("partial") is True:
        return "partial events"
    functions = (part_of(part, kind) for part in parts for kind in ("call", "result"))
    if any(function is not None and function.get("name") == _CREDENTIALS for function in functions):
        return "requests for credentials"
    return None


def _messages(event: dict[str, Any], place: Place, options: ReadOptions, left_out: Counter[str]) -> Iterator[Message]:
    role = _role(event, place, options)
    author = event["author"] if event["author"] != "user" else None
    at = (*place, "content", "parts")
    for message in turns(role, parts_in(_parts(event), at, left_out), options, agent=author):
        # Whose user this is does not matter: only agents have names.
        yield message if message.role in ("assistant", "tool") else Message(message.role, message.parts)


def _role(event: dict[str, Any], place: Place, options: ReadOptions) -> Role:
    key = options.role_key or "role"
    if (word := event["content"].get(key)) is not None:
        return role_of(word, (*place, "content", key), options)
    return "user" if event["author"] == "user" else "assistant"


def _parts(event: dict[str, Any]) -> list[Any]:
    content = event.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    return parts if isinstance(parts, list) else []


def _found(source: Any, options: ReadOptions) -> Iterator[Conversation]:
    return conversations(source, options, _are_events)


def _are_events(items: Sequence[Any]) -> bool:
    return all(_is_event(item) for item in items) and any(_parts(item) for item in items)


def _is_event(item: Any) -> bool:
    if not isinstance(item, dict) or not isinstance(item.get("author"), str) or not item.keys() & _EVENT_KEYS:
        return False
    content = item.get("content")
    return content is None or (isinstance(content, dict) and are_parts(content.get("parts") or []))


FORMAT = Format("adk", "Sessions of Google's Agent Development Kit", recognize, read, gather)
