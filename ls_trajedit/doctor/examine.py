"""Checks everything between a person and a prefilled editor, from the server's address onwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ls_trajedit import __version__
from ls_trajedit.backend.basic_auth import Credentials, credentials_from_environment
from ls_trajedit.doctor.access import check_release, check_token, explain_refused_token
from ls_trajedit.doctor.backend import BASIC_AUTH, Probe, check_backend, check_unconnected, is_at, probe_backend
from ls_trajedit.doctor.config import check_editors, check_layout, check_structure, check_texts
from ls_trajedit.doctor.finding import Finding, ok, problem, warning
from ls_trajedit.doctor.live_diff import check_live_diff, find_live_diff
from ls_trajedit.doctor.prefill import Prefill, check_prefill
from ls_trajedit.doctor.tasks import TaskCensus, check_tasks
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.label_studio.headers import Headers
from ls_trajedit.label_studio.release import Release, find_release
from ls_trajedit.label_studio.tasks import count_without_prediction, data_pages
from ls_trajedit.progress import show_progress
from ls_trajedit.push import prediction_version
from ls_trajedit.traces.errors import ConfigError, DataError, RefusedError, ServerError, SetupError
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions

if TYPE_CHECKING:
    from ls_trajedit.label_studio.client import Backend, Project, Server

__all__ = ["examine"]

_FAILURES = (RefusedError, ServerError, DataError)


def examine(
    url: str,
    api_key: str | None,
    headers: Headers,
    number: int,
    overrides: Options | None,
    backend: str | None,
    environment: Mapping[str, str],
) -> Iterator[Finding]:
    """Every finding on project `number` of the Label Studio at `url`, in the order in which they depend on each other.

    A check that cannot be made is a finding, too, and checks that do not depend on it still follow. `headers` go with
    each request to that server, and `overrides` are options that override what the labeling config says, as in `pull`.
    The backend at the address `backend` is probed from this machine, with the password in `environment`; no address is
    that only the server names.
    Raises UsageError when `url` is not an address, and SetupError when it holds a password or the environment names a
    proxy or certificates that cannot be used.
    """
    release: Release | None = None
    try:
        release = find_release(url, headers)
        yield from check_release(url, release)
        # What follows is asked there at once, where the server redirects to https.
        url = release.url
    except RefusedError as refused:
        yield warning(f"a server answers, but does not tell its version: {refused}")
    except (ServerError, DataError) as failure:
        yield problem(str(failure))
        return
    if not api_key:
        yield problem(
            "no token: only the server can be checked",
            "Copy one from Account & Settings in Label Studio, and set LABEL_STUDIO_API_KEY or give --api-key.",
        )
        return
    from ls_trajedit.label_studio.client import open_server

    try:
        server = open_server(url, api_key, headers=headers)
        yield from check_token(api_key.strip(), server.user())
    except RefusedError as refused:
        yield explain_refused_token(api_key.strip(), refused)
        return
    except (ServerError, DataError) as failure:
        yield problem(str(failure))
        return
    try:
        project = server.project(number)
    except (ServerError, DataError) as failure:
        yield problem(str(failure))
        return
    except RefusedError as missing:
        yield problem(
            str(missing),
            f"The number is in the address that the browser shows: {server.url}/projects/NUMBER/. A project in another "
            "organization, or one of which the token's user is not a member, cannot be seen.",
        )
        return
    yield ok(f"project {project.id} is there: {project.title}")
    yield from check_live_diff(find_live_diff(url, headers), __version__)
    yield from _examine_project(server, project, release, overrides, backend, environment)


def _examine_project(
    server: Server,
    project: Project,
    release: Release | None,
    overrides: Options | None,
    backend: str | None,
    environment: Mapping[str, str],
) -> Iterator[Finding]:
    try:
        schema = read_config(project.label_config, overrides)
    except ConfigError as error:
        yield problem(
            str(error),
            f"`ls-trajedit push FILE --project {project.id}` gives the project a config for the traces in FILE.",
        )
    else:
        yield check_editors(schema)
        yield from check_structure(schema)
        yield from check_texts(schema)
        yield from _or_unchecked(_check_layout(server, schema, release))
        read_options = NO_OPTIONS if overrides is None else overrides.read_options
        yield from _or_unchecked(_check_tasks(server, project, schema, read_options))
    backends: list[Backend] = []
    try:
        backends = server.backends(project.id)
        yield from _check_backends(backends, backend, environment)
    except _FAILURES as error:
        yield _unchecked(error)
    yield from _or_unchecked(_check_prefill(server, project, tuple(connected.title for connected in backends)))


def _or_unchecked(findings: Iterator[Finding]) -> Iterator[Finding]:
    """`findings`, up to a failure of Label Studio, which is a finding itself."""
    try:
        yield from findings
    except _FAILURES as error:
        yield _unchecked(error)


def _unchecked(error: Exception) -> Finding:
    return problem(f"this could not be checked: {error}")


def _check_layout(server: Server, schema: Schema, release: Release | None) -> Iterator[Finding]:
    can_validate = release is None or release.can_validate
    yield check_layout(schema, release, server.validates_predictions() if can_validate else False)


def _check_tasks(server: Server, project: Project, schema: Schema, read_options: ReadOptions) -> Iterator[Finding]:
    census = TaskCensus(schema, read_options)
    with show_progress(f"reading the tasks of project {project.id}") as progress:
        for page in data_pages(server, project.id, project.task_count):
            for task in page.tasks:
                census.add(task["id"], task["data"])
            progress(census.total, project.task_count)
    yield from check_tasks(census, project.id)


def _check_backends(backends: list[Backend], given: str | None, environment: Mapping[str, str]) -> Iterator[Finding]:
    connected = [backend for backend in backends if given is not None and is_at(backend, given)]
    probe: Probe | None = None
    if given is not None:
        credentials: Credentials | None = None
        try:
            credentials = credentials_from_environment(environment)
        except SetupError as error:
            yield warning(f"the backend is probed without a password: {error}")
        needs_none = connected and all(backend.auth_method != BASIC_AUTH for backend in connected)
        probe = probe_backend(given, None if needs_none else credentials)
    for backend in backends:
        yield from check_backend(backend, probe if backend in connected else None)
    if given is not None and probe is not None and not connected:
        yield check_unconnected(given, probe)
    elif not backends:
        yield ok("no backend is connected; imported predictions can prefill the editors without one")


def _check_prefill(server: Server, project: Project, backends: tuple[str, ...]) -> Iterator[Finding]:
    chosen = project.model_version
    is_stored = bool(chosen) and chosen not in backends
    yield from check_prefill(
        Prefill(
            project=project,
            backends=backends,
            versions=server.prediction_versions(project.id),
            lacking=count_without_prediction(server, project.id, chosen) if is_stored else 0,
            expected=_expected_version(project.label_config),
        )
    )


def _expected_version(config: str) -> str | None:
    try:
        return prediction_version(config)
    except ConfigError:
        return None
