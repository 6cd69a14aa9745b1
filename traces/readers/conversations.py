"""Where a conversation stands in a source: a list of messages, and what a logged request and its response have beside
it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.field_path import MISSING, FieldPath, format_path, get_field
from ls_trajedit.traces.model import Tool
from ls_trajedit.traces.places import Place
from ls_trajedit.traces.read_options import ReadOptions
from ls_trajedit.traces.readers.base import declared_tools, first_text, is_recording, message_lists

__all__ = ["Conversation", "answers", "conversations", "only_conversation", "source_id"]


class Conversation(NamedTuple):
    """A list of messages and its place. `holder` is the object that the list stands in, `around` the place of that."""

    place: Place
    items: Sequence[Any]
    holder: dict[str, Any]
    around: Place

    @property
    def name(self) -> str:
        """What the list is called in the reasons for recognising a format."""
        path = tuple(segment for segment in self.place if isinstance(segment, str | int))
        return f"a list `{format_path(path)}`" if path else "a list"

    def beside(self, *keys: str) -> tuple[Any, Place]:
        """What stands beside the list under the first of the keys that is there, and its place; None if none is."""
        for key in keys:
            if self.holder.get(key) is not None:
                return self.holder[key], (*self.around, key)
        return None, ()

    def tools(self, source: Any, *keys: str) -> tuple[Tool, ...]:
        """The tools that are declared beside the list, or at the top of the source."""
        holders = (self.holder, source if isinstance(source, dict) else {})
        found = (declared_tools(holder.get(key)) for holder in holders for key in keys)
        return next((tools for tools in found if tools), ())


def conversations(
    source: Any,
    options: ReadOptions,
    are_messages: Callable[[Sequence[Any]], bool],
    *deeper: FieldPath,
) -> Iterator[Conversation]:
    """Every list of messages in the source: where `message_lists` looks, and at the paths in `deeper`. None in a
    recording of model calls, unless `messages_key` says so."""
    if options.messages_key is None and is_recording(source):
        return
    found = list(message_lists(source, options))
    if options.messages_key is None:
        lists = ((path, get_field(source, path)) for path in deeper)
        found += [(path, items) for path, items in lists if isinstance(items, list) and items]
    for path, items in found:
        holder = get_field(source, path[:-1]) if path else None
        if are_messages(items):
            yield Conversation(path, items, holder if isinstance(holder, dict) else {}, path[:-1])


def only_conversation(found: Iterable[Conversation], what: str) -> Conversation:
    """The one conversation among these: a list that others only repeat, or the beginning of, counts alone. Raises
    ReadError where there is none (`what` says of what), and where several differ."""
    lists = sorted(found, key=lambda conversation: len(conversation.items), reverse=True)
    if not lists:
        raise ReadError(f"it holds no list of {what}; `messages_key` names it")
    longest = lists[0]
    others = [other for other in lists[1:] if list(longest.items[: len(other.items)]) != list(other.items)]
    if others:
        names = ", ".join(conversation.name.removeprefix("a list ") for conversation in (longest, *others))
        raise ReadError(f"it holds several lists of messages ({names}); say in trajedit.yaml which, as `messages_key`")
    return longest


def answers(
    source: Any, conversation: Conversation, is_answer: Callable[[Any], bool], *paths: FieldPath
) -> Iterator[tuple[Any, Place]]:
    """What the model answered to the messages, where a log keeps it apart from them: the first at these paths. An
    answer that the messages end with is not another one."""
    for path in paths:
        value = get_field(source, path)
        if value is not MISSING and is_answer(value):
            if not (conversation.items and _said(conversation.items[-1]) == _said(value)):
                yield value, path
            return


def source_id(source: Any) -> str | None:
    """The id of a source under one of its usual names."""
    names = ("id", "trace_id", "session_id", "conversation_id", "instance_id", "task_id", "chat_id", "uuid")
    return first_text(source, *((name,) for name in names)) if isinstance(source, dict) else None


def _said(message: Any) -> Any:
    keys = ("role", "content", "parts", "tool_calls")
    return {key: message.get(key) for key in keys} if isinstance(message, dict) else message
