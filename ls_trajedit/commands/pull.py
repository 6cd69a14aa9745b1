"""`ls-trajedit pull`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ls_trajedit.commands import arguments, hub
from ls_trajedit.commands.finish import (
    finish_as_json,
    finish_as_text,
    refuse_few_edits,
    refuse_rejects,
    write_step_summary,
)
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.training.rules import TrainingRules
from ls_trajedit.inputs import read_text
from ls_trajedit.output.plan import WantedFiles
from ls_trajedit.progress import show_progress
from ls_trajedit.signals import raise_on_sigterm
from ls_trajedit.traces.errors import UsageError
from ls_trajedit.traces.options import parse_options

__all__ = ["pull"]

SOMETHING_TO_PULL = 1


def pull(
    project: Annotated[int, typer.Option("--project", help="The project's id.", metavar="ID")],
    output: arguments.OutputFolder = Path("data"),
    options: arguments.OptionsFile = None,
    url: arguments.Url = arguments.DEFAULT_URL,
    api_key: arguments.ApiKey = None,
    annotators: arguments.Annotators = "id",
    ground_truth: arguments.GroundTruthOption = "include",
    since: arguments.Since = None,
    until: arguments.Until = None,
    require_reason: arguments.RequireReason = False,
    formats: arguments.Formats = None,
    tools: arguments.Tools = False,
    stale: arguments.Stale = "include",
    pairs: arguments.Pairs = "every",
    prm_unedited: arguments.PrmUnedited = "include",
    annotators_policy: arguments.AnnotatorsPolicy = "all",
    min_edit_chars: arguments.MinEditChars = 0,
    ignore_whitespace_edits: arguments.IgnoreWhitespaceEdits = False,
    split: arguments.SplitOption = None,
    to: arguments.To = "json",
    push_to_hub: hub.PushToHub = None,
    hub_public: hub.HubPublic = False,
    hub_license: hub.HubLicense = None,
    full: Annotated[bool, typer.Option("--full", help="Read everything again, not only what changed.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Pull nothing; exit with 1 when there is something to pull.")
    ] = False,
    report: Annotated[
        bool, typer.Option("--report", help="Also write report.html, which shows what was corrected.")
    ] = False,
    strict: arguments.Strict = False,
    max_rejects: arguments.MaxRejects = None,
    fail_under: arguments.FailUnder = 0,
    max_wait: Annotated[
        float,
        typer.Option("--max-wait", help="How long a request may be tried again for.", metavar="SECONDS", min=0),
    ] = 600,
    as_json: arguments.Json = False,
) -> None:
    """Write the training files from a project's annotations.

    The project's own labeling config says which control corrects which field, so no local file is needed. The first
    pull into a folder reads everything, later ones what changed since.
    """
    if check and full:
        raise UsageError("give either --check or --full, not both")
    if check and report:
        raise UsageError("give either --check or --report, not both: --check writes nothing")
    allowed_rejects = arguments.allowed_rejects(strict, max_rejects)
    if check and push_to_hub:
        raise UsageError("give either --check or --push-to-hub, not both")
    dataset = hub.open_hub(push_to_hub, hub_public, hub_license)
    overrides = parse_options(read_text(options), str(options)) if options else None
    server = arguments.opened(url, api_key, max_wait)
    source = server.project(project)
    from ls_trajedit.pull.run import PullRequest, is_up_to_date
    from ls_trajedit.pull.run import pull as pull_project

    emails = server.emails() if annotators == "email" else {}
    rules = ReadingRules(
        annotators=annotators,
        ground_truth=ground_truth,
        since=since,
        until=until,
        require_reason=require_reason,
        emails=emails,
    )
    training = TrainingRules(
        stale=stale,
        pairs=pairs,
        prm_unedited=prm_unedited,
        annotators_policy=annotators_policy,
        min_edit_chars=min_edit_chars,
        ignore_whitespace_edits=ignore_whitespace_edits,
        split=split,
    )
    wanted = WantedFiles(tuple(formats or ()), tools, training, with_parquet=to == "parquet")
    request = PullRequest(source, overrides, rules, output, wanted)
    if check:
        if not is_up_to_date(server, request):
            arguments.say(f"{output}: there is something to pull from project {project}")
            raise typer.Exit(SOMETHING_TO_PULL)
        arguments.say(f"{output}: up to date")
        return
    with raise_on_sigterm(), show_progress(f"pulling project {project}") as progress:
        summary = pull_project(server, request, full, progress)
    (finish_as_json if as_json else finish_as_text)(summary)
    write_step_summary(summary, f"ls-trajedit pull, project {project}")
    if report:
        _write_report(output)
    refuse_rejects(summary, allowed_rejects)
    refuse_few_edits(summary, fail_under)
    if dataset is not None:
        dataset.push(output)


def _write_report(folder: Path) -> None:
    """Writes the report beside the data, unless the same is there already."""
    from ls_trajedit.report.write import REPORT, write_report

    with raise_on_sigterm():
        written = write_report(folder, folder / REPORT)
    arguments.say(f"{written.path}: {'written' if written.is_new else 'up to date'}")
