"""All formats, and which of them a source is of."""

from __future__ import annotations

from typing import Any, NamedTuple

from ls_trajedit.traces.read_options import STEPS
from ls_trajedit.traces.readers import (
    adk,
    anthropic,
    atif,
    bedrock,
    claude_code,
    codex,
    gemini,
    group_chat,
    inspect_log,
    langchain,
    langfuse,
    langsmith,
    mlflow,
    openai_chat,
    openai_responses,
    openhands,
    otel_spans,
    sharegpt,
    smolagents,
    steps,
    swe_agent,
    vercel,
)
from ls_trajedit.traces.readers.base import Format

__all__ = ["FORMATS", "Recognized", "recognize"]

FORMATS: dict[str, Format] = {
    format_.name: format_
    for format_ in (
        openai_chat.FORMAT,
        openai_responses.FORMAT,
        anthropic.FORMAT,
        gemini.FORMAT,
        adk.FORMAT,
        bedrock.FORMAT,
        vercel.FORMAT,
        langchain.FORMAT,
        sharegpt.FORMAT,
        atif.FORMAT,
        *swe_agent.FORMATS,
        openhands.FORMAT,
        smolagents.FORMAT,
        group_chat.FORMAT,
        claude_code.FORMAT,
        codex.FORMAT,
        inspect_log.FORMAT,
        langfuse.FORMAT,
        langsmith.FORMAT,
        *otel_spans.FORMATS,
        mlflow.FORMAT,
        *steps.FORMATS,
    )
}
"""Every format by its name, in the order of the table in docs/traces.md."""


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
