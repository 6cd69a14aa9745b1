"""`ls-trajedit convert`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import click

from ls_trajedit.commands import shared_options
from ls_trajedit.commands.engine_options import EngineOptions
from ls_trajedit.commands.output_options import HubOptions, LimitOptions, OutputOptions
from ls_trajedit.commands.parameters import Argument, Option
from ls_trajedit.commands.shared_options import ServerOptions
from ls_trajedit.commands.summary import print_summary
from ls_trajedit.console import say
from ls_trajedit.convert.run import convert as convert_sources
from ls_trajedit.convert.run import generated_schema
from ls_trajedit.convert.sources import named_sources
from ls_trajedit.converters.record import RejectReason
from ls_trajedit.input_streams import read_text
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.output.plan import formats_for, plan_for
from ls_trajedit.progress import show_progress
from ls_trajedit.traces.errors import UsageError
from ls_trajedit.traces.options import Options

__all__ = ["convert"]

_SHOWN_NAMES = 20


def _source_name(value: str) -> str:
    """An empty name, as of a variable of the shell that is not set, would mean the current folder."""
    if value == "":
        raise click.BadParameter("it is empty; give a path or an address")
    return value


def convert(
    *,
    sources: Annotated[
        list[str],
        Argument(
            parser=_source_name,
            metavar="SOURCE...",
            help="Exports, snapshots or target storage of Label Studio: files, folders, patterns, or addresses "
            "(s3://, gs://, az://, hf://, https://), plain, gzip or zstd; - for stdin.",
        ),
    ],
    output: shared_options.OutputPlace = Path("data"),
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
    engine: EngineOptions,
    skip_invalid: Annotated[
        bool, Option("--skip-invalid", help="Leave out sources that cannot be read whole, and count them.")
    ] = False,
    as_json: shared_options.Json = False,
) -> None:
    """Do what `pull` does, from what Label Studio exported or put into target storage.

    An export does not include the labeling config. Without --config or --project, the controls are assumed to have the
    names that `ls-trajedit config` gives them under these options.
    """
    dataset = hub.connect_for(output)
    overrides = shared_options.options_in(options)
    files = wanted.wanted_files()
    # Before a server is asked.
    formats_for(files, overrides)
    schema = _schema(config, project, overrides, server)
    plan = plan_for(files, overrides, schema)
    found = named_sources(sources)
    what = found[0].name if len(found) == 1 else f"{len(found)} sources"
    run = convert_sources if engine.engine == "local" else engine.on_ray()
    with show_progress(f"converting {what}") as progress:
        summary = run(
            found,
            schema,
            wanted.reading_rules({}, overrides),
            output,
            progress,
            plan,
            skip_invalid=skip_invalid,
        )
    print_summary(summary, as_json=as_json)
    _say_names("not annotations, passed over", summary.other_objects)
    _say_names("skipped", summary.unreadable_sources)
    wanted.say_unknown_addresses(summary)
    unknown_controls = summary.counts["rejected_by_reason"].get(RejectReason.UNKNOWN_CONTROL.value)
    if config is None and project is None and unknown_controls:
        say("some controls are unknown: give the project's labeling config with --config or --project")
    summary.refuse_leftovers()
    limits.check(summary)
    if dataset is not None and isinstance(output, Path):
        dataset.push(output)


def _say_names(what: str, names: Sequence[str]) -> None:
    for name in names[:_SHOWN_NAMES]:
        say(f"{what}: {name}")
    if len(names) > _SHOWN_NAMES:
        say(f"{what}: … and {len(names) - _SHOWN_NAMES} more (--json names all)")


def _schema(config: Path | None, project: int | None, overrides: Options | None, server: ServerOptions) -> Schema:
    if config is not None and project is not None:
        raise UsageError("give either --config or --project, not both")
    if config is not None:
        return read_config(read_text(config), overrides)
    if project is not None:
        return read_config(server.connect().project(project).label_config, overrides)
    return generated_schema(overrides or Options())
