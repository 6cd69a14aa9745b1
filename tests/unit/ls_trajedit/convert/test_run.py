"""`ls-trajedit convert`: training files from what Label Studio exported."""

from __future__ import annotations

import errno
import gzip
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from io import BufferedReader, BytesIO, RawIOBase, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.convert.run import convert, generated_schema
from ls_trajedit.convert.sources import Source
from ls_trajedit.converters.annotations.convert_task import convert_task
from ls_trajedit.converters.annotations.outcome import Edited, Rejected
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.formats.registry import formats_named
from ls_trajedit.converters.plan import ExportPlan
from ls_trajedit.converters.record import RejectReason, Remark
from ls_trajedit.converters.training.rules import TrainingRules
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.output.write import converted_chunks
from ls_trajedit.traces.errors import DataError
from ls_trajedit.traces.field_path import get_field, parse_path
from ls_trajedit.traces.options import Options, StepLabels
from tests.support.branches import PLAIN_CONFIG, branch_of_plain, plain_parent
from tests.support.branches import annotation as branch_annotation
from tests.support.exports import EDIT, SAME, UNKNOWN, annotation, export, read_rows, task
from tests.support.loop import project_of, text_result
from tests.support.strategies import Case, cases

SMALL_CHUNKS: dict[str, Any] = {"chunk_bytes": 2000}


