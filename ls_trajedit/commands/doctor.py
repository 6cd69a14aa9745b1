"""`ls-trajedit doctor`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer

from ls_trajedit.commands import shared_options
from ls_trajedit.doctor.finding import Finding, Level
from ls_trajedit.inputs import read_text
from ls_trajedit.traces.errors import SetupError
from ls_trajedit.traces.options import parse_options

__all__ = ["doctor"]

_COLOURS: dict[Level, str] = {"ok": "green", "warning": "yellow", "problem": "red"}
_WIDTH = max(map(len, _COLOURS))


def doctor(
    project: Annotated[int, typer.Option("--project", help="The project's id.", metavar="ID")],
    options: shared_options.OptionsFile = None,
    url: shared_options.Url = shared_options.DEFAULT_URL,
    api_key: shared_options.ApiKey = None,
    as_json: shared_options.Json = False,
) -> None:
    """Find what is wrong with a project, and say what to do.

    Looks at the server, the token, the labeling config, the tasks and the backend, and changes nothing. Exits with 3
    when there is a problem. BASIC_AUTH_USER and BASIC_AUTH_PASS, when set, are tried on a backend that Label Studio
    has a password for.
    """
    # It imports the web libraries that it probes with, and `--help` should not wait for those.
    from ls_trajedit.doctor.examine import examine

    overrides = parse_options(read_text(options), str(options)) if options else None
    findings = examine(url, api_key, project, overrides, os.environ)
    told = list(findings if as_json else _printed(findings))
    counts = {level: sum(finding.level == level for finding in told) for level in _COLOURS}
    if as_json:
        found = [asdict(finding) for finding in told]
        shared_options.print_json({"findings": found, "problems": counts["problem"], "warnings": counts["warning"]})
    else:
        sys.stdout.write(f"{_counted(counts['problem'], 'problem')}, {_counted(counts['warning'], 'warning')}\n")
    if counts["problem"]:
        raise typer.Exit(SetupError.exit_code)


def _printed(findings: Iterator[Finding]) -> Iterator[Finding]:
    """The same findings, each printed as soon as it is there."""
    is_terminal = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    for finding in findings:
        label = f"{finding.level:<{_WIDTH}}"
        shown = typer.style(label, fg=_COLOURS[finding.level], bold=True) if is_terminal else label
        sys.stdout.write(f"{shown}  {finding.text}\n")
        if finding.advice:
            sys.stdout.write(f"{'':<{_WIDTH}}  {finding.advice}\n")
        sys.stdout.flush()
        yield finding


def _counted(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
