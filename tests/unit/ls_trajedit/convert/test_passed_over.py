"""Sources of which nothing is read are counted and named, and change nothing else."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ls_trajedit.convert import passed_over
from ls_trajedit.convert.passed_over import PassedOver, readable_tasks
from ls_trajedit.convert.sources import Source
from ls_trajedit.converters.chunk import RawTask
from ls_trajedit.traces.errors import DataError, DeniedError, ServerError, SetupError, TrajeditError, UsageError
from ls_trajedit.traces.json_text import RawJson
from tests.support.exports import EDIT, annotation, read_rows, task
from tests.unit.conftest import Run

WHOLE = json.dumps([task(1, annotation(1, EDIT))]).encode()
# Two tasks can be read before the place where it breaks.
LINES = b"\n".join(json.dumps(task(number, annotation(number, EDIT))).encode() for number in (2, 3, 4))
BROKEN = {
    "cut line": LINES[:-30],
    "cut gzip": gzip.compress(LINES)[:-10],
    "something else": LINES + b'\n{"id": 5}\n',
    "bare annotation": LINES + b'\n{"id": 5, "task": 1, "result": [], "completed_by": 1, "was_cancelled": false}\n',
}


def trained(folder: Path) -> list[str]:
    return [row["trace_id"] for row in read_rows(folder / "data" / "trajectory_sft.jsonl")]


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("named", [False, True])
def test_a_broken_source_is_an_error_or_skipped_whole(run: Run, tmp_path: Path, content: bytes, named: bool) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_bytes(content)
    (tmp_path / "in" / "b").write_bytes(WHOLE)
    names = ["in/a", "in/b"] if named else ["in"]
    ran = run("convert", *names)
    assert (ran.exit_code, ran.err.startswith("ls-trajedit: in/a:")) == (5, True)
    assert not (tmp_path / "data" / "manifest.json").exists()
    ran = run("convert", *names, "--skip-invalid")
    assert (ran.exit_code, ran.err.startswith("skipped: in/a:"), len(ran.err.splitlines())) == (0, True, 1)
    assert "1 source left out with --skip-invalid, being broken" in ran.out
    assert trained(tmp_path) == ["tr1"]
    counts = json.loads((tmp_path / "data" / "manifest.json").read_text(encoding="utf-8"))["counts"]
    assert (counts["tasks"], counts["unreadable_sources"], "other_objects" in counts) == (1, 1, False)


@pytest.mark.parametrize(
    "failure", [DeniedError("b: no"), DataError("b: is not there"), UsageError("b: cannot be read")]
)
def test_a_source_that_may_not_be_read_or_went_away_is_skipped_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: TrajeditError
) -> None:
    assert skipped(failure, tmp_path, monkeypatch) == [str(failure)]


@pytest.mark.parametrize("failure", [ServerError("no answer"), SetupError("an extra is missing")])
def test_what_goes_wrong_for_every_source_is_never_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: TrajeditError
) -> None:
    with pytest.raises(type(failure)):
        skipped(failure, tmp_path, monkeypatch)


def skipped(failure: TrajeditError, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is noted of the second of three sources, which fails after its first task."""
    tasks = [RawTask(name, RawJson(b"{}")) for name in "abc"]

    def failing() -> Iterator[RawTask]:
        yield tasks[1]
        raise failure

    each = [(Source(Path("a")), iter(tasks[:1])), (Source(Path("b")), failing()), (Source(Path("c")), iter(tasks[2:]))]
    monkeypatch.setattr(passed_over, "tasks_in_each", lambda sources: each)
    (folder / "work").mkdir()
    noted = PassedOver()
    found = list(readable_tasks([], noted, folder / "work", skip_invalid=True))
    assert [task.place for task in found] == ["a", "c"]
    return noted.unreadable


def test_what_was_found_and_is_not_annotations_is_counted_and_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "export").write_bytes(WHOLE)
    for number in range(22):
        (tmp_path / "in" / f"note-{number:02}.md").write_text("# Note\n", encoding="utf-8")
    ran = run("convert", "in")
    assert ran.exit_code == 0
    assert "22 objects passed over, not being annotations" in ran.out
    assert ran.err.splitlines() == [
        *(f"not annotations, passed over: in/note-{number:02}.md" for number in range(20)),
        "not annotations, passed over: … and 2 more (--json names all)",
    ]
    found = json.loads(run("convert", "in", "--json").out)
    assert found["other_objects"] == 22
    assert found["other_names"] == [f"in/note-{number:02}.md" for number in range(22)]
    counts = json.loads((tmp_path / "data" / "manifest.json").read_text(encoding="utf-8"))["counts"]
    assert (counts["other_objects"], "unreadable_sources" in counts) == (22, False)


@pytest.mark.parametrize("option", [[], ["--skip-invalid"]])
def test_what_was_named_and_is_not_annotations_is_an_error(run: Run, tmp_path: Path, option: list[str]) -> None:
    (tmp_path / "export").write_bytes(WHOLE)
    (tmp_path / "note.md").write_text("# Note\n", encoding="utf-8")
    ran = run("convert", "export", "note.md", *option)
    assert (ran.exit_code, ran.err) == (
        5,
        "ls-trajedit: note.md:1: not JSON: export the project from Label Studio as JSON (not JSON-MIN or CSV)\n",
    )


@pytest.mark.parametrize("names", [["a.md"], ["a.md", "b.md"]])
def test_where_nothing_is_annotations_no_file_is_changed(run: Run, tmp_path: Path, names: list[str]) -> None:
    (tmp_path / "export").write_bytes(WHOLE)
    assert run("convert", "export").exit_code == 0
    (tmp_path / "in").mkdir()
    for name in names:
        (tmp_path / "in" / name).write_text("# Note\n", encoding="utf-8")
    ran = run("convert", "in", "--skip-invalid")
    assert (ran.exit_code, ran.err.startswith("ls-trajedit: in/a.md: not")) == (5, True)
    assert trained(tmp_path) == ["tr1"]
