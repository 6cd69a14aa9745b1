"""Brings the state up to what the server has, by asking for what changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ls_trajedit.label_studio.tasks import AnnotatedTask, Page, annotation_counts, changed_pages, task_pages
from ls_trajedit.progress import Progress
from ls_trajedit.pull.state import PullState
from ls_trajedit.traces.errors import DataError
from ls_trajedit.traces.json_text import json_line

if TYPE_CHECKING:
    from ls_trajedit.label_studio.client import Project, Server

__all__ = ["has_changed", "sync_tasks"]

# A change is dated when it is made, but can be seen only when its transaction is done, which can be minutes later.
# So each pull asks again for the last minutes before the one before it began.
_OVERLAP = timedelta(minutes=5)
# How often counts are compared in a project in which tasks come and go all the time.
_ATTEMPTS = 3


def sync_tasks(server: Server, project: Project, state: PullState, progress: Progress) -> None:
    """Puts into `state` the tasks that were made or changed since the last pull, all of them without one, and drops
    those that were deleted.

    Raises DataError when the server counts more tasks than it sends, and what `server` raises.
    """
    since = _cursor(state)
    if since is None:
        _put(state, task_pages(server, project.id), progress)
    else:
        _put_changed(server, project.id, since, state, progress)
    _reconcile(server, project, state)
    if project.read_at is not None:
        state.set_note("cursor", (project.read_at - _OVERLAP).isoformat())


def has_changed(server: Server, project: Project, state: PullState) -> bool:
    """Whether `sync_tasks` would find anything."""
    since = _cursor(state)
    if since is None or state.task_count() != project.task_count:
        return True
    pages = changed_pages(server, project.id, since)
    return not all(state.is_as_kept(task["id"], json_line(task)) for page in pages for task in page.tasks)


def _cursor(state: PullState) -> datetime | None:
    noted = state.note("cursor")
    return datetime.fromisoformat(noted) if noted else None


def _put_changed(server: Server, project: int, since: datetime, state: PullState, progress: Progress) -> None:
    """Unlike a task that was left out of all, one that was left out of the changed ones is not missed later: an old
    version of it is here."""
    for _ in range(_ATTEMPTS):
        done, counted = _put(state, changed_pages(server, project, since), progress)
        if done >= counted:
            return
    raise _incomplete(project, f"{counted} changed tasks", done)


def _put(state: PullState, pages: Iterator[Page[AnnotatedTask]], progress: Progress) -> tuple[int, int]:
    """Returns how many tasks came, and how many the server counted in the beginning."""
    done, total = 0, None
    for page in pages:
        total = page.total if total is None else total
        _keep(state, page)
        done += len(page.tasks)
        progress(done, total)
    return done, total or 0


def _reconcile(server: Server, project: Project, state: PullState) -> None:
    """Sees to it that there are as many tasks here as the server counts. A deletion changes nothing that could be
    asked for, so it shows only in the count, as does what was made or deleted while pages were read. Nor does a merge
    of duplicate tasks, which moves annotations to one of them and deletes the others."""
    counted = project.task_count
    for _ in range(_ATTEMPTS):
        if state.task_count() == counted:
            return
        missing = state.keep_only(annotation_counts(server, project.id))
        if missing:
            _read_between(server, project.id, state, *missing)
        counted = server.project(project.id).task_count
    if state.task_count() != counted:
        raise _incomplete(project.id, f"{counted} tasks", state.task_count())


def _read_between(server: Server, project: int, state: PullState, first: int, last: int) -> None:
    for page in task_pages(server, project, after=first - 1):
        _keep(state, page)
        if page.tasks[-1]["id"] >= last:
            return


def _incomplete(project: int, counted: str, sent: int) -> DataError:
    return DataError(
        f"project {project}: Label Studio counts {counted} and sends {sent}; the files are as they were, run it again"
    )


def _keep(state: PullState, page: Page[AnnotatedTask]) -> None:
    for task in page.tasks:
        state.put_task(task["id"], json_line(task), len(task["annotations"]))
