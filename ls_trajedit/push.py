"""Brings traces into a Label Studio project: its labeling config, the tasks, and what prefills the editors."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from ls_trajedit.backend.model_version import MODEL_VERSION
from ls_trajedit.console import say
from ls_trajedit.inputs import LoadedTraces
from ls_trajedit.label_config.branch_note import branch_of
from ls_trajedit.label_config.chat_config import ChatShape
from ls_trajedit.label_config.chat_data import chat_data, is_chat_data
from ls_trajedit.label_config.predict import Prediction, predict
from ls_trajedit.label_config.read_config import read_config, shown_values
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.label_config.structure import REMOVE
from ls_trajedit.label_config.style import renew_style
from ls_trajedit.label_config.tags import NO_ANCHORS
from ls_trajedit.label_config.task_data import NotesError, restore_own_steps, to_task_data
from ls_trajedit.label_config.write_config import shown_fields, step_fields
from ls_trajedit.label_studio.failures import TooLargeError
from ls_trajedit.label_studio.imports import (
    ImportFailedError,
    ImportJob,
    StillRunningError,
    wait_for_import,
    wait_for_running_imports,
)
from ls_trajedit.label_studio.tasks import data_pages, unpredicted_pages
from ls_trajedit.progress import Progress
from ls_trajedit.project_config import Shape, anchors_in, config_for, longest, shape_of_traces
from ls_trajedit.traces.errors import (
    ConfigError,
    DataError,
    OutcomeUnknownError,
    SetupError,
    TooManyControlsError,
    TraceError,
    TrajeditError,
)
from ls_trajedit.traces.field_path import FieldPath, get_field
from ls_trajedit.traces.json_text import json_line
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.read import trace_identity
from ls_trajedit.traces.shape import TraceShape, widen

if TYPE_CHECKING:
    from ls_trajedit.label_studio.client import Project, Server

__all__ = [
    "Pushed",
    "Sending",
    "Target",
    "WiderConfig",
    "create_project",
    "is_prefilled",
    "let_backend_prefill",
    "prediction_version",
    "push_prefilled",
    "push_traces",
    "renew_predictions",
    "update_project",
    "wider_config",
]

_PREDICTION_REFUSED = "Prediction validation failed"
_BATCH_TASKS = 250
_BATCH_BYTES = 4_000_000


@dataclass(frozen=True)
class Sending:
    """How tasks are sent: for how many seconds to wait for an import that makes no progress, and whether a trace that
    is too large for a request is left out instead of ending the push."""

    max_wait: float = 1800.0
    skips_too_large: bool = False


_SENDING = Sending()


class NewTask(TypedDict):
    """A task to import; its data holds a trace."""

    data: dict[str, Any]


class PrefilledTask(NewTask):
    """A task to import, with what prefills its editors."""

    predictions: list[Prediction]


class LaterPrediction(Prediction):
    """What prefills the editors of the task with this id, which is in the project already."""

    task: int


_Item = TypeVar("_Item", bound=Mapping[str, object])


@dataclass(frozen=True)
class Target:
    """A project whose labeling config fits the traces. `known` holds the identities of the traces that are in it."""

    project: Project
    config: str
    shape: Shape
    known: frozenset[str]
    config_changed: bool
    fields_changed: bool


@dataclass(frozen=True)
class Pushed:
    """What a push did. `skipped` counts invalid traces and those that were too large, and `predicted` the tasks that
    were in the project before and got new predictions."""

    project: int
    url: str
    imported: int
    already_there: int
    skipped: int
    config_changed: bool
    predicted: int


def create_project(server: Server, title: str, options: Options, loaded: LoadedTraces) -> Target:
    """A new project with a labeling config for the traces. Raises what `server` raises, and OptionsError for options
    that do not fit the traces."""
    shape = shape_of_traces(options, loaded)
    config = config_for(options, shape)
    project = server.create_project(title, config, options.description)
    return Target(project, config, shape, frozenset(), config_changed=False, fields_changed=False)


def update_project(
    server: Server, number: int, options: Options, loaded: LoadedTraces, sending: Sending = _SENDING
) -> Target:
    """The project with this id, whose labeling config is replaced if it lacks anything that the options or the traces
    need. A config never loses steps. One that lacks nothing stays as somebody restyled it; only the style that an
    earlier version of ls-trajedit wrote is brought up to date.

    Raises what `server` raises, OptionsError for options that do not fit the traces, and SetupError when the project
    holds traces of the other kind (chats, or the plain shape) or the new config would lack a control that annotations
    use.
    """
    project = server.project(number)
    # What a running import brings is not in the project yet, and would be imported again.
    wait_for_running_imports(server, number, sending.max_wait)
    old = _schema_or_none(project.label_config)
    shape, known = _with_tasks(server, project, old, options, shape_of_traces(options, loaded))
    config = _config_with(options, old, shape)
    if old is not None and _covers(project.label_config, config):
        kept = renew_style(project.label_config)
        changed = kept != project.label_config
        if changed:
            server.set_label_config(number, kept)
        return Target(project, kept, shape, frozenset(known), config_changed=changed, fields_changed=False)
    new = read_config(config)
    _check_orphans(server, project, new, longest(shape))
    server.set_label_config(number, config)
    fields_changed = old is None or prediction_version(project.label_config) != prediction_version(config)
    return Target(project, config, shape, frozenset(known), config_changed=True, fields_changed=fields_changed)


@dataclass(frozen=True)
class WiderConfig:
    """A labeling config, and the shape of everything that it fits; None where that was not asked for."""

    config: str
    shape: Shape | None


def wider_config(
    server: Server, project: Project, options: Options, data: dict[str, Any], shape: Shape | None
) -> WiderConfig:
    """The labeling config of the project or, where that does not fit a task with this `data`, one that does and has all
    that it has. `shape` is that of the project's tasks, as an earlier call gave it; the project is not changed.

    Raises what `server` raises, OptionsError for options that do not fit the traces, and SetupError when the project
    holds traces of the other kind, or the options make a config that lacks anything that the project's has.
    """
    old = read_config(project.label_config)
    empty: Shape = ChatShape() if is_chat_data(data) else TraceShape(longest=old.max_steps or 0)
    config = _config_with(options, old, _widened(empty, data, options))
    if _covers(project.label_config, config):
        return WiderConfig(project.label_config, shape)
    if shape is None:
        shape, _ = _with_tasks(server, project, old, options, empty)
    shape = _widened(shape, data, options)
    config = _config_with(options, old, shape)
    if _covers(project.label_config, config):
        return WiderConfig(project.label_config, shape)
    if lost := _lost(project.label_config, config):
        named = ", ".join(f"`{name}`" for name in lost[:5]) + (f" and {len(lost) - 5} more" if len(lost) > 5 else "")
        raise SetupError(
            f"project {project.id}: its labeling config has to show more, and one for these options would lack "
            f"{named}; push its traces to a project of their own, or give the options that fit it with --options"
        )
    return WiderConfig(config, shape)


def _config_with(options: Options, old: Schema | None, shape: Shape) -> str:
    """The labeling config for that shape, in the place of the old one."""
    anchors = NO_ANCHORS if old is None else anchors_in(old)
    return config_for(_never_shorter(options, old, shape), shape, anchors)


def is_prefilled(project: Project) -> bool:
    """Whether predictions that were imported prefill the editors of the project, and not those of a backend."""
    return project.model_version.startswith(f"{MODEL_VERSION}-")


def renew_predictions(server: Server, project: Project, config: str, shape: Shape) -> str:
    """Has the editors of every task prefilled as before, after the project, which is given as it was, got this `config`
    for tasks of that `shape`. Returns the model version of the predictions. Raises what `push_prefilled` raises."""
    version = prediction_version(config)
    if prediction_version(project.label_config) == version:
        return project.model_version
    if is_prefilled(project):
        _predict_the_rest(server, project, config, server.project(project.id).task_count, _SENDING)
        server.show_predictions(project.id, version)
        return version
    ours = next((known for known in server.backends(project.id) if known.model_version == MODEL_VERSION), None)
    if ours is not None:
        target = Target(project, config, shape, frozenset(), config_changed=True, fields_changed=True)
        let_backend_prefill(server, target, ours.title)
    return project.model_version


def push_traces(
    server: Server,
    target: Target,
    options: Options,
    loaded: LoadedTraces,
    progress: Progress,
    sending: Sending = _SENDING,
) -> Pushed:
    """Imports the traces that are not in the project yet, as tasks without predictions.

    Raises DataError or ServerError when the server stops accepting tasks halfway; those that it accepted stay, and
    repeating the push brings the rest. Raises OutcomeUnknownError, which says what to look at, when an import may still
    be under way, and TraceError for a trace that is too large for a request, unless `sending` skips it.
    """
    tasks = _new_tasks(target, options, loaded)
    done = _Import(server, target, options, sending, progress, len(tasks)).run(tasks)
    return _pushed(server, target, loaded, tasks=len(tasks), imported=done, predicted=0)


def push_prefilled(
    server: Server,
    target: Target,
    options: Options,
    loaded: LoadedTraces,
    progress: Progress,
    sending: Sending = _SENDING,
) -> Pushed:
    """Imports the traces that are not in the project yet, as tasks with predictions that prefill the editors. Tasks of
    the project that lack such predictions get them too.

    Raises what `push_traces` raises, and SetupError where Label Studio does not accept the predictions.
    """
    version = prediction_version(target.config)
    tasks: list[PrefilledTask] = [
        {**task, "predictions": [_prediction(task, target.config, version)]}
        for task in _new_tasks(target, options, loaded)
    ]
    done = _Import(server, target, options, sending, progress, len(tasks)).run(tasks)
    predicted = _predict_the_rest(server, target.project, target.config, target.project.task_count + done, sending)
    if target.project.model_version != version or not target.project.shows_predictions:
        server.show_predictions(target.project.id, version)
    return _pushed(server, target, loaded, tasks=len(tasks), imported=done, predicted=predicted)


def let_backend_prefill(server: Server, target: Target, title: str) -> None:
    """Has the connected backend called `title` prefill the editors of the project.

    Label Studio asks a backend only about tasks without a prediction, so the predictions that ls-trajedit made are
    deleted when the set of editable fields has changed. Raises what `server` raises.
    """
    project = target.project
    if target.fields_changed:
        for version in server.prediction_versions(project.id):
            if version.startswith(MODEL_VERSION):
                server.delete_predictions(project.id, version)
    if target.fields_changed or project.model_version != title or not project.shows_predictions:
        server.show_predictions(project.id, title)


def prediction_version(config: str) -> str:
    """The model version of imported predictions. It changes with the set of boxes in the config, because Label Studio
    shows the predictions of one version only. Raises ConfigError for a config without editors."""
    schema = read_config(config)
    boxes = sorted(schema.fields()) + (["reason"] if schema.require_reason_on_edit else [])
    boxes += _structure_boxes(schema)
    return f"ls-trajedit-{hashlib.sha256(chr(10).join(boxes).encode()).hexdigest()[:8]}"


def _structure_boxes(schema: Schema) -> list[str]:
    """What can be typed about removed and inserted steps, in words that are the same for each step."""
    found = {REMOVE for structure in schema.structures() if structure.reason}
    for slot in (slot for structure in schema.structures() for slot in structure.slots):
        found |= {f"{slot.choice}: {box.field}" for box in slot.boxes}
        found |= {f"{slot.choice}: reason"} if slot.reason else set()
    return sorted(found)


def _with_tasks(
    server: Server, project: Project, old: Schema | None, options: Options, shape: Shape
) -> tuple[Shape, frozenset[str]]:
    """The shape, widened by the traces that are in the project, and the identities of these."""
    known: set[str] = set()
    for page in data_pages(server, project.id, project.task_count):
        for task in page.tasks:
            data = task["data"]
            try:
                is_chat = is_chat_data(data)
                trace = {} if is_chat else restore_own_steps(data)
            except NotesError:
                # It can be read no more, and the trace that it was may be pushed again.
                continue
            if isinstance(shape, ChatShape):
                if is_chat:
                    known.add(str(data.get("id")))
                    shape = _widened(shape, data, options)
                elif old is not None and isinstance(get_field(data, old.steps_path), list):
                    raise _of_other_kind(project.id, task["id"], "that is not one of the chats that `push` makes")
            elif is_chat:
                raise _of_other_kind(project.id, task["id"], "that is a chat")
            else:
                known.add(trace_identity(trace, options.id_path))
                shape = _widened(shape, data, options)
    if isinstance(shape, TraceShape):
        shape = replace(shape, longest=max(shape.longest, (old and old.max_steps) or 0))
    return shape, frozenset(known)


def _of_other_kind(project: int, task: int, what: str) -> SetupError:
    return SetupError(
        f"project {project}: task {task} holds a trace {what}, and a project holds traces of one kind; "
        "push these to a new project with --title"
    )


def _widened(shape: Shape, data: dict[str, Any], options: Options) -> Shape:
    """The shape after one more task with this data. Raises NotesError where it can be read no more."""
    if isinstance(shape, ChatShape):
        return shape.widened(data)
    try:
        wider = widen(shape, restore_own_steps(data), options)
    except (AttributeError, TypeError):
        # A task that somebody else imported need not hold a trace; it does not count for the config.
        return shape
    return replace(wider, has_branches=shape.has_branches or branch_of(data) is not None)


def _schema_or_none(config: str) -> Schema | None:
    try:
        return read_config(config)
    except ConfigError:
        return None


def _never_shorter(options: Options, old: Schema | None, shape: Shape) -> Options:
    """The options, with which the config has as many steps as the old one."""
    before = (old and old.max_steps) or 0
    # The shape of chats does not say how many steps a config had, as that of plain traces does.
    wanted = options.max_steps or (longest(shape) if isinstance(shape, ChatShape) else before)
    return options if wanted >= before else replace(options, max_steps=before)


def _covers(old: str, new: str) -> bool:
    """Whether the project's config already has everything that `new` has; if so, somebody's own styling can stay."""
    before, after = read_config(old), read_config(new)
    same = replace(before, fixed=after.fixed, max_steps=after.max_steps) == after
    editors = set(after.fixed.editors) <= set(before.fixed.editors)
    labels = set(after.fixed.labels) <= set(before.fixed.labels)
    structures = all(any(map(structure.is_covered_by, before.fixed.structures)) for structure in after.fixed.structures)
    return same and editors and labels and structures and shown_values(new) <= shown_values(old)


def _lost(old: str, new: str) -> list[str]:
    """What the config `old` has and `new` lacks: the names of controls, what is shown, and flags."""
    before, after = read_config(old), read_config(new)
    others = replace(before, fixed=after.fixed, max_steps=after.max_steps) == after
    names = sorted(before.fixed.names - after.fixed.names)
    return [
        *names,
        *sorted(shown_values(old) - shown_values(new)),
        *(() if others else ("its layout or its settings",)),
    ]


def _check_orphans(server: Server, project: Project, new: Schema, steps: int) -> None:
    in_use = server.controls_in_use(project.id)
    lost: dict[str, int] = {}
    for (control, original), count in in_use.items():
        if not new.has_control(control, original, steps):
            lost[control] = lost.get(control, 0) + count
    if lost:
        named = ", ".join(f"`{control}` ({count})" for control, count in sorted(lost.items())[:10])
        more = f" and {len(lost) - 10} more" if len(lost) > 10 else ""
        raise SetupError(
            f"project {project.id}: annotations use controls that the new labeling config lacks: {named}{more}. "
            "Keep their fields in the options, or push to a new project with --title"
        )


def _new_tasks(target: Target, options: Options, loaded: LoadedTraces) -> list[NewTask]:
    """A task for each of the traces that is not in the project yet."""
    if isinstance(target.shape, ChatShape):
        new = (chat for chat in loaded.chats if chat.trace.id not in target.known)
        return [{"data": chat_data(chat.trace, chat.read_with or options.read_options, chat.number)} for chat in new]
    in_steps: list[FieldPath] = [field.path for field in step_fields(options, target.shape)]
    at_the_top = shown_fields(options, target.shape)
    return [
        {
            "data": to_task_data(
                trace.data,
                steps_path=options.steps_path,
                step_text_key=options.step_text_key,
                step_fields=in_steps,
                top_fields=at_the_top,
            )
        }
        for trace in loaded.steps
        if trace_identity(trace.data, options.id_path) not in target.known
    ]


@dataclass(frozen=True)
class _Import:
    """The import of `total` tasks into the target."""

    server: Server
    target: Target
    options: Options
    sending: Sending
    progress: Progress
    total: int

    def run(self, tasks: Sequence[NewTask]) -> int:
        """Imports the tasks; how many it imported."""
        done = 0

        def send(batch: Sequence[NewTask]) -> None:
            nonlocal done
            self._send(batch, done)
            done += len(batch)
            self.progress(done, self.total)

        def refuse(task: NewTask) -> None:
            name = get_field(task["data"], self.options.id_path)
            what = f"the trace {name!r}" if isinstance(name, str | int) else "a trace without an id"
            _too_large(what, task, self.target.project.id, self.sending)

        return _in_batches(tasks, send, refuse)

    def _send(self, batch: Sequence[NewTask], done: int) -> None:
        project, before = self.target.project.id, self.target.project.task_count + done
        so_far = f"{done} of {self.total} traces are in project {project}"
        try:
            answer = self.server.import_tasks(project, batch)
            if isinstance(answer, int):
                accepted = answer
            else:
                job = ImportJob(answer.id, project, len(batch), before)
                accepted = wait_for_import(
                    self.server, job, self.sending.max_wait, lambda made: self.progress(done + made, self.total)
                )
        except (TooLargeError, StillRunningError):
            raise
        except OutcomeUnknownError as error:
            raise OutcomeUnknownError(
                f"{error}. {so_far}. See {self.server.address}/projects/{project}/ before you push again: it had "
                f"{before} tasks, and has {before + len(batch)} once the import is done. A push after that imports "
                "only what is not there"
            ) from None
        except TrajeditError as error:
            if self.options.layout == "repeater" and _PREDICTION_REFUSED in str(error):
                raise SetupError(
                    f"project {project}: this Label Studio validates predictions and accepts none for a Repeater. Set "
                    f"`layout: unrolled` and push with --project {project}, or leave editors empty with --prefill none"
                ) from None
            fix = "fix that, and push" if isinstance(error, ImportFailedError) else "push"
            raise type(error)(f"{error}. {so_far}; {fix} again with --project {project}") from None
        if accepted < len(batch):
            raise DataError(
                f"project {project}: Label Studio accepted {accepted} of {len(batch)} tasks; "
                f"push again with --project {project} for the rest"
            )


def _prediction(task: Mapping[str, Any], config: str, version: str) -> Prediction:
    try:
        return {"model_version": version, "result": predict(task, config)}
    except TooManyControlsError as error:
        what = f"task {task['id']}" if "id" in task else f"the trace {task['data'].get('id')!r}"
        raise TooManyControlsError(f"{what}: {error}") from None


def _predict_the_rest(server: Server, project: Project, config: str, counted: int, sending: Sending) -> int:
    """Adds predictions for this config to the tasks that have none, and returns the number of these tasks. There are
    `counted` tasks."""
    version = prediction_version(config)
    count = 0
    for page in unpredicted_pages(server, project.id, version, counted):
        predictions: list[LaterPrediction] = [
            {"task": task["id"], **_prediction(task, config, version)} for task in page.tasks
        ]
        count += _in_batches(
            predictions,
            lambda batch: server.add_predictions(project.id, batch),
            lambda one: _too_large(f"the prediction for task {one['task']}", one, project.id, sending),
        )
    return count


def _pushed(server: Server, target: Target, loaded: LoadedTraces, tasks: int, imported: int, predicted: int) -> Pushed:
    return Pushed(
        project=target.project.id,
        url=f"{server.address}/projects/{target.project.id}/",
        imported=imported,
        already_there=loaded.count - tasks,
        skipped=len(loaded.invalid) + tasks - imported,
        config_changed=target.config_changed,
        predicted=predicted,
    )


def _in_batches(
    items: Sequence[_Item], send: Callable[[Sequence[_Item]], None], too_large_alone: Callable[[_Item], None]
) -> int:
    """Sends the items in as few requests as the server takes, and returns how many it took. After a TooLargeError, the
    requests are half as large; one of a single item is left to `too_large_alone`."""
    sizes = [len(json_line(item)) for item in items]
    limit, start, sent = _BATCH_BYTES, 0, 0
    while start < len(items):
        end = start + 1
        size = sizes[start]
        while end < len(items) and end - start < _BATCH_TASKS and size + sizes[end] <= limit:
            size += sizes[end]
            end += 1
        try:
            send(items[start:end])
            sent += end - start
        except TooLargeError:
            if end - start > 1:
                limit = size // 2
                continue
            too_large_alone(items[start])
        start = end
    return sent


def _too_large(what: str, item: Mapping[str, object], project: int, sending: Sending) -> None:
    """Says that this one is left out. Raises TraceError where it may not be."""
    size = len(json_line(item)) / 1_000_000
    problem = (
        f"project {project}: {what} takes {size:.1f} MB, more than the server accepts in a request (413); for nginx in "
        f"front of Label Studio, set `client_max_body_size {int(size) + 2}m;`"
    )
    if not sending.skips_too_large:
        raise TraceError(f"{problem}. Then push again with --project {project}, or leave it out with --skip-invalid")
    say(f"{problem}; left out")
