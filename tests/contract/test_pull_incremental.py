"""What a pull asks for, what it writes, and what it leaves alone."""

from __future__ import annotations

import pytest

from .hostile_label_studio import corrected
from .puller import OUTPUTS, Puller


@pytest.fixture
def pulled(puller: Puller) -> tuple[Puller, list[int]]:
    """Somebody who has pulled five tasks, two of them corrected, twenty minutes ago."""
    tasks = puller.pull_some_corrected(5)
    return puller, tasks


def test_the_first_pull_reads_everything_once(puller: Puller) -> None:
    tasks = [puller.label_studio.add_task() for _ in range(250)]
    for number in tasks:
        puller.label_studio.annotate(number, corrected(f"better {number}"))
    ran = puller.pull()
    assert (ran.exit_code, ran.err) == (0, "")
    assert ran.asked == ["project", "tasks", "tasks", "version", "drafts"]
    assert puller.completions() == [f"better {number}" for number in tasks]
    assert set(puller.outputs()) == set(OUTPUTS)


def test_with_nothing_new_a_pull_asks_three_times_and_writes_nothing(pulled: tuple[Puller, list[int]]) -> None:
    puller, _ = pulled
    before = puller.times()
    ran = puller.pull()
    assert ran.exit_code == 0
    assert ran.out.startswith("up to date: nothing changed since the last pull\n5 tasks, 2 annotations\n")
    assert ran.asked == ["project", "changed", "drafts"]
    assert puller.times() == before


def test_a_changed_annotation_is_the_one_thing_that_is_read_and_counted(pulled: tuple[Puller, list[int]]) -> None:
    puller, tasks = pulled
    puller.label_studio.change_annotation(tasks[0], 0, result=[corrected("better still")])
    ran = puller.pull()
    assert ran.asked == ["project", "changed", "version", "drafts"]
    assert "since the last pull: 0 new, 1 changed, 0 removed\n" in ran.out
    assert puller.completions() == ["better still", f"better {tasks[1]}"]


def test_a_new_task_costs_no_more_requests_than_a_changed_one(pulled: tuple[Puller, list[int]]) -> None:
    puller, _ = pulled
    puller.label_studio.annotate(puller.label_studio.add_task(), corrected("new"))
    ran = puller.pull()
    assert ran.asked == ["project", "changed", "version", "drafts"]
    assert "6 tasks, 3 annotations" in ran.out
    assert "1 new, 0 changed, 0 removed" in ran.out


def test_a_deleted_task_is_found_by_the_count_and_its_records_go(pulled: tuple[Puller, list[int]]) -> None:
    puller, tasks = pulled
    puller.label_studio.delete_task(tasks[0])
    ran = puller.pull()
    assert ran.asked == ["project", "changed", "counts", "project", "version", "drafts"]
    assert "0 new, 0 changed, 1 removed" in ran.out
    assert puller.completions() == [f"better {tasks[1]}"]


def test_as_many_new_tasks_as_deleted_ones_do_not_hide_the_deletion(pulled: tuple[Puller, list[int]]) -> None:
    puller, tasks = pulled
    puller.label_studio.delete_task(tasks[0])
    puller.label_studio.annotate(puller.label_studio.add_task(), corrected("new"))
    ran = puller.pull()
    assert "5 tasks, 2 annotations" in ran.out
    assert puller.completions() == [f"better {tasks[1]}", "new"]


def test_a_deleted_and_a_skipped_annotation_leave_the_files(pulled: tuple[Puller, list[int]]) -> None:
    puller, tasks = pulled
    puller.label_studio.delete_annotation(tasks[0], 0)
    puller.label_studio.change_annotation(tasks[1], 0, was_cancelled=True)
    ran = puller.pull("--json").json()
    assert (ran["annotations"], ran["skipped"], ran["edited"]) == (1, 1, 0)
    assert ran["changes"] == {"new": 0, "changed": 0, "removed": 2}
    assert puller.completions() == []


def test_only_files_whose_content_changed_are_replaced(pulled: tuple[Puller, list[int]]) -> None:
    puller, tasks = pulled
    before = puller.times()
    puller.label_studio.annotate(tasks[2])
    puller.pull()
    after = puller.times()
    replaced = {name for name in OUTPUTS if after[name] != before[name]}
    assert replaced == {"trajectory_corrections.json", "manifest.json"}


def test_a_draft_changes_nothing_but_the_manifest(pulled: tuple[Puller, list[int]]) -> None:
    puller, tasks = pulled
    before = puller.times()
    puller.label_studio.tasks[tasks[3]]["drafts"] = 1
    ran = puller.pull()
    assert ran.asked == ["project", "changed", "drafts"]
    assert "  drafts          1" in ran.out
    assert "up to date" not in ran.out
    assert puller.read("manifest.json")["counts"]["drafts"] == 1
    after = puller.times()
    assert {name for name in OUTPUTS if after[name] != before[name]} == {"manifest.json"}


