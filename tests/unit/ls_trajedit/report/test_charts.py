"""The charts of the report, against numbers counted by hand."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from ls_trajedit.output.manifest import read_manifest
from ls_trajedit.report.charts import (
    annotators_chart,
    fields_chart,
    inserted_chart,
    labels_chart,
    removed_chart,
    sizes_chart,
    steps_chart,
)
from ls_trajedit.report.figures import Figures, count_figures
from ls_trajedit.report.records import read_records
from tests.support.report_folder import edit, record, write_folder


def test_edits_by_step_with_the_annotations_that_have_the_step(figures: Figures) -> None:
    chart = steps_chart(figures)
    assert [(bar.label, bar.value, bar.address) for bar in chart.bars] == [
        ("1", 3, "step=1"),
        ("2", 0, "step=2"),
        ("3", 0, "step=3"),
        ("4", 1, "step=4"),
        ("Final", 1, "step=final"),
    ]
    # Step 1: two of four annotations edited it, one of them twice. Only task 3 has a step 4.
    assert [row.cells for row in chart.rows] == [
        ("Step 1", "3", "2", "4", "50%"),
        ("Step 2", "0", "0", "4", "0%"),
        ("Step 3", "0", "0", "1", "0%"),
        ("Step 4", "1", "1", "1", "100%"),
        ("Final answer", "1", "1", "", ""),
    ]


def test_many_steps_are_put_together() -> None:
    figures = Figures(steps_edits=Counter({0: 1, 1: 2, 2: 4, 60: 8}), steps_there=Counter(range(61)))
    bars = steps_chart(figures).bars
    # 61 steps in at most 30 groups: three a group.
    assert [(bar.label, bar.value) for bar in bars[:2]] == [("1–3", 7), ("4–6", 0)]  # noqa: RUF001
    assert [(bar.label, bar.value) for bar in bars[-1:]] == [("61", 8)]


def test_edits_by_field(figures: Figures) -> None:
    assert [row.cells for row in fields_chart(figures).rows] == [
        ("action", "3", "60%"),
        ("final_answer", "1", "20%"),
        ("thought", "1", "20%"),
    ]


def test_edits_by_annotator_with_how_their_annotations_ended(figures: Figures) -> None:
    counts = {
        "ana": {"edited": 1, "unedited": 1},
        "ben": {"edited": 1, "unedited": 1, "rejected": 2},
        "cleo": {"skipped": 1},
    }
    chart = annotators_chart(figures, counts)
    # The median of ana's 1, 4 and 40 characters is 4.
    assert [row.cells for row in chart.rows] == [
        ("ana", "3", "1", "1", "0", "0", "4"),
        ("ben", "2", "1", "1", "2", "0", "1"),
        ("cleo", "0", "0", "0", "0", "1", ""),
    ]
    assert [bar.address for bar in chart.bars] == ["annotator=ana", "annotator=ben", ""]


def test_edits_by_size(figures: Figures) -> None:
    chart = sizes_chart(figures)
    assert {bar.label: bar.value for bar in chart.bars if bar.value} == {"1": 3, "4–10": 1, "31–100": 1}  # noqa: RUF001
    # One edit moves white space only: it has 0 words.
    assert [row.cells for row in chart.rows][:3] == [("0", "0", "1"), ("1", "3", "3"), ("2–3", "0", "1")]  # noqa: RUF001
    assert "the median is 1 characters and 1 words" in chart.lead


def test_step_labels_against_edits(figures: Figures) -> None:
    chart = labels_chart(figures)
    assert chart is not None
    # Ten steps in all four annotations, of which four have a label; of the six others one was edited, step 1 of task 3.
    assert [row.cells for row in chart.rows] == [
        ("correctness: correct", "2", "0", "0%"),
        ("correctness: incorrect", "1", "1", "100%"),
        ("error_type: wrong argument", "1", "1", "100%"),
        ("error_type: wrong tool", "1", "1", "100%"),
        ("no label", "6", "1", "17%"),
    ]
    assert [bar.address for bar in chart.bars][:2] == ["", "label=correctness%3Aincorrect"]


def test_without_labels_there_is_no_chart_of_them() -> None:
    assert labels_chart(Figures()) is None


def test_a_chart_shows_the_longest_bars_and_the_others_together_while_the_table_has_all() -> None:
    chart = fields_chart(Figures(fields=Counter({f"field{number:02}": 20 - number for number in range(12)})))
    assert [bar.label for bar in chart.bars] == [*(f"field{number:02}" for number in range(9)), "3 others"]
    # 11 + 10 + 9
    assert chart.bars[-1].value == 30
    assert len(chart.rows) == 12


def test_a_filter_in_an_address_is_written_so_that_it_stays_one() -> None:
    chart = fields_chart(Figures(fields=Counter({"a&b=c #d+e": 1})))
    assert chart.bars[0].address == "field=a%26b%3Dc%20%23d%2Be"


def test_removed_steps_by_step_with_the_annotations_that_have_the_step(restructured: Figures) -> None:
    chart = removed_chart(restructured)
    assert chart is not None
    assert [row.cells for row in chart.rows] == [
        ("Step 1", "0", "3", "0%"),
        ("Step 2", "2", "3", "67%"),
        ("Step 3", "0", "2", "0%"),
    ]
    assert [bar.address for bar in chart.bars] == [f"kind=removed&step={step}" for step in (1, 2, 3)]
    assert "The longest is 2 with 2 removed steps." in chart.description


def test_inserted_steps_by_the_step_that_they_follow(restructured: Figures) -> None:
    chart = inserted_chart(restructured)
    assert chart is not None
    assert [row.cells for row in chart.rows] == [
        ("Before the first step", "1"),
        ("After step 1", "3"),
        ("After step 2", "0"),
        ("After step 3", "0"),
    ]
    assert [bar.address for bar in chart.bars][:2] == ["kind=inserted&step=start", "kind=inserted&step=1"]


def test_every_bar_leads_to_what_it_counts_where_steps_were_removed_too(restructured: Figures) -> None:
    # One edit of step 2 and one of step 3, while clicking `step=2` would show removed and inserted steps as well.
    chart = steps_chart(restructured)
    assert [(bar.value, bar.address) for bar in chart.bars] == [
        (0, "kind=edited&step=1"),
        (1, "kind=edited&step=2"),
        (1, "kind=edited&step=3"),
    ]
    assert {bar.address for bar in sizes_chart(restructured).bars if bar.value} == {
        "kind=edited&size=1",
        "kind=edited&size=4-10",
    }
    annotators = annotators_chart(restructured, {"cleo": {"unedited": 1}, "ana": {"edited": 1}, "ben": {"edited": 1}})
    assert annotators.head[:4] == ("Annotator", "Corrections", "Steps removed", "Steps inserted")
    assert [row.cells for row in annotators.rows] == [
        ("ben", "5", "1", "3", "1", "0", "0", "0", "1"),
        ("ana", "3", "1", "1", "1", "0", "0", "0", "6"),
        ("cleo", "0", "0", "0", "0", "1", "0", "0", ""),
    ]


def test_a_removed_step_counts_as_edited_where_labels_are_compared(restructured: Figures) -> None:
    chart = labels_chart(restructured)
    assert chart is not None
    # Eight steps in three annotations, of which two have a label. Of the six others, ana edited step 3, and ben removed
    # step 2.
    assert [row.cells for row in chart.rows] == [
        ("correctness: correct", "1", "0", "0%"),
        ("correctness: incorrect", "1", "1", "100%"),
        ("no label", "6", "2", "33%"),
    ]
    assert chart.lead.endswith("Removed steps count as edited.")


def test_a_labelled_final_answer_is_not_a_step_with_a_label(tmp_path: Path) -> None:
    final = {"step_index": None, "name": "correctness", "choices": ["incorrect"]}
    folder = write_folder(tmp_path, [record(1, "ana", edit(None, "final_answer", "x", "y"), labels=[final])])
    chart = labels_chart(count_figures(read_records(folder, read_manifest(folder))))
    assert chart is not None
    assert [row.cells for row in chart.rows] == [
        ("correctness: incorrect", "1", "1", "100%"),
        ("no label", "2", "0", "0%"),
    ]


def test_without_structure_nothing_of_it_shows(figures: Figures) -> None:
    assert removed_chart(figures) is inserted_chart(figures) is None
