"""Imports that Label Studio works off after it has answered.

Community imports tasks before it answers. Enterprise and the cloud answer `{"import": 7}` at once, and
`GET /api/projects/{id}/imports/7/` tells how far it is (`created`, `in_progress`, `completed` or `failed`, with
`task_count` and `error`). Newer ones also list the imports of a project.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

from ls_trajedit.console import say
from ls_trajedit.label_studio.answers import is_count
from ls_trajedit.plural import plural
from ls_trajedit.traces.errors import DataError, OutcomeUnknownError, RefusedError, ServerError

if TYPE_CHECKING:
    from ls_trajedit.label_studio.client import Server

__all__ = ["ImportFailedError", "ImportJob", "StillRunningError", "wait_for_import", "wait_for_running_imports"]

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 15.0
# However often it says something else: no import takes as long as that.
_LONGEST_WAIT = 86_400.0
_LONGEST_REASON = 500
_SECONDS_BEFORE_A_WORD = 10.0
_Found = TypeVar("_Found")

_RUNNING = ("created", "in_progress")


class StillRunningError(OutcomeUnknownError):
    """Label Studio has not said that an import is done. The message says what to look at before the next push."""


class ImportFailedError(DataError):
    """Label Studio gave an import up, and says why."""


@dataclass(frozen=True)
class ImportJob:
    """An import of `count` tasks that Label Studio works off. `before` is how many tasks the project had before it."""

    id: int
    project: int
    count: int
    before: int


@dataclass(frozen=True)
class _State:
    """`unknown` is that of an import about which this Label Studio says nothing."""

    status: Literal["running", "completed", "failed", "unknown"]
    task_count: int = 0
    error: str = ""


def wait_for_import(server: Server, job: ImportJob, max_wait: float, progress: Callable[[int], None]) -> int:
    """How many tasks the import made, once it is done. `progress` is called with how many there are so far.

    Where Label Studio does not say, it is done when the project has that many tasks more. Raises ImportFailedError when
    the import failed, and StillRunningError when nothing has happened for `max_wait` seconds. When somebody presses
    Ctrl-C, the same is said on standard error.
    """
    try:
        for state in _polled(lambda: _state(server, job), max_wait, f"import {job.id} of project {job.project}"):
            if state.status == "completed":
                return state.task_count
            if state.status == "failed":
                raise ImportFailedError(
                    f"project {job.project}: import {job.id} failed after {state.task_count} of {job.count} tasks: "
                    f"{state.error or 'no reason given'}"
                )
            progress(state.task_count)
    except KeyboardInterrupt:
        say(_still_running(server, job))
        raise
    raise StillRunningError(f"{_still_running(server, job)} (--max-wait {max_wait:.0f})")


def wait_for_running_imports(server: Server, project: int, max_wait: float) -> None:
    """Waits until no import of the project is running: until then, nobody can tell what is in it. Returns at once where
    Label Studio does not list its imports. Raises ServerError when one is still running after `max_wait` seconds."""
    running: list[int] = []
    for running in _polled(lambda: _running(server, project), max_wait, f"an earlier import of project {project}"):
        if not running:
            return
    ids = ", ".join(map(str, running))
    raise ServerError(
        f"project {project}: {plural(len(running), 'import')} {ids} still running, so what is in the project is not "
        f"complete, and nothing was imported. {server.address}/api/projects/{project}/imports/"
        f"{running[0]}/ tells how far it is; run this again when it says `completed` or `failed`"
    )


def _polled(ask: Callable[[], _Found], max_wait: float, what: str) -> Iterator[_Found]:
    """What `ask` says, again and again with growing pauses, until it has said the same for `max_wait` seconds, or
    anything for a day."""
    pause, said = _FIRST_PAUSE, False
    before: _Found | None = None
    begun = changed = time.monotonic()
    while True:
        now = ask()
        if now != before:
            before, changed = now, time.monotonic()
        yield now
        left = min(changed + max_wait, begun + _LONGEST_WAIT) - time.monotonic()
        if left <= 0:
            return
        if not said and time.monotonic() - begun >= _SECONDS_BEFORE_A_WORD:
            said = True
            say(f"waiting for {what}, which Label Studio works off (Ctrl-C to stop waiting)")
        time.sleep(min(pause, left))  # between two questions, because nothing announces the end of an import
        pause = min(1.5 * pause, _LONGEST_PAUSE)


def _state(server: Server, job: ImportJob) -> _State:
    doing = f"asking about import {job.id} of project {job.project}"
    try:
        answer = server.ask_if_there(f"api/projects/{job.project}/imports/{job.id}/", doing)
        found = answer.value if answer and isinstance(answer.value, dict) else {}
        status = found.get("status")
        if status not in (*_RUNNING, "completed", "failed"):
            return _state_by_count(server, job)
        count = found.get("task_count")
        return _State(
            "running" if status in _RUNNING else status,
            count if is_count(count) else 0,
            " ".join(str(found.get("error") or "").split())[:_LONGEST_REASON],
        )
    except RefusedError:
        return _state_by_count(server, job)
    except ServerError:
        # It may come back; the import goes on in the meantime.
        return _State("unknown")


def _state_by_count(server: Server, job: ImportJob) -> _State:
    try:
        there = server.project(job.project).task_count - job.before
    except (RefusedError, ServerError):
        return _State("unknown")
    return _State("completed", job.count) if there >= job.count else _State("unknown", max(there, 0))


def _running(server: Server, project: int) -> list[int]:
    """The imports of the project that are not done; none where Label Studio does not list imports."""
    found: list[int] = []
    for status in _RUNNING:
        doing = f"listing the imports of project {project}"
        answer = server.ask_if_there(f"api/projects/{project}/imports/", doing, status=status, page_size=100)
        listed = answer.value.get("results") if answer and isinstance(answer.value, dict) else None
        if not isinstance(listed, list):
            return []
        # Whoever does not know the filter lists them all.
        of_status = (each for each in listed if isinstance(each, dict) and each.get("status") == status)
        found += [each["id"] for each in of_status if is_count(each.get("id"))]
    return sorted(set(found))


def _still_running(server: Server, job: ImportJob) -> str:
    return (
        f"project {job.project}: Label Studio is still working off import {job.id} of {job.count} tasks, as far as is "
        f"known. Do not push again before it is done: {server.address}/api/projects/{job.project}/imports/{job.id}/ "
        f"then says `completed` or `failed`, and the project, which had {job.before} tasks, has "
        f"{job.before + job.count}. A push after that imports only what is not there"
    )
