"""All tasks of a project as they are now, for commands that read annotations and pull nothing.

Where a pull has left its state in the folder, only what has changed since is read. What is read is not kept: the state
stays as the pull left it, so that the next pull does what it would have done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ls_trajedit.label_studio.tasks import TASK_FIELDS
from ls_trajedit.output.folder import lock_folder, make_temporary_folder
from ls_trajedit.progress import Progress
from ls_trajedit.pull.clocks import Since, since_when
from ls_trajedit.pull.state import DamagedStateError, PullState, has_state, open_state
from ls_trajedit.pull.sync import sync_tasks

if TYPE_CHECKING:
    from ls_trajedit.label_studio.client import Project, Server

__all__ = ["with_all_tasks"]

Found = TypeVar("Found")


def with_all_tasks(
    server: Server, project: Project, folder: Path, progress: Progress, use: Callable[[Iterator[bytes]], Found]
) -> Found:
    """What `use` makes of the JSON of each task of the project, in order of their ids. `folder` may hold the state of a
    pull; where that proves to be damaged, `use` is called again, with the tasks read anew. The folder is locked
    meanwhile.

    Raises what `server` and `use` raise, DataError when the server returns fewer tasks than it reports or when writing
    fails, and SetupError when another run is writing there at this moment, or nothing can be written.
    """
    with lock_folder(folder):
        if has_state(folder):
            # What is damaged is for the next pull, which says so and begins a new one.
            with suppress(DamagedStateError), open_state(folder) as state:
                since = _since(state, server, project)
                if since.time is not None:
                    return _used(server, project, state, since, progress, use)
        with make_temporary_folder(folder) as empty, open_state(empty) as state:
            return _used(server, project, state, Since(None), progress, use)


def _used(
    server: Server,
    project: Project,
    state: PullState,
    since: Since,
    progress: Progress,
    use: Callable[[Iterator[bytes]], Found],
) -> Found:
    sync_tasks(server, project, state, since.time, progress)
    return use(raw for _, raw in state.raw_tasks())


def _since(state: PullState, server: Server, project: Project) -> Since:
    last = state.last_pull()
    is_comparable = last is not None and (last.server, last.project, last.fields) == (
        server.url,
        project.id,
        TASK_FIELDS,
    )
    return since_when(last.cursor, project.read_at) if last is not None and is_comparable else Since(None)
