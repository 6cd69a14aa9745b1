"""`ls-trajedit live-diff`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from ls_trajedit.commands import shared_options
from ls_trajedit.commands.parameters import Option
from ls_trajedit.console import write_data
from ls_trajedit.live_diff.script import live_diff_script, user_script
from ls_trajedit.traces.errors import UsageError

__all__ = ["live_diff"]


def live_diff(
    to_stdout: Annotated[bool, Option("--print", help="Print the script.")] = False,
    output: Annotated[
        Path | None,
        Option(
            "-o", "--output", parser=shared_options.named_path, help="The file to write the script to.", metavar="FILE"
        ),
    ] = None,
    label_studio_url: Annotated[
        str | None,
        Option(help="Where annotators open Label Studio; makes the script a user script for its pages.", metavar="URL"),
    ] = None,
    backend: Annotated[
        str | None,
        Option(help="Where `ls-trajedit serve` runs; the user script looks for updates there.", metavar="URL"),
    ] = None,
) -> None:
    """Print the live diff, a script that shows changes in the page.

    A proxy in front of Label Studio adds it to every page; with --label-studio-url, it is a user script for one
    browser.
    """
    if to_stdout == (output is not None):
        raise UsageError("give either --print or -o FILE")
    if backend is not None and label_studio_url is None:
        raise UsageError("--backend is for a user script: give --label-studio-url as well")
    if label_studio_url is None:
        script = live_diff_script()
    else:
        script = user_script(label_studio_url, backend.rstrip("/") if backend else None)
    if output is None:
        write_data(script.encode())
    else:
        shared_options.write_file(output, script)
