"""What a run tells when it is done."""

from __future__ import annotations

from pathlib import Path

from ls_trajedit.converters.convert_task import Outcome
from ls_trajedit.converters.counts import Counts
from ls_trajedit.converters.writer import WrittenFile
from ls_trajedit.summary import Summary, summary_json, summary_lines

FILES = [WrittenFile("trajectory_sft.jsonl", 1, "ab" * 32), WrittenFile("rejects.jsonl", 12, "cd" * 32)]


def summary() -> Summary:
    counts = Counts(tasks=1, drafts=1)
    for outcome in (
        Outcome(
            "edited", "ann", (1, 1), {"edits": [{"field": "action"}, {"field": "final_answer"}, {"field": "action"}]}
        ),
        Outcome("unedited", "bob", (1, 2), {}),
        Outcome("skipped", "bob", (1, 3), {}),
        Outcome("rejected", "ann", (1, 4), {"reason": "several texts for one field"}),
    ):
        counts.add(outcome)
    return Summary(counts, FILES, Path("data"))


def test_a_person_reads_every_count_and_where_the_files_are() -> None:
    assert list(summary_lines(summary())) == [
        "1 task, 4 annotations",
        "  edited          1",
        "  unedited        1",
        "  skipped         1",
        "  rejected        1",
        "  drafts          1   (tasks with something not submitted, so not read)",
        "rejected because of",
        "  several texts for one field  1",
        "edits by field",
        "  action        2",
        "  final_answer  1",
        "annotators",
        "  ann  1 edited, 1 rejected",
        "  bob  1 unedited, 1 skipped",
        "files in data",
        "  trajectory_sft.jsonl               1 row",
        "  rejects.jsonl                    12 rows",
        "  manifest.json",
    ]


def test_excluded_annotations_are_told_when_there_are_any() -> None:
    counts = Counts()
    assert not any("excluded" in line for line in summary_lines(Summary(counts, [], Path("x"))))
    counts.add(Outcome("excluded", "ann", (1, 1), {}))
    assert "  excluded        1" in list(summary_lines(Summary(counts, [], Path("x"))))


def test_a_machine_gets_the_same_as_one_object() -> None:
    told = summary_json(summary())
    assert told == {
        **summary().counts.as_json(),
        "folder": "data",
        "files": [
            {"file": "trajectory_sft.jsonl", "rows": 1, "sha256": "ab" * 32},
            {"file": "rejects.jsonl", "rows": 12, "sha256": "cd" * 32},
        ],
    }
