"""Group chats: messages of several agents that their names tell apart, and not a role.

Three layouts are read. AutoGen and ag2 give each message a `role` and a `name`; the role is one agent's view, so it
does not say who is the agent. Other recordings have the agent's name as the `role`, such as Magentic-One's
`Orchestrator (-> WebSurfer)`, of which the part in brackets is not part of the name. Others again have neither, but a
`speaker`, `agent`, `author` or `sender` beside a text.

The options say whose turns are the steps (`agent: NAME`); what the others say is heard as user messages that begin with
who speaks. `roles` may say that a name is simply the user, or the system. Without either, it is an error that names the
speakers: nothing in the file says who is to be corrected.

Facts: the messages of ag2ai/ag2 and microsoft/autogen, and the two halves of ag2ai/Agents_Failure_Attribution.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.field_path import FieldPath, format_path
from ls_trajedit.traces.model import Image, Message, Other, Result, Text, Trace
from ls_trajedit.traces.places import Place, format_place
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions
from ls_trajedit.traces.readers.base import (
    Format,
    build_trace,
    declared_tools,
    first_text,
    is_role,
    known_role,
    message_lists,
)
from ls_trajedit.traces.readers.openai_chat import chat_message, content_parts
from ls_trajedit.traces.readers.speakers import agents_of, is_named_group, turns_of, unnamed_agent

__all__ = ["FORMAT", "read", "recognize"]

_SPEAKER_KEYS: Final = ("speaker", "agent", "author", "sender")
_TEXT_KEYS: Final = ("content", "text", "message")
_NOT_SPEAKERS: Final = ("role", "type", "from", "source", "thought", "action", "observation")
_ASIDE: Final = re.compile(r"\s*\([^()]*\)\s*$")
# The search takes the square of this; nobody has a longer name.
_LONGEST_NAME: Final = 200


def recognize(source: Any) -> str | None:
    """Whether some list in the source holds messages of several named speakers."""
    found = next(_found(source, ReadOptions()), None)
    if found is None:
        return None
    path, items = found
    key = _speaker_key(items)
    how = f"`{key}`" if key else ("`name`" if is_named_group(items) else "`role`")
    return f"a list {f'`{format_path(path)}` ' if path else ''}of messages whose {how} names several speakers"


def read(source: Any, options: ReadOptions) -> list[Trace]:
    """The one trace in the source, that of the agent which the options name."""
    path, items = next(_found(source, options), (None, None))
    if path is None or items is None:
        raise ReadError("it holds no list of messages with named speakers; `messages_key` names it")
    key = _speaker_key(items)
    left_out: Counter[str] = Counter()
    said = [message for n, item in enumerate(items) for message in _messages(item, (*path, n), key, options, left_out)]
    agents = agents_of(said)
    if options.agent is None and agents and not (len(agents) == 1 and known_role(agents[0]) == "assistant"):
        raise unnamed_agent(agents)
    holder = source if isinstance(source, dict) else {}
    messages = [replace(message, name=None) if message.agent else message for message in turns_of(said, options)]
    return [
        build_trace(
            source,
            FORMAT.name,
            [*_system(holder, options.agent), *messages],
            options,
            identity=first_text(holder, ("id",), ("question_ID",), ("chat_id",), ("session_id",), ("task_id",)),
            task=first_text(holder, ("question",), ("task",), ("task_description",)),
            tools=declared_tools(holder.get("tools")),
            agent=options.agent,
            left_out=left_out,
        )
    ]


def gather(values: Sequence[Any]) -> list[Any] | None:
    """Bare messages, one a line or in one array, are one conversation."""
    return [list(values)] if len(values) > 1 and _are_messages(values, ReadOptions()) else None


def _found(source: Any, options: ReadOptions) -> Iterator[tuple[FieldPath, list[Any]]]:
    for path, items in message_lists(source, options):
        if _are_messages(items, options):
            yield path, items


def _are_messages(items: Sequence[Any], options: ReadOptions) -> bool:
    if not all(isinstance(item, dict) for item in items):
        return False
    if (key := _speaker_key(items)) is not None:
        words = {item[key] for item in items}
        # With a role for each speaker it is Potato's conversation.
        return len(words) > 1 and not all(is_role(_without_aside(word)) for word in words)
    if not all(isinstance(item.get("role"), str) and _is_said(item) for item in items):
        return False
    if any("message_type" in item or {"thought", "action"} <= item.keys() for item in items):
        return False
    unknown = {word for item in items if not is_role(word := item["role"])}
    named = len({item["role"] for item in items}) > 1 and bool(unknown - {"exit"})
    return named or (not unknown and is_named_group(items)) or options.format == "group-chat"


def _without_aside(word: str) -> str:
    """The name of a speaker without what stands in brackets after it."""
    return word if len(word) > _LONGEST_NAME else _ASIDE.sub("", word)


def _is_said(item: Mapping[str, Any]) -> bool:
    content = item.get("content")
    is_content = "content" in item and (content is None or isinstance(content, str | list))
    return is_content or "tool_calls" in item or "tool_responses" in item


def _speaker_key(items: Sequence[Any]) -> str | None:
    """Which key names the speaker where the messages have no role."""
    if not items or any(not item.keys().isdisjoint(_NOT_SPEAKERS) for item in items):
        return None
    for key in _SPEAKER_KEYS:
        if all(isinstance(item.get(key), str) and _text_key(item) for item in items):
            return key
    return None


def _text_key(item: Mapping[str, Any]) -> str | None:
    return next((key for key in _TEXT_KEYS if isinstance(item.get(key), str)), None)


def _messages(
    item: dict[str, Any], place: Place, key: str | None, options: ReadOptions, left_out: Counter[str]
) -> Iterator[Message]:
    word = item[key] if key else _speaker(item)
    role = options.roles.get(word) or options.roles.get(_without_aside(word))
    known = known_role(word)
    if role is None and known in ("user", "system", "tool") and not _is_agent(item, word):
        role = known
    agent = _without_aside(word) if role is None else None
    role = role or "assistant"
    if key:
        text = _text_key(item) or "content"
        parts = (Text(item[text], (*place, text)),) if item[text] else ()
        yield Message("user" if role == "tool" else role, parts, agent=agent, name=word if agent else None)
        return
    if isinstance(item.get("tool_responses"), list):
        yield from _responses(item["tool_responses"], (*place, "tool_responses"))
        return
    for message in chat_message({**item, "role": role}, place, NO_OPTIONS, left_out):
        if message.role == "tool":
            # The `name` beside a result is that of the agent which ran the call.
            yield replace(message, parts=tuple(replace(p, name=None) for p in message.parts if isinstance(p, Result)))
        else:
            yield replace(message, agent=agent, name=word if agent else None)


def _speaker(item: Mapping[str, Any]) -> str:
    name, role = item.get("name"), str(item["role"])
    is_spoken = known_role(role) in ("user", "assistant")
    return name if is_spoken and isinstance(name, str) and name else role


def _is_agent(item: Mapping[str, Any], word: str) -> bool:
    """Whether a word that is also a role is a speaker's name here: `{"role": "assistant", "name": "user"}`."""
    return item.get("name") == word and item.get("role") != word and known_role(item.get("role")) == "assistant"


def _responses(responses: Sequence[Any], place: Place) -> Iterator[Message]:
    for number, response in enumerate(responses):
        at = (*place, number)
        if not isinstance(response, dict):
            raise ReadError(f"the result at {format_place(at)} is not an object")
        parts = content_parts(response.get("content"), (*at, "content"))
        content = tuple(part for part in parts if isinstance(part, Text | Image | Other))
        yield Message("tool", (Result(content, first_text(response, ("tool_call_id",)) or "", place=at),))


def _system(holder: Mapping[str, Any], agent: str | None) -> Iterator[Message]:
    prompts = holder.get("system_prompt")
    if isinstance(prompts, dict) and agent and isinstance(text := prompts.get(agent), str) and text:
        yield Message("system", (Text(text, ("system_prompt", agent)),))


FORMAT = Format("group-chat", "group chats of named agents", recognize, read, gather)
