"""What a trace is: messages, made of parts, in which an agent takes steps.

- A **message** is what somebody said at one time: who (`role`, and `agent` where there are several), and its parts.
- A **part** is a text, a reasoning, a call, a result, an image, or something else that is kept and never edited.
- A **step** is the agent's message and everything that it heard before it spoke again. Only steps are corrected.

Each part remembers its place in the source, so that a correction can be put back into the shape in which the trace
came. The words are those of the public standard nearest to it, ATIF (Agent Trajectory Interchange Format).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from ls_trajedit.traces.places import Place


__all__ = ["Call", "Image", "Message", "Other", "Part", "Reasoning", "Result", "Role", "Step", "Text", "Tool", "Trace"]

Role = Literal["system", "user", "assistant", "tool"]

Tool = dict[str, Any]
"""A declared tool as OpenAI's API takes it: `{"type": "function", "function": {"name", "description", "parameters"}}`,
`parameters` being a JSON Schema."""


@dataclass(frozen=True)
class Text:
    """Something said. `place` is that of the string."""

    text: str
    place: Place | None = None


@dataclass(frozen=True)
class Reasoning:
    """What a model thought before it spoke, as far as that was recorded."""

    text: str
    place: Place | None = None


@dataclass(frozen=True)
class Call:
    """A tool call. `arguments` is what was recorded: an object, or a string that is not JSON as the model left it.

    `id` is never empty: one that was not recorded is `call00001`, `call00002`, … in the order of the calls of a trace.
    """

    name: str
    arguments: Any
    id: str = ""
    name_place: Place | None = None
    arguments_place: Place | None = None


@dataclass(frozen=True)
class Image:
    """A picture, as a URL or a data URI. Never edited."""

    url: str
    place: Place | None = None


@dataclass(frozen=True)
class Other:
    """Anything else. It is kept, shown as JSON, and never edited."""

    value: Any
    place: Place | None = None


@dataclass(frozen=True)
class Result:
    """What a call returned: texts, images and other things. `call_id` names the call, `name` its tool where that was
    recorded with the result."""

    content: tuple[Text | Image | Other, ...]
    call_id: str = ""
    name: str | None = None
    place: Place | None = None

    @property
    def text(self) -> str:
        """The texts of the result, one after the other."""
        return "\n".join(part.text for part in self.content if isinstance(part, Text))


Part = Text | Reasoning | Call | Result | Image | Other


@dataclass(frozen=True)
class Message:
    """What `role` said at one time. `agent` is the speaker's own name where several agents speak; `name` is what the
    source calls the speaker beside the role. A message of the role `tool` has exactly one part, a Result.

    `given` is true for what stood in the agent's context but is not its own work here: a demonstration, turns copied
    from an earlier trace, a call that a program made. It belongs to the prompt, and it is never a step.
    """

    role: Role
    parts: tuple[Part, ...]
    agent: str | None = None
    name: str | None = None
    given: bool = False

    @property
    def text(self) -> str:
        """The texts of the message, one after the other."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls of the message in order."""
        return tuple(part for part in self.parts if isinstance(part, Call))


@dataclass(frozen=True)
class Step:
    """The agent's message, which is `messages[position]` of its trace, and what was heard after it (`heard`)."""

    position: int
    message: Message
    heard: tuple[Message, ...]


@dataclass(frozen=True)
class Trace:
    """One conversation of one agent.

    `task` is for display and for splits: what a field of the source says, else the first user message. `tools` are
    those that the source declares. `source` is what the trace was read from, a JSON value, and `format` the name of
    the reader. `parent` is the id of the trace in which this one, a sub-agent's, was started. `left_out` counts what
    only a framework said to itself. `prompts` holds, for a step by its number, the messages that the model was really
    given, where each model call recorded its own.
    """

    id: str
    task: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    format: str = ""
    source: Any = None
    agent: str | None = None
    parent: str | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)
    prompts: Mapping[int, tuple[Message, ...]] = field(default_factory=dict)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The agent's steps in order: one for each of its messages, without those that were only given to it."""
        spoken = [
            number for number, message in enumerate(self.messages) if message.role == "assistant" and not message.given
        ]
        ends = [*spoken[1:], len(self.messages)]
        return tuple(
            Step(position, self.messages[position], self.messages[position + 1 : end])
            for position, end in zip(spoken, ends, strict=False)
        )

    @property
    def before(self) -> tuple[Message, ...]:
        """What was said before the agent's first step; everything when it never spoke."""
        return self.messages[: self.steps[0].position] if self.steps else self.messages

    def with_parts(self, corrected: Mapping[tuple[int, int], Part]) -> Trace:
        """The trace with other parts; each is given by the number of its message and its own number in that."""
        messages = list(self.messages)
        for (message, part), new in corrected.items():
            parts = list(messages[message].parts)
            parts[part] = new
            messages[message] = replace(messages[message], parts=tuple(parts))
        return replace(self, messages=tuple(messages))