def files(folder: Path) -> dict[str, bytes]:
    """All that is in the folder but our own, which keeps other runs out."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".ls-trajedit"}


def ids(path: Path) -> list[str]:
    return [row["trace_id"] for row in read_rows(path)]


def test_an_export_becomes_corrections_and_lines_to_train_on(run: Callable[..., Any], tmp_path: Path) -> None:
    edited = annotation(1, EDIT, SAME)
    name = export(tmp_path, task(2, edited, annotation(3, SAME)), task(1, annotation(2, SAME), drafts=[98, 99]))
    ran = run("convert", name, "-o", "out")
    assert (ran.exit_code, ran.err) == (0, "")
    assert ran.out.splitlines()[:6] == [
        "2 tasks, 3 annotations",
        "  edited          1",
        "  unedited        2",
        "  skipped         0",
        "  rejected        0",
        "  drafts          1   (tasks with unsubmitted work, which is not read)",
    ]
    records = json.loads((tmp_path / "out" / "trajectory_corrections.json").read_text())["records"]
    assert [(r["trace_id"], r["source"]["annotation_id"], r["n_edits"]) for r in records] == [
        ("tr1", 2, 0),
        ("tr2", 1, 1),
        ("tr2", 3, 0),
    ]
    assert read_rows(tmp_path / "out" / "trajectory_sft.jsonl") == [
        {
            "prompt": "Do it.",
            "completion": {
                "task": "Do it.",
                "steps": [{"thought": "hm", "action": "query"}, {"action": "stop"}],
                "final_answer": "done",
            },
            "trace_id": "tr2",
        }
    ]
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (manifest["host"], manifest["project"], manifest["counts"]["tasks"]) == (None, None, 2)


@pytest.mark.parametrize("form", ["array", "indented", "lines", "gzip", "marked"])
def test_an_export_is_read_in_every_form(run: Callable[..., Any], tmp_path: Path, form: str) -> None:
    tasks = [task(1, annotation(1, EDIT)), task(2, annotation(2, SAME))]
    text = {
        "array": json.dumps(tasks),
        "indented": json.dumps(tasks, indent=2),
        "lines": "\r\n".join(json.dumps(item) for item in tasks),
        "gzip": json.dumps(tasks),
        "marked": "\ufeff" + json.dumps(tasks),
    }[form]
    raw = gzip.compress(text.encode()) if form == "gzip" else text.encode()
    (tmp_path / "export").write_bytes(raw)
    assert run("convert", "export").exit_code == 0
    assert ids(tmp_path / "data" / "trajectory_sft.jsonl") == ["tr1"]


def test_for_machines_there_is_one_object(run: Callable[..., Any], tmp_path: Path) -> None:
    ran = run("convert", export(tmp_path, task(1, annotation(1, EDIT))), "--json")
    printed = json.loads(ran.out)
    assert (printed["edited"], printed["edits_by_field"], printed["folder"]) == (1, {"action": 1}, "data")
    assert [file["rows"] for file in printed["files"]] == [1, 1, 1, 0]


def test_rejected_annotations_are_counted_and_end_a_strict_run_with_5(run: Callable[..., Any], tmp_path: Path) -> None:
    name = export(tmp_path, task(1, annotation(1, UNKNOWN), annotation(2, EDIT)))
    ran = run("convert", name)
    assert ran.exit_code == 0
    assert "  a control that the config lacks  1" in ran.out
    assert "give the project's labeling config with --config or --project" in ran.err
    (reject,) = read_rows(tmp_path / "data" / "rejects.jsonl")
    assert (reject["task_id"], reject["annotation_id"], reject["detail"]) == (1, 1, "`fix`")
    strict = run("convert", name, "--strict", "-o", "strict")
    assert strict.exit_code == 5
    assert "1 annotation rejected (--strict): " in strict.err
    assert "rejects.jsonl" in strict.err
    assert ids(tmp_path / "strict" / "trajectory_sft.jsonl") == ["tr1"]


def test_the_labeling_config_says_what_other_names_mean(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "config.xml").write_text(
        '<View><Text name="a" value="$steps[0].action"/><TextArea name="fix" toName="a"/></View>', encoding="utf-8"
    )
    fixed = annotation(1, text_result("fix", "a", "query"))
    ran = run("convert", export(tmp_path, task(1, fixed)), "--config", "config.xml", "--strict")
    assert (ran.exit_code, ran.err) == (0, "")
    assert ids(tmp_path / "data" / "trajectory_sft.jsonl") == ["tr1"]


def test_a_corrected_final_answer_is_read_without_any_config(run: Callable[..., Any], tmp_path: Path) -> None:
    answer = annotation(1, text_result("final_answer__corrected", "final_answer", "nearly done"))
    assert run("convert", export(tmp_path, task(1, answer)), "--strict").exit_code == 0
    (line,) = read_rows(tmp_path / "data" / "trajectory_dpo.jsonl")
    assert (line["chosen"]["final_answer"], line["rejected"]["final_answer"]) == ("nearly done", "done")


def test_the_options_say_which_names_the_generator_gave(run: Callable[..., Any], tmp_path: Path) -> None:
    thought = annotation(1, text_result("step_0__thought__corrected", "step_0__thought", "aha"))
    name = export(tmp_path, task(1, thought))
    assert run("convert", name, "--strict").exit_code == 5
    (tmp_path / "o.yaml").write_text("editable_fields: [thought]\n", encoding="utf-8")
    assert run("convert", name, "--strict", "--options", "o.yaml").exit_code == 0
    assert ids(tmp_path / "data" / "trajectory_sft.jsonl") == ["tr1"]


@pytest.mark.parametrize(
    ("arguments", "edited"),
    [
        ([], ["tr1", "tr2"]),
        (["--ground-truth", "only"], ["tr2"]),
        (["--ground-truth", "exclude"], ["tr1"]),
        (["--since", "2026-11-22T12:00:00Z"], ["tr1", "tr2"]),
        (["--since", "2026-11-23"], []),
        (["--until", "2026-11-22T12:00:00Z"], []),
        (["--until", "2026-11-23"], ["tr1", "tr2"]),
        (["--require-reason"], ["tr2"]),
    ],
)
def test_only_the_annotations_that_are_asked_for_are_read(
    run: Callable[..., Any], tmp_path: Path, arguments: list[str], edited: list[str]
) -> None:
    reason = text_result("step_0__action__reason", "step_0__action", "typo")
    name = export(tmp_path, task(1, annotation(1, EDIT)), task(2, annotation(2, EDIT, reason, ground_truth=True)))
    assert run("convert", name, *arguments).exit_code == 0
    assert ids(tmp_path / "data" / "trajectory_sft.jsonl") == edited


@pytest.mark.parametrize(
    ("how", "completed_by", "name"),
    [
        ("id", 4, "4"),
        ("email", {"id": 4, "email": "a@example.com"}, "a@example.com"),
        ("hash", 4, "15463eb5d8ed"),
    ],
)
def test_the_annotator_is_called_as_asked_for(
    run: Callable[..., Any], tmp_path: Path, how: str, completed_by: Any, name: str
) -> None:
    path = export(tmp_path, task(1, annotation(1, EDIT, completed_by=completed_by)))
    assert run("convert", path, "--annotators", how).exit_code == 0
    (record,) = json.loads((tmp_path / "data" / "trajectory_corrections.json").read_text())["records"]
    if how != "hash":
        assert record["annotator"] == name
    else:
        assert len(record["annotator"]) == 12
        assert record["annotator"] != "4"


def test_users_without_an_address_stay_apart_and_are_named_once(run: Callable[..., Any], tmp_path: Path) -> None:
    people = [4, {"id": 5, "email": "Deleted"}, {"id": 6, "email": "f@example.com"}, {"email": "g@example.com"}, 4]
    tasks = [task(n, annotation(n, EDIT, completed_by=who)) for n, who in enumerate(people, start=1)]
    ran = run("convert", export(tmp_path, *tasks), "--annotators", "email")
    assert ran.exit_code == 0
    records = json.loads((tmp_path / "data" / "trajectory_corrections.json").read_text())["records"]
    assert [record["annotator"] for record in records] == [
        "user-4",
        "user-5",
        "f@example.com",
        "g@example.com",
        "user-4",
    ]
    assert ran.err.count("without a known e-mail address") == 1
    assert "user 4 is called user-4, user 5 is called user-5" in ran.err


def twice(number: int, *, of: int = 12) -> list[dict[str, Any]]:
    """A task as target storage writes it: once for each of its two annotations, the second time with both."""
    by = [annotation(10 * number + who, EDIT, completed_by=who, project=of) for who in (1, 2)]
    return [task(number, by[0], project=of), task(number, *by, project=of)]


def counts(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text())["counts"]
    return found


def test_an_annotation_that_is_there_twice_counts_once(run: Callable[..., Any], tmp_path: Path) -> None:
    first, second = twice(1)
    ran = run("convert", export(tmp_path, first, task(2, annotation(5, SAME)), second), "--format", "trl-dpo")
    assert ran.exit_code == 0
    lines = ran.out.splitlines()
    assert lines[:2] == ["2 tasks, 3 annotations", "  edited          2"]
    assert "1 annotation left out, being in the input more than once (the newest counts)" in lines
    assert [row["annotator"] for row in read_rows(tmp_path / "data" / "trl" / "dpo.jsonl")] == ["1", "2"]
    found = counts(tmp_path / "data")
    assert (found["tasks"], found["annotations"], found["duplicates"]) == (2, 3, 1)


def test_without_duplicates_the_manifest_does_not_name_them(run: Callable[..., Any], tmp_path: Path) -> None:
    run("convert", export(tmp_path, task(1, annotation(1, EDIT)), task(2, annotation(1, EDIT))))
    assert not {"duplicates", "unopened", "copies", "excluded_by_review"} & counts(tmp_path / "data").keys()


@pytest.mark.parametrize(("policy", "rows"), [("agree", ["1+2"]), ("latest", ["2"]), ("all", ["1", "2"])])
def test_the_annotations_of_a_task_in_several_places_are_of_one_task(
    run: Callable[..., Any], tmp_path: Path, policy: str, rows: list[str]
) -> None:
    first, second = twice(1)
    second["annotations"] = second["annotations"][1:]
    name = export(tmp_path, first, second)
    assert run("convert", name, "--format", "trl-dpo", "--annotators-policy", policy).exit_code == 0
    assert [row["annotator"] for row in read_rows(tmp_path / "data" / "trl" / "dpo.jsonl")] == rows
    assert counts(tmp_path / "data")["tasks"] == 1


def test_tasks_without_an_id_or_of_other_projects_are_not_one(run: Callable[..., Any], tmp_path: Path) -> None:
    nameless = {key: value for key, value in task(1, annotation(1, EDIT)).items() if key != "id"}
    name = export(tmp_path, nameless, nameless, *(task(1, annotation(1, EDIT), project=number) for number in (1, 2)))
    assert run("convert", name).exit_code == 0
    found = counts(tmp_path / "data")
    assert (found["tasks"], found["edited"], "duplicates" in found) == (4, 4, False)


class Pipe(RawIOBase):
    """Bytes that come a few at a time, and cannot be read again."""

    def __init__(self, content: bytes) -> None:
        self._content = BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._content.read(min(len(buffer), 700))
        buffer[: len(piece)] = piece
        return len(piece)


def source_of(raw: bytes, folder: Path, monkeypatch: pytest.MonkeyPatch, *, piped: bool) -> list[Source]:
    """A source of these bytes: a file, or a pipe as standard input."""
    if piped:
        monkeypatch.setattr(sys, "stdin", TextIOWrapper(BufferedReader(Pipe(raw))))
        return [Source(None)]
    (folder / "e.json").write_bytes(raw)
    return [Source(folder / "e.json")]


@pytest.mark.parametrize("form", ["array", "lines"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("piped", [False, True])
def test_a_task_in_two_places_is_one_however_it_is_read(
    tmp_path: Path, form: str, packed: bool, piped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ls_trajedit.convert.run.converted_chunks", partial(converted_chunks, **SMALL_CHUNKS))
    first = [twice(number)[0] for number in range(1, 41)]
    second = [twice(number)[1] for number in range(40, 0, -1)]
    tasks = [*first, task(99, annotation(1, SAME)), *second]
    text = json.dumps(tasks) if form == "array" else "\n".join(map(json.dumps, tasks))
    raw = gzip.compress(text.encode()) if packed else text.encode()
    sources = source_of(raw, tmp_path, monkeypatch, piped=piped)
    summary = convert(sources, generated_schema(Options()), ReadingRules(), tmp_path / "out", lambda done, total: None)
    assert (summary.counts["tasks"], summary.counts["edited"], summary.counts["duplicates"]) == (41, 80, 40)
    records = json.loads((tmp_path / "out" / "trajectory_corrections.json").read_text())["records"]
    assert [(r["source"]["task_id"], r["source"]["annotation_id"]) for r in records] == [
        *((number, 10 * number + who) for number in range(1, 41) for who in (1, 2)),
        (99, 1),
    ]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("piped", [False, True])
@pytest.mark.parametrize("repeated", [False, True])
def test_a_branch_is_joined_with_what_it_continues_however_both_are_read(
    tmp_path: Path, packed: bool, piped: bool, repeated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ls_trajedit.convert.run.converted_chunks", partial(converted_chunks, **SMALL_CHUNKS))
    parent = plain_parent()
    # The branch comes first, and between them is more than is converted at a time.
    others = [plain_parent(branch_annotation(100 + n), task=20 + n) for n in range(20)]
    tasks = [branch_of_plain(parent, branch_annotation(9)), *others, parent, *([parent, others[0]] if repeated else [])]
    raw = json.dumps(tasks).encode()
    raw = gzip.compress(raw) if packed else raw
    summary = convert(
        source_of(raw, tmp_path, monkeypatch, piped=piped),
        read_config(PLAIN_CONFIG),
        ReadingRules(),
        tmp_path / "out",
        lambda done, total: None,
        ExportPlan(formats_named(["corrections", "trl-sft"]), rules=TrainingRules(accept_branches=True)),
    )
    assert (summary.counts["tasks"], summary.counts["accepted_branches"]) == (22, 1)
    assert "superseded" not in summary.counts
    rows = read_rows(tmp_path / "out" / "trl" / "sft.jsonl")
    assert [(row["n_edits"], row["regenerated"]) for row in rows] == [(1, True), (0, False)]


def test_what_is_not_a_task_after_a_task_that_is_there_twice_is_an_error_with_its_line(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    lines = [*map(json.dumps, twice(1)), '{"id": 2}', "{"]
    (tmp_path / "e.jsonl").write_text("\n".join(lines))
    ran = run("convert", "e.jsonl")
    assert (ran.exit_code, "e.jsonl:3: not a task with a list of `annotations`" in ran.err) == (5, True)
    assert files(tmp_path / "data") == {}


def test_what_a_reviewer_rejected_is_left_out(run: Callable[..., Any], tmp_path: Path) -> None:
    reviewed = [annotation(n, EDIT, reviews=[{"accepted": yes}]) for n, yes in ((1, True), (2, False))]
    name = export(tmp_path, task(1, *reviewed, annotation(3, EDIT)))

    def kept(*arguments: str) -> list[tuple[int, str | None]]:
        assert run("convert", name, *arguments).exit_code == 0
        records = json.loads((tmp_path / "data" / "trajectory_corrections.json").read_text())["records"]
        return [(r["source"]["annotation_id"], r["source"].get("review")) for r in records]

    assert kept() == [(1, "accepted"), (3, None)]
    assert counts(tmp_path / "data")["excluded_by_review"] == {"rejected": 1}
    assert kept("--reviewed", "any") == [(1, "accepted"), (2, "rejected"), (3, None)]
    assert "excluded_by_review" not in counts(tmp_path / "data")
    assert kept("--reviewed", "accepted") == [(1, "accepted")]
    assert counts(tmp_path / "data")["excluded_by_review"] == {"rejected": 1, "unreviewed": 1}
    assert (
        "  excluded        2   (1 rejected by a reviewer, 1 not accepted by a reviewer)"
        in run("convert", name, "--reviewed", "accepted").out.splitlines()
    )


def test_what_nobody_opened_is_counted_and_teaches_nothing(run: Callable[..., Any], tmp_path: Path) -> None:
    # Results that nobody touched in the editor have no origin.
    predicted = {key: value for key, value in SAME.items() if key != "origin"}
    unopened = annotation(1, predicted, parent_prediction=7, lead_time=None, completed_by=1)
    name = export(tmp_path, task(1, unopened), task(2, unopened | {"id": 2}, annotation(3, EDIT, completed_by=2)))
    ran = run("convert", name, "--format", "all")
    assert "2 annotations made by an action and opened by nobody: in no training file" in ran.out
    found = counts(tmp_path / "data")
    assert (found["edited"], found["unedited"], found["unopened"]) == (1, 2, 2)
    (row,) = read_rows(tmp_path / "data" / "prm" / "prm.jsonl")
    assert (row["trace_id"], row["labels"]) == ("tr2", [False, True, True])
    records = json.loads((tmp_path / "data" / "trajectory_corrections.json").read_text())["records"]
    assert [r["source"].get("unopened") for r in records] == [True, True, None]
    # It is not a second opinion either.
    run("convert", name, "--format", "prm", "--annotators-policy", "agree")
    assert read_rows(tmp_path / "data" / "prm" / "prm.jsonl") == []


def test_a_copy_is_a_record_and_no_second_row(run: Callable[..., Any], tmp_path: Path) -> None:
    name = export(tmp_path, task(1, annotation(1, EDIT), annotation(2, EDIT, parent_annotation=1)))
    ran = run("convert", name, "--format", "all")
    assert "1 annotation repeating another one of the same person: in no training file" in ran.out
    found = counts(tmp_path / "data")
    assert (found["edited"], found["copies"]) == (2, 1)
    records = json.loads((tmp_path / "data" / "trajectory_corrections.json").read_text())["records"]
    assert [r["source"].get("copy_of") for r in records] == [None, 1]
    for file in ("trajectory_sft.jsonl", "trajectory_dpo.jsonl", "native/corrected.jsonl", "trl/dpo.jsonl"):
        assert len(read_rows(tmp_path / "data" / file)) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"id": 1, "data": {}, "annotations": []},\n{"id": 2, ', "export.json:2: not JSON: "),
        ("[5]", "export.json:1: not a task with a list of `annotations`: export the project from Label Studio as JSON"),
        ('[\n{"id": 1, "steps": "edited"}]', "export.json:2: not a task with a list of `annotations`"),
        ('{"id": 1, "annotations": [1]}\n\n{"id": 2, "annotations": 5}', "export.json:3: not a task"),
        ("id,data\n1,2\n", "export.json:1: not JSON: "),
    ],
)
def test_what_is_not_an_export_is_an_error_with_its_line_and_leaves_the_old_files(
    run: Callable[..., Any], tmp_path: Path, text: str, message: str
) -> None:
    run("convert", export(tmp_path, task(1, annotation(1, EDIT)), name="good.json"))
    before = files(tmp_path / "data")
    (tmp_path / "export.json").write_text(text, encoding="utf-8")
    ran = run("convert", "export.json")
    assert ran.exit_code == 5
    assert ran.err.startswith(f"ls-trajedit: {message}")
    assert files(tmp_path / "data") == before


def test_utf_16_is_an_error_that_says_what_to_do(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "e.json").write_bytes(json.dumps([task(1)]).encode("utf-16"))
    ran = run("convert", "e.json")
    assert (ran.exit_code, ran.err) == (5, "ls-trajedit: e.json: the file is UTF-16; save it as UTF-8\n")


@pytest.mark.parametrize(
    ("arguments", "message", "exit_code"),
    [
        (["nothere.json"], "nothere.json: cannot be read: No such file or directory", 2),
        (["e.json", "--config", "nothere.xml"], "nothere.xml: cannot be read", 2),
        (["e.json", "--options", "nothere.yaml"], "nothere.yaml: cannot be read", 2),
        (["e.json", "--config", "e.json"], "the labeling config is not XML", 3),
        (["e.json", "--config", "e.json", "--project", "1"], "give either --config or --project, not both", 2),
        (["e.json", "--project", "1"], "no token: set LABEL_STUDIO_API_KEY", 3),
        (["e.json", "--since", "soon"], "'soon' is not a date or time", 2),
        (["e.json", "--annotators", "name"], "'name' is not one of", 2),
        (["e.json", "-o", "e.json"], "e.json is not a folder", 2),
        (["e.json", "-o", "e.json/below"], "e.json/below: cannot write there", 3),
        ([], "Missing argument", 2),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    run: Callable[..., Any], tmp_path: Path, arguments: list[str], message: str, exit_code: int
) -> None:
    export(tmp_path, task(1), name="e.json")
    ran = run("convert", *arguments)
    assert ran.exit_code == exit_code
    assert message in ran.err
    assert ran.out == ""


def test_tasks_are_read_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first tasks are done before the last ones are read."""
    text = json.dumps([task(number, annotation(number, EDIT)) for number in range(1, 4001)]).encode()
    assert len(text) > 1 << 20
    text += b" " * (3 << 20)
    stream = BytesIO(text)
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BufferedReader(stream)))  # type: ignore[type-var]  # as in a pipe
    seen: list[tuple[int, int]] = []
    schema = generated_schema(Options())
    convert([Source(None)], schema, ReadingRules(), tmp_path, lambda done, total: seen.append((done, stream.tell())))
    assert seen[0][0] < seen[-1][0] == 4000
    assert seen[0][1] < len(text)


