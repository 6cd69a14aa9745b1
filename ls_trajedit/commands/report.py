"""`ls-trajedit report`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ls_trajedit.commands import shared_options
from ls_trajedit.signals import raise_on_sigterm

__all__ = ["report"]


def report(
    folder: Annotated[Path, typer.Argument(help="The folder that `pull` or `convert` wrote.", metavar="FOLDER")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Where the page goes.  [default: report.html in FOLDER]", metavar="FILE"),
    ] = None,
    as_json: shared_options.Json = False,
) -> None:
    """Write an HTML page that shows what was corrected.

    The page is one file that needs no server and no network. It holds the texts of all corrections.
    """
    from ls_trajedit.report.write import REPORT, write_report

    with raise_on_sigterm():
        written = write_report(folder, output or folder / REPORT)
    if as_json:
        shared_options.print_json(
            {
                "file": str(written.path),
                "corrections": written.corrections,
                "annotations": written.annotations,
                "bytes": written.size,
                "up_to_date": not written.is_new,
            }
        )
    else:
        shown = f"{_counted(written.corrections, 'correction')} in {_counted(written.annotations, 'annotation')}"
        sys.stdout.write(f"{written.path}: {shown}, {written.size / 1000:,.0f} kB\n")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
