"""Rollouts of OpenAI's Codex CLI: JSON lines `{"timestamp", "type", "payload"}`, as it keeps them under
`~/.codex/sessions/`.

`response_item` lines hold the items of the Responses API: these are the conversation. What is odd:

- `event_msg` lines tell the terminal what happens. What the agent says in them repeats items and is left out, unless
  no item of that kind was recorded. What the user says in them is left out where an item says the same: some versions
  record it in an event alone.
- A `token_count` event ends a response of the model, so it parts two messages of the agent that follow each other.
- The system prompt is `base_instructions` (once `instructions`) of the `session_meta` line. A session that was forked
  repeats the `session_meta` of the old one under its own.
- A sub-agent is a thread in a file of its own, which names its parent.
- What a compaction kept (`compacted`) is told to the model as the user's.
- Rollouts of 2025's first months have bare items, one a line, under a line with `id`, `timestamp` and `instructions`.

Facts: openai/codex (`codex-rs/protocol`), langfuse/codex-observability-plugin.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.field_path import MISSING, FieldPath, get_field
from ls_trajedit.traces.model import Message, Part, Reasoning, Text, Trace
from ls_trajedit.traces.places import Place
from ls_trajedit.traces.read_options import ReadOptions
from ls_trajedit.traces.readers.base import Format, build_trace, declared_tools, first_text
from ls_trajedit.traces.readers.blocks import blocks_in
from ls_trajedit.traces.readers.openai_responses import are_items, response_messages

__all__ = ["FORMAT"]

_INSTRUCTIONS: tuple[FieldPath, ...] = (("base_instructions", "text"), ("base_instructions",), ("instructions",))
# What events repeat: the type of the event, where its text stands, and who says it.
_REPEATS = {
    "user_message": ("message", "user"),
    "agent_message": ("message", "assistant"),
    "agent_reasoning": ("text", "reasoning"),
}


def recognize(source: Any) -> str | None:
    """Whether the source is a list of the lines of a rollout."""
    if not isinstance(source, list) or not source or not all(isinstance(item, dict) for item in source):
        return None
    if all(_is_line(item) for item in source):
        kinds = Counter(item["type"] for item in source)
        if kinds.keys() & {"session_meta", "response_item"}:
            return f"{len(source)} lines with `type` and `payload`, {kinds['response_item']} of them `response_item`"
        return None
    if _is_old_header(source[0]) and all(_is_old_line(item) for item in source[1:]):
        return "items of the Responses API under a line with `instructions`"
    return None


def gather(values: Sequence[Any]) -> list[Any] | None:
    """The lines of each session together: one starts at a `session_meta` line that does not follow another."""
    if recognize(list(values)) is None:
        return None
    sessions: list[list[Any]] = []
    before: Any = None
    for item in values:
        starts = _is_old_header(item) or (item.get("type") == "session_meta" and before != "session_meta")
        if starts or not sessions:
            sessions.append([])
        sessions[-1].append(item)
        before = item.get("type")
    return list(sessions)


def read(source: Any, options: ReadOptions) -> list[Trace]:
    """The one trace of the session."""
    if recognize(source) is None:
        raise ReadError("it holds no rollout of Codex: a list of objects with `type` and `payload`")
    left_out: Counter[str] = Counter()
    head, place = _head(source)
    messages = [*_instructions(head, place), *_messages(source, options, left_out)]
    parent = first_text(head, ("parent_thread_id",), ("source", "subagent", "thread_spawn", "parent_thread_id"))
    return [
        build_trace(
            source,
            FORMAT.name,
            messages,
            options,
            identity=first_text(head, ("id",)),
            task=_typed(source),
            tools=declared_tools(head.get("dynamic_tools")),
            agent=first_text(head, ("agent_nickname",), ("agent_role",)),
            parent=parent,
            left_out=left_out,
        )
    ]


def _head(source: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], Place]:
    """What says of which session the lines are, and its place; nothing where no line does."""
    for number, line in enumerate(source):
        if line.get("type") == "session_meta":
            return line["payload"], (number, "payload")
    return (source[0], (0,)) if _is_old_header(source[0]) else ({}, ())


def _typed(source: Sequence[dict[str, Any]]) -> str | None:
    """What the user typed first, where an event says so: the items begin with what Codex tells the model itself."""
    events = (line["payload"] for line in source if line.get("type") == "event_msg")
    typed = (event.get("message") for event in events if event.get("type") == "user_message")
    return next((text.strip() for text in typed if isinstance(text, str) and text.strip()), None)


def _instructions(head: Mapping[str, Any], place: Place) -> Iterator[Message]:
    for path in _INSTRUCTIONS:
        text = get_field(head, path)
        if isinstance(text, str) and text:
            yield Message("system", (Text(text, (*place, *path)),))
            return


def _messages(source: Sequence[dict[str, Any]], options: ReadOptions, left_out: Counter[str]) -> Iterator[Message]:
    """The messages: what the agent said up to the end of a response, or until it heard something, is one."""
    said: list[Part] | None = None
    for message in _pieces(source, options, left_out):
        if message is not None and message.role == "assistant":
            said = [*(said or ()), *message.parts]
            continue
        if said is not None:
            yield Message("assistant", tuple(said))
        said = None
        if message is not None:
            yield message
    if said is not None:
        yield Message("assistant", tuple(said))


def _pieces(source: Sequence[dict[str, Any]], options: ReadOptions, left_out: Counter[str]) -> Iterator[Message | None]:
    """What each line says, in order, and None where a response ends."""
    recorded = Counter(said for line in source for said in _said_in(line))
    for number, line in enumerate(source):
        kind, payload = line.get("type"), line.get("payload")
        if not isinstance(payload, dict):
            if number and "record_type" not in line:
                yield from _item(line, (number,), options, left_out)
            else:
                left_out[f"{line.get('record_type', 'session_meta')} lines"] += 1
        elif kind == "response_item":
            yield from _item(payload, (number, "payload"), options, left_out)
        elif kind == "compacted" and isinstance(payload.get("message"), str) and payload["message"]:
            yield Message("user", (Text(payload["message"], (number, "payload", "message")),))
        elif kind == "event_msg":
            event = payload.get("type")
            key, role = _REPEATS.get(str(event), ("", ""))
            text = payload.get(key)
            said = (role, str(text) if role == "user" else "")
            if isinstance(text, str) and text and recorded[said] <= 0:
                yield _only_in_event(role, text, (number, "payload", key))
                continue
            recorded[said] -= role == "user"
            left_out[f"{event} events"] += 1
            if event == "token_count" and get_field(payload, ("info", "last_token_usage")) not in (MISSING, None):
                yield None
        else:
            left_out[f"{kind} lines"] += 1


def _item(item: dict[str, Any], place: Place, options: ReadOptions, left_out: Counter[str]) -> Iterator[Message]:
    """The messages in one item. Codex keeps the text of a reasoning as it came: a list, or one string."""
    text = item.get("content")
    if item.get("type") == "reasoning" and isinstance(text, str) and text:
        yield Message("assistant", (Reasoning(text, (*place, "content")),))
    else:
        yield from response_messages([(item, place)], options, left_out)


def _only_in_event(role: str, text: str, place: Place) -> Message:
    if role == "user":
        return Message("user", (Text(text, place),))
    return Message("assistant", (Reasoning(text, place) if role == "reasoning" else Text(text, place),))


def _said_in(line: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What an item has that events could repeat: each text of a user's, whole and in its parts; of the agent's items
    only the kind, as one of them may have been corrected."""
    item = line.get("payload") if line.get("type") == "response_item" else line
    if not isinstance(item, dict):
        return
    if item.get("type") == "reasoning":
        yield "reasoning", ""
    elif item.get("role") == "assistant":
        yield "assistant", ""
    elif item.get("role") == "user":
        texts = [part.text for part in blocks_in(item.get("content"), (), Counter()) if isinstance(part, Text)]
        yield from {("user", text) for text in [*texts, "".join(texts), "\n".join(texts)]}


def _is_line(item: Mapping[str, Any]) -> bool:
    return isinstance(item.get("type"), str) and isinstance(item.get("payload"), dict)


def _is_old_header(item: Mapping[str, Any]) -> bool:
    return "type" not in item and {"id", "timestamp", "instructions"} <= item.keys()


def _is_old_line(item: Mapping[str, Any]) -> bool:
    return are_items([item]) or (item.get("type") == "message" and "role" in item) or "record_type" in item


FORMAT = Format("codex", "Codex rollouts", recognize, read, gather)
