"""`ls-trajedit convert`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from ls_trajedit.commands import shared_options
from ls_trajedit.commands.output_options import HubOptions, LimitOptions, OutputOptions
from ls_trajedit.commands.parameters import Argument, Option
from ls_trajedit.commands.shared_options import ServerOptions
from ls_trajedit.commands.summary import print_summary
from ls_trajedit.console import say
from ls_trajedit.convert.run import convert as convert_export
from ls_trajedit.convert.run import generated_schema
from ls_trajedit.converters.record import RejectReason
from ls_trajedit.inputs import Input, read_text
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.output.plan import formats_for, plan_for
from ls_trajedit.progress import show_progress
from ls_trajedit.traces.errors import UsageError
from ls_trajedit.traces.options import Options

__all__ = ["convert"]


def convert(
    *,
    export: Annotated[
        Path,
        Argument(
            parser=shared_options.named_path, help="A JSON export from Label Studio, plain or gzipped; - for stdin."
        ),
    ],
    output: shared_options.OutputFolder = Path("data"),
    config: Annotated[
        Path | None,
        Option(
            "--config", parser=shared_options.named_path, help="The project's labeling config (XML).", metavar="FILE"
        ),
    ] = None,
    project: Annotated[
        int | None, Option("--project", help="Fetch the labeling config of this project.", metavar="ID")
    ] = None,
    options: shared_options.OptionsFile = None,
    server: ServerOptions,
    wanted: OutputOptions,
    hub: HubOptions,
    limits: LimitOptions,
    as_json: shared_options.Json = False,
) -> None:
    """Do what `pull` does, from a file that Label Studio exported.

    An export does not include the labeling config. Without --config or --project, the controls are assumed to have the
    names that `ls-trajedit config` gives them under these options.
    """
    dataset = hub.connect()
    overrides = shared_options.options_in(options)
    files = wanted.wanted_files()
    # Before a server is asked.
    formats_for(files, overrides)
    schema = _schema(config, project, overrides, server)
    plan = plan_for(files, overrides, schema)
    source = Input.named(export)
    with source.open() as stream, show_progress(f"converting {source.name}") as progress:
        summary = convert_export(
            stream, source.name, schema, wanted.reading_rules({}, overrides), output, progress, plan
        )
    print_summary(summary, as_json=as_json)
    wanted.say_unknown_addresses(summary)
    unknown_controls = summary.counts["rejected_by_reason"].get(RejectReason.UNKNOWN_CONTROL.value)
    if config is None and project is None and unknown_controls:
        say("some controls are unknown: give the project's labeling config with --config or --project")
    summary.refuse_leftovers()
    limits.check(summary)
    if dataset is not None:
        dataset.push(output)


def _schema(config: Path | None, project: int | None, overrides: Options | None, server: ServerOptions) -> Schema:
    if config is not None and project is not None:
        raise UsageError("give either --config or --project, not both")
    if config is not None:
        return read_config(read_text(config), overrides)
    if project is not None:
        return read_config(server.connect().project(project).label_config, overrides)
    return generated_schema(overrides or Options())
