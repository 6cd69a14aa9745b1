"""Figures that were counted by hand, for the tests of the figures and of the charts."""

from __future__ import annotations

from pathlib import Path

import pytest

from ls_trajedit.output.manifest import read_manifest
from ls_trajedit.report.figures import Figures, count_figures
from ls_trajedit.report.records import read_records
from tests.support.report_folder import edit, inserted, label, record, removed, write_folder


@pytest.fixture
def figures(tmp_path: Path) -> Figures:
    """Task 1 was edited by ana and left alone by ben, task 2 left alone, task 3, with four steps, edited by ben."""
    records = [
        record(
            1,
            "ana",
            edit(0, "action", "a", "b", 1, 1, reason="why"),
            edit(0, "thought", "a", "b c d", 4, 3),
            edit(None, "final_answer", "x", "y" * 40, 40, 1),
            annotation=11,
            labels=[label(0, "correctness", "incorrect"), label(1, "correctness", "correct")],
        ),
        record(1, "ben", annotation=12, labels=[label(0, "correctness", "correct")]),
        record(2, "ana", annotation=13),
        record(
            3,
            "ben",
            edit(0, "action", "a", "a ", 1, 0, reason="  "),
            edit(3, "action", "a", "", 1, 1),
            annotation=14,
            steps=4,
            labels=[label(3, "error_type", "wrong tool", "wrong argument")],
        ),
    ]
    folder = write_folder(tmp_path, records)
    return count_figures(read_records(folder, read_manifest(folder)))


@pytest.fixture
def restructured(tmp_path: Path) -> Figures:
    """Task 1, with three steps, of which ana and ben remove the second; task 2, with two, which cleo leaves alone."""
    records = [
        record(
            1,
            "ana",
            edit(2, "action", "cat b.txt", "cat b.txt c.txt", 6, 1),
            annotation=11,
            steps=3,
            structure=[inserted(0, {"action": "cp a.txt b.txt"}), removed(1, "Deletes what is needed.")],
            labels=[label(0, "correctness", "correct"), label(1, "correctness", "incorrect")],
        ),
        record(
            1,
            "ben",
            edit(1, "action", "rm a.txt", "rm b.txt", 1, 1),
            annotation=12,
            steps=3,
            structure=[
                inserted(-1, {"thought": "First a look."}, reason="It rushes."),
                inserted(0, {"action": "cp a.txt b.txt"}),
                inserted(0, {"action": "ls"}, 1),
                removed(1, " "),
            ],
        ),
        record(2, "cleo", annotation=13),
    ]
    folder = write_folder(tmp_path, records)
    return count_figures(read_records(folder, read_manifest(folder)))
