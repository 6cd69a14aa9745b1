"""What a nightly job gets from a pull: exit codes, JSON, a page of tables, lines in its log."""

from __future__ import annotations

import hashlib
import itertools

import pytest

from .hostile_label_studio import corrected
from .puller import OUTPUTS, Puller


@pytest.fixture
def puller(puller: Puller) -> Puller:
    """Somebody whose project has an edited, a rejected and a skipped annotation, and has never pulled."""
    tasks = [puller.label_studio.add_task() for _ in range(4)]
    puller.label_studio.annotate(tasks[0], corrected("better"))
    puller.label_studio.annotate(tasks[1], corrected("x", "nobody"))
    puller.label_studio.annotate(tasks[2], was_cancelled=True)
    puller.label_studio.pass_time()
    return puller


def test_a_check_before_the_first_pull_says_1_and_makes_no_folder(puller: Puller) -> None:
    ran = puller.pull("--check")
    assert (ran.exit_code, ran.out) == (1, "")
    assert ran.err == f"{puller.folder}: there is something to pull from project 12\n"
    assert not puller.folder.exists()


def test_a_check_says_0_until_something_changes_and_writes_nothing(puller: Puller) -> None:
    puller.pull()
    puller.label_studio.pass_time()
    everything = {path: path.read_bytes() for path in puller.folder.rglob("*") if path.is_file()}
    times = {path: path.stat().st_mtime_ns for path in everything}

    def checked(*arguments: str) -> int:
        ran = puller.pull("--check", *arguments)
        assert len(ran.asked) <= 3
        assert {path: path.read_bytes() for path in puller.folder.rglob("*") if path.is_file()} == everything
        assert {path: path.stat().st_mtime_ns for path in everything} == times
        return ran.exit_code

    assert checked() == 0
    assert checked("--annotators", "hash") == 1

    puller.label_studio.tasks[1]["drafts"] = 1
    assert checked() == 1
    puller.label_studio.tasks[1]["drafts"] = 0
    assert checked() == 0

    puller.label_studio.title = "Renamed"
    assert checked() == 1
    puller.label_studio.title = "Traces"

    puller.label_studio.change_annotation(1, 0, result=[corrected("best")])
    assert checked() == 1


def test_a_check_finds_a_deletion_and_an_output_file_that_is_not_ours(puller: Puller) -> None:
    puller.pull()
    puller.label_studio.pass_time()
    (puller.folder / "rejects.jsonl").write_text("mine\n")
    assert puller.pull("--check").exit_code == 1
    puller.pull()
    assert puller.pull("--check").exit_code == 0
    puller.label_studio.delete_task(4)
    assert puller.pull("--check").exit_code == 1


def test_a_check_of_a_server_that_is_down_does_not_end_with_1(puller: Puller) -> None:
    puller.label_studio.takes_tokens = False
    assert puller.pull("--check").exit_code == 3


def test_check_and_full_do_not_go_together(puller: Puller) -> None:
    ran = puller.pull("--check", "--full")
    assert (ran.exit_code, ran.asked) == (2, [])


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--fail-under", "1"], 0, ""),
        (["--fail-under", "2"], 5, "1 annotation edited (--fail-under 2); the files in "),
        (["--max-rejects", "1"], 0, ""),
        (["--max-rejects", "0"], 5, "1 annotation rejected (--max-rejects 0): "),
        (["--strict"], 5, "1 annotation rejected (--strict): "),
        (["--strict", "--fail-under", "2"], 5, "1 annotation rejected (--strict): "),
    ],
)
def test_limits_give_exit_code_5_with_the_files_written(
    puller: Puller, arguments: list[str], code: int, words: str
) -> None:
    for _ in range(2):
        ran = puller.pull(*arguments)
        assert ran.exit_code == code
        assert words in ran.err
        assert set(puller.outputs()) == set(OUTPUTS)
        assert "4 tasks, 3 annotations" in ran.out


