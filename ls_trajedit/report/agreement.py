"""How far the annotators of a task agree, counted over pairs.

A pair is two annotations of one task by two different annotators. Each count below is of pairs that have something in
common, so a task with three annotators counts three times. Nothing is corrected for chance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from ls_trajedit.report.records import AnnotatedTrace

__all__ = ["Agreement"]


@dataclass
class Agreement:
    """`tasks` have annotations by two annotators or more, which make `pairs`. Of these, `same_verdict` are both edited
    or both unedited, and `same_fields` edited the very same fields, or none. A step that was removed, and a place where
    one was inserted, count as a field each.

    A field of a task counts under `either_edited` once for each pair of which somebody edited it, under `both_edited`
    when both did, and under `same_text` when both wrote the same, as the policy `agree` sees it: the same JSON value,
    or text that differs in its line ends alone, or in white space at its ends unless that is to be learned.
    """

    tasks: int = 0
    pairs: int = 0
    same_verdict: int = 0
    same_fields: int = 0
    either_edited: int = 0
    both_edited: int = 0
    same_text: int = 0

    def add_task(self, records: Sequence[AnnotatedTrace]) -> None:
        """Counts the annotations of one task."""
        names = [record.annotator for record in records]
        if len(set(names)) < 2:
            return
        texts = [record.votes for record in records]
        pairs = _pairs((name, None) for name in names)
        self.tasks += 1
        self.pairs += pairs
        self.same_verdict += _pairs((name, bool(own)) for name, own in zip(names, texts, strict=True))
        self.same_fields += _pairs((name, frozenset(own)) for name, own in zip(names, texts, strict=True))
        for place in {place for own in texts for place in own}:
            editors = [(name, own[place]) for name, own in zip(names, texts, strict=True) if place in own]
            others = [(name, None) for name, own in zip(names, texts, strict=True) if place not in own]
            self.either_edited += pairs - _pairs(others)
            self.both_edited += _pairs((name, None) for name, _ in editors)
            self.same_text += _pairs(editors)


def _pairs(annotations: Iterable[tuple[str, Hashable]]) -> int:
    """How many pairs of annotations by different annotators have something in common. Each is given by its annotator
    and what it has."""
    by_value: Counter[Hashable] = Counter()
    by_both: Counter[tuple[str, Hashable]] = Counter()
    for name, value in annotations:
        by_value[value] += 1
        by_both[name, value] += 1
    # Counted, not enumerated: a task may have many annotators.
    return sum(map(_choose_two, by_value.values())) - sum(map(_choose_two, by_both.values()))


def _choose_two(number: int) -> int:
    return number * (number - 1) // 2
