"""What becomes a training row: the choices that the command line offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ls_trajedit.converters.training.split import Split

__all__ = ["AnnotatorsPolicy", "Pairs", "PrmUnedited", "Stale", "TrainingRules"]

Stale = Literal["include", "exclude", "truncate"]
Pairs = Literal["every", "first"]
PrmUnedited = Literal["include", "exclude"]
AnnotatorsPolicy = Literal["all", "latest", "agree"]


@dataclass(frozen=True)
class TrainingRules:
    """`stale` is about what follows a corrected action, `pairs` about which edited steps become pairs, `prm_unedited`
    about traces that nobody corrected; `min_edit_chars` and `ignore_whitespace_edits` say which edits are noise."""

    stale: Stale = "include"
    pairs: Pairs = "every"
    prm_unedited: PrmUnedited = "include"
    annotators_policy: AnnotatorsPolicy = "all"
    min_edit_chars: int = 0
    ignore_whitespace_edits: bool = False
    split: Split | None = None