def test_a_broken_export_is_an_error_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "e").write_bytes(b'[{"id": ')
    sources, schema = [Source(tmp_path / "e")], generated_schema(Options())
    with pytest.raises(DataError, match="e:1: not JSON"):
        convert(sources, schema, ReadingRules(), tmp_path / "out", lambda *_: None)
    assert files(tmp_path / "out") == {}


class FailingDisk(RawIOBase):
    """An export of which one task can be read, on a disk that then fails."""

    def __init__(self) -> None:
        self._chunks = iter([json.dumps([task(1, annotation(1, EDIT))]).encode()[:-1] + b","])

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        for chunk in self._chunks:
            buffer[: len(chunk)] = chunk
            return len(chunk)
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_an_export_that_cannot_be_read_to_its_end_is_not_called_a_failure_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BufferedReader(FailingDisk())))
    with pytest.raises(DataError, match=r"^standard input: cannot be read: Input/output error$"):
        convert([Source(None)], generated_schema(Options()), ReadingRules(), tmp_path, lambda *_: None)
    assert files(tmp_path) == {}


@pytest.mark.parametrize("damage", [slice(0, -20), slice(0, -8)], ids=["in the middle", "before the checksum"])
def test_a_gzip_that_is_cut_off_is_called_that(run: Callable[..., Any], tmp_path: Path, damage: slice) -> None:
    whole = gzip.compress(json.dumps([task(1, annotation(1, EDIT))]).encode())
    (tmp_path / "e.json.gz").write_bytes(whole[damage])
    ran = run("convert", "e.json.gz")
    assert (ran.exit_code, "e.json.gz: the gzip is damaged or cut off" in ran.err) == (5, True)


