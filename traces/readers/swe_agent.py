"""SWE-agent's `.traj` files and those of mini-swe-agent.

A `.traj` has `history`, the chat as the model saw it, and `trajectory`, one entry a step (`action`, `observation`,
`response`, `thought`). The history is read where there is one; a correction goes to its `content`, as the `thought` and
`action` beside that are only SWE-agent's own parse of it. mini-swe-agent has `messages`, OpenAI's chat, with
`trajectory_format`.

What is odd:
- A message with a result names its calls in `tool_call_ids`, a list.
- Demonstrations are marked `is_demo`: they were in the prompt, and they are not steps of this run.
- `thinking_blocks` hold the reasoning.
- In `trajectory`, where most responses are only the thought, the model made calls that are recorded only as the
  commands that they became: then the thought is read as reasoning and the command as what was said.
  What came before the first step is its `query`, where that was recorded.
- mini-swe-agent keeps the answers of OpenAI's Responses API as they came, between other messages.
- mini-swe-agent's last message, of the role `exit`, is the framework's own. Its older, bare lists of messages hold
  commands in text and are OpenAI's chat.

Facts: `sweagent/types.py`, `docs/usage/trajectories.md` and `trajectories/demonstrations` of SWE-agent/SWE-agent, and
`docs/usage/output_files.md` of SWE-agent/mini-swe-agent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.model import Message, Part, Reasoning, Result, Text, Trace
from ls_trajedit.traces.places import Place, format_place
from ls_trajedit.traces.read_options import ReadOptions
from ls_trajedit.traces.readers.base import Format, build_trace, declared_tools, first_text
from ls_trajedit.traces.readers.openai_chat import chat_message, content_parts
from ls_trajedit.traces.readers.openai_responses import response_messages
from ls_trajedit.traces.readers.speakers import agents_of, turns_of

__all__ = ["FORMATS", "is_swe_agent_step"]

_STEP_KEYS: Final = {"action", "observation", "response", "thought"}
_MINI: Final = "mini-swe-agent"
_EXIT: Final = "exit messages"


def is_swe_agent_step(item: Any) -> bool:
    """Whether the value is an entry of SWE-agent's `trajectory`."""
    return isinstance(item, dict) and item.keys() >= _STEP_KEYS


def recognize_swe_agent(source: Any) -> str | None:
    """Whether the source has SWE-agent's `history`, or its `trajectory`."""
    if not isinstance(source, dict):
        return None
    if _is_history(source.get("history")):
        return "a `history` whose messages have `message_type`, or `thought` and `action`"
    if _is_trajectory(source.get("trajectory")) and not source.get("history"):
        return "a `trajectory` of steps with `action`, `observation`, `response` and `thought`"
    return None


def read_swe_agent(source: Any, options: ReadOptions) -> list[Trace]:
    """The one trace in the source."""
    if not isinstance(source, dict) or recognize_swe_agent(source) is None:
        raise ReadError("it has neither SWE-agent's `history` nor its `trajectory`")
    left_out: Counter[str] = Counter()
    if source.get("history"):
        items = enumerate(source["history"])
        said = [message for number, item in items for message in _history(item, ("history", number), options, left_out)]
    else:
        said = list(_trajectory(source["trajectory"], options, left_out))
    return [
        build_trace(
            source,
            "swe-agent",
            turns_of(said, options),
            options,
            identity=first_text(source, ("instance_id",), ("info", "instance_id")),
            tools=declared_tools(source.get("tools")),
            agent=options.agent if agents_of(said) else None,
            left_out=left_out,
        )
    ]


def _is_history(value: Any) -> bool:
    return (
        isinstance(value, list)
        and all(isinstance(item, dict) and isinstance(item.get("role"), str) and "content" in item for item in value)
        and any("message_type" in item or {"thought", "action"} <= item.keys() for item in value)
    )


