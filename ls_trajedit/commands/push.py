"""`ls-trajedit push`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Literal

from ls_trajedit.backend.model_version import MODEL_VERSION
from ls_trajedit.commands import shared_options, trace_options
from ls_trajedit.commands.parameters import Option
from ls_trajedit.commands.shared_options import ServerOptions
from ls_trajedit.console import print_json, print_line, say
from ls_trajedit.inputs import load_traces, named_inputs
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.plural import plural
from ls_trajedit.progress import show_progress
from ls_trajedit.project_config import longest
from ls_trajedit.traces.errors import TrajeditError, UsageError

if TYPE_CHECKING:
    from ls_trajedit.label_studio.client import Server
    from ls_trajedit.push import Pushed

__all__ = ["push"]


def push(
    *,
    traces: trace_options.TraceFiles,
    title: Annotated[str | None, Option("--title", help="Create a project with this title.", metavar="TITLE")] = None,
    project: Annotated[int | None, Option("--project", help="Update this project.", metavar="ID")] = None,
    options: shared_options.OptionsFile = None,
    skip_invalid: trace_options.SkipInvalid = False,
    prefill: Annotated[
        Literal["import", "none"],
        Option("--prefill", help="Without a backend: import predictions with the tasks, or leave the editors empty."),
    ] = "import",
    backend: Annotated[
        str | None,
        Option("--backend", help="Connect this ML backend, which prefills the editors.", metavar="URL"),
    ] = None,
    backend_user: Annotated[
        str | None,
        Option(
            "--backend-user",
            help="The backend's user for basic authentication; the password is read from BASIC_AUTH_PASS.",
            metavar="NAME",
        ),
    ] = None,
    max_wait: Annotated[
        float,
        shared_options.max_wait(
            "How long to wait for an import that Label Studio works off in the background and that makes no progress."
        ),
    ] = 1800,
    server: ServerOptions,
    as_json: shared_options.Json = False,
) -> None:
    """Import traces into a project, with prefilled editors.

    A trace whose id is already in the project is not imported again, so repeating a push changes nothing.
    """
    if (title is None) == (project is None):
        raise UsageError("give either --title for a new project or --project for one that exists")
    if title is not None and len(title) < 3:
        raise UsageError(f"--title {title}: Label Studio requires at least 3 characters")
    if backend is not None:
        shared_options.check_backend(backend)
    credentials = _credentials(backend, backend_user)
    chosen = shared_options.options_here(options)
    loaded = load_traces(named_inputs(traces), chosen).check_storable()
    loaded.refuse_mixed()
    trace_options.refuse_or_skip_invalid(loaded, skip_invalid)
    trace_options.say_left_out(loaded)
    label_studio = server.connect()
    # Importing what talks to a server takes too long for the other commands.
    from ls_trajedit.push import (
        Sending,
        create_project,
        let_backend_prefill,
        push_prefilled,
        push_traces,
        update_project,
    )

    sending = Sending(max_wait, skips_too_large=skip_invalid)

    if title is not None:
        target = create_project(label_studio, title, chosen, loaded)
    else:
        assert project is not None
        target = update_project(label_studio, project, chosen, loaded, sending)
    steps = read_config(target.config).max_steps
    most = longest(target.shape)
    if steps is not None and steps < most:
        say(f"the longest trace has {most} steps; `max_steps` lets only {steps} be edited")
    backends = label_studio.backends(target.project.id)
    if backend and backend.rstrip("/") not in {known.url.rstrip("/") for known in backends}:
        _connect_backend(label_studio, target.project.id, backend, credentials)
        backends = label_studio.backends(target.project.id)
    ours = next((known for known in backends if known.model_version == MODEL_VERSION), None)
    if ours is not None:
        let_backend_prefill(label_studio, target, ours.title)
    do_push = push_prefilled if prefill == "import" and not backends else push_traces
    with show_progress("importing traces") as progress:
        pushed = do_push(label_studio, target, chosen, loaded, progress, sending)
    if as_json:
        print_json(_as_json(pushed))
    else:
        _print_for_person(pushed)


def _connect_backend(server: Server, project: int, backend: str, credentials: tuple[str, str] | None) -> None:
    try:
        server.connect_backend(project, backend, "ls-trajedit", credentials)
    except TrajeditError as error:
        raise type(error)(
            f"{error}. Nothing was imported into project {project}; when the backend works, push with "
            f"--project {project}, or push without --backend"
        ) from None


def _credentials(backend: str | None, user: str | None) -> tuple[str, str] | None:
    if user is None:
        return None
    if backend is None:
        raise UsageError("--backend-user goes with --backend")
    password = os.environ.get("BASIC_AUTH_PASS")
    if not password:
        raise UsageError("--backend-user needs the backend's password in the environment variable BASIC_AUTH_PASS")
    return user, password


def _as_json(pushed: Pushed) -> dict[str, object]:
    return {
        "project": pushed.project,
        "url": pushed.url,
        "imported": pushed.imported,
        "already_there": pushed.already_there,
        "rejected": pushed.skipped,
    }


def _print_for_person(pushed: Pushed) -> None:
    print_line(f"project {pushed.project}: {pushed.url}")
    print_line(f"  imported       {pushed.imported}")
    print_line(f"  already there  {pushed.already_there}")
    if pushed.skipped:
        print_line(f"  skipped        {pushed.skipped}")
    if pushed.config_changed:
        say("the project has a new labeling config")
    if pushed.predicted:
        say(f"added predictions for the editors of {pushed.predicted} existing {plural(pushed.predicted, 'task')}")
