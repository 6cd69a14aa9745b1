"""All formats, and which of them a source is of."""

from __future__ import annotations

from typing import Any, NamedTuple

from ls_trajedit.traces.readers import openai_chat
from ls_trajedit.traces.readers.base import Format

__all__ = ["FORMATS", "STEPS", "Recognized", "recognize"]

STEPS = "steps"
"""The plain shape, which is what remains: a list of steps that are all the agent's. Options say what its keys are."""

FORMATS: dict[str, Format] = {module.FORMAT.name: module.FORMAT for module in (openai_chat,)}
"""Every format by its name."""


class Recognized(NamedTuple):
    """A format, and in a few words why the source is of it."""

    format: Format
    reason: str


def recognize(source: Any) -> list[Recognized]:
    """The formats that the source is of, the plain shape aside: one, unless two cannot be told apart."""
    return [
        Recognized(format_, reason)
        for format_ in FORMATS.values()
        if format_.name != STEPS and (reason := format_.recognize(source)) is not None
    ]