def test_a_gzip_with_a_wrong_checksum_is_called_damaged(run: Callable[..., Any], tmp_path: Path) -> None:
    whole = bytearray(gzip.compress(json.dumps([task(1, annotation(1, EDIT))]).encode()))
    whole[-8] ^= 1
    (tmp_path / "e.json.gz").write_bytes(whole)
    ran = run("convert", "e.json.gz")
    assert (ran.exit_code, "e.json.gz: the gzip is damaged or cut off" in ran.err) == (5, True)
    assert "make room" not in ran.err


@given(cases())
def test_without_a_config_the_names_are_those_that_the_generator_gave(case: Case) -> None:
    options = replace(case.options, step_labels=StepLabels(correctness=["ok"], error_types=["tool"]), max_steps=None)
    project = project_of(options, case.traces)
    written, generated = read_config(project.config), generated_schema(options)
    for data in project.data:
        count = len(get_field(data, parse_path(options.steps_key)))
        real, assumed = written.controls(data), generated.controls(data)
        wanted = [e for e in real.editors if e.step_index is None or e.step_index < count]
        known = {editor.control: editor for editor in assumed.editors}
        assert [(e.original, e.path, e.field) for e in wanted] == [
            (known[e.control].original, known[e.control].path, known[e.control].field) for e in wanted
        ]
        assert {e.reason for e in wanted if e.reason} <= {e.reason for e in assumed.editors}
        assert {label for label in real.labels if label.step_index < count} <= set(assumed.labels)


