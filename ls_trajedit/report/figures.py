"""The figures of the report, counted as the records are read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby

from ls_trajedit.report.agreement import Agreement
from ls_trajedit.report.records import AnnotatedTrace

__all__ = ["Figures", "count_figures", "median"]


@dataclass
class Figures:
    """What the report says in numbers.

    A trace is a task that has at least one edited or unedited annotation; it is among `traces_without_edit` when none
    of them has an edit. `steps_edits` counts edits by step, `steps_touched` annotations with at least one edit in the
    step, and `steps_there` annotations whose trace has the step; the key None is the final answer in the first two.
    `lower_bounds` counts the edits of which a distance is a lower bound.
    `labels` and `labels_edited` count steps of annotations by label and choice; `steps_labelled` those that have any
    label.
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
    characters: Counter[int] = field(default_factory=Counter)
    words: Counter[int] = field(default_factory=Counter)
    reasons: int = 0
    lower_bounds: int = 0
    labels: Counter[tuple[str, str]] = field(default_factory=Counter)
    labels_edited: Counter[tuple[str, str]] = field(default_factory=Counter)
    steps_labelled: int = 0
    labelled_and_edited: int = 0
    agreement: Agreement = field(default_factory=Agreement)

    @property
    def steps(self) -> int:
        """How many steps the longest trace has."""
        edited = (step for step in self.steps_edits if step is not None)
        return max((*self.steps_there, *edited), default=-1) + 1

    def add_task(self, records: list[AnnotatedTrace]) -> None:
        """Counts the annotations of one task."""
        self.traces += 1
        self.traces_without_edit += not any(record.edits for record in records)
        self.agreement.add_task(records)
        for record in records:
            self._add(record)

    def _add(self, record: AnnotatedTrace) -> None:
        self.records += 1
        self.steps_there.update(range(record.steps))
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
        labelled = set()
        for label in record.labels:
            labelled.add(label.step_index)
            for choice in label.choices:
                self.labels[label.name, choice] += 1
                self.labels_edited[label.name, choice] += label.step_index in touched
        self.steps_labelled += len(labelled)
        self.labelled_and_edited += len(labelled & touched)


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
