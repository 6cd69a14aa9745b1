"""What a run counted: every annotation under exactly one kind, and the edits under their fields."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ls_trajedit.converters.annotations.convert_task import Outcome

__all__ = ["Counts"]


@dataclass
class Counts:
    """`kinds` counts outcomes, `annotators` the same for each annotator, `fields` edits, `reasons` rejections.
    `drafts` counts the tasks that somebody has begun and not submitted."""

    tasks: int = 0
    drafts: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    fields: Counter[str] = field(default_factory=Counter)
    annotators: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> None:
        """Counts one annotation."""
        self.kinds[outcome.kind] += 1
        if outcome.annotator not in self.annotators:
            self.annotators[outcome.annotator] = Counter()
        self.annotators[outcome.annotator][outcome.kind] += 1
        if outcome.kind == "rejected":
            self.reasons[outcome.row["reason"]] += 1
        if outcome.kind == "edited":
            self.fields.update(edit["field"] for edit in outcome.row["edits"])

    def update(self, other: Counts) -> None:
        """Adds what another part of the same run counted."""
        self.tasks += other.tasks
        self.drafts += other.drafts
        self.kinds.update(other.kinds)
        self.reasons.update(other.reasons)
        self.fields.update(other.fields)
        for name, kinds in other.annotators.items():
            self.annotators[name] = self.annotators.get(name, Counter()) + kinds

    def as_json(self) -> dict[str, Any]:
        """The counts as the manifest and `--json` give them. A draft is no annotation."""
        kinds = {kind: self.kinds[kind] for kind in ("edited", "unedited", "rejected", "skipped", "excluded")}
        return {
            "tasks": self.tasks,
            "annotations": sum(kinds.values()),
            **kinds,
            "drafts": self.drafts,
            "rejected_by_reason": dict(sorted(self.reasons.items())),
            "edits_by_field": dict(sorted(self.fields.items())),
            "by_annotator": {
                name: {kind: counter[kind] for kind in kinds if counter[kind]}
                for name, counter in sorted(self.annotators.items())
            },
        }