def test_without_the_config_a_text_for_a_step_that_the_task_lacks_costs_nothing_else() -> None:
    """Label Studio up to 1.22.0 shows the cards of steps that a task lacks, and the generated schema has a Repeater."""
    results = [
        text_result("step_0__action__corrected", "step_0__action", "b"),
        text_result("step_7__action__corrected", "step_7__action", "lost?"),
        text_result("step_3__action__reason", "step_3__action", " "),
    ]
    task = {"id": 1, "data": {"steps": [{"action": "a"}]}, "annotations": [{"id": 1, "result": results}]}
    (outcome,) = convert_task(task, generated_schema(Options()), ReadingRules())
    assert isinstance(outcome, Edited)
    assert [edit.edited_text for edit in outcome.record.edits] == ["b"]
    assert outcome.record.source.remarks == (Remark("step_7__action__corrected", 7, "action", "lost?"),)


@pytest.mark.parametrize(
    "name", ["step_x__action__corrected", "step_01__action__corrected", "step_9__thought__corrected"]
)
def test_without_the_config_a_name_of_no_step_is_rejected(name: str) -> None:
    results = [text_result(name, "step_0__action", "b")]
    task = {"id": 1, "data": {"steps": [{"action": "a"}]}, "annotations": [{"id": 1, "result": results}]}
    (outcome,) = convert_task(task, generated_schema(Options()), ReadingRules())
    assert isinstance(outcome, Rejected)
    assert outcome.reject.reason is RejectReason.UNKNOWN_CONTROL


