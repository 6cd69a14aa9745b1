"""Which records and edits become training rows: the choices that the command line offers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ls_trajedit.converters.training.split import Splits
from ls_trajedit.converters.training.verdicts import VerdictWords

__all__ = [
    "AfterError",
    "AnnotatorsPolicy",
    "EdgeWhitespace",
    "Pairs",
    "PrmUnedited",
    "Reasoning",
    "Stale",
    "TrainingRules",
]

Stale = Literal["include", "exclude", "truncate"]
Pairs = Literal["every", "first"]
PrmUnedited = Literal["include", "exclude"]
AfterError = Literal["keep", "drop"]
EdgeWhitespace = Literal["ignore", "learn"]
AnnotatorsPolicy = Literal["all", "latest", "agree"]
Reasoning = Literal["keep", "text", "drop"]


@dataclass(frozen=True, kw_only=True)
class TrainingRules:
    """`stale` says what happens to what was recorded after a corrected action, `pairs` which edited steps become pairs,
    and `prm_unedited` what happens to traces that nobody corrected or scored. `prm_after_error` says whether steps
    after the first wrong one are judged. `annotators_policy` chooses among several annotations of one task.
    `min_edit_chars` and `ignore_whitespace_edits` say which edits are noise, and `edge_whitespace` whether white space
    at the ends of a turn is something to learn. `reasoning` says what becomes of the reasoning in a conversation: it is
    kept as `reasoning_content`, put in front of the text, or dropped. `accept_branches` makes rows of branches that
    somebody judged and found right. `verdict_words` are the options' words for right,
    wrong and unsure."""

    stale: Stale = "include"
    pairs: Pairs = "every"
    prm_unedited: PrmUnedited = "include"
    prm_after_error: AfterError = "keep"
    annotators_policy: AnnotatorsPolicy = "all"
    min_edit_chars: int = 0
    ignore_whitespace_edits: bool = False
    edge_whitespace: EdgeWhitespace = "ignore"
    reasoning: Reasoning = "keep"
    accept_branches: bool = False
    split: Splits | None = None
    verdict_words: VerdictWords = field(default_factory=VerdictWords)
