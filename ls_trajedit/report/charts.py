"""The charts of the report, as bars and as the table of the same numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ls_trajedit.report.bins import FINAL_ANSWER_KEY, SIZES, START_KEY, Bin, bin_of, step_bins
from ls_trajedit.report.figures import Figures, median

__all__ = [
    "Bar",
    "Chart",
    "Row",
    "annotators_chart",
    "fields_chart",
    "inserted_chart",
    "labels_chart",
    "percent",
    "removed_chart",
    "sizes_chart",
    "steps_chart",
]

_MOST_BARS = 10
_MOST_LETTERS = 36


@dataclass(frozen=True)
class Bar:
    """A bar as long as its `value`. `text` is the number beside it, and `address` the filter that shows what it counts;
    it is empty when there is none."""

    label: str
    value: float
    text: str
    address: str = ""

    @property
    def short_label(self) -> str:
        """The label, shortened to the room in a chart; the table has it in full."""
        if len(self.label) <= _MOST_LETTERS:
            return self.label
        half = _MOST_LETTERS // 2
        return f"{self.label[:half]}…{self.label[1 - half :]}"


@dataclass(frozen=True)
class Row:
    """A row of the table. Its first cell is a link to the filter `address`, if there is one."""

    address: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Chart:
    """Bars, a sentence that says what they show, and a table with a head. A bar of the value `full` takes all the
    room."""

    name: str
    title: str
    lead: str
    description: str
    bars: list[Bar]
    head: tuple[str, ...]
    rows: list[Row]
    full: float


def steps_chart(figures: Figures) -> Chart:
    """Edits by the place of the step in its trace."""
    bins = step_bins(figures.steps)
    edits, touched, there = (
        _binned(counter, bins) for counter in (figures.steps_edits, figures.steps_touched, figures.steps_there)
    )
    only = _only_edits(figures)
    bars = [Bar(found.label, edits[found.key], f"{edits[found.key]:,}", f"{only}step={found.key}") for found in bins]
    rows = [
        Row(
            f"{only}step={found.key}",
            (
                _steps(found),
                *_numbers(edits[found.key], touched[found.key], there[found.key]),
                percent(touched[found.key], there[found.key]),
            ),
        )
        for found in bins
    ]
    if final := figures.steps_edits[None]:
        address = f"{only}step={FINAL_ANSWER_KEY}"
        bars.append(Bar("Final", final, f"{final:,}", address))
        rows.append(Row(address, ("Final answer", *_numbers(final, figures.steps_touched[None]), "", "")))
    lead = "Where in a trace the edits are. Long traces are fewer, so the table also has the share of edited steps."
    head = ("Step", "Edits", "Steps edited", "Steps there", "Share edited")
    return Chart("steps", "Edits by step", lead, _description(bars, "step"), bars, head, rows, _largest(bars))


def removed_chart(figures: Figures) -> Chart | None:
    """Removed steps by their place in the trace; None when there are none."""
    if not figures.removed:
        return None
    bins = step_bins(figures.steps)
    removed, there = _binned(figures.removed, bins), _binned(figures.steps_there, bins)
    bars, rows = [], []
    for found in bins:
        number, address = removed[found.key], f"kind=removed&step={found.key}"
        bars.append(Bar(found.label, number, f"{number:,}", address))
        cells = (_steps(found), *_numbers(number, there[found.key]), percent(number, there[found.key]))
        rows.append(Row(address, cells))
    lead = "Where in a trace steps were removed. A step counts once for each annotation that removes it."
    head = ("Step", "Removed", "Steps there", "Share removed")
    description = _description(bars, "step", "removed steps")
    return Chart("removed", "Removed steps", lead, description, bars, head, rows, _largest(bars))


def inserted_chart(figures: Figures) -> Chart | None:
    """Inserted steps by the step after which they stand; None when there are none."""
    if not figures.inserted:
        return None
    bins = step_bins(figures.steps)
    inserted = _binned(figures.inserted, bins)
    bars, rows = [], []
    if first := figures.inserted[-1]:
        address = f"kind=inserted&step={START_KEY}"
        bars.append(Bar("Start", first, f"{first:,}", address))
        rows.append(Row(address, ("Before the first step", f"{first:,}")))
    for found in bins:
        number, address = inserted[found.key], f"kind=inserted&step={found.key}"
        bars.append(Bar(found.label, number, f"{number:,}", address))
        rows.append(Row(address, (f"After {_steps(found).lower()}", f"{number:,}")))
    lead = "After which step of the original trace steps were inserted."
    description = _description(bars, "step", "inserted steps")
    return Chart("inserted", "Inserted steps", lead, description, bars, ("Place", "Inserted"), rows, _largest(bars))


def fields_chart(figures: Figures) -> Chart:
    """Edits by the field that they correct."""
    return _counted_chart("fields", "Edits by field", "Which part of a step was rewritten.", "field", figures.fields)


def annotators_chart(figures: Figures, counts: dict[str, dict[str, int]]) -> Chart:
    """Corrections by annotator; `counts` are the outcomes of each annotator's annotations, as the manifest has them."""
    names = sorted({*counts, *figures.annotators}, key=lambda name: (-figures.annotators[name], name))
    bars = [
        Bar(
            name,
            figures.annotators[name],
            f"{figures.annotators[name]:,}",
            _address("annotator", name, figures.annotators),
        )
        for name in names
    ]
    rows = []
    for name, bar in zip(names, bars, strict=True):
        kinds = Counter(counts.get(name, {}))
        size = median(figures.annotators_characters.get(name, Counter()))
        numbers = _numbers(kinds["edited"], kinds["unedited"], kinds["rejected"], kinds["skipped"])
        characters = f"{size:,g}" if figures.annotators_characters.get(name) else ""
        cells = [name, bar.text, *numbers, characters]
        if figures.has_structure:
            cells[2:2] = _numbers(figures.annotators_removed[name], figures.annotators_inserted[name])
        rows.append(Row(bar.address, tuple(cells)))
    what, lead = "Edits", "Who made the edits."
    head = ["Annotator", what, "Edited", "Unedited", "Rejected", "Skipped", "Median characters"]
    if figures.has_structure:
        what, lead = "Corrections", "Who made the corrections: edits, removed and inserted steps."
        head[1:2] = [what, "Steps removed", "Steps inserted"]
    return Chart(
        "annotators",
        f"{what} by annotator",
        f"{lead} The table has how their annotations ended.",
        _description(bars, "annotator", what.lower()),
        _most(bars),
        tuple(head),
        rows,
        _largest(_most(bars)),
    )


