"""A trace as an ATIF trajectory, so that whatever reads that format can read our traces.

The trajectory is valid under the model of ATIF 1.7 (Agent Trajectory Interchange Format, of Harbor). A step is one
message; results stand in the step of their call. What ATIF has no field for goes into `extra`: the trace in which a
sub-agent was started, the agent that a user message quotes, arguments that are not an object, and what the agent is
not known to have said in words.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Any, Final

from ls_trajedit.traces.exact_messages import exact_message, same_messages
from ls_trajedit.traces.field_path import RESERVED_KEY
from ls_trajedit.traces.json_text import json_line
from ls_trajedit.traces.model import Call, Image, Message, Other, Part, Reasoning, Result, Text, Trace
from ls_trajedit.traces.read_options import NO_OPTIONS
from ls_trajedit.traces.readers.atif import plain_messages, steps_digest
from ls_trajedit.traces.readers.base import declared_tools

__all__ = ["SCHEMA_VERSION", "exact_atif", "to_atif"]

SCHEMA_VERSION: Final = "ATIF-v1.7"

_SOURCES: Final = {"system": "system", "user": "user", "assistant": "agent", "tool": "user"}
_MEDIA_TYPES: Final = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
}
_DATA_URI = re.compile(r"data:(image/(?:jpeg|png|gif|webp))[;,]")
_QUERY = re.compile(r"[?#]")


def to_atif(trace: Trace) -> dict[str, Any]:
    """The trajectory of the trace, without those of its sub-agents. What is empty is left out, except `message`.

    >>> trace = Trace("t1", "Add.", (Message("user", (Text("Add."),)), Message("assistant", (Text("2"),))))
    >>> to_atif(trace)["steps"][1]
    {'step_id': 2, 'source': 'agent', 'message': '2'}
    """
    agent: dict[str, Any] = {"name": trace.agent or trace.format or "agent", "version": "unknown"}
    recorded = trace.source.get("agent") if trace.format == "atif" and isinstance(trace.source, dict) else None
    if isinstance(recorded, dict):
        agent |= {key: recorded[key] for key in ("name", "version", "model_name", "extra") if recorded.get(key)}
    if trace.tools:
        agent["tool_definitions"] = list(trace.tools)
    return {
        "schema_version": SCHEMA_VERSION,
        **({"session_id": trace.id, "trajectory_id": trace.id} if trace.id else {}),
        "agent": agent,
        "steps": list(_steps(trace.messages)),
        **({"extra": {"parent": trace.parent}} if trace.parent else {}),
    }


def exact_atif(trace: Trace) -> dict[str, Any]:
    """The trajectory of the trace, from which the very same messages, task and agent are read back: what plain ATIF has
    no place for (the name in a result, several texts in one message, who said it, a result that came late) is under
    `extra.ls_trajedit`, where only our reader looks.

    >>> twice = Message("assistant", (Text("Hello."), Text("How are you?")))
    >>> exact_atif(Trace("t1", "Greet.", (twice,)))["extra"]["ls_trajedit"]["messages"][0]["parts"]
    [{'type': 'text', 'text': 'Hello.'}, {'type': 'text', 'text': 'How are you?'}]
    """
    trajectory = to_atif(trace)
    plain = plain_messages(trajectory["steps"], NO_OPTIONS, Counter())
    messages = [
        None if read is not None and same_messages([message], [read]) else exact_message(message)
        for message, read in zip_longest(trace.messages, plain[: len(trace.messages)])
    ]
    exact = {
        "task": trace.task,
        **({"agent": trace.agent} if trace.agent else {}),
        **({} if list(declared_tools(list(trace.tools))) == list(trace.tools) else {"tools": list(trace.tools)}),
        "messages": messages,
        "steps_sha256": steps_digest(trajectory["steps"]),
    }
    return {**trajectory, "extra": {**trajectory.get("extra", {}), RESERVED_KEY: exact}}


def _steps(messages: Iterable[Message]) -> Iterator[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    by_call: dict[str, dict[str, Any]] = {}
    for message in messages:
        result = message.parts[0] if message.role == "tool" else None
        if isinstance(result, Result) and result.call_id in by_call:
            observation = by_call[result.call_id].setdefault("observation", {"results": []})
            observation["results"].append({"source_call_id": result.call_id, "content": _content(result.content, "\n")})
            continue
        step = _step(len(steps) + 1, message)
        by_call.update((call.id, step) for call in message.calls if message.role == "assistant")
        steps.append(step)
    return iter(steps)


def _step(number: int, message: Message) -> dict[str, Any]:
    step: dict[str, Any] = {"step_id": number, "source": _SOURCES[message.role], "message": _content(_said(message))}
    if message.role == "assistant":
        reasoning = "\n".join(part.text for part in message.parts if isinstance(part, Reasoning))
        if reasoning:
            step["reasoning_content"] = reasoning
        if message.calls:
            step["tool_calls"] = [_call(call) for call in message.calls]
    if message.given:
        step["is_copied_context"] = True
    extra: dict[str, Any] = {key: value for key, value in (("agent", message.agent), ("name", message.name)) if value}
    if message.role == "assistant" and (others := [part.value for part in message.parts if isinstance(part, Other)]):
        extra["other"] = others
    return {**step, "extra": extra} if extra else step


def _said(message: Message) -> Iterator[Part]:
    # What the agent is not known to have said in words is not its message.
    return (part for part in message.parts if message.role != "assistant" or not isinstance(part, Other))


def _call(call: Call) -> dict[str, Any]:
    is_object = isinstance(call.arguments, dict)
    return {
        "tool_call_id": call.id,
        "function_name": call.name,
        "arguments": call.arguments if is_object else {},
        **({} if is_object else {"extra": {"arguments": call.arguments}}),
    }


def _content(parts: Iterable[Part], between: str = "") -> str | list[dict[str, Any]]:
    said = [part for part in parts if isinstance(part, Text | Image | Other)]
    if any(isinstance(part, Image) for part in said):
        return [_content_part(part) for part in said]
    return between.join(_text(part) for part in said if not isinstance(part, Image))


def _content_part(part: Text | Image | Other) -> dict[str, Any]:
    if isinstance(part, Image):
        return {"type": "image", "source": {"media_type": _media_type(part.url), "path": part.url}}
    return {"type": "text", "text": _text(part)}


def _text(part: Text | Other) -> str:
    return part.text if isinstance(part, Text) else json_line(part.value).decode()


def _media_type(url: str) -> str:
    """What the URL says the picture is; PNG where it does not say."""
    if found := _DATA_URI.match(url):
        return found[1]
    _, _, suffix = _QUERY.split(url, maxsplit=1)[0].rpartition(".")
    return _MEDIA_TYPES.get(suffix.lower(), "image/png")
