"""ATIF, the Agent Trajectory Interchange Format of Harbor, versions 1.4 to 1.8.

A trajectory is `{"schema_version": "ATIF-v1.x", "agent", "steps"}`; a step says who speaks (`source`: user, agent or
system), the `message`, the agent's `reasoning_content` and `tool_calls`, and what came back (`observation.results`).
Harbor writes it for every agent that it runs, and many converters write it.

What is odd:
- A result without `source_call_id` comes from something that is not a call. Terminal agents leave the id out even for
  their calls; where a step has as many such results as calls without one, they answer those in order. Else they are
  heard: as user messages after a step of the agent, else as whoever the step's source is.
- `is_copied_context`: the step happened in another trajectory and stands here as context, so it is not a step of the
  agent's. A step with `llm_call_count: 0` was dispatched by a program and not said by a model, so it is none either.
- What `exact_atif` wrote holds under `extra.ls_trajedit` what plain ATIF has no place for. It counts as long as the
  steps are those that it was written with: whoever has changed one of them means what stands there.
- Sub-agents stand in `subagent_trajectories` since 1.7. Their trajectories are traces of their own; before 1.7, and
  with `trajectory_path`, they are in other files.

Facts: the RFC `rfcs/0001-trajectory-format.md` of harbor-framework/harbor, the model in the PyPI package `atif`, and
the fixtures of Arize-ai/phoenix (`packages/phoenix-client/tests/client/helpers/atif/fixtures`).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.exact_messages import parse_exact
from ls_trajedit.traces.field_path import RESERVED_KEY
from ls_trajedit.traces.json_text import canonical_json
from ls_trajedit.traces.model import Call, Image, Message, Other, Part, Reasoning, Result, Text, Trace
from ls_trajedit.traces.places import Place, format_place
from ls_trajedit.traces.read_options import ReadOptions
from ls_trajedit.traces.readers.base import (
    Format,
    arguments_at,
    build_trace,
    declared_tools,
    first_text,
    listed,
    role_of,
)

__all__ = ["FORMAT", "is_exact", "is_trajectory", "plain_messages", "read", "recognize", "steps_digest"]

_NOT_SAID = "observations without content"


def recognize(source: Any) -> str | None:
    """Whether the source is a trajectory: by its `schema_version`, or by steps with `step_id`, `source`, `message`."""
    if not is_trajectory(source):
        return None
    version = source.get("schema_version")
    return (
        f"`schema_version` {version}" if isinstance(version, str) else "`steps` with `step_id`, `source` and `message`"
    )


def is_trajectory(source: Any) -> bool:
    """Whether the value is an ATIF trajectory."""
    if not isinstance(source, dict) or not isinstance(source.get("steps"), list):
        return False
    version = source.get("schema_version")
    if isinstance(version, str):
        return version.upper().startswith("ATIF")
    steps = source["steps"]
    return bool(steps) and all(isinstance(s, dict) and {"step_id", "source", "message"} <= s.keys() for s in steps)


def read(source: Any, options: ReadOptions) -> list[Trace]:
    """The trace of the trajectory, then those of the sub-agents in it."""
    if not is_trajectory(source):
        raise ReadError("it is not an ATIF trajectory: it has no `schema_version` and no `steps` with a `source`")
    return list(_traces(source, None, options))


def is_exact(source: Any) -> bool:
    """Whether `exact_atif` wrote this, and nobody has changed its steps since."""
    return is_trajectory(source) and _exact(source) is not None


def plain_messages(steps: list[Any], options: ReadOptions, left_out: Counter[str]) -> list[Message]:
    """The messages in the steps of a trajectory. Raises ReadError for what is not a step."""
    return [
        message for number, step in enumerate(steps) for message in _step(step, ("steps", number), options, left_out)
    ]


def steps_digest(steps: list[Any]) -> str:
    """A hash of the steps of a trajectory."""
    return hashlib.sha256(canonical_json(steps).encode()).hexdigest()


def _exact(source: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What plain ATIF has no place for, where it was written with these steps."""
    extra = source.get("extra")
    exact = extra.get(RESERVED_KEY) if isinstance(extra, dict) else None
    is_ours = isinstance(exact, dict) and exact.get("steps_sha256") == steps_digest(source["steps"])
    return exact if is_ours else None


def _exact_messages(plain: list[Message], exact: Mapping[str, Any]) -> list[Message]:
    try:
        return [
            plain[number] if message is None else parse_exact(message)
            for number, message in enumerate(exact["messages"])
        ]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise ReadError(f"its `extra.{RESERVED_KEY}` does not fit its steps ({error})") from None


