"""Pulls the annotations of a project and writes the training files: the main job.

The output files are always made from the state, which is brought up to date first. So a pull of what changed and a
pull of everything end in the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ls_trajedit import __version__
from ls_trajedit.console import say
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.formats import interchange
from ls_trajedit.converters.plan import ExportPlan
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.label_studio.tasks import TASK_FIELDS, count_drafts
from ls_trajedit.output.folder import lock_folder, make_temporary_folder, publish
from ls_trajedit.output.inventory import (
    annotations_before,
    are_in_place,
    joined,
    placed_files,
    unchanged_files,
    unlisted_files,
    written_files,
)
from ls_trajedit.output.manifest import MANIFEST, Manifest, Origin, PulledProject
from ls_trajedit.output.plan import plan_for
from ls_trajedit.output.summary import RecordChanges, Summary
from ls_trajedit.output.wanted import WantedFiles
from ls_trajedit.progress import Progress
from ls_trajedit.pull.clocks import Since, next_cursor, since_when
from ls_trajedit.pull.state import (
    DamagedStateError,
    LastPull,
    PullState,
    StateFiles,
    has_state,
    open_state,
    set_state_aside,
)
from ls_trajedit.pull.sync import has_changed, sync_tasks
from ls_trajedit.traces.errors import SetupError
from ls_trajedit.traces.options import Options

if TYPE_CHECKING:
    from ls_trajedit.label_studio.client import Project, Server

__all__ = ["PullRequest", "is_up_to_date", "pull"]

_NO_CHANGES = RecordChanges(0, 0, 0)


@dataclass(frozen=True)
class PullRequest:
    """What to pull, and into which folder. `options` override what the project's labeling config says."""

    project: Project
    options: Options | None
    rules: ReadingRules
    folder: Path
    wanted: WantedFiles = field(default_factory=WantedFiles)

    def schema(self) -> Schema:
        """What the labeling config says. Raises ConfigError when it cannot be read as an editor of traces."""
        return read_config(self.project.label_config, self.options)

    def plan(self, schema: Schema) -> ExportPlan:
        """What is to be made of the records. Raises UsageError or OptionsError for a format that does not exist."""
        return plan_for(self.wanted, self.options, schema)

    def made_with(self) -> str:
        """A hash of everything but the tasks that the rows of the output files depend on."""
        options = asdict(self.options) if self.options else None
        plan = self.plan(self.schema())
        formats = [format_.name for format_ in plan.formats]
        parts = [__version__, self.project.label_config, options, asdict(self.rules), formats, plan.as_json()]
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def pull(server: Server, request: PullRequest, start_over: bool, progress: Progress) -> Summary:
    """Reads what changed since the last pull, everything when there was none or when it is to `start_over`, and writes
    the output files that this changes.

    Raises what `server` raises, DataError when it returns fewer tasks than it reports or when writing fails, and
    SetupError when the folder is in use or holds another project. The files are then as they were.
    """
    schema = request.schema()
    with lock_folder(request.folder):
        try:
            return _pull(server, request, schema, start_over, progress)
        except DamagedStateError as damage:
            aside = set_state_aside(request.folder)
            say(
                f"{request.folder}: the state of the last pull is damaged ({damage}); it was renamed to {aside.name}, "
                "and everything is pulled again"
            )
            return _pull(server, request, schema, start_over, progress)


def is_up_to_date(server: Server, request: PullRequest) -> bool:
    """Whether a pull would write nothing. Changes nothing itself. Raises what `pull` raises."""
    if not has_state(request.folder):
        return False
    try:
        with lock_folder(request.folder), open_state(request.folder) as state:
            last = _last_pull(state, server, request)
            return (
                last is not None
                and last.made_with == request.made_with()
                and are_in_place(request.folder, last.placed)
                and not _has_leftovers(request.folder, last)
                and not has_changed(server, request.project, state, _since(last, request.project).time)
                and last.title == request.project.title
                and last.counts.drafts == count_drafts(server, request.project.id)
            )
    except DamagedStateError:
        return False


