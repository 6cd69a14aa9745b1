"""What the commands share that read traces."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from ls_trajedit.commands.parameters import Argument, Option
from ls_trajedit.commands.shared_options import named_path
from ls_trajedit.console import say
from ls_trajedit.inputs import LoadedTraces
from ls_trajedit.plural import plural
from ls_trajedit.traces.errors import TraceError

__all__ = ["SkipInvalid", "TraceFiles", "refuse_or_skip_invalid", "say_left_out"]

TraceFiles = Annotated[
    list[Path],
    Argument(
        parser=named_path,
        help="Files or folders with traces: JSON or JSON Lines, plain or gzipped, or an Inspect log; - for stdin.",
    ),
]
SkipInvalid = Annotated[bool, Option("--skip-invalid", help="Skip invalid traces instead of refusing the whole file.")]


def refuse_or_skip_invalid(loaded: LoadedTraces, skip_invalid: bool) -> None:
    """Deals with invalid traces as `--skip-invalid` says: raises TraceError for them, or says which are skipped."""
    if not skip_invalid:
        loaded.refuse_invalid()
    for line in loaded.invalid_lines():
        say(line)
    if loaded.invalid:
        skipped, read = len(loaded.invalid), loaded.count
        say(f"{skipped} invalid {plural(skipped, 'trace')} skipped, {read} {plural(read, 'trace')} read")
    if not loaded.count:
        raise TraceError(f"{loaded.name}: not one trace is left")


def say_left_out(loaded: LoadedTraces) -> None:
    """Says what of the files is in no trace."""
    if loaded.copies:
        say(f"{loaded.copies} {'copy' if loaded.copies == 1 else 'copies'} of traces that are there already: read once")
    if loaded.annotations:
        count = loaded.annotations
        say(
            f"{count} {plural(count, 'annotation')} in exported tasks left out: only the traces are read. `ls-trajedit "
            "convert` reads annotations"
        )
    counts = loaded.left_out()
    if counts:
        say(f"left out: {', '.join(f'{count} {kind}' for kind, count in counts.items())}")
