"""What a recorded message becomes where it holds more than one speaker's words, and parts that many formats share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from ls_trajedit.traces.model import Image, Message, Other, Part, Result, Role, Text
from ls_trajedit.traces.places import Place
from ls_trajedit.traces.read_options import ReadOptions

__all__ = ["EMPTY_REASONING", "HOSTED_CALL", "data_uri", "kind_of", "result_parts", "text_parts", "turns"]

EMPTY_REASONING: Final = "reasoning without text"
"""What encrypted and empty reasoning is counted as."""

HOSTED_CALL: Final = "calls that the model's provider ran itself"
"""What hosted calls (web search, code interpreter) and what they returned are counted as."""


def turns(
    role: Role, parts: Iterable[Part], options: ReadOptions, *, name: str | None = None, agent: str | None = None
) -> Iterator[Message]:
    """The messages in one recorded message.

    Each result is a message of its own, of the role `tool` or of what the options make of that (`roles: {user:
    [tool]}`). What a user said beside results comes after them; where the agent spoke again after a result, that is
    its next message. A message without parts stays one.
    """
    said: list[Part] = []
    results = 0
    for part in parts:
        if not isinstance(part, Result):
            said.append(part)
            continue
        if said and role == "assistant":
            yield Message(role, tuple(said), agent, name)
            said = []
        results += 1
        heard = options.roles.get("tool", "tool")
        yield Message(heard, (part,) if heard == "tool" else part.content, agent)
    if said or not results:
        yield Message("user" if role == "tool" else role, tuple(said), agent, name)


def text_parts(value: Any, place: Place) -> Iterator[Text | Other]:
    """The text that stands there; nothing for an empty one and for null, and Other for anything else."""
    if isinstance(value, str):
        if value:
            yield Text(value, place)
    elif value is not None:
        yield Other(value, place)


def result_parts(parts: Iterable[Part]) -> tuple[Text | Image | Other, ...]:
    """Those of the parts that a result can hold."""
    return tuple(part for part in parts if isinstance(part, Text | Image | Other))


def data_uri(media_type: Any, data: Any) -> Image | None:
    """The image in base64 data. What the source holds is not a URI, so the image has no place of its own."""
    if isinstance(media_type, str) and isinstance(data, str) and media_type.startswith("image/"):
        return Image(f"data:{media_type};base64,{data}")
    return None


def kind_of(value: Any) -> str | None:
    """The `type` of an object, where that is a string."""
    kind = value.get("type") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) else None