PACKED = gzip.compress(json.dumps([task(number, annotation(number, EDIT)) for number in range(1, 40)]).encode())


@pytest.mark.parametrize(
    ("damaged", "why"),
    [
        (PACKED[:-200], "Compressed file ended before the end-of-stream marker was reached"),
        (PACKED[:5], "Compressed file ended before the end-of-stream marker was reached"),
        (PACKED[:-8] + bytes(4) + PACKED[-4:], "CRC check failed"),
        (PACKED[:-4] + bytes(4), "Incorrect length of data produced"),
        (PACKED + b"garbage", "Not a gzipped file"),
        (PACKED[:200] + b"\xff" * 20 + PACKED[220:], "invalid"),
        (PACKED[:2] + b"\x07" + PACKED[3:], "Unknown compression method"),
    ],
    ids=["cut", "in the head", "checksum", "length", "trailing", "flipped", "method"],
)
@pytest.mark.parametrize("piped", [False, True])
def test_a_damaged_gzip_is_said_of_the_input_and_yesterdays_files_stay(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged: bytes, why: str, piped: bool
) -> None:
    assert run("convert", export(tmp_path, task(1, annotation(1, EDIT)))).exit_code == 0
    before = files(tmp_path / "data")
    (tmp_path / "e.json.gz").write_bytes(damaged)
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BufferedReader(Pipe(damaged))))
    ran = run("convert", "-" if piped else "e.json.gz")
    name = "standard input" if piped else "e.json.gz"
    assert (ran.exit_code, ran.err.startswith(f"ls-trajedit: {name}: the gzip is damaged or cut off (")) == (5, True)
    assert why in ran.err
    assert "make room" not in ran.err
    assert files(tmp_path / "data") == before