def _has_leftovers(folder: Path, last: LastPull) -> bool:
    found = unlisted_files(folder, written_files(folder), [file.file for file in last.files])
    return any(file.problem == "unlisted" for file in found)


def _pull(server: Server, request: PullRequest, schema: Schema, start_over: bool, progress: Progress) -> Summary:
    folder, project = request.folder, request.project
    plan, made_with = request.plan(schema), request.made_with()
    with open_state(folder) as state, make_temporary_folder(folder) as temporary:
        if start_over:
            state.forget()
        last = None if start_over else _last_pull(state, server, request)
        placed = last.placed if last else {}
        before = annotations_before(folder)
        written = joined(written_files(folder), {name: frozenset([file.sha256]) for name, file in placed.items()})
        since = _since(last, project)
        if since.why:
            say(f"project {project.id}: {since.why}")
        sync_tasks(server, project, state, since.time, progress)
        current = last if last and last.made_with == made_with and are_in_place(folder, placed) else None
        if current:
            _check_consistency(server, request, schema, current)
        if current and not state.has_changed:
            found = StateFiles(current.counts, current.training, current.files, _NO_CHANGES)
            release = current.release
        else:
            # All that converts tasks, which a pull that finds nothing new does not wait for.
            from ls_trajedit.pull.conversion import StateWriter

            release = server.version()
            found = StateWriter(state, temporary, schema, request.rules, plan, progress).write(current)
        counts = replace(found.counts, drafts=count_drafts(server, project.id))
        manifest = Manifest(_origin(server, project, schema, release), found.training, counts, found.files)
        digests = manifest.digests()
        unchanged = unchanged_files(folder, digests, placed)

        def keep_state() -> None:
            state.put_last_pull(
                LastPull(
                    server=server.url,
                    project=project.id,
                    title=project.title,
                    release=release,
                    made_with=made_with,
                    counts=counts,
                    training=found.training,
                    files=found.files,
                    placed=placed_files(folder, digests),
                    cursor=next_cursor(last.cursor if last else None, since, project.read_at),
                    fields=TASK_FIELDS,
                )
            )
            state.commit()

        left = publish(temporary, folder, manifest, written=written, unchanged=unchanged, commit=keep_state)
    # Without a state that knows them all records are new, and yet may be those that the file had.
    changes = _NO_CHANGES if interchange.CORRECTIONS_FILE in unchanged else found.changes
    return Summary(
        counts.as_json(),
        list(found.files),
        folder,
        changes,
        is_up_to_date=len(unchanged) == len(digests),
        training=found.training,
        left=tuple(left),
        annotations_before=before,
    )


def _last_pull(state: PullState, server: Server, request: PullRequest) -> LastPull | None:
    """The last pull into the folder. Raises SetupError when that was one of another project."""
    last = state.last_pull()
    if last and (last.server, last.project) != (server.url, request.project.id):
        raise SetupError(
            f"{request.folder}: holds what was pulled from project {last.project} of {last.server}, and this is "
            f"project {request.project.id} of {server.url}; choose another folder with -o, or give --full to start "
            "over in this one"
        )
    return last


def _since(last: LastPull | None, project: Project) -> Since:
    """Since when changes have to be read. Everything has to be, too, when the last pull asked for less."""
    is_comparable = last is not None and last.fields == TASK_FIELDS
    return since_when(last.cursor, project.read_at) if last is not None and is_comparable else Since(None)


def _check_consistency(server: Server, request: PullRequest, schema: Schema, last: LastPull) -> None:
    """Raises DamagedStateError when what the last pull noted is not what its manifest said."""
    origin = _origin(server, replace(request.project, title=last.title), schema, last.release)
    digest = Manifest(origin, last.training, last.counts, last.files).digests()[MANIFEST]
    if MANIFEST not in last.placed or last.placed[MANIFEST].sha256 != digest:
        raise DamagedStateError("what the last pull noted is not what its manifest says")


def _origin(server: Server, project: Project, schema: Schema, release: str) -> Origin:
    return Origin(
        server.url,
        PulledProject(project.id, project.title),
        schema.as_json(),
        {"ls-trajedit": __version__, "label-studio": release},
    )