def _traces(source: dict[str, Any], parent: str | None, options: ReadOptions) -> Iterator[Trace]:
    left_out: Counter[str] = Counter()
    agent = source["agent"] if isinstance(source.get("agent"), dict) else {}
    name = first_text(agent, ("name",))
    messages = plain_messages(source["steps"], options, left_out)
    tools = declared_tools(agent.get("tool_definitions"))
    exact = _exact(source)
    if exact is not None:
        messages = _exact_messages(messages, exact)
        name = first_text(exact, ("agent",))
        tools = tuple(exact["tools"]) if isinstance(exact.get("tools"), list) else tools
    trace = build_trace(
        source,
        FORMAT.name,
        messages,
        options,
        identity=first_text(source, ("trajectory_id",), ("session_id",)),
        task=None if exact is None else str(exact.get("task", "")),
        tools=tools,
        agent=name,
        parent=parent,
        left_out=left_out,
    )
    yield trace
    inner = listed(source.get("subagent_trajectories"), ("subagent_trajectories",))
    for number, child in enumerate(inner):
        if not is_trajectory(child):
            raise ReadError(f"what stands at subagent_trajectories[{number}] is not a trajectory")
        yield from _traces(child, trace.id, options)


def _step(step: Any, place: Place, options: ReadOptions, left_out: Counter[str]) -> Iterator[Message]:
    if not isinstance(step, dict):
        raise ReadError(f"the step at {format_place(place)} is not an object")
    role = role_of(step.get("source"), (*place, "source"), options)
    given = step.get("is_copied_context") is True or (role == "assistant" and step.get("llm_call_count") == 0)
    reasoning = step.get("reasoning_content")
    calls = tuple(_calls(step, place)) if role == "assistant" else ()
    parts: list[Part] = [*_content(step.get("message"), (*place, "message")), *calls]
    if isinstance(reasoning, str) and reasoning:
        parts.insert(0, Reasoning(reasoning, (*place, "reasoning_content")))
    yield Message("user" if role == "tool" else role, tuple(parts), given=given)
    for message in _observed(step, place, calls, left_out):
        heard_as = "user" if role in ("assistant", "tool") else role
        yield replace(message, role=message.role if message.role == "tool" else heard_as, given=given)


def _calls(step: dict[str, Any], place: Place) -> Iterator[Call]:
    for number, call in enumerate(listed(step.get("tool_calls"), (*place, "tool_calls"))):
        at = (*place, "tool_calls", number)
        if not isinstance(call, dict) or not isinstance(call.get("function_name"), str):
            raise ReadError(f"the call at {format_place(at)} has no `function_name`")
        arguments, arguments_place = arguments_at(call.get("arguments"), (*at, "arguments"))
        identity = first_text(call, ("tool_call_id",)) or ""
        yield Call(call["function_name"], arguments, identity, (*at, "function_name"), arguments_place)


def _observed(step: dict[str, Any], place: Place, calls: tuple[Call, ...], left_out: Counter[str]) -> Iterator[Message]:
    at_results = (*place, "observation", "results")
    observation = step.get("observation") or {}
    found = listed(observation.get("results") if isinstance(observation, dict) else observation, at_results)
    for number, result in enumerate(found):
        if not isinstance(result, dict):
            raise ReadError(f"the result at {format_place((*at_results, number))} is not an object")
    named = {first_text(result, ("source_call_id",)) for result in found}
    unanswered = [call for call in calls if not call.id or call.id not in named]
    unnamed = [number for number, result in enumerate(found) if first_text(result, ("source_call_id",)) is None]
    # Their ids in order, where there is one such result for each such call.
    answered = dict(zip(unnamed, unanswered, strict=True)) if len(unnamed) == len(unanswered) else {}
    beside: list[Message] = []
    for number, result in enumerate(found):
        at = (*at_results, number)
        heard = tuple(_content(result.get("content"), (*at, "content")))
        call_id = first_text(result, ("source_call_id",))
        if call_id or number in answered:
            yield Message("tool", (Result(heard, call_id or answered[number].id, place=at),))
        elif heard:
            beside.append(Message("user", heard))
        else:
            left_out[_NOT_SAID] += 1
    yield from beside


def _content(content: Any, place: Place) -> Iterator[Text | Image | Other]:
    if isinstance(content, str):
        if content:
            yield Text(content, place)
    elif isinstance(content, list):
        for number, part in enumerate(content):
            yield _part(part, (*place, number))
    elif content is not None:
        yield Other(content, place)


def _part(part: Any, place: Place) -> Text | Image | Other:
    if isinstance(part, dict):
        if part.get("type") == "text" and isinstance(part.get("text"), str):
            return Text(part["text"], (*place, "text"))
        at = part.get("source")
        if part.get("type") == "image" and isinstance(at, dict) and isinstance(at.get("path"), str):
            return Image(at["path"], (*place, "source", "path"))
    return Other(part, place)


FORMAT = Format("atif", "ATIF trajectories", recognize, read)
