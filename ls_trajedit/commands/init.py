"""`ls-trajedit init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ls_trajedit.commands import shared_options
from ls_trajedit.commands.console import say
from ls_trajedit.inputs import Input, load_objects
from ls_trajedit.plural import plural
from ls_trajedit.traces.errors import UsageError
from ls_trajedit.traces.guess_options import guess_options, options_yaml
from ls_trajedit.traces.shape import shape_of

__all__ = ["init"]


def init(
    traces: shared_options.TracesFile,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The options file to write.", metavar="FILE")
    ] = shared_options.DEFAULT_OPTIONS_FILE,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    skip_invalid: shared_options.SkipInvalid = False,
) -> None:
    """Look at traces and write an options file that fits them."""
    if output.exists() and not force:
        raise UsageError(f"{output}: already exists; choose another name with -o, or replace it with --force")
    objects = load_objects(Input.named(traces))
    if not objects.traces:
        objects.refuse_invalid()
    options = guess_options([trace.data for trace in objects.traces], objects.name)
    loaded = objects.check(options)
    shared_options.refuse_or_skip_invalid(loaded, skip_invalid)
    shape = shape_of((trace.data for trace in loaded.traces), options)
    try:
        output.write_text(options_yaml(options, shape), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{output}: cannot be written: {error.strerror}; choose another name with -o") from None
    count, steps = len(loaded.traces), shape.longest
    say(f"wrote {output}: {count} {plural(count, 'trace')}, up to {steps} {plural(steps, 'step')}")
