"""The figures of the report, against numbers counted by hand."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from ls_trajedit.output.manifest import read_manifest
from ls_trajedit.report.figures import Figures, count_figures, median
from ls_trajedit.report.records import read_records
from tests.support.report_folder import branch, edit, record, write_folder


def test_totals(figures: Figures) -> None:
    assert (figures.traces, figures.traces_without_edit, figures.records, figures.edits) == (3, 1, 4, 5)
    # A blank reason is none.
    assert figures.reasons == 1


@pytest.mark.parametrize(
    ("numbers", "middle"), [({}, 0), ({7: 1}, 7), ({1: 1, 2: 1}, 1.5), ({1: 3, 9: 2}, 1), ({1: 2, 5: 1, 9: 2}, 5)]
)
def test_median(numbers: dict[int, int], middle: float) -> None:
    assert median(Counter(numbers)) == middle


def test_removed_and_inserted_steps_are_counted_by_place_beside_the_edits(restructured: Figures) -> None:
    assert (restructured.traces, restructured.traces_without_edit, restructured.records) == (2, 1, 3)
    # Ana and ben edit one field each; both remove step 2; ana inserts one step and ben three.
    assert (restructured.edits, restructured.corrections) == (2, 8)
    assert restructured.removed == {1: 2}
    assert restructured.inserted == {-1: 1, 0: 3}
    # A blank reason is none.
    assert (restructured.removed_with_reason, restructured.inserted_with_reason) == (1, 1)


def test_steps_that_a_branch_shares_with_its_parent_are_not_there_to_correct(tmp_path: Path) -> None:
    chat = {"format": "openai", "checked_calls": [], "not_the_agents": []}
    records = [
        record(1, "ana", steps=3),
        # The whole trace, of which the first two steps are locked.
        record(2, "ana", edit(2, "action", "act", "go"), steps=4, branch=branch("tr1", 1)),
        # Only the steps that are new.
        record(3, "ana", steps=2, branch=branch("tr1", 1), **chat),
    ]
    folder = write_folder(tmp_path, records)
    figures = count_figures(read_records(folder, read_manifest(folder)))
    assert figures.steps_there == {0: 2, 1: 2, 2: 2, 3: 1}
