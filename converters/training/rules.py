"""Which records and edits become training rows: the choices that the command line offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ls_trajedit.converters.training.split import Splits

__all__ = ["AnnotatorsPolicy", "Pairs", "PrmUnedited", "Reasoning", "Stale", "TrainingRules"]

Stale = Literal["include", "exclude", "truncate"]
Pairs = Literal["every", "first"]
PrmUnedited = Literal["include", "exclude"]
AnnotatorsPolicy = Literal["all", "latest", "agree"]
Reasoning = Literal["keep", "text", "drop"]


@dataclass(frozen=True, kw_only=True)
class TrainingRules:
    """`stale` says what happens to what was recorded after a corrected action, `pairs` which edited steps become pairs,
    and `prm_unedited` what happens to traces that nobody corrected. `annotators_policy` chooses among several
    annotations of one task. `min_edit_chars` and `ignore_whitespace_edits` say which edits are noise. `reasoning` says
    what becomes of the reasoning in a conversation: it is kept as `reasoning_content`, put in front of the text, or
    dropped."""

    stale: Stale = "include"
    pairs: Pairs = "every"
    prm_unedited: PrmUnedited = "include"
    annotators_policy: AnnotatorsPolicy = "all"
    min_edit_chars: int = 0
    ignore_whitespace_edits: bool = False
    reasoning: Reasoning = "keep"
    split: Splits | None = None
