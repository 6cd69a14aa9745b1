"""`ls-trajedit doctor`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Literal

import click

from ls_trajedit.commands import shared_options
from ls_trajedit.commands.parameters import Option
from ls_trajedit.commands.shared_options import ServerOptions
from ls_trajedit.console import print_json, print_labelled, print_line
from ls_trajedit.doctor.finding import Finding, Level
from ls_trajedit.plural import plural
from ls_trajedit.traces.errors import SetupError

__all__ = ["doctor"]

_COLOURS: dict[Level, Literal["green", "yellow", "red"]] = {"ok": "green", "warning": "yellow", "problem": "red"}
_WIDTH = max(map(len, _COLOURS))


def doctor(
    *,
    project: Annotated[int, Option("--project", help="The project's id.", metavar="ID")],
    options: shared_options.OptionsFile = None,
    backend: Annotated[
        str | None,
        Option("--backend", help="Probe this ML backend from here, too.", metavar="URL"),
    ] = None,
    server: ServerOptions,
    as_json: shared_options.Json = False,
) -> None:
    """Find what is wrong with a project, and say what to do.

    Checks the server, the token, the labeling config, the tasks and the backend, and changes nothing. Exits with 3 if
    there is a problem. Label Studio says whether it reaches its backend; this machine asks none but the one that
    --backend names, with BASIC_AUTH_USER and BASIC_AUTH_PASS if they are set.
    """
    if backend is not None:
        shared_options.check_backend(backend)
    # It imports the web libraries that it probes with, and `--help` should not wait for those.
    from ls_trajedit.doctor.examine import examine

    overrides = shared_options.options_in(options)
    running = examine(server.url, server.api_key, server.headers, project, overrides, backend, os.environ)
    findings = list(running if as_json else _printed(running))
    problems = sum(finding.level == "problem" for finding in findings)
    warnings = sum(finding.level == "warning" for finding in findings)
    if as_json:
        found = [asdict(finding) for finding in findings]
        print_json({"findings": found, "problems": problems, "warnings": warnings})
    else:
        counts = f"{problems or 'no'} {plural(problems, 'problem')}, {warnings or 'no'} {plural(warnings, 'warning')}"
        print_line(counts)
    if problems:
        raise click.exceptions.Exit(SetupError.exit_code)


def _printed(findings: Iterator[Finding]) -> Iterator[Finding]:
    """The findings, each printed as soon as it is known."""
    for finding in findings:
        print_labelled(f"{finding.level:<{_WIDTH}}", _COLOURS[finding.level], finding.text)
        if finding.advice:
            print_line(f"{'':<{_WIDTH}}  {finding.advice}")
        yield finding
