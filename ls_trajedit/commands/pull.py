"""`ls-trajedit pull`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ls_trajedit.commands import hub, shared_options
from ls_trajedit.commands.output_options import (
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
    output: shared_options.OutputFolder = Path("data"),
    options: shared_options.OptionsFile = None,
    url: shared_options.Url = shared_options.DEFAULT_URL,
    api_key: shared_options.ApiKey = None,
    annotators: shared_options.Annotators = "id",
    ground_truth: shared_options.GroundTruthOption = "include",
    since: shared_options.Since = None,
    until: shared_options.Until = None,
    require_reason: shared_options.RequireReason = False,
    formats: shared_options.Formats = None,
    tools: shared_options.Tools = False,
    stale: shared_options.Stale = "include",
    pairs: shared_options.Pairs = "every",
    prm_unedited: shared_options.PrmUnedited = "include",
    annotators_policy: shared_options.AnnotatorsPolicy = "all",
    min_edit_chars: shared_options.MinEditChars = 0,
    ignore_whitespace_edits: shared_options.IgnoreWhitespaceEdits = False,
    split: shared_options.SplitOption = None,
    to: shared_options.To = "json",
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
    strict: shared_options.Strict = False,
    max_rejects: shared_options.MaxRejects = None,
    fail_under: shared_options.FailUnder = 0,
    max_wait: Annotated[
        float,
        typer.Option("--max-wait", help="How long a request may be tried again for.", metavar="SECONDS", min=0),
    ] = 600,
    as_json: shared_options.Json = False,
) -> None:
    """Write the training files from a project's annotations.

    The project's own labeling config says which control corrects which field, so no local file is needed. The first
    pull into a folder reads everything, later ones what changed since.
    """
    if check and full:
        raise UsageError("give either --check or --full, not both")
    if check and report:
        raise UsageError("give either --check or --report, not both: --check writes nothing")
    allowed_rejects = shared_options.allowed_rejects(strict, max_rejects)
    if check and push_to_hub:
        raise UsageError("give either --check or --push-to-hub, not both")
    dataset = hub.open_hub(push_to_hub, hub_public, hub_license)
    overrides = parse_options(read_text(options), str(options)) if options else None
    server = shared_options.opened(url, api_key, max_wait)
    source = server.project(project)
    from ls_trajedit.pull.run import PullRequest, is_up_to_date
    from ls_trajedit.pull.run import pull as pull_project

    emails = server.emails() if annotators == "email" else {}
    rules = ReadingRules(annotators, ground_truth, since, until, require_reason, emails)
    training = TrainingRules(
        stale, pairs, prm_unedited, annotators_policy, min_edit_chars, ignore_whitespace_edits, split
    )
    wanted = WantedFiles(tuple(formats or ()), tools, training, with_parquet=to == "parquet")
    request = PullRequest(source, overrides, rules, output, wanted)
    if check:
        if not is_up_to_date(server, request):
            shared_options.say(f"{output}: there is something to pull from project {project}")
            raise typer.Exit(SOMETHING_TO_PULL)
        shared_options.say(f"{output}: up to date")
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
    shared_options.say(f"{written.path}: {'written' if written.is_new else 'up to date'}")