def test_strict_and_max_rejects_do_not_go_together(puller: Puller) -> None:
    ran = puller.pull("--strict", "--max-rejects", "3")
    assert ran.exit_code == 2
    assert "give either --strict or --max-rejects, not both" in ran.err
    assert not puller.folder.exists()


def test_json_is_one_object_that_says_all(puller: Puller) -> None:
    printed = puller.pull("--json").json()
    files = printed.pop("files")
    assert printed == {
        "tasks": 4,
        "annotations": 3,
        "edited": 1,
        "unedited": 0,
        "rejected": 1,
        "skipped": 1,
        "excluded": 0,
        "drafts": 0,
        "rejected_by_reason": {"unknown_control": 1},
        "edits_by_field": {"action": 1},
        "by_annotator": {"1": {"edited": 1, "rejected": 1, "skipped": 1}},
        "up_to_date": False,
        "changes": {"new": 1, "changed": 0, "removed": 0},
        "folder": str(puller.folder),
    }
    assert files == [
        {"file": name, "rows": rows, "sha256": hashlib.sha256((puller.folder / name).read_bytes()).hexdigest()}
        for name, rows in zip(OUTPUTS, (1, 1, 1, 1), strict=False)
    ]
    again = puller.pull("--json").json()
    assert again == {
        **printed,
        "files": files,
        "up_to_date": True,
        "changes": {"new": 0, "changed": 0, "removed": 0},
    }


def test_a_failing_pull_prints_no_json(puller: Puller) -> None:
    puller.label_studio.has_project = False
    assert puller.pull("--json").out == ""


def test_a_github_job_gets_tables_in_which_nothing_is_markup(puller: Puller, monkeypatch: pytest.MonkeyPatch) -> None:
    page = puller.folder.parent / "summary.md"
    page.write_text("what other steps wrote\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    puller.label_studio.label_config = (
        '<View><Text name="first" value="$steps[0].__action__"/><TextArea name="better" toName="first"/></View>'
    )
    for task in puller.label_studio.tasks.values():
        task["data"]["steps"][0]["__action__"] = "look"
    ran = puller.pull()
    assert ran.exit_code == 0
    text = page.read_text(encoding="utf-8")
    assert text.startswith(
        "what other steps wrote\n| ls-trajedit pull, project 12 |  |\n| --- | ---: |\n| tasks | 4 |\n"
    )
    assert "| edited | 1 |\n" in text
    assert "| since the last pull | records: 1 new, 0 changed, 0 removed |\n" in text
    assert "| &#95;&#95;action&#95;&#95; | 1 |\n" in text
    assert "| trajectory&#95;sft.jsonl | 1 |\n" in text
    puller.label_studio.pass_time()
    puller.pull()
    assert "| since the last pull | up to date |\n" in page.read_text(encoding="utf-8")[len(text) :]


def test_a_github_page_that_cannot_be_written_does_not_fail_the_job(
    puller: Puller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(puller.folder.parent / "nowhere" / "summary.md"))
    ran = puller.pull()
    assert ran.exit_code == 0
    assert "GITHUB_STEP_SUMMARY: " in ran.err
    assert "cannot be written: No such file or directory" in ran.err


def test_a_log_gets_a_line_every_30_seconds(puller: Puller, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(400):
        puller.label_studio.add_task()
    seconds = itertools.count(0, 20)
    monkeypatch.setattr("ls_trajedit.progress.time.monotonic", lambda: next(seconds))
    ran = puller.pull()
    assert ran.exit_code == 0
    lines = ran.err.splitlines()
    assert lines[0] == "pulling project 12: 300 of 404 tasks"
    assert all(line.endswith(" of 404 tasks") for line in lines)
    assert "\r" not in ran.err


def test_a_short_pull_says_nothing_on_the_way(puller: Puller) -> None:
    assert puller.pull().err == ""


def test_emails_are_asked_for_only_when_they_are_wanted(puller: Puller) -> None:
    ran = puller.pull("--annotators", "email")
    assert ran.asked == ["project", "users", "tasks", "version", "drafts"]
    assert puller.read("trajectory_corrections.json")["records"][0]["annotator"] == "ana@example.com"
