"""Which files the command line asks for."""

from __future__ import annotations

from dataclasses import dataclass, field

from ls_trajedit.converters.training.rules import TrainingRules

__all__ = ["WantedFiles"]


@dataclass(frozen=True, kw_only=True)
class WantedFiles:
    """What the command line asks for. Without `formats`, those in the options are written."""

    formats: tuple[str, ...] = ()
    as_tool_calls: bool = False
    rules: TrainingRules = field(default_factory=TrainingRules)
    with_parquet: bool = False
