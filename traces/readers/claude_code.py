"""Sessions of Claude Code: JSON lines of events, as it keeps them under `~/.claude/projects/`, or as `claude -p
--output-format stream-json` prints them.

An event is `{"type", "uuid", "parentUuid", "sessionId", "message"?, …}`; messages are those of Anthropic's API. What
is odd about them:

- One message of the model stands in several lines, a block in each, all with the same `message.id`. A result may
  stand between two of them.
- The events are a tree (`parentUuid`): who goes back and says something else starts a branch. The trace is the branch
  that ends last. Results of parallel calls hang on different lines of the one message and belong to it all the same. A
  compaction starts a new root and names the old one (`logicalParentUuid`).
- Sub-agents are side chains (`isSidechain`, or `parent_tool_use_id` in printed events), in the same file or in one of
  their own (`agent-ID.jsonl`, with the same `sessionId`).
- `isMeta` messages (caveats, skills, what a command printed) were told to the model and are heard as said; they are
  not the task. Messages of the model `<synthetic>` (API errors) were not said by any model.
- Titles, snapshots, queue operations, progress, notices and attachments are Claude Code's own business.

Facts: sessions in daaain/claude-code-log and meridianlabs-ai/inspect_scout (`tests/sources/claude_code_source/`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.model import Message, Part, Result, Text, Trace
from ls_trajedit.traces.places import Place
from ls_trajedit.traces.read_options import ReadOptions
from ls_trajedit.traces.readers.base import Format, build_trace, role_of
from ls_trajedit.traces.readers.blocks import blocks_in
from ls_trajedit.traces.readers.turns import turns

__all__ = ["FORMAT"]

_SPOKEN = ("user", "assistant")
_ABANDONED = "messages on branches that were given up"
_REPEATED = "repeated events"
_SYNTHETIC = "messages that Claude Code wrote in the model's name"
_EMPTY = "events without a message"


class _Event(NamedTuple):
    """One event and its number in the source."""

    number: int
    data: Mapping[str, Any]

    @property
    def is_spoken(self) -> bool:
        message = self.data.get("message")
        return self.data.get("type") in _SPOKEN and isinstance(message, dict) and "content" in message

    @property
    def message(self) -> dict[str, Any]:
        return dict(self.data["message"])

    @property
    def uuid(self) -> str | None:
        return _text(self.data, "uuid")

    @property
    def blocks(self) -> list[dict[str, Any]]:
        content = self.message.get("content")
        return [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []


def recognize(source: Any) -> str | None:
    """Whether the source is a list of Claude Code's events, one of them a message."""
    if not isinstance(source, list) or not all(isinstance(item, dict) for item in source):
        return None
    messages = sum(_is_message(item) for item in source)
    if not messages or not all(isinstance(item.get("type"), str) for item in source):
        return None
    return f"{len(source)} events of a session, {messages} of them with a `message`"


def gather(values: Sequence[Any]) -> list[Any] | None:
    """The events of each session together, in order. Events that name no session (titles, snapshots) go with the
    message that they are about, else with the event before them."""
    if recognize(list(values)) is None:
        return None
    session_of = {item["uuid"]: _session(item) for item in values if _text(item, "uuid") and _session(item)}
    last = next(_session(item) for item in values if _session(item))
    sessions: dict[str | None, list[Any]] = {}
    for item in values:
        about = (_text(item, key) for key in ("leafUuid", "messageId"))
        last = _session(item) or next((session_of[uuid] for uuid in about if uuid in session_of), last)
        sessions.setdefault(last, []).append(item)
    return list(sessions.values())


def read(source: Any, options: ReadOptions) -> list[Trace]:
    """The trace of the session, then those of its side chains."""
    if recognize(source) is None:
        raise ReadError("it holds no events of Claude Code: a list of objects with `type` and `message`")
    events = [_Event(number, item) for number, item in enumerate(source)]
    session = next((found for event in events if (found := _session(event.data))), None)
    main = [event for event in events if not _is_side(event.data)]
    chains = _side_chains([event for event in events if _is_side(event.data)])
    if any(event.is_spoken for event in main):
        traces = [_trace(source, main, options, session)]
        parent = traces[0].id
    else:
        # A side chain in a file of its own: the session to which it belongs stands elsewhere.
        (name, first), *rest = chains.items()
        beside = [event for event in main if not event.is_spoken]
        traces = [_trace(source, [*first, *beside], options, f"{session}-{name}", _agent(name, first), session)]
        chains, parent = dict(rest), session or ""
    for name, chain in chains.items():
        own = [_Event(number, event.data) for number, event in enumerate(chain)]
        lines = [event.data for event in chain]
        traces.append(_trace(lines, own, options, f"{parent}-{name}", _agent(name, chain), parent))
    return traces


def _agent(name: str, chain: Sequence[_Event]) -> str:
    return next((found for event in chain if (found := _text(event.data, "agentName"))), name)


def _trace(
    source: Any,
    events: Sequence[_Event],
    options: ReadOptions,
    identity: str | None,
    agent: str | None = None,
    parent: str | None = None,
) -> Trace:
    left_out: Counter[str] = Counter()
    spoken = list(_spoken(events, left_out))
    messages = list(_messages(spoken, options, left_out))
    said = (_first_said(event) for event in spoken if event.data["type"] == "user" and not event.data.get("isMeta"))
    return build_trace(
        source,
        FORMAT.name,
        messages,
        options,
        identity=identity,
        task=next((text for text in said if text), None),
        agent=agent,
        parent=parent,
        left_out=left_out,
    )


