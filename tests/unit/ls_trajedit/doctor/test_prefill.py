"""What prefills the editors of a project, and what to do when nothing does."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ls_trajedit.doctor.finding import Finding
from ls_trajedit.doctor.prefill import Prefill, check_prefill
from ls_trajedit.label_studio.client import Project
from tests.support.findings import UNROLLED, levels


def findings(
    *,
    chosen: str = "",
    shows: bool = True,
    backends: tuple[str, ...] = (),
    versions: Mapping[str, int] = {},
    lacking: int = 0,
    tasks: int = 10,
) -> list[Finding]:
    project = Project(12, "Traces", UNROLLED, tasks, chosen, shows)
    return list(check_prefill(Prefill(project, backends, versions, lacking, "ls-trajedit-now")))


def test_imported_predictions_for_every_task_are_ok() -> None:
    assert levels(findings(chosen="ls-trajedit-now", versions={"ls-trajedit-now": 10})) == ["ok"]


def test_a_chosen_backend_is_ok_even_when_tasks_have_no_prediction_yet() -> None:
    assert levels(findings(chosen="ours", backends=("ours",))) == ["ok"]


def test_nothing_to_prefill_with_is_a_warning_that_says_what_to_push() -> None:
    [finding] = findings()
    assert finding.level == "warning"
    assert finding.advice is not None
    assert "ls-trajedit push FILE --project 12" in finding.advice


def test_a_project_without_tasks_has_nothing_to_prefill() -> None:
    assert findings(tasks=0) == []


@pytest.mark.parametrize(
    ("shows", "chosen", "words"),
    [
        (False, "", "pre-annotations are switched off in the project"),
        (False, "v1", "pre-annotations are switched off in the project"),
        (True, "", "no predictions are chosen in the project"),
    ],
)
def test_switched_off_is_a_problem_and_the_most_frequent_predictions_are_the_ones_to_choose(
    shows: bool, chosen: str, words: str
) -> None:
    [finding] = findings(shows=shows, chosen=chosen, versions={"v1": 2, "v2": 10})
    assert finding.level == "problem"
    assert finding.text.startswith(words)
    assert "Label All Tasks" in finding.text
    assert finding.advice is not None
    assert finding.advice.endswith("choose `v2`.")


def test_a_backend_comes_before_stored_predictions_as_the_one_to_choose() -> None:
    [finding] = findings(shows=False, backends=("ours",), versions={"v1": 10})
    assert finding.advice is not None
    assert finding.advice.endswith("choose `ours`.")


def test_chosen_predictions_that_are_gone_are_a_problem() -> None:
    [finding] = findings(chosen="v1", versions={"v2": 10}, lacking=10)
    assert finding.level == "problem"
    assert "of `v1`, and there are none" in finding.text


def test_tasks_without_the_chosen_prediction_are_counted() -> None:
    [finding] = findings(chosen="v1", versions={"v1": 7}, lacking=3)
    assert finding.level == "warning"
    assert finding.text.startswith("3 of 10 tasks have no prediction `v1`")


def test_predictions_made_for_other_fields_are_a_warning() -> None:
    [finding] = findings(chosen="ls-trajedit-old", versions={"ls-trajedit-old": 10})
    assert finding.level == "warning"
    assert "other fields" in finding.text


def test_predictions_by_somebody_else_are_ok() -> None:
    assert levels(findings(chosen="gpt", versions={"gpt": 10})) == ["ok"]


@pytest.mark.parametrize("lacking", [0, 3])
def test_a_backend_that_is_not_chosen_is_a_warning(lacking: int) -> None:
    [finding] = findings(chosen="v1", versions={"v1": 10}, backends=("ours",), lacking=lacking)
    assert finding.level == "warning"
    assert finding.advice is not None
    assert finding.advice.endswith("choose `ours`.")
