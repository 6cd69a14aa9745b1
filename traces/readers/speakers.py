"""Several agents in one conversation: whose turns are the steps, and how the others are heard.

Where roles do not tell the agents apart, the options must say whose turns are steps (`agent: NAME`). What another
agent says is then a `user` message that begins with who speaks, as it stands in the prompt of most frameworks; its
calls and their results are heard like that too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ls_trajedit.traces.errors import ReadError
from ls_trajedit.traces.model import Call, Message, Other, Part, Reasoning, Result, Text
from ls_trajedit.traces.read_options import ReadOptions
from ls_trajedit.traces.readers.base import known_role

__all__ = ["agents_of", "is_named_group", "turns_of", "unnamed_agent"]


def agents_of(messages: Iterable[Message]) -> list[str]:
    """The agents that speak in the messages, in order of first appearance."""
    return list(dict.fromkeys(m.agent for m in messages if m.role == "assistant" and m.agent and not m.given))


def turns_of(messages: Sequence[Message], options: ReadOptions) -> list[Message]:
    """The messages with the turns of the agent that the options name as the assistant's. With one agent, or none that
    has a name, they are as they were. Raises ReadError where several speak and the options do not say which."""
    agents = agents_of(messages)
    if options.agent is None:
        if len(agents) > 1:
            raise unnamed_agent(agents)
        return list(messages)
    if not agents:
        return list(messages)
    if options.agent not in agents:
        raise ReadError(f"no agent in it is called `{options.agent}`; those who speak are {_listed(agents)}")
    return _heard_by(options.agent, messages)


def unnamed_agent(agents: Sequence[str]) -> ReadError:
    """The error for a conversation of several agents where the options do not say whose turns are steps."""
    return ReadError(
        f"several agents speak in it ({_listed(agents)}); say in trajedit.yaml whose turns are the steps, such as "
        f"`agent: {agents[0]}`, or who a name stands for, such as `roles: {{user: [{agents[-1]}]}}`"
    )


def is_named_group(items: Iterable[Mapping[str, Any]]) -> bool:
    """Whether chat messages are those of several agents that only their `name` tells apart: two names speak as the
    assistant, one speaks as user and as assistant, or everybody has a name and there are more than a user's and an
    assistant's."""
    spoken = [(known_role(item.get("role")), item.get("name")) for item in items]
    said = [(role, name) for role, name in spoken if role in ("user", "assistant")]
    agents = {name for role, name in said if role == "assistant" and isinstance(name, str) and name}
    users = {name for role, name in said if role == "user" and isinstance(name, str) and name}
    everybody = all(isinstance(name, str) and name for _, name in said)
    return len(agents) > 1 or bool(agents & users) or (everybody and len(agents | users) > (2 if agents else 1))


def _heard_by(agent: str, messages: Sequence[Message]) -> list[Message]:
    found = []
    callers: dict[str, str | None] = {}
    last: str | None = None
    for message in messages:
        if message.role == "assistant":
            # Whoever speaks without a name is not another agent.
            if message.calls:
                last = message.agent or agent
                callers.update((call.id, last) for call in message.calls if call.id)
            found.append(
                message
                if message.agent in (None, agent)
                else _heard(message, message.name or message.agent, message.parts)
            )
        elif message.role == "tool" and isinstance(result := message.parts[0], Result):
            caller = callers.get(result.call_id, agent) if result.call_id else last
            found.append(message if caller in (None, agent) else _heard(message, result.name or "tool", result.content))
        else:
            found.append(message)
    return found


def _heard(message: Message, speaker: str | None, parts: Iterable[Part]) -> Message:
    said = (_said_aloud(part) for part in parts if not isinstance(part, Reasoning))
    return replace(message, role="user", parts=(Text(f"{speaker}: "), *said), name=None)


def _said_aloud(part: Part) -> Part:
    return Other({"name": part.name, "arguments": part.arguments}) if isinstance(part, Call) else part


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
