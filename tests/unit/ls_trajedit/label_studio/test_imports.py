"""Waiting for imports that Label Studio works off after it has answered."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ls_trajedit.label_studio import imports
from ls_trajedit.label_studio.client import Server
from ls_trajedit.label_studio.imports import (
    ImportFailedError,
    ImportJob,
    StillRunningError,
    wait_for_import,
    wait_for_running_imports,
)
from ls_trajedit.traces.errors import RefusedError, ServerError

JOB = ImportJob(7, 12, count=3, before=10)


class Asked:
    """A Label Studio that gives these answers, one after the other, and then the last one for ever; an exception is
    raised. `task_counts` are those of the project."""

    address = "http://ls.test"

    def __init__(self, *answers: Any, task_counts: tuple[int, ...] = ()) -> None:
        self.answers = list(answers)
        self.task_counts = list(task_counts)
        self.asked: list[str] = []

    def ask_if_there(self, path: str, doing: str, **parameters: Any) -> Any:
        self.asked.append(path + (f"?{parameters['status']}" if "status" in parameters else ""))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return None if answer is None else SimpleNamespace(value=answer)

    def project(self, number: int) -> Any:
        return SimpleNamespace(task_count=self.task_counts.pop(0) if len(self.task_counts) > 1 else self.task_counts[0])

    def wait(self, max_wait: float = 60, progress: Callable[[int], None] = lambda _: None) -> int:
        return wait_for_import(cast(Server, self), JOB, max_wait, progress)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "_FIRST_PAUSE", 0.0)


def state(status: str, count: int = 0, error: str | None = None) -> dict[str, Any]:
    return {"id": 7, "status": status, "task_count": count, "error": error}


def test_an_import_is_asked_about_until_it_is_done() -> None:
    asked = Asked(state("created"), ServerError("busy"), state("in_progress", 2), state("completed", 3))
    seen: list[int] = []
    assert asked.wait(progress=seen.append) == 3
    assert asked.asked == ["api/projects/12/imports/7/"] * 4
    assert seen == [0, 0, 2]


def test_a_failed_import_says_why() -> None:
    with pytest.raises(ImportFailedError, match="import 7 failed after 0 of 3 tasks: Prediction validation failed - a"):
        Asked(state("failed", 0, "Prediction validation failed\n - a")).wait()


@pytest.mark.parametrize("nothing", [{"id": 12, "title": "t"}, [], None, RefusedError("403"), state("new")])
def test_where_label_studio_says_nothing_the_tasks_are_counted(nothing: Any) -> None:
    asked = Asked(nothing, task_counts=(10, 12, 13))
    assert asked.wait() == 3
    assert len(asked.asked) == 3


@pytest.mark.parametrize("status", ["created", "in_progress"])
def test_an_import_that_does_not_end_says_what_to_look_at(status: str) -> None:
    with pytest.raises(StillRunningError) as failure:
        Asked(state(status, 1)).wait(max_wait=0)
    assert str(failure.value) == (
        "project 12: Label Studio is still working off import 7 of 3 tasks, as far as is known. Do not push again "
        "before it is done: http://ls.test/api/projects/12/imports/7/ then says `completed` or `failed`, and the "
        "project, which had 10 tasks, has 13. A push after that imports only what is not there (--max-wait 0)"
    )
    assert failure.value.exit_code == 4


def test_whoever_stops_waiting_is_told_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt):
        Asked(state("in_progress"), KeyboardInterrupt()).wait()
    assert "Do not push again before it is done: http://ls.test/api/projects/12/imports/7/" in capsys.readouterr().err


def test_a_push_waits_for_imports_that_are_running() -> None:
    running = {"results": [{"id": 5, "status": "in_progress"}], "count": 1}
    none: dict[str, Any] = {"results": [], "count": 0}
    asked = Asked(none, running, none, none)
    wait_for_running_imports(cast(Server, asked), 12, 60)
    assert asked.asked == [f"api/projects/12/imports/?{status}" for status in ("created", "in_progress") * 2]
    with pytest.raises(ServerError, match="import 5 still running, so what is in the project is not complete"):
        wait_for_running_imports(cast(Server, Asked(running)), 12, 0)


@pytest.mark.parametrize("nothing", [None, {"id": 12}, []])
def test_where_imports_are_not_listed_nothing_is_waited_for(nothing: Any) -> None:
    wait_for_running_imports(cast(Server, Asked(nothing)), 12, 60)


def test_a_list_that_was_not_filtered_is_read_by_its_statuses() -> None:
    everything = {"results": [{"id": 1, "status": "completed"}, {"id": 2, "status": "failed"}]}
    wait_for_running_imports(cast(Server, Asked(everything)), 12, 0)