def _is_trajectory(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(is_swe_agent_step(item) for item in value)


def _history(item: dict[str, Any], place: Place, options: ReadOptions, left_out: Counter[str]) -> Iterator[Message]:
    ids = item.get("tool_call_ids")
    agent = item["agent"] if isinstance(item.get("agent"), str) else None
    for message in chat_message(item, place, options, left_out):
        parts: tuple[Part, ...] = message.parts
        if message.role == "assistant":
            parts = (*_thinking(item.get("thinking_blocks"), (*place, "thinking_blocks")), *parts)
        elif message.role == "tool" and isinstance(ids, list) and len(ids) == 1 and isinstance(ids[0], str):
            parts = tuple(replace(part, call_id=ids[0]) if isinstance(part, Result) else part for part in parts)
        yield replace(
            message,
            parts=parts,
            agent=agent if message.role == "assistant" else None,
            given=item.get("is_demo") is True,
        )


def _thinking(blocks: Any, place: Place) -> Iterator[Reasoning]:
    for number, block in enumerate(blocks if isinstance(blocks, list) else ()):
        if isinstance(block, dict) and isinstance(text := block.get("thinking"), str) and text:
            yield Reasoning(text, (*place, number, "thinking"))


def _trajectory(steps: Sequence[dict[str, Any]], options: ReadOptions, left_out: Counter[str]) -> Iterator[Message]:
    query = steps[0].get("query")
    for number, item in enumerate(query if isinstance(query, list) else ()):
        if isinstance(item, dict) and "role" in item:
            yield from _history(item, ("trajectory", 0, "query", number), options, left_out)
    calls_functions = _calls_functions(steps)
    for number, step in enumerate(steps):
        place: Place = ("trajectory", number)
        yield Message("assistant", tuple(_step(step, place, calls_functions)))
        if heard := tuple(content_parts(step.get("observation"), (*place, "observation"))):
            yield Message("user", heard)


def _calls_functions(steps: Sequence[dict[str, Any]]) -> bool:
    """Whether the model called functions: then it says only the thought. One that writes commands says both."""
    acted = [step for step in steps if step.get("action") and step.get("response")]
    same = [step for step in acted if str(step.get("thought")).strip() == str(step["response"]).strip()]
    return bool(same) and 2 * len(same) >= len(acted)


def _step(step: dict[str, Any], place: Place, calls_functions: bool) -> Iterator[Text | Reasoning]:
    said = {key: step[key] for key in ("response", "thought", "action") if isinstance(step.get(key), str) and step[key]}
    if "response" in said and not (calls_functions and "action" in said):
        yield Text(said["response"], (*place, "response"))
        return
    thought = "thought" if "thought" in said else "response"
    if thought in said:
        yield Reasoning(said[thought], (*place, thought))
    if "action" in said:
        yield Text(said["action"], (*place, "action"))


def recognize_mini(source: Any) -> str | None:
    """Whether the source is a mini-swe-agent file: by `trajectory_format`, or by its last message, of role `exit`."""
    if isinstance(source, dict) and isinstance(source.get("messages"), list):
        version = source.get("trajectory_format")
        if isinstance(version, str) and version.startswith(_MINI):
            return f"`trajectory_format` {version}"
        return "a list `messages` that ends with role `exit`" if _ends_with_exit(source["messages"]) else None
    return "a list of messages that ends with role `exit`" if _ends_with_exit(source) else None


def read_mini(source: Any, options: ReadOptions) -> list[Trace]:
    """The one trace in the source."""
    if recognize_mini(source) is None:
        raise ReadError("it is not a mini-swe-agent file: no `trajectory_format`, and no message of the role `exit`")
    at: Place = ("messages",) if isinstance(source, dict) else ()
    items = source["messages"] if isinstance(source, dict) else source
    left_out: Counter[str] = Counter()
    return [
        build_trace(
            source,
            _MINI,
            [m for number, item in enumerate(items) for m in _mini(item, (*at, number), options, left_out)],
            options,
            identity=first_text(source, ("instance_id",), ("info", "instance_id")),
            left_out=left_out,
        )
    ]


def gather_mini(values: Sequence[Any]) -> list[Any] | None:
    """Bare messages, one a line or in one array, are one conversation."""
    return [list(values)] if _ends_with_exit(list(values)) else None


def _ends_with_exit(items: Any) -> bool:
    return (
        isinstance(items, list)
        and len(items) > 1
        and all(isinstance(item, dict) and not item.keys().isdisjoint(("role", "output")) for item in items)
        and items[-1].get("role") == "exit"
    )


def _mini(item: Any, place: Place, options: ReadOptions, left_out: Counter[str]) -> Iterator[Message]:
    if not isinstance(item, dict):
        raise ReadError(f"the message at {format_place(place)} is not an object")
    extra = item.get("extra")
    if item.get("role") == "exit" or (isinstance(extra, dict) and "exit_status" in extra):
        left_out[_EXIT] += 1
    elif item.get("object") == "response" and isinstance(item.get("output"), list):
        # Each answer of the Responses API is one of these, so what is in it is one message.
        answer = [(part, (*place, "output", number)) for number, part in enumerate(item["output"])]
        yield from response_messages(answer, options, left_out)
    elif item.get("type") in ("message", "function_call_output"):
        yield from response_messages([(item, place)], options, left_out)
    else:
        yield from chat_message(item, place, options, left_out)


FORMATS = (
    Format("swe-agent", "SWE-agent trajectories", recognize_swe_agent, read_swe_agent),
    Format("mini-swe-agent", "mini-swe-agent trajectories", recognize_mini, read_mini, gather_mini),
)
