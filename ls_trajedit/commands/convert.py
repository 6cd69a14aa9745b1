"""`ls-trajedit convert`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ls_trajedit.commands import arguments, hub
from ls_trajedit.commands.finish import finish_as_json, finish_as_text, refuse_few_edits, refuse_rejects
from ls_trajedit.convert_export import convert as convert_export
from ls_trajedit.convert_export import generated_schema
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.record import RejectReason
from ls_trajedit.converters.training.rules import TrainingRules
from ls_trajedit.inputs import input_name, open_input, read_text
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.output.plan import WantedFiles, plan_for
from ls_trajedit.progress import show_progress
from ls_trajedit.traces.errors import UsageError
from ls_trajedit.traces.options import Options, parse_options

__all__ = ["convert"]


def convert(
    export: Annotated[Path, typer.Argument(help="Label Studio's JSON export, plain or gzip; - for stdin.")],
    output: arguments.OutputFolder = Path("data"),
    config: Annotated[
        Path | None, typer.Option("--config", help="The project's labeling config (XML).", metavar="FILE")
    ] = None,
    project: Annotated[
        int | None, typer.Option("--project", help="Fetch the labeling config of this project.", metavar="ID")
    ] = None,
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
    strict: arguments.Strict = False,
    max_rejects: arguments.MaxRejects = None,
    fail_under: arguments.FailUnder = 0,
    as_json: arguments.Json = False,
) -> None:
    """Do what `pull` does from a file that Label Studio exported.

    An export does not carry the labeling config. Without --config and --project, the controls are taken to have the
    names that `ls-trajedit config` gives them under these options.
    """
    allowed_rejects = arguments.allowed_rejects(strict, max_rejects)
    dataset = hub.open_hub(push_to_hub, hub_public, hub_license)
    overrides = parse_options(read_text(options), str(options)) if options else None
    schema = _schema(config, project, overrides, url, api_key)
    rules = ReadingRules(
        annotators=annotators,
        ground_truth=ground_truth,
        since=since,
        until=until,
        require_reason=require_reason,
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
    plan = plan_for(wanted, overrides, schema)
    with open_input(export) as stream, show_progress(f"converting {input_name(export)}") as progress:
        summary = convert_export(stream, input_name(export), schema, rules, output, progress, plan)
    (finish_as_json if as_json else finish_as_text)(summary)
    if (
        config is None
        and project is None
        and summary.counts["rejected_by_reason"].get(RejectReason.UNKNOWN_CONTROL.value)
    ):
        arguments.say("some controls are not known: give the project's labeling config with --config or --project")
    refuse_rejects(summary, allowed_rejects)
    refuse_few_edits(summary, fail_under)
    if dataset is not None:
        dataset.push(output)


def _schema(config: Path | None, project: int | None, overrides: Options | None, url: str, key: str | None) -> Schema:
    if config is not None and project is not None:
        raise UsageError("give either --config or --project, not both")
    if config is not None:
        return read_config(read_text(config), overrides)
    if project is not None:
        return read_config(arguments.connected(url, key).project(project).label_config, overrides)
    return generated_schema(overrides or Options())
