"""What a run prints when it is done."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.converters.annotations.outcome import Excluded, Rejected, Skipped
from ls_trajedit.converters.record import Reject, RejectReason
from ls_trajedit.output.manifest import WrittenFile
from ls_trajedit.output.summary import (
    RecordChanges,
    Summary,
    summary_json,
    summary_lines,
    summary_markdown,
    summary_warnings,
)
from tests.support.samples import EditOf, outcome_of

FILES = [WrittenFile("trajectory_sft.jsonl", 1, "ab" * 32), WrittenFile("rejects.jsonl", 12, "cd" * 32)]


def summary() -> Summary:
    counts = Counts(tasks=1, drafts=1)
    edits: list[EditOf] = [(0, "action", "A"), (1, "action", "B"), (None, "final_answer", "yes")]
    for outcome in (
        outcome_of(["a", "b"], *edits, answer="no", annotator="ann"),
        outcome_of(["a", "b"], annotator="bob"),
        Skipped((1, 3), "bob"),
        Rejected((1, 4), Reject(1, 4, "ann", RejectReason.SEVERAL_TEXTS, "`fix`", [])),
    ):
        counts.add(outcome)
    return Summary(counts.as_json(), FILES, Path("data"))


def test_a_person_reads_every_count_and_where_the_files_are() -> None:
    assert list(summary_lines(summary())) == [
        "1 task, 4 annotations",
        "  edited          1",
        "  unedited        1",
        "  skipped         1",
        "  rejected        1",
        "  drafts          1   (tasks with unsubmitted work, which is not read)",
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


def test_excluded_annotations_are_shown_when_there_are_any() -> None:
    counts = Counts()
    assert not any("excluded" in line for line in summary_lines(Summary(counts.as_json(), [], Path("x"))))
    counts.add(Excluded((1, 1), "ann"))
    assert "  excluded        1" in list(summary_lines(Summary(counts.as_json(), [], Path("x"))))


def test_a_machine_gets_the_counts_and_the_files_as_one_object() -> None:
    assert summary_json(summary()) == {
        **summary().counts,
        "folder": "data",
        "files": [
            {"file": "trajectory_sft.jsonl", "rows": 1, "sha256": "ab" * 32},
            {"file": "rejects.jsonl", "rows": 12, "sha256": "cd" * 32},
        ],
    }


def test_after_a_pull_everybody_reads_what_changed() -> None:
    pulled = replace(summary(), changes=RecordChanges(2, 1, 0))
    assert "since the last pull: 2 new, 1 changed, 0 removed" in list(summary_lines(pulled))
    assert summary_json(pulled)["changes"] == {"new": 2, "changed": 1, "removed": 0}
    assert summary_json(pulled)["up_to_date"] is False


def test_after_a_pull_that_wrote_nothing_everybody_reads_that() -> None:
    pulled = replace(summary(), changes=RecordChanges(0, 0, 0), is_up_to_date=True)
    lines = list(summary_lines(pulled))
    assert lines[0] == "up to date: nothing changed since the last pull"
    assert not any("since the last pull: " in line for line in lines[1:])
    assert summary_json(pulled)["up_to_date"] is True
    assert "| since the last pull | up to date |" in summary_markdown(pulled, "x")


def test_a_page_gets_the_counts_as_tables() -> None:
    assert summary_markdown(summary(), "pull, project 12") == (
        "| pull, project 12 |  |\n"
        "| --- | ---: |\n"
        "| tasks | 1 |\n"
        "| annotations | 4 |\n"
        "| edited | 1 |\n"
        "| unedited | 1 |\n"
        "| skipped | 1 |\n"
        "| rejected | 1 |\n"
        "| drafts | 1 |\n"
        "\n"
        "| rejected because of |  |\n"
        "| --- | ---: |\n"
        "| several texts for one field | 1 |\n"
        "\n"
        "| edits by field |  |\n"
        "| --- | ---: |\n"
        "| action | 2 |\n"
        "| final&#95;answer | 1 |\n"
        "\n"
        "| file | rows |\n"
        "| --- | ---: |\n"
        "| trajectory&#95;sft.jsonl | 1 |\n"
        "| rejects.jsonl | 12 |\n"
    )


def test_a_name_cannot_be_markup() -> None:
    names = [
        "a|b",
        "<img src=x>",
        "[x](http://evil)",
        "`x`",
        "**x**",
        "a\nb\r\n| c | d |",
        "&lt;",
        "\\|",
        "~~x~~",
        "# x",
    ]
    counts = {**summary().counts, "edits_by_field": dict.fromkeys(names, 1)}
    page = summary_markdown(replace(summary(), counts=counts), "x")
    table = page.partition("| edits by field |")[2].partition("\n\n")[0].splitlines()[2:]
    assert len(table) == len(names)
    for row in table:
        assert row.startswith("| ")
        assert row.endswith(" | 1 |")
        assert not set(row.removeprefix("| ").removesuffix(" | 1 |")) & set("|<>[]`*\\~_")


def test_of_chats_a_person_reads_how_corrected_calls_fit_their_tools_and_what_was_not_the_agents() -> None:
    counts = Counts(chats=1, not_the_agents=2)
    counts.calls.update({"valid": 3, "unknown_parameter": 1})
    found = Summary(counts.as_json(), [], Path("data"))
    lines = list(summary_lines(found))
    at = lines.index("corrected calls, checked against the declared tools")
    assert lines[at + 1 : at + 4] == [
        "  valid              3",
        "  unknown parameter  1",
        "2 corrections of what somebody other than the agent said: in no training file",
    ]
    assert "| unknown parameter | 1 |" in summary_markdown(found, "Pull")


def test_splits_that_are_empty_or_far_from_their_share_are_warnings() -> None:
    empty = {"split": "test", "traces": 0, "expected": 0.3, "of": 3, "same_task": 1}
    shared = {"split": "test", "traces": 1, "expected": 10.0, "of": 100, "same_task": 95}
    found = replace(summary(), training={"uneven_splits": [empty, shared]})
    assert list(summary_warnings(found)) == [
        "warning: the split test is empty; give it a larger share, or correct more traces",
        "warning: the split test has 1 of 100 traces, and its share is 10: traces with the same task stay together, "
        "and 95 have the same; name what tells them apart with `task_key` in the options, or give other shares",
    ]
    assert list(summary_warnings(summary())) == list(summary_warnings(replace(found, is_up_to_date=True))) == []


def test_arguments_that_are_loaded_as_other_values_are_warnings_without_parquet() -> None:
    file = WrittenFile("trl/dpo.jsonl", 3, "0" * 64, {"retyped_arguments": {"x": "integers_become_floats"}})
    found = replace(summary(), files=[file], training={"parquet": False})
    assert list(summary_warnings(found)) == [
        "warning: trl/dpo.jsonl: `datasets` loads integers in the argument `x` as floats (0 as 0.0), because some "
        "calls have floats; add --to parquet and train on the Parquet file"
    ]
    assert list(summary_warnings(replace(found, training={"parquet": True}))) == []


def test_labels_that_contradict_edits_are_a_warning() -> None:
    found = replace(summary(), training={"contradictory_labels": 2})
    assert list(summary_warnings(found)) == [
        "warning: 2 steps are labeled correct and yet rewritten or given an error; prm takes a rewritten step as wrong "
        "and leaves the others out"
    ]


def test_remarks_are_told_where_there_are_any() -> None:
    found = Summary(Counts(remarks=2).as_json(), [], Path("data"))
    assert "2 remarks: texts that correct nothing, kept under `source.remarks`" in list(summary_lines(found))
    assert "| remarks | 2 |" in summary_markdown(found, "Pull")
    none = Summary(Counts().as_json(), [], Path("data"))
    assert not [line for line in summary_lines(none) if "remark" in line]


def test_removed_and_inserted_steps_are_counted_in_words_where_there_are_any() -> None:
    counts = {**summary().counts, "removed_steps": 2, "inserted_steps": 1, "empty_insertions": 1}
    native = WrittenFile("native/corrected.jsonl", 0, "ab" * 32, {"left_out": {"restructured": 2}})
    lines = list(summary_lines(replace(summary(), counts=counts, files=[native])))
    assert lines[6:10] == [
        "2 steps removed",
        "1 step inserted",
        "1 insertion left empty: nothing was inserted",
        "2 conversations with steps removed or inserted: not in native/corrected.jsonl, because nobody knows how its "
        "format records that",
    ]
    assert "  native/corrected.jsonl            0 rows   (left out: 2 restructured)" in lines
    table = summary_markdown(replace(summary(), counts=counts), "run")
    assert "| steps removed | 2 |" in table
