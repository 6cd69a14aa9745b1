"""Brings the state up to date with the server, by asking for what changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from ls_trajedit.label_studio.tasks import AnnotatedTask, Page, annotation_counts, changed_pages, task_pages
from ls_trajedit.progress import Progress
from ls_trajedit.pull.state import PullState
from ls_trajedit.traces.errors import DataError
from ls_trajedit.traces.json_text import json_line

if TYPE_CHECKING:
    from ls_trajedit.label_studio.client import Project, Server

__all__ = ["has_changed", "sync_tasks"]

# How often counts are compared in a project in which tasks come and go all the time.
_ATTEMPTS = 3


def sync_tasks(server: Server, project: Project, state: PullState, since: datetime | None, progress: Progress) -> None:
    """Puts into `state` the tasks that were made or changed at `since` or later, all of them when it is None, and drops
    those that were deleted.

    Raises DataError when the server reports more tasks than it returns, and what `server` raises.
    """
    if since is None:
        _put(state, task_pages(server, project.id, project.task_count), progress)
    else:
        _put_changed(server, project, since, state, progress)
    _reconcile(server, project, state)


def has_changed(server: Server, project: Project, state: PullState, since: datetime | None) -> bool:
    """Whether `sync_tasks` would find anything."""
    if since is None or state.task_count() != project.task_count:
        return True
    pages = changed_pages(server, project.id, since, project.task_count)
    return not all(state.is_as_kept(task["id"], json_line(task)) for page in pages for task in page.tasks)


def _put_changed(server: Server, project: Project, since: datetime, state: PullState, progress: Progress) -> None:
    """Counts what comes, because `_reconcile` does not miss a changed task: an old version of it is in the state."""
    for _ in range(_ATTEMPTS):
        returned, reported = _put(state, changed_pages(server, project.id, since, project.task_count), progress)
        if returned >= reported:
            return
    raise _incomplete(project.id, f"{reported} changed tasks", returned)


def _put(state: PullState, pages: Iterator[Page[AnnotatedTask]], progress: Progress) -> tuple[int, int]:
    """Returns how many tasks came, and how many the server reported in the beginning."""
    returned, reported = 0, None
    for page in pages:
        reported = page.total if reported is None else reported
        _keep(state, page)
        returned += len(page.tasks)
        progress(returned, reported)
    return returned, reported or 0


def _reconcile(server: Server, project: Project, state: PullState) -> None:
    """Makes sure that the state has as many tasks as the server reports. A deletion dates no task, so it shows only in
    the count, as does what is made or deleted while pages are read. So does a merge of duplicate tasks, which moves
    annotations to one of them and deletes the others."""
    reported = project.task_count
    for _ in range(_ATTEMPTS):
        if state.task_count() == reported:
            return
        missing = state.keep_only(annotation_counts(server, project.id, reported))
        if missing:
            _read_between(server, project.id, reported, state, *missing)
        reported = server.project(project.id).task_count
    if state.task_count() != reported:
        state.check()
        raise _incomplete(project.id, f"{reported} tasks", state.task_count())


def _read_between(server: Server, project: int, counted: int, state: PullState, first: int, last: int) -> None:
    for page in task_pages(server, project, counted, after=first - 1):
        _keep(state, page)
        if page.tasks[-1]["id"] >= last:
            return


def _incomplete(project: int, reported: str, returned: int) -> DataError:
    return DataError(
        f"project {project}: Label Studio reported {reported} but returned {returned}. No file was changed; run the "
        "command again."
    )


def _keep(state: PullState, page: Page[AnnotatedTask]) -> None:
    for task in page.tasks:
        state.put_task(task["id"], json_line(task), len(task["annotations"]))
