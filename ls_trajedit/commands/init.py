"""`ls-trajedit init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from ls_trajedit.commands import shared_options, trace_options
from ls_trajedit.commands.parameters import Option
from ls_trajedit.console import say
from ls_trajedit.inputs import LoadedTraces, named_inputs, read_trace_files
from ls_trajedit.plural import plural
from ls_trajedit.traces.errors import UsageError
from ls_trajedit.traces.guess_options import chat_options_yaml, guess_chat_options, guess_options, options_yaml
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.shape import shape_of

__all__ = ["init"]


def init(
    traces: trace_options.TraceFiles,
    output: Annotated[
        Path,
        Option("-o", "--output", parser=shared_options.named_path, help="The options file to write.", metavar="FILE"),
    ] = shared_options.DEFAULT_OPTIONS_FILE,
    force: Annotated[bool, Option("--force", help="Replace the file if it exists.")] = False,
    skip_invalid: trace_options.SkipInvalid = False,
) -> None:
    """Look at traces and write an options file that fits them.

    Says what kind of traces they are, and what annotators will be able to rewrite.
    """
    if output.exists() and not force:
        raise UsageError(f"{output}: already exists; choose another name with -o, or replace it with --force")
    files = read_trace_files(named_inputs(traces), Options())
    if files.has_chats:
        loaded = files.check(Options())
        loaded.refuse_mixed()
        trace_options.refuse_or_skip_invalid(loaded, skip_invalid)
        options = guess_chat_options([chat.trace for chat in loaded.chats])
        text = chat_options_yaml(options, [chat.trace for chat in loaded.chats])
        steps = max(len(chat.trace.steps) for chat in loaded.chats)
    else:
        objects = files.objects
        if not objects:
            files.check(Options()).refuse_invalid()
        options = guess_options([found.data for found in objects], files.name)
        loaded = files.check(options)
        trace_options.refuse_or_skip_invalid(loaded, skip_invalid)
        shape = shape_of((trace.data for trace in loaded.steps), options)
        text, steps = options_yaml(options, shape), shape.longest
    shared_options.write_file(output, text)
    say(f"wrote {output}: {loaded.count} {plural(loaded.count, 'trace')}, up to {steps} {plural(steps, 'step')}")
    if loaded.chats:
        _say_what_was_seen(loaded, options)
    trace_options.say_left_out(loaded)


def _say_what_was_seen(loaded: LoadedTraces, options: Options) -> None:
    for format_, reason in loaded.formats.items():
        say(f"format: {format_} ({reason})")
    say(f"to be rewritten: {', '.join(options.editable_fields)}")