def test_a_new_title_changes_nothing_but_the_manifest(pulled: tuple[Puller, list[int]]) -> None:
    puller, _ = pulled
    before = puller.times()
    puller.label_studio.title = "Renamed"
    puller.pull()
    assert puller.read("manifest.json")["project"]["title"] == "Renamed"
    after = puller.times()
    assert {name for name in OUTPUTS if after[name] != before[name]} == {"manifest.json"}


@pytest.mark.parametrize(
    "arguments",
    [("--annotators", "hash"), ("--ground-truth", "only"), ("--since", "2026-11-23"), ("--require-reason",)],
)
def test_another_rule_is_applied_without_reading_a_task_again(
    pulled: tuple[Puller, list[int]], arguments: tuple[str, ...]
) -> None:
    puller, _ = pulled
    ran = puller.pull(*arguments)
    assert ran.exit_code == 0
    assert ran.asked == ["project", "changed", "version", "drafts"]
    fresh = puller.folder.parent / "fresh"
    puller.pull(*arguments, into=fresh)
    assert puller.outputs() == puller.outputs(fresh)
    assert puller.pull(*arguments).out.startswith("up to date")


def test_another_labeling_config_is_applied_without_reading_a_task_again(pulled: tuple[Puller, list[int]]) -> None:
    puller, tasks = pulled
    puller.label_studio.label_config = (
        '<View><Text name="first" value="$steps[1].action"/><TextArea name="better" toName="first"/></View>'
    )
    ran = puller.pull()
    assert ran.asked == ["project", "changed", "version", "drafts"]
    # What was written about the first step is now about the second one, by the config's word.
    steps = [line["completion"]["steps"] for line in puller.read("trajectory_sft.jsonl")]
    assert [step[1]["action"] for step in steps] == [f"better {number}" for number in tasks[:2]]
    fresh = puller.folder.parent / "fresh"
    puller.pull(into=fresh)
    assert puller.outputs() == puller.outputs(fresh)


def test_other_options_are_applied_without_reading_a_task_again(pulled: tuple[Puller, list[int]]) -> None:
    puller, tasks = pulled
    options = puller.folder.parent / "mine.yaml"
    options.write_text("id_key: name\n", encoding="utf-8")
    for number in tasks:
        puller.label_studio.tasks[number]["data"]["name"] = f"name-{number}"
        puller.label_studio.tasks[number]["updated_at"] = puller.label_studio.now
    puller.pull()
    puller.label_studio.pass_time()
    ran = puller.pull("--options", str(options))
    assert ran.asked == ["project", "changed", "version", "drafts"]
    assert [line["trace_id"] for line in puller.read("trajectory_sft.jsonl")] == [f"name-{n}" for n in tasks[:2]]


def test_full_reads_everything_and_says_what_changed_all_the_same(pulled: tuple[Puller, list[int]]) -> None:
    puller, tasks = pulled
    # A change that bears an old date, as after a restored backup, is what only --full finds.
    puller.label_studio.tasks[tasks[0]]["annotations"][0]["result"] = [corrected("restored")]
    assert puller.pull().out.startswith("up to date")
    ran = puller.pull("--full", "--json")
    assert ran.asked == ["project", "tasks", "version", "drafts"]
    assert ran.json()["changes"] == {"new": 0, "changed": 1, "removed": 0}
    assert puller.completions() == ["restored", f"better {tasks[1]}"]


def test_full_with_nothing_new_rewrites_no_file(pulled: tuple[Puller, list[int]]) -> None:
    puller, _ = pulled
    before = puller.times()
    ran = puller.pull("--full")
    assert ran.out.startswith("up to date")
    assert puller.times() == before


def test_what_somebody_did_to_an_output_file_is_undone(pulled: tuple[Puller, list[int]]) -> None:
    puller, _ = pulled
    before, times = puller.outputs(), puller.times()
    (puller.folder / "trajectory_sft.jsonl").write_text("mine\n")
    (puller.folder / "rejects.jsonl").unlink()
    ran = puller.pull()
    assert ran.asked == ["project", "changed", "version", "drafts"]
    assert puller.outputs() == before
    after = puller.times()
    assert {name for name in OUTPUTS if after[name] == times[name]} == {
        "trajectory_corrections.json",
        "trajectory_dpo.jsonl",
        "manifest.json",
    }


def test_a_change_that_became_visible_late_is_still_found(pulled: tuple[Puller, list[int]]) -> None:
    puller, tasks = pulled
    puller.pull()
    # Dated four minutes before that pull, by a transaction that took until now.
    puller.label_studio.pass_time(minutes=-4)
    puller.label_studio.annotate(tasks[4], corrected("late"))
    puller.label_studio.pass_time(minutes=5)
    puller.pull()
    assert puller.completions()[-1] == "late"


def test_a_server_that_does_not_tell_the_time_is_read_whole_each_time(puller: Puller) -> None:
    puller.label_studio.annotate(puller.label_studio.add_task(), corrected("better"))
    puller.label_studio.date = ""
    puller.pull()
    ran = puller.pull()
    assert ran.asked == ["project", "tasks", "drafts"]
    assert ran.out.startswith("up to date")
