"""The figures of the report, counted as the records are read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby

from ls_trajedit.report.agreement import Agreement
from ls_trajedit.report.records import AnnotatedTrace
from ls_trajedit.report.rounds import Rounds

__all__ = ["Figures", "count_figures", "median"]


@dataclass
class Figures:
    """What the report says in numbers.

    A trace is a task that has at least one edited or unedited annotation; it is among `traces_without_edit` when none
    of them changes anything. `steps_edits` counts edits by step, `steps_touched` annotations with at least one edit in
    the step, and `steps_there` annotations whose trace has the step; the key None is the final answer in the first two.
    `lower_bounds` counts the edits of which a distance is a lower bound.

    `removed` counts steps that were removed, by step, and `inserted` those that were inserted, by the step after which
    they stand, -1 for none. `annotators` counts all corrections: edits, removed and inserted steps.

    `labels` and `labels_edited` count steps of annotations by label and choice; `steps_labelled` those that have any
    label. A step that was removed counts as edited there.
    """

    traces: int = 0
    traces_without_edit: int = 0
    records: int = 0
    edits: int = 0
    steps_edits: Counter[int | None] = field(default_factory=Counter)
    steps_touched: Counter[int | None] = field(default_factory=Counter)
    steps_there: Counter[int] = field(default_factory=Counter)
    fields: Counter[str] = field(default_factory=Counter)
    annotators: Counter[str] = field(default_factory=Counter)
    annotators_characters: dict[str, Counter[int]] = field(default_factory=dict)
    annotators_removed: Counter[str] = field(default_factory=Counter)
    annotators_inserted: Counter[str] = field(default_factory=Counter)
    characters: Counter[int] = field(default_factory=Counter)
    words: Counter[int] = field(default_factory=Counter)
    reasons: int = 0
    removed: Counter[int] = field(default_factory=Counter)
    removed_with_reason: int = 0
    inserted: Counter[int] = field(default_factory=Counter)
    inserted_with_reason: int = 0
    lower_bounds: int = 0
    labels: Counter[tuple[str, str]] = field(default_factory=Counter)
    labels_edited: Counter[tuple[str, str]] = field(default_factory=Counter)
    steps_labelled: int = 0
    unlabelled_and_edited: int = 0
    agreement: Agreement = field(default_factory=Agreement)
    rounds: Rounds = field(default_factory=Rounds)

    @property
    def steps(self) -> int:
        """How many steps the longest trace has."""
        edited = (step for step in self.steps_edits if step is not None)
        return max((*self.steps_there, *edited, *self.removed, *self.inserted), default=-1) + 1

    @property
    def has_structure(self) -> bool:
        """Whether a step was removed or inserted."""
        return bool(self.removed or self.inserted)

    @property
    def corrections(self) -> int:
        """How many fields were edited, and steps removed and inserted."""
        return self.edits + self.removed.total() + self.inserted.total()

    def add_task(self, records: list[AnnotatedTrace]) -> None:
        """Counts the annotations of one task."""
        self.traces += 1
        self.traces_without_edit += not any(record.corrections for record in records)
        self.agreement.add_task(records)
        self.rounds.add_task(records)
        for record in records:
            self._add(record)

    def _add(self, record: AnnotatedTrace) -> None:
        self.records += 1
        self.steps_there.update(record.steps)
        touched = {edit.step_index for edit in record.edits}
        self.steps_touched.update(touched)
        for edit in record.edits:
            self.edits += 1
            self.steps_edits[edit.step_index] += 1
            self.fields[edit.field] += 1
            self.annotators[record.annotator] += 1
            self.annotators_characters.setdefault(record.annotator, Counter())[edit.edit_distance_chars] += 1
            self.characters[edit.edit_distance_chars] += 1
            self.words[edit.edit_distance_words] += 1
            self.reasons += bool(edit.reason.strip())
            self.lower_bounds += bool(edit.lower_bounds)
        for change in record.changes:
            self.annotators[record.annotator] += 1
            if change.op == "remove":
                self.removed[change.step_index] += 1
                self.removed_with_reason += bool(change.reason.strip())
                self.annotators_removed[record.annotator] += 1
                touched.add(change.step_index)
            else:
                self.inserted[change.step_index] += 1
                self.inserted_with_reason += bool(change.reason.strip())
                self.annotators_inserted[record.annotator] += 1
        self._add_labels(record, touched)

    def _add_labels(self, record: AnnotatedTrace, touched: set[int | None]) -> None:
        labelled = set()
        for label in record.labels:
            labelled.add(label.step_index)
            for choice in label.choices:
                self.labels[label.name, choice] += 1
                self.labels_edited[label.name, choice] += label.step_index in touched
        # The final answer is not a step.
        self.steps_labelled += len(labelled - {None})
        self.unlabelled_and_edited += len(touched - labelled - {None})


def count_figures(records: Iterable[AnnotatedTrace]) -> Figures:
    """The figures of `records`, which come in order of their tasks, as the corrections file has them."""
    figures = Figures()
    for _, group in groupby(records, key=lambda record: (record.task_id, record.trace_id)):
        figures.add_task(list(group))
    return figures


def median(counted: Counter[int]) -> float:
    """The median of the counted numbers; 0 when there are none.

    >>> median(Counter({1: 2, 4: 2}))
    2.5
    """
    total = counted.total()
    if not total:
        return 0
    lower, upper = (total - 1) // 2, total // 2
    found: list[int] = []
    passed = 0
    for number in sorted(counted):
        passed += counted[number]
        found.extend(number for place in (lower, upper)[len(found) :] if place < passed)
    return sum(found) / 2
