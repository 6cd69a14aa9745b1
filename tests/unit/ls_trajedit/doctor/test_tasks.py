"""Tasks that the editors cover, and tasks that they do not."""

from __future__ import annotations

from typing import Any

import pytest

from ls_trajedit.doctor.finding import Finding
from ls_trajedit.doctor.tasks import TaskCensus, check_tasks
from ls_trajedit.label_config.read_config import read_config
from tests.support.findings import REPEATER, UNROLLED, levels


def census_of(*data: dict[str, Any], config: str = UNROLLED) -> TaskCensus:
    census = TaskCensus(read_config(config))
    for number, task in enumerate(data, start=1):
        census.add(number, task)
    return census


def steps(count: int, field: str = "action") -> dict[str, Any]:
    return {"steps": [{field: "look"} for _ in range(count)]}


def test_tasks_that_the_editors_cover_are_ok() -> None:
    [finding] = check_tasks(census_of(steps(1), steps(2)), 12)
    assert finding == Finding("ok", "the editors reach every step of all 2 tasks")


def test_a_project_without_tasks_is_a_warning_that_says_how_to_get_some() -> None:
    [finding] = check_tasks(census_of(), 12)
    assert (finding.level, finding.text) == ("warning", "the project has no tasks")
    assert finding.advice is not None
    assert "ls-trajedit push FILE --project 12" in finding.advice


def test_tasks_longer_than_the_config_are_counted_and_five_of_them_named() -> None:
    [finding] = check_tasks(census_of(steps(2), *[steps(3)] * 6, steps(9)), 12)
    assert finding.level == "problem"
    assert "7 of 8 tasks have more steps" in finding.text
    assert "(9 against 2)" in finding.text
    assert finding.text.endswith("tasks 2, 3, 4, 5, 6 and 2 more")
    assert finding.advice is not None
    assert "--project 12" in finding.advice


def test_a_repeater_is_long_enough_for_any_task() -> None:
    assert levels(check_tasks(census_of(steps(50), config=REPEATER), 12)) == ["ok"]


@pytest.mark.parametrize("data", [{}, {"steps": "none"}, {"steps": None}, {"turns": [{"action": "look"}]}])
def test_a_task_without_a_list_of_steps_is_named(data: dict[str, Any]) -> None:
    [finding] = check_tasks(census_of(steps(1), data), 12)
    assert finding.level == "problem"
    assert "1 of 2 tasks have no list `steps`" in finding.text
    assert "(task 2)" in finding.text


@pytest.mark.parametrize("data", [{"steps": [{"thought": "hm"}]}, {"steps": [{"action": None}]}, {"steps": []}])
def test_a_task_without_any_corrected_field_is_named(data: dict[str, Any]) -> None:
    [finding] = check_tasks(census_of(data, steps(1)), 12)
    assert finding.level == "problem"
    assert "1 of 2 tasks have nothing that an editor corrects (action): task 1" in finding.text


def test_an_empty_string_can_be_corrected() -> None:
    assert levels(check_tasks(census_of({"steps": [{"action": ""}]}), 12)) == ["ok"]


def test_each_kind_of_problem_is_a_finding_of_its_own() -> None:
    assert levels(check_tasks(census_of({}, {"steps": []}, steps(3)), 12)) == ["problem"] * 3
