"""`ls-trajedit push`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ls_trajedit.backend.model_version import MODEL_VERSION
from ls_trajedit.commands import arguments
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.load_traces import load_traces, sendable
from ls_trajedit.progress import show_progress
from ls_trajedit.traces.errors import TrajeditError, UsageError

if TYPE_CHECKING:
    from ls_trajedit.label_studio.client import Server
    from ls_trajedit.push import Pushed

__all__ = ["push"]


def push(
    traces: Annotated[Path, typer.Argument(help="Traces: JSON lines or array, plain or gzip; - for stdin.")],
    title: Annotated[
        str | None, typer.Option("--title", help="Create a project with this title.", metavar="TITLE")
    ] = None,
    project: Annotated[int | None, typer.Option("--project", help="Update this project.", metavar="ID")] = None,
    options: arguments.OptionsFile = None,
    skip_invalid: arguments.SkipInvalid = False,
    prefill: Annotated[
        Literal["import", "none"],
        typer.Option("--prefill", help="Without a backend: import predictions with the tasks, or leave editors empty."),
    ] = "import",
    backend: Annotated[
        str | None, typer.Option("--backend", help="Connect this ML backend; it prefills the editors.", metavar="URL")
    ] = None,
    backend_user: Annotated[
        str | None,
        typer.Option(
            "--backend-user",
            help="The backend's user for basic authentication; its password is read from BASIC_AUTH_PASS.",
            metavar="NAME",
        ),
    ] = None,
    url: arguments.Url = arguments.DEFAULT_URL,
    api_key: arguments.ApiKey = None,
    as_json: arguments.Json = False,
) -> None:
    """Bring traces into a project, with prefilled editors.

    A trace whose id is already in the project is not imported again, so the same push twice changes nothing.
    """
    if (title is None) == (project is None):
        raise UsageError("give either --title for a new project or --project for one that exists")
    if title is not None and len(title) < 3:
        raise UsageError(f"--title {title}: Label Studio wants at least 3 characters")
    if backend is not None and not backend.startswith(("http://", "https://")):
        raise UsageError(f"--backend {backend}: the address must start with http:// or https://")
    credentials = _credentials(backend, backend_user)
    chosen = arguments.load_options(options)
    loaded = sendable(load_traces(traces, chosen))
    arguments.tell_broken(loaded, skip_invalid)
    server = arguments.connected(url, api_key)
    # What talks to a server takes other commands too long to import.
    from ls_trajedit.push import create_project, let_backend_prefill, push_traces, update_project

    if title is not None:
        target = create_project(server, title, chosen, loaded)
    else:
        assert project is not None
        target = update_project(server, project, chosen, loaded)
    steps = read_config(target.config).max_steps
    if steps is not None and steps < target.shape.longest:
        arguments.say(f"the longest trace has {target.shape.longest} steps; `max_steps` lets only {steps} be edited")
    backends = server.backends(target.project.id)
    if backend and backend.rstrip("/") not in {known.url.rstrip("/") for known in backends}:
        _connect(server, target.project.id, backend, credentials)
        backends = server.backends(target.project.id)
    ours = next((known for known in backends if known.model_version == MODEL_VERSION), None)
    if ours is not None:
        let_backend_prefill(server, target, ours.title)
    with show_progress("importing traces") as progress:
        pushed = push_traces(server, target, chosen, loaded, prefill == "import" and not backends, progress)
    _finish(pushed, as_json)


def _connect(server: Server, project: int, backend: str, credentials: tuple[str, str] | None) -> None:
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


def _finish(pushed: Pushed, as_json: bool) -> None:
    if as_json:
        keys = ("project", "url", "imported", "already_there", "rejected")
        arguments.print_json({key: getattr(pushed, key) for key in keys})
        return
    sys.stdout.write(f"project {pushed.project}: {pushed.url}\n")
    sys.stdout.write(f"  imported       {pushed.imported}\n  already there  {pushed.already_there}\n")
    if pushed.rejected:
        sys.stdout.write(f"  left out       {pushed.rejected}\n")
    if pushed.config_changed:
        arguments.say("the project has a new labeling config")
    if pushed.predicted:
        arguments.say(f"{pushed.predicted} tasks that were there got predictions for their editors")
