"""`ls-trajedit pull`."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Annotated

import click

from ls_trajedit.commands import shared_options
from ls_trajedit.commands.output_options import HubOptions, LimitOptions, OutputOptions
from ls_trajedit.commands.parameters import Option
from ls_trajedit.commands.shared_options import ServerOptions
from ls_trajedit.commands.summary import print_summary
from ls_trajedit.console import say, shown
from ls_trajedit.converters.formats import interchange
from ls_trajedit.converters.formats.base import Format
from ls_trajedit.output.plan import formats_for
from ls_trajedit.output.summary import Summary, summary_markdown
from ls_trajedit.progress import show_progress
from ls_trajedit.traces.errors import UsageError

__all__ = ["STEP_SUMMARY_VARIABLE", "pull"]

SOMETHING_TO_PULL = 1
STEP_SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"


def pull(
    *,
    project: Annotated[int, Option("--project", help="The project's id.", metavar="ID")],
    output: shared_options.OutputFolder = Path("data"),
    options: shared_options.OptionsFile = None,
    server: ServerOptions,
    wanted: OutputOptions,
    hub: HubOptions,
    full: Annotated[bool, Option("--full", help="Read everything again, not just what has changed.")] = False,
    check: Annotated[bool, Option("--check", help="Pull nothing; exit with 1 if there is something to pull.")] = False,
    report: Annotated[bool, Option("--report", help="Also write report.html, which shows what was corrected.")] = False,
    limits: LimitOptions,
    max_wait: Annotated[float, shared_options.max_wait("How long to keep retrying a request that fails.")] = 600,
    as_json: shared_options.Json = False,
) -> None:
    """Write training files from a project's annotations.

    The project's own labeling config says which control corrects which field, so no local file is needed. The first
    pull into a folder reads everything; later ones read what has changed since.
    """
    if check and full:
        raise UsageError("give either --check or --full, not both")
    if check and report:
        raise UsageError("give either --check or --report, not both: --check writes nothing")
    if check and hub.push_to_hub:
        raise UsageError("give either --check or --push-to-hub, not both")
    dataset = hub.connect()
    overrides = shared_options.options_in(options)
    formats = formats_for(wanted.wanted_files(), overrides)
    if report:
        _check_report(output, formats)
    label_studio = server.open(max_wait)
    source = label_studio.project(project)
    from ls_trajedit.pull.run import PullRequest, is_up_to_date
    from ls_trajedit.pull.run import pull as pull_project

    emails = label_studio.emails() if wanted.annotators == "email" else {}
    request = PullRequest(source, overrides, wanted.reading_rules(emails, overrides), output, wanted.wanted_files())
    if check:
        if not is_up_to_date(label_studio, request):
            say(f"{output}: there is something to pull from project {project}")
            raise click.exceptions.Exit(SOMETHING_TO_PULL)
        say(f"{output}: up to date")
        return
    with show_progress(f"pulling project {project}") as progress:
        summary = pull_project(label_studio, request, full, progress)
    print_summary(summary, as_json=as_json)
    wanted.say_unknown_addresses(summary)
    _write_step_summary(summary, f"ls-trajedit pull, project {project}")
    if report:
        _write_report(output)
    summary.refuse_leftovers()
    limits.check(summary)
    if dataset is not None:
        dataset.push(output)


def _write_step_summary(summary: Summary, title: str) -> None:
    """Adds the summary to the page of a GitHub Actions job, which is the file that GITHUB_STEP_SUMMARY names there. The
    job does not fail over it: standard error says so when the file cannot be written."""
    path = os.environ.get(STEP_SUMMARY_VARIABLE)
    if not path:
        return
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.writelines(f"{shown(line)}\n" for line in summary_markdown(summary, title).split("\n"))
    except OSError as error:
        say(f"{STEP_SUMMARY_VARIABLE}: {path} cannot be written: {error.strerror}")


def _check_report(folder: Path, formats: Collection[Format]) -> None:
    """Raises UsageError when the report could not be made of these formats, or could not be put into `folder`."""
    from ls_trajedit.report.write import REPORT, check_target

    if interchange.CORRECTIONS not in formats:
        raise UsageError("--report is made from the corrections; add --format corrections, or leave out --report")
    if folder.exists():
        check_target(folder, folder / REPORT)


def _write_report(folder: Path) -> None:
    """Writes the report beside the data, unless the same one is there already."""
    from ls_trajedit.report.write import REPORT, write_report

    written = write_report(folder, folder / REPORT)
    say(f"{written.path}: {'written' if written.is_new else 'up to date'}")
