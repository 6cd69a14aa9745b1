"""What a run counts: every annotation as exactly one kind of outcome, the edits by field, and steps that were removed
and inserted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from ls_trajedit.converters.annotations.outcome import Edited, Excluded, Outcome, Rejected, Skipped, Unedited
from ls_trajedit.converters.record import ChatSource, Fit, Source

__all__ = ["Counts", "Kind"]

Kind = Literal["edited", "unedited", "rejected", "skipped", "excluded"]
"""What the manifest and the summary call an outcome."""

_RARE = (
    *("removed_steps", "inserted_steps", "empty_insertions"),
    *("remarks", "duplicates", "unopened", "copies", "lower_bounds", "superseded", "accepted_branches"),
    *("other_objects", "unreadable_sources"),
)


@dataclass
class Counts:
    """`kinds` counts outcomes, `annotators` the outcomes of each annotator, `fields` edits and `reasons` rejects, by
    slug. `drafts` counts the tasks that somebody has started and not submitted. `chats` counts the annotations of
    conversations, `calls` their corrected calls by how they fit the declared tools, and `not_the_agents` the
    corrections of what somebody other than the agent said. `remarks` counts the texts that correct nothing.

    `duplicates` counts annotations that were there once more, and are in no other count. Among the outcomes, `unopened`
    counts those that an action made and nobody has looked at, `copies` those that repeat another one of the same
    person, and `by_review` those that are excluded because of a review. `lower_bounds` counts the edits of which a
    distance is a lower bound. `empty_insertions` counts the steps that were to be inserted and have nothing in them;
    they are not among `inserted_steps`.

    `superseded` counts the annotations of branches whose correction has been changed since, and `accepted_branches` the
    branches that were found right and give rows.

    `other_objects` counts what was found and is not annotations, and `unreadable_sources` what could not be read and
    was skipped."""

    tasks: int = 0
    drafts: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    fields: Counter[str] = field(default_factory=Counter)
    annotators: dict[str, Counter[str]] = field(default_factory=dict)
    chats: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    not_the_agents: int = 0
    removed_steps: int = 0
    inserted_steps: int = 0
    empty_insertions: int = 0
    remarks: int = 0
    duplicates: int = 0
    unopened: int = 0
    copies: int = 0
    lower_bounds: int = 0
    superseded: int = 0
    accepted_branches: int = 0
    other_objects: int = 0
    unreadable_sources: int = 0
    by_review: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: Outcome) -> None:
        """Counts one annotation."""
        match outcome:
            case Edited(record=record, empty_insertions=empty_insertions):
                self._add("edited", record.annotator)
                self.fields.update(edit.field for edit in record.edits)
                self.lower_bounds += sum(bool(edit.lower_bounds) for edit in record.edits)
                if record.structure:  # nearly never
                    removed = sum(change.op == "remove" for change in record.structure)
                    self.removed_steps += removed
                    self.inserted_steps += len(record.structure) - removed
                self.empty_insertions += empty_insertions
                self._add_source(record.source)
            case Unedited(record=record, empty_insertions=empty_insertions):
                self._add("unedited", record.annotator)
                self.empty_insertions += empty_insertions
                self._add_source(record.source)
            case Rejected(reject=reject):
                self._add("rejected", reject.annotator)
                self.reasons[reject.reason.value] += 1
            case Skipped(annotator=annotator):
                self._add("skipped", annotator)
            case Excluded(annotator=annotator, by_review=by_review):
                self._add("excluded", annotator)
                if by_review is not None:
                    self.by_review[by_review] += 1

    def update(self, other: Counts) -> None:
        """Adds what another part of the same run counted."""
        self.tasks += other.tasks
        self.drafts += other.drafts
        self.kinds.update(other.kinds)
        self.reasons.update(other.reasons)
        self.fields.update(other.fields)
        self.chats += other.chats
        self.calls.update(other.calls)
        self.not_the_agents += other.not_the_agents
        self.removed_steps += other.removed_steps
        self.inserted_steps += other.inserted_steps
        self.empty_insertions += other.empty_insertions
        self.remarks += other.remarks
        self.duplicates += other.duplicates
        self.unopened += other.unopened
        self.copies += other.copies
        self.lower_bounds += other.lower_bounds
        self.superseded += other.superseded
        self.accepted_branches += other.accepted_branches
        self.other_objects += other.other_objects
        self.unreadable_sources += other.unreadable_sources
        self.by_review.update(other.by_review)
        for name, kinds in other.annotators.items():
            self.annotators[name] = self.annotators.get(name, Counter()) + kinds

    def as_json(self) -> dict[str, Any]:
        """The counts as the manifest and `--json` give them. A draft is not an annotation. What only conversations have
        is there only when there was one, and what is rare only when it occurred."""
        kinds = {kind: self.kinds[kind] for kind in get_args(Kind)}
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
            **(self._chats_json() if self.chats else {}),
            **{name: number for name in _RARE if (number := getattr(self, name))},
            **({"excluded_by_review": dict(sorted(self.by_review.items()))} if self.by_review else {}),
        }

    def _chats_json(self) -> dict[str, Any]:
        return {
            "chats": self.chats,
            "checked_calls": {fit: self.calls[fit] for fit in get_args(Fit)},
            "not_the_agents": self.not_the_agents,
        }

    def _add_source(self, source: Source) -> None:
        self.remarks += len(source.remarks)
        self.unopened += source.unopened
        self.copies += source.copy_of is not None
        self.superseded += source.branch is not None and source.branch.superseded
        if isinstance(source, ChatSource):
            self.chats += 1
            self.calls.update(call.fit for call in source.checked_calls)
            self.not_the_agents += len(source.not_the_agents)
            self.lower_bounds += sum(bool(edit.lower_bounds) for edit in source.not_the_agents)

    def _add(self, kind: Kind, annotator: str) -> None:
        self.kinds[kind] += 1
        if annotator not in self.annotators:
            self.annotators[annotator] = Counter()
        self.annotators[annotator][kind] += 1
