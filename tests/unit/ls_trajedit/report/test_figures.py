"""The figures of the report, against numbers counted by hand."""

from __future__ import annotations

from collections import Counter

import pytest

from ls_trajedit.report.figures import Figures, median


def test_totals(figures: Figures) -> None:
    assert (figures.traces, figures.traces_without_edit, figures.records, figures.edits) == (3, 1, 4, 5)
    # A blank reason is none.
    assert figures.reasons == 1


@pytest.mark.parametrize(
    ("numbers", "middle"), [({}, 0), ({7: 1}, 7), ({1: 1, 2: 1}, 1.5), ({1: 3, 9: 2}, 1), ({1: 2, 5: 1, 9: 2}, 5)]
)
def test_median(numbers: dict[int, int], middle: float) -> None:
    assert median(Counter(numbers)) == middle
