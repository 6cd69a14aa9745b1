"""`ls-trajedit pull`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ls_trajedit.commands import arguments
from ls_trajedit.commands.finish import finish_as_json, finish_as_text, refuse_rejects
from ls_trajedit.converters.reading_rules import ReadingRules
from ls_trajedit.label_config.options import parse_options
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.open_input import read_text
from ls_trajedit.progress import progress_bar
from ls_trajedit.pull import pull as pull_project

__all__ = ["pull"]


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
    strict: arguments.Strict = False,
    as_json: arguments.Json = False,
) -> None:
    """Write the training files from a project's annotations.

    The project's own labeling config says which control corrects which field, so no local file is needed.
    """
    overrides = parse_options(read_text(options), str(options)) if options else None
    server = arguments.connected(url, api_key)
    source = server.project(project)
    schema = read_config(source.label_config, overrides)
    emails = server.emails() if annotators == "email" else {}
    rules = ReadingRules(annotators, ground_truth, since, until, require_reason, emails)
    with progress_bar(f"pulling project {project}") as progress:
        summary = pull_project(server, source, schema, rules, output, progress)
    (finish_as_json if as_json else finish_as_text)(summary)
    if strict:
        refuse_rejects(summary)
