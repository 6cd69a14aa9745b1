"""`ls-trajedit init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ls_trajedit.commands import shared_options
from ls_trajedit.inputs import input_name
from ls_trajedit.load_traces import checked, load_objects
from ls_trajedit.traces.errors import UsageError
from ls_trajedit.traces.guess_options import guess_options, options_yaml
from ls_trajedit.traces.shape import shape_of

__all__ = ["init"]


def init(
    traces: Annotated[Path, typer.Argument(help="Traces: JSON lines or array, plain or gzip; - for stdin.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The options file to write.", metavar="FILE")
    ] = shared_options.DEFAULT_OPTIONS_FILE,
    force: Annotated[bool, typer.Option("--force", help="Replace the file when it is there.")] = False,
    skip_invalid: shared_options.SkipInvalid = False,
) -> None:
    """Look at traces and write the options file that fits them."""
    if output.exists() and not force:
        raise UsageError(f"{output}: is already there; choose another name with -o, or replace it with --force")
    objects = load_objects(traces)
    if not objects.traces:
        objects.refuse_broken()
    options = guess_options([trace.data for trace in objects.traces], input_name(traces))
    loaded = checked(objects, options)
    shared_options.tell_broken(loaded, skip_invalid)
    shape = shape_of((trace.data for trace in loaded.traces), options)
    try:
        output.write_text(options_yaml(options, shape), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{output}: cannot be written: {error.strerror}; choose another name with -o") from None
    shared_options.say(f"wrote {output}: {len(loaded.traces)} traces, up to {shape.longest} steps")
