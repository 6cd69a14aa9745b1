"""How many traces needed no correction in each round, against numbers counted by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ls_trajedit.converters.record import Parent
from ls_trajedit.output.manifest import read_manifest
from ls_trajedit.report.figures import count_figures
from ls_trajedit.report.records import read_records
from ls_trajedit.report.rounds import BranchLine, Rounds
from tests.support.report_folder import branch, edit, record, removed, write_folder

Run = Callable[..., Any]

FIX = edit(0, "action", "act", "go", 3, 1)
ROUNDS = [
    record(1, "ana", FIX, annotation=11, unopened=True),
    record(1, "ben", annotation=12, structure=[removed(1)]),
    record(2, "ana", annotation=13),
    # Somebody's submitted predictions: nobody has looked at it.
    record(3, "ana", annotation=14, unopened=True),
    record(4, "ana", trace="tr1~aaa", annotation=15, branch=branch("tr1", 0)),
    record(4, "ben", trace="tr1~aaa", annotation=16, branch=branch("tr1", 0)),
    record(5, "ana", FIX, trace="tr1~bbb", annotation=17, branch=branch("tr1", 0)),
    # Task 6 continues a correction that was changed; task 7 a branch.
    record(6, "ana", trace="tr1~ccc", annotation=18, branch=branch("tr1", -1, superseded=True)),
    record(7, "ana", trace="tr1~bbb~ddd", annotation=19, branch=branch("tr1~bbb", 1, 3)),
    record(8, "ana", trace="tr2~eee", annotation=20, branch=branch("tr2", 0), unopened=True),
]


def rounds_of(folder: Path) -> Rounds:
    return count_figures(read_records(folder, read_manifest(folder))).rounds


def test_traces_without_a_correction_by_round(tmp_path: Path) -> None:
    rounds = rounds_of(write_folder(tmp_path, ROUNDS))
    # Round 1: of traces 1 and 2, the second. Round 2: of `aaa` and `bbb`, the first. Round 3: `ddd`.
    assert rounds.traces == {1: 2, 2: 2, 3: 1}
    assert rounds.without_correction == {1: 1, 2: 1, 3: 1}
    # Trace 3 and `eee`; `ccc`.
    assert (rounds.unopened, rounds.superseded) == (2, 1)


def test_each_branch_names_what_it_continues(tmp_path: Path) -> None:
    rounds = rounds_of(write_folder(tmp_path, ROUNDS))

    def parent(trace_id: str, step: int) -> Parent:
        return Parent(trace_id, 1, 11, step, "0" * 64)

    assert rounds.branches == [
        BranchLine("tr1~aaa", 2, parent("tr1", 0), False, True, 0),
        BranchLine("tr1~bbb", 2, parent("tr1", 0), False, True, 1),
        BranchLine("tr1~ccc", 2, parent("tr1", -1), True, True, 0),
        BranchLine("tr1~bbb~ddd", 3, parent("tr1~bbb", 1), False, True, 0),
        BranchLine("tr2~eee", 2, parent("tr2", 0), False, False, 0),
    ]


def test_the_page_shows_rounds_only_where_there_are_branches(run: Run, tmp_path: Path) -> None:
    write_folder(tmp_path / "branches", ROUNDS)
    write_folder(tmp_path / "plain", ROUNDS[1:4])
    for name in ("branches", "plain"):
        assert run("report", name).exit_code == 0
    page = (tmp_path / "branches" / "report.html").read_text(encoding="utf-8")
    for number, share in ((1, "<b>50%</b> 1 of 2"), (2, "<b>50%</b> 1 of 2"), (3, "<b>100%</b> 1 of 1")):
        assert f"<dt>Round {number}: traces that needed no correction.</dt><dd>{share} traces</dd>" in page
    assert "1 superseded branch is left out" in page
    assert "which nobody has done with 2." in page
    assert "Rounds" not in (tmp_path / "plain" / "report.html").read_text(encoding="utf-8")
