"""One thing that was looked at, and how it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "Level", "ok", "problem", "warning"]

Level = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """`text` says how it is, `advice` what to do about it, where that is not in the text itself.

    A problem keeps people from correcting traces or from getting all corrections out; a warning may be meant so.
    """

    level: Level
    text: str
    advice: str | None = None


def ok(text: str) -> Finding:
    """Something that is as it should be."""
    return Finding("ok", text)


def warning(text: str, advice: str | None = None) -> Finding:
    """Something that may be meant so."""
    return Finding("warning", text, advice)


def problem(text: str, advice: str | None = None) -> Finding:
    """Something that must be mended."""
    return Finding("problem", text, advice)
