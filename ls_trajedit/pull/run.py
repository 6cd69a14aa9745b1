"""Pulls the annotations of a project and writes the training files: the main job.

The output files are always made from the state, which is brought up to date first. So a pull of what changed and a
pull of everything end in the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ls_trajedit import __version__
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.chunk import ConvertedChunk, RawTask
from ls_trajedit.converters.formats import interchange
from ls_trajedit.converters.plan import ExportPlan
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.label_studio.tasks import count_drafts
from ls_trajedit.output.convert_tasks import converted_chunks
from ls_trajedit.output.folder import lock_folder, make_temporary_folder, put_in_place, write_synced
from ls_trajedit.output.former_files import former_files, remove_former_files
from ls_trajedit.output.manifest import MANIFEST, manifest_json, training_json
from ls_trajedit.output.placed_files import PlacedFiles, are_in_place, digest_in_place, placed_files
from ls_trajedit.output.plan import WantedFiles, plan_for
from ls_trajedit.output.row_files import WrittenFile
from ls_trajedit.output.summary import Summary
from ls_trajedit.output.write import write_rows
from ls_trajedit.progress import Progress
from ls_trajedit.pull.state import (
    DamagedStateError,
    PullState,
    RecordChanges,
    has_state,
    open_state,
    set_state_aside,
)
from ls_trajedit.pull.sync import has_changed, sync_tasks
from ls_trajedit.signals import defer_signals
from ls_trajedit.traces.errors import SetupError
from ls_trajedit.traces.json_text import RawJson
from ls_trajedit.traces.options import Options

if TYPE_CHECKING:
    from ls_trajedit.label_studio.client import Project, Server

__all__ = ["PullRequest", "is_up_to_date", "pull"]


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
        """What is to be made of the records. Raises UsageError or OptionsError for a format that is not there."""
        return plan_for(self.wanted, self.options, schema)

    def made_with(self) -> str:
        """A hash of everything but the tasks that the rows of the output files depend on."""
        options = self.options.model_dump(mode="json") if self.options else None
        plan = self.plan(self.schema())
        formats = [format_.name for format_ in plan.formats]
        parts = [__version__, self.project.label_config, options, asdict(self.rules), formats, plan.as_json()]
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def pull(server: Server, request: PullRequest, start_over: bool, progress: Progress) -> Summary:
    """Reads what changed since the last pull, everything when there was none or when it is to `start_over`, and writes
    the output files that this changes.

    Raises what `server` raises, DataError when it sends fewer tasks than it counts, and SetupError when the folder is
    in use or holds another project. The files are then as they were.
    """
    schema = request.schema()
    with lock_folder(request.folder):
        try:
            return _pull(server, request, schema, start_over, progress)
        except DamagedStateError as damage:
            aside = set_state_aside(request.folder)
            sys.stderr.write(
                f"{request.folder}: what the last pull left for this one is damaged ({damage}); it is now called "
                f"{aside.name}, and everything is pulled again\n"
            )
            return _pull(server, request, schema, start_over, progress)


def is_up_to_date(server: Server, request: PullRequest) -> bool:
    """Whether a pull would write nothing. Changes nothing itself."""
    if not has_state(request.folder):
        return False
    try:
        with lock_folder(request.folder), open_state(request.folder) as state:
            _check_origin(state, server, request, start_over=False)
            return (
                state.note("made_with") == request.made_with()
                and are_in_place(request.folder, state.note("placed") or {})
                and not has_changed(server, request.project, state)
                and state.note("title") == request.project.title
                and state.note("counts")["drafts"] == count_drafts(server, request.project.id)
            )
    except DamagedStateError:
        return False


@dataclass(frozen=True)
class _Rows:
    """What is in the output files, and which Label Studio it was read from."""

    counts: dict[str, Any]
    training: dict[str, Any] | None
    files: list[WrittenFile]
    changes: RecordChanges
    release: str


def _pull(server: Server, request: PullRequest, schema: Schema, start_over: bool, progress: Progress) -> Summary:
    folder = request.folder
    plan = request.plan(schema)
    with open_state(folder) as state, make_temporary_folder(folder) as temporary:
        _check_origin(state, server, request, start_over)
        if start_over:
            state.forget()
        sync_tasks(server, request.project, state, progress)
        placed: PlacedFiles = state.note("placed") or {}
        former = {**former_files(folder), **{name: str(known["sha256"]) for name, known in placed.items()}}
        if state.has_changed or state.note("made_with") != request.made_with() or not are_in_place(folder, placed):
            rows = _write_rows(state, temporary, request, schema, plan, server.version(), progress)
        else:
            rows = _kept_rows(state)
        counts = {**rows.counts, "drafts": count_drafts(server, request.project.id)}
        manifest = manifest_json(_origin(server, request, schema, rows.release), rows.training, counts, rows.files)
        write_synced(temporary / MANIFEST, manifest)
        digests = [(file.file, file.sha256) for file in rows.files]
        digests.append((MANIFEST, hashlib.sha256(manifest).hexdigest()))
        changed = [name for name, digest in digests if digest_in_place(folder, name, placed) != digest]
        with defer_signals():
            put_in_place(temporary, folder, changed)
            state.set_note("origin", [server.url, request.project.id])
            state.set_note("title", request.project.title)
            state.set_note("made_with", request.made_with())
            state.set_note("counts", counts)
            state.set_note("training", rows.training)
            state.set_note("files", [asdict(file) for file in rows.files])
            state.set_note("release", rows.release)
            state.set_note("placed", placed_files(folder, digests))
            remove_former_files(folder, former, (name for name, _ in digests))
            state.commit()
    # With no state that knows them, all records are new, and may be those that the file had.
    is_same = interchange.CORRECTIONS_FILE in dict(digests) and interchange.CORRECTIONS_FILE not in changed
    changes = RecordChanges(0, 0, 0) if is_same else rows.changes
    return Summary(counts, rows.files, folder, changes, is_up_to_date=not changed)


def _check_origin(state: PullState, server: Server, request: PullRequest, start_over: bool) -> None:
    origin = state.note("origin")
    if origin and origin != [server.url, request.project.id] and not start_over:
        raise SetupError(
            f"{request.folder}: holds what was pulled from project {origin[1]} of {origin[0]}, and this is project "
            f"{request.project.id} of {server.url}; choose another folder with -o, or give --full to start over in "
            "this one"
        )


def _write_rows(
    state: PullState,
    temporary: Path,
    request: PullRequest,
    schema: Schema,
    plan: ExportPlan,
    release: str,
    progress: Progress,
) -> _Rows:
    """Converts every task of the state, and writes the rows into files in `temporary`."""
    total = state.task_count()

    def note(chunk: ConvertedChunk, done: int) -> None:
        state.note_records((*row.key, _digest(row.raw)) for row in chunk.rows.get(interchange.CORRECTIONS_FILE, ()))
        progress(done, total)

    chunks = converted_chunks(_raw_tasks(state), schema, request.rules, _with_records(plan))
    rows = write_rows(chunks, plan, temporary, note)
    training = training_json(plan, rows.training)
    return _Rows(rows.counts.as_json(), training, rows.files, state.settle_records(), release)


def _with_records(plan: ExportPlan) -> ExportPlan:
    """The plan with every record, which the changes since the last pull are told from, whether written or not."""
    if interchange.CORRECTIONS in plan.formats:
        return plan
    return replace(plan, formats=(interchange.CORRECTIONS, *plan.formats))


def _kept_rows(state: PullState) -> _Rows:
    files = [WrittenFile(**file) for file in state.note("files")]
    return _Rows(state.note("counts"), state.note("training"), files, RecordChanges(0, 0, 0), state.note("release"))


def _raw_tasks(state: PullState) -> Iterator[RawTask]:
    for number, raw in state.raw_tasks():
        yield RawTask(f"task {number}", RawJson(raw))


def _digest(row: bytes) -> bytes:
    return hashlib.blake2b(row, digest_size=8).digest()


def _origin(server: Server, request: PullRequest, schema: Schema, release: str) -> dict[str, Any]:
    return {
        "host": server.url,
        "project": {"id": request.project.id, "title": request.project.title},
        "schema": schema.as_json(),
        "versions": {"ls-trajedit": __version__, "label-studio": release},
    }