def sizes_chart(figures: Figures) -> Chart:
    """How large edits are, in characters; the table has words as well."""
    characters, words = _binned_sizes(figures.characters), _binned_sizes(figures.words)
    only = _only_edits(figures)
    # No edit has 0 characters.
    bars = [
        Bar(found.label, characters[found.key], f"{characters[found.key]:,}", f"{only}size={found.key}")
        for found in SIZES
        if found.low
    ]
    rows = [
        Row(
            f"{only}size={found.key}" if characters[found.key] else "",
            (found.label, *_numbers(characters[found.key], words[found.key])),
        )
        for found in SIZES
    ]
    lead = (
        f"Edit distance in characters; the median is {median(figures.characters):,g} characters and "
        f"{median(figures.words):,g} words. An edit of 0 words moves white space only."
    )
    if figures.lower_bounds:
        lead += (
            f" Of {figures.lower_bounds:,} of the edits, a distance is the least that it can be (≥), because the texts "
            "are too long to measure it."
        )
    head = ("Distance", "Edits by characters", "Edits by words")
    return Chart("sizes", "Edits by size", lead, _description(bars, "size"), bars, head, rows, _largest(bars))


def labels_chart(figures: Figures) -> Chart | None:
    """Which share of the steps with a label was edited; None when no step has a label."""
    if not figures.labels:
        return None
    bars, rows = [], []
    for (name, choice), steps in sorted(figures.labels.items(), key=lambda item: (item[0][0], -item[1], item[0][1])):
        edited = figures.labels_edited[name, choice]
        address = f"label={quote(f'{name}:{choice}', safe='', errors='replace')}" if edited else ""
        label = f"{name}: {choice}"
        bars.append(Bar(label, edited / steps, f"{edited:,} of {steps:,}", address))
        rows.append(Row(address, (label, *_numbers(steps, edited), percent(edited, steps))))
    without = figures.steps_there.total() - figures.steps_labelled
    if without > 0:
        edited = figures.unlabelled_and_edited
        bars.append(Bar("no label", edited / without, f"{edited:,} of {without:,}"))
        rows.append(Row("", ("no label", *_numbers(without, edited), percent(edited, without))))
    lead = "How many of the steps with a label were edited. A step counts once for each annotation of its trace."
    if figures.removed:
        lead += " Removed steps count as edited."
    head = ("Label", "Steps", "Of these edited", "Share")
    description = "; ".join(f"{bar.label}: {bar.text} edited" for bar in bars)
    return Chart("labels", "Step labels against edits", lead, description, bars, head, rows, 1)


