"""Tasks that the editors cover, and tasks that they do not."""

from __future__ import annotations

from typing import Any

import pytest

from ls_trajedit.doctor.finding import Finding
from ls_trajedit.doctor.tasks import TaskCensus, check_tasks
from ls_trajedit.label_config.chat_config import chat_shape, write_chat_config
from ls_trajedit.label_config.chat_data import chat_data
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.read import read_chat
from ls_trajedit.traces.read_options import NO_OPTIONS
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


# Chats.

USER = {"role": "user", "content": "Hi"}
AGENT = {"role": "assistant", "content": "Hello"}
CALLS = {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}] * 2}


def chat(*messages: dict[str, Any]) -> dict[str, Any]:
    (trace,) = read_chat({"id": "a", "messages": [USER, *messages]}, "openai-chat", NO_OPTIONS)
    return chat_data(trace, NO_OPTIONS)


def test_chats_that_the_editors_cover_are_ok() -> None:
    one, other = chat(AGENT, USER, CALLS), chat(CALLS)
    config = write_chat_config(Options(), chat_shape([one, other]))
    assert levels(check_tasks(census_of(one, other, config=config), 12)) == ["ok"]


def test_a_call_without_an_editor_is_a_problem_that_a_push_solves() -> None:
    other = chat(CALLS, AGENT)
    config = write_chat_config(Options(), chat_shape([chat({**CALLS, "tool_calls": CALLS["tool_calls"][:1]}, AGENT)]))
    [finding] = check_tasks(census_of(other, config=config), 12)
    assert finding.text == (
        "1 of 1 tasks have a text or a call of the agent's for which the labeling config has no editor: task 1"
    )
    assert "ls-trajedit" not in finding.text
    assert finding.advice is not None
    assert "--project 12" in finding.advice


BY_HAND = """<View><Text name="a" value="$messages[0].content"/><TextArea name="b" toName="a"/>
<Text name="c" value="$messages[1].content"/><TextArea name="d" toName="c"/></View>"""


def test_an_editor_on_what_the_user_said_is_a_warning() -> None:
    findings = list(check_tasks(census_of({"messages": [USER, AGENT]}, config=BY_HAND), 12))
    assert levels(findings) == ["warning", "ok"]
    assert findings[0].text.startswith("the editor `b` is on what the user said: ")


def test_speakers_that_no_reader_can_tell_apart_are_a_problem() -> None:
    data = {"messages": [{"type": "critic", "content": "x"}, {"type": "solver", "content": "y"}]}
    findings = list(check_tasks(census_of(data, config=BY_HAND), 12))
    assert levels(findings) == ["problem"]
    assert "1 of 1 tasks have several speakers and cannot be read" in findings[0].text
    assert "`roles` in trajedit.yaml" in str(findings[0].advice)