def _spoken(events: Sequence[_Event], left_out: Counter[str]) -> Iterator[_Event]:
    """The events that are messages, of the last branch, in order."""
    once: dict[Any, _Event] = {}
    for event in events:
        key = event.uuid or event.number
        if key in once:
            left_out[_REPEATED] += 1
        else:
            once[key] = event
    branch = _last_branch(list(once.values()))
    for event in once.values():
        queued = _queued_prompt(event)
        if queued is not None:
            yield queued
        elif not event.is_spoken:
            left_out[_EMPTY if event.data["type"] in _SPOKEN else f"{event.data['type']} events"] += 1
        elif event.message.get("model") == "<synthetic>" or event.data.get("isApiErrorMessage"):
            left_out[_SYNTHETIC] += 1
        elif event.number not in branch:
            left_out[_ABANDONED] += 1
        else:
            yield event


def _last_branch(events: Sequence[_Event]) -> set[int]:
    """The numbers of the messages on the branch that ends last: its last message and all above, with the other lines
    of the same messages and the results of their calls."""
    spoken = [event for event in events if event.is_spoken]
    by_uuid = {event.uuid: event for event in events if event.uuid}
    if not any(_text(event.data, "parentUuid") in by_uuid for event in spoken):
        return {event.number for event in spoken}
    place = {event.number: position for position, event in enumerate(events)}
    found: set[int] = set()
    event: _Event | None = spoken[-1]
    while event is not None and event.number not in found:
        found.add(event.number)
        above = _text(event.data, "parentUuid") or _text(event.data, "logicalParentUuid")
        position = place[event.number]
        if above in by_uuid:
            event = by_uuid[above]
        elif (above or event.data.get("isCompactSummary")) and position:
            # What it followed is not in the file: the event before it is the nearest that is.
            event = events[position - 1]
        else:
            event = None
    ids = {event.message.get("id") for event in spoken if event.number in found} - {None}
    found |= {event.number for event in spoken if event.message.get("id") in ids}
    calls = {block.get("id") for event in spoken if event.number in found for block in event.blocks} - {None}
    return found | {
        event.number for event in spoken if any(block.get("tool_use_id") in calls for block in event.blocks)
    }


def _messages(events: Iterable[_Event], options: ReadOptions, left_out: Counter[str]) -> Iterator[Message]:
    """The messages of these events: lines with the same `message.id` are one, even where results stand between."""
    open_id: str | None = None
    said: list[Part] = []
    heard: list[Message] = []
    for event in events:
        place: Place = (event.number, "message")
        role = role_of(event.message.get("role", event.data["type"]), (*place, "role"), options)
        if event.data["type"] == "attachment":
            parts: list[Part] = list(blocks_in(event.message["content"], (event.number, *_QUEUED), left_out))
        else:
            parts = list(blocks_in(event.message["content"], (*place, "content"), left_out))
        found = list(turns(role, parts, options))
        if role == "assistant":
            identity = _text(event.message, "id")
            if identity is None or identity != open_id:
                yield from _closed(said, heard, open_id)
                said, heard, open_id = [], [], identity or ""
            said.extend(parts)
        elif open_id is not None and all(message.role == "tool" for message in found):
            heard.extend(found)
        else:
            yield from _closed(said, heard, open_id)
            said, heard, open_id = [], [], None
            yield from found
    yield from _closed(said, heard, open_id)


def _closed(said: Sequence[Part], heard: Sequence[Message], identity: str | None) -> Iterator[Message]:
    if identity is not None:
        yield Message("assistant", tuple(part for part in said if not isinstance(part, Result)))
    yield from heard


def _side_chains(events: Sequence[_Event]) -> dict[str, list[_Event]]:
    """The events of each side chain by its name: the agent's id, the id of the call, else its first event."""
    by_uuid = {event.uuid: event for event in events if event.uuid}
    chains: dict[str, list[_Event]] = {}
    for event in events:
        name = _text(event.data, "agentId") or _text(event.data, "parent_tool_use_id")
        if name is None:
            root, seen = event, set()
            while (above := by_uuid.get(_text(root.data, "parentUuid") or "")) and above.number not in seen:
                seen.add(above.number)
                root = above
            name = root.uuid or "side-chain"
        chains.setdefault(name, []).append(event)
    return {name: chain for name, chain in chains.items() if any(event.is_spoken for event in chain)}


_QUEUED = ("attachment", "prompt")


def _queued_prompt(event: _Event) -> _Event | None:
    """What the user typed while the agent was at work, as a message."""
    attachment = event.data.get("attachment")
    if event.data.get("type") != "attachment" or not isinstance(attachment, dict):
        return None
    if attachment.get("type") != "queued_command" or not attachment.get("prompt"):
        return None
    message = {"role": "user", "content": attachment["prompt"]}
    return _Event(event.number, {"type": "attachment", "message": message})


def _first_said(event: _Event) -> str:
    texts = blocks_in(event.message["content"], (), Counter())
    return next((part.text.strip() for part in texts if isinstance(part, Text)), "")


def _is_message(item: Mapping[str, Any]) -> bool:
    message = item.get("message")
    return (
        item.get("type") in _SPOKEN
        and isinstance(message, dict)
        and "content" in message
        and isinstance(message.get("role"), str)
        and _session(item) is not None
    )


def _is_side(item: Mapping[str, Any]) -> bool:
    return item.get("isSidechain") is True or isinstance(item.get("parent_tool_use_id"), str)


def _session(item: Mapping[str, Any]) -> str | None:
    return _text(item, "sessionId") or _text(item, "session_id")


def _text(item: Mapping[str, Any], key: str) -> str | None:
    value = item.get(key)
    return value if isinstance(value, str) and value else None


FORMAT = Format("claude-code", "Claude Code sessions", recognize, read, gather)