EMPTY = [b"", b" \n\t\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"]


@pytest.mark.parametrize("content", [*EMPTY, *(gzip.compress(empty, mtime=0) for empty in EMPTY)])
@pytest.mark.parametrize("piped", [False, True])
def test_an_input_of_nothing_is_an_error_and_yesterdays_files_stay(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, piped: bool
) -> None:
    """As `curl … | ls-trajedit convert -` makes it when curl fails."""
    assert run("convert", export(tmp_path, task(1, annotation(1, EDIT)))).exit_code == 0
    before = files(tmp_path / "data")
    (tmp_path / "e.json").write_bytes(content)
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BufferedReader(Pipe(content))))
    ran = run("convert", "-" if piped else "e.json")
    name = "standard input" if piped else "e.json"
    assert (ran.exit_code, ran.err) == (
        5,
        f"ls-trajedit: {name}: is empty, and even an export without tasks is `[]`. No file was changed; export the "
        "project again\n",
    )
    assert files(tmp_path / "data") == before


def test_the_null_device_is_an_input_of_nothing(run: Callable[..., Any]) -> None:
    ran = run("convert", os.devnull)
    assert (ran.exit_code, f"{os.devnull}: is empty" in ran.err) == (5, True)


@pytest.mark.parametrize("content", [b"[]", b" [\n] ", gzip.compress(b"[]", mtime=0)])
def test_an_export_of_no_tasks_is_one_and_what_it_replaces_is_said(
    run: Callable[..., Any], tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "none.json").write_bytes(content)
    ran = run("convert", "none.json")
    assert (ran.exit_code, ran.err, ids(tmp_path / "data" / "trajectory_sft.jsonl")) == (0, "", [])
    assert run("convert", export(tmp_path, *(task(n, annotation(n, EDIT)) for n in (1, 2)))).exit_code == 0
    ran = run("convert", "none.json")
    assert (ran.exit_code, ids(tmp_path / "data" / "trajectory_sft.jsonl")) == (0, [])
    assert ran.err == (
        "warning: no task was read, and these files take the place of those of 2 annotations; --fail-under 1 would "
        "have ended with 5\n"
    )
    # Once it was said, there is nothing to say.
    assert run("convert", "none.json").err == ""