def percent(part: int, whole: int) -> str:
    """A share in whole percent; 0% and 100% only when it is exactly that.

    >>> percent(1, 3), percent(1, 1000), percent(999, 1000), percent(3, 3), percent(0, 0)
    ('33%', 'under 1%', 'over 99%', '100%', '')
    """
    if not whole:
        return ""
    if 0 < part * 100 < whole:
        return "under 1%"
    if part < whole and part * 100 > whole * 99:
        return "over 99%"
    return f"{part / whole:.0%}"


def _counted_chart(name: str, title: str, lead: str, filter_name: str, counted: Counter[str]) -> Chart:
    total = counted.total()
    bars = [
        Bar(label, number, f"{number:,}", _address(filter_name, label, counted))
        for label, number in sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    ]
    rows = [Row(bar.address, (bar.label, bar.text, percent(int(bar.value), total))) for bar in bars]
    head = (filter_name.capitalize(), "Edits", "Share")
    return Chart(name, title, lead, _description(bars, filter_name), _most(bars), head, rows, _largest(_most(bars)))


def _address(filter_name: str, value: str, counted: Counter[str]) -> str:
    return f"{filter_name}={quote(value, safe='', errors='replace')}" if counted[value] else ""


def _most(bars: list[Bar]) -> list[Bar]:
    """The longest bars, and one for all others together."""
    if len(bars) <= _MOST_BARS:
        return bars
    others = bars[_MOST_BARS - 1 :]
    number = int(sum(bar.value for bar in others))
    return [*bars[: _MOST_BARS - 1], Bar(f"{len(others)} others", number, f"{number:,}")]


def _largest(bars: list[Bar]) -> float:
    return max((bar.value for bar in bars), default=0) or 1


def _description(bars: list[Bar], what: str, counted: str = "edits") -> str:
    longest = max(bars, key=lambda bar: bar.value, default=None)
    if longest is None or not longest.value:
        return f"No {counted} by {what}."
    return (
        f"A bar for each {what}. The longest is {longest.label} with {longest.text} {counted}. The table has all "
        "numbers."
    )


def _only_edits(figures: Figures) -> str:
    """What an address begins with that leads to edits alone, where there is something else."""
    return "kind=edited&" if figures.has_structure else ""


def _steps(found: Bin) -> str:
    return f"{'Step' if found.low == found.high else 'Steps'} {found.label}"


def _binned(steps: Counter[Any], bins: tuple[Bin, ...]) -> Counter[str]:
    found: Counter[str] = Counter()
    for step, number in steps.items():
        if step is not None and step >= 0:
            found[bin_of(step + 1, bins).key] += number
    return found


def _binned_sizes(sizes: Counter[int]) -> Counter[str]:
    found: Counter[str] = Counter()
    for size, number in sizes.items():
        found[bin_of(size, SIZES).key] += number
    return found


def _numbers(*numbers: int) -> tuple[str, ...]:
    return tuple(f"{number:,}" for number in numbers)
