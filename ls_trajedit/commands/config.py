"""`ls-trajedit config`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from ls_trajedit.commands import shared_options, trace_options
from ls_trajedit.commands.parameters import Argument
from ls_trajedit.console import write_data
from ls_trajedit.inputs import load_traces, named_inputs
from ls_trajedit.label_config.chat_config import ChatShape
from ls_trajedit.project_config import Shape, config_for, shape_of_traces
from ls_trajedit.traces.shape import TraceShape

__all__ = ["config"]


def config(
    traces: Annotated[
        list[Path] | None,
        Argument(
            parser=shared_options.named_path,
            help="Files or folders with traces to fit the config to, plain or gzipped; - for stdin.",
        ),
    ] = None,
    options: shared_options.OptionsFile = None,
    skip_invalid: trace_options.SkipInvalid = False,
) -> None:
    """Print the labeling config that fits the options and the traces."""
    chosen = shared_options.options_here(options)
    shape: Shape = ChatShape() if chosen.is_about_chats else TraceShape()
    if traces:
        loaded = load_traces(named_inputs(traces), chosen)
        trace_options.refuse_or_skip_invalid(loaded, skip_invalid)
        shape = shape_of_traces(chosen, loaded)
    write_data(config_for(chosen, shape).encode("utf-8", "backslashreplace"))
