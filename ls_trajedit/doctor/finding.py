"""The result of one check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Finding", "Level", "ok", "problem", "warning"]

Level = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """`text` says what was found, `advice` what to do about it, where the text does not say that itself.

    A problem keeps people from correcting traces or from getting all corrections; a warning may be intended.
    """

    level: Level
    text: str
    advice: str | None = None


def ok(text: str) -> Finding:
    """Something that is as it should be."""
    return Finding("ok", text)


def warning(text: str, advice: str | None = None) -> Finding:
    """Something that may be intended."""
    return Finding("warning", text, advice)


def problem(text: str, advice: str | None = None) -> Finding:
    """Something that must be fixed."""
    return Finding("problem", text, advice)
