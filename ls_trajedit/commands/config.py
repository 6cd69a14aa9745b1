"""`ls-trajedit config`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ls_trajedit.commands import shared_options
from ls_trajedit.inputs import Input, load_traces
from ls_trajedit.label_config.write_config import write_config
from ls_trajedit.traces.shape import TraceShape, check_options, shape_of

__all__ = ["config"]


def config(
    traces: Annotated[
        Path | None,
        typer.Argument(help="Traces to fit the config to: JSON Lines or a JSON array, plain or gzipped; - for stdin."),
    ] = None,
    options: shared_options.OptionsFile = None,
    skip_invalid: shared_options.SkipInvalid = False,
) -> None:
    """Print the labeling config that fits the options and the traces."""
    chosen = shared_options.options_here(options)
    shape = TraceShape()
    if traces is not None:
        loaded = load_traces(Input.named(traces), chosen)
        shared_options.refuse_or_skip_invalid(loaded, skip_invalid)
        shape = shape_of((trace.data for trace in loaded.traces), chosen)
        check_options(chosen, shape, loaded.name)
    sys.stdout.write(write_config(chosen, shape))