ONE = json.dumps(task(1, annotation(1, EDIT)))


@pytest.mark.parametrize(
    "content",
    [
        f"[{ONE},",
        f"[{ONE}",
        "[",
        "[{",
        f"[{ONE}][{ONE}]",
        f"[{ONE}]\n[{ONE}]",
        "[][]",
        f"{ONE}\n{ONE[:-40]}",
        f"{ONE}{ONE}",
        f"[{ONE}]\n{ONE}",
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_what_is_cut_off_or_put_together_is_an_error_and_yesterdays_files_stay(
    run: Callable[..., Any], tmp_path: Path, content: str, packed: bool
) -> None:
    assert run("convert", export(tmp_path, task(5, annotation(1, EDIT)))).exit_code == 0
    before = files(tmp_path / "data")
    (tmp_path / "e.json").write_bytes(gzip.compress(content.encode()) if packed else content.encode())
    ran = run("convert", "e.json")
    assert (ran.exit_code, ran.err.startswith("ls-trajedit: e.json:")) == (5, True)
    assert "is the export complete?" in ran.err
    assert files(tmp_path / "data") == before


FULL = """
import os, sys
step = int(sys.argv.pop(1))
done = 0

def failing(real):
    def call(*arguments, **options):
        global done
        done += 1
        if done == step:
            raise OSError(28, "No space left on device")
        return real(*arguments, **options)
    return call

for name in ("fsync", "mkdir", "replace", "rename"):
    setattr(os, name, failing(getattr(os, name)))
from ls_trajedit.cli import main
try:
    main()
finally:
    print(f"{done} calls")
"""


def test_a_disk_that_fills_at_any_moment_leaves_old_files_or_new_ones(run: Callable[..., Any], tmp_path: Path) -> None:
    old = export(tmp_path, task(1, annotation(1, EDIT)), name="old.json")
    new = export(tmp_path, task(2, annotation(2, EDIT)), name="new.json")
    assert run("convert", new, "-o", "fresh").exit_code == 0
    expected = files(tmp_path / "fresh")
    step = failed = 0
    calls = 1
    # In the last run, no call failed.
    while step <= calls:
        step += 1
        folder = tmp_path / f"data-{step}"
        assert run("convert", old, "-o", folder.name).exit_code == 0
        before = files(folder)
        arguments = [sys.executable, "-c", FULL, str(step), "convert", new, "-o", folder.name]
        ran = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=False)
        calls = int(ran.stdout.split()[-2])
        found = files(folder)
        if ran.returncode == 0:
            assert found == expected, step
        else:
            failed += 1
            assert ran.stderr.startswith(f"ls-trajedit: {folder.name}: "), (step, ran.stderr)
            assert "No space left on device" in ran.stderr
        assert all(content in (before.get(name), expected.get(name)) for name, content in found.items()), step
        assert run("verify", folder.name).exit_code == (0 if found in (before, expected) else 5)
        assert run("convert", new, "-o", folder.name).exit_code == 0
        assert files(folder) == expected
    # At least each of the five files, synced and put in place.
    assert failed > 10


def test_a_folder_that_disappears_meanwhile_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    (tmp_path / "e.json").write_text(json.dumps([task(1, annotation(1, EDIT))]), encoding="utf-8")

    def remove(done: int, total: int | None) -> None:
        shutil.rmtree(folder)

    with pytest.raises(DataError, match=r"out: writing failed: No such file or directory; choose another folder"):
        convert([Source(tmp_path / "e.json")], generated_schema(Options()), ReadingRules(), folder, remove)
    assert not folder.exists()
