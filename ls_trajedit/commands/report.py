"""`ls-trajedit report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from ls_trajedit.commands import shared_options
from ls_trajedit.commands.parameters import Option
from ls_trajedit.console import print_json, print_line
from ls_trajedit.plural import plural

__all__ = ["report"]


def report(
    folder: shared_options.WrittenFolder,
    output: Annotated[
        Path | None,
        Option(
            "-o",
            "--output",
            parser=shared_options.named_path,
            help="The file to write.  [default: report.html in FOLDER]",
            metavar="FILE",
        ),
    ] = None,
    as_json: shared_options.Json = False,
) -> None:
    """Write an HTML page that shows what was corrected.

    The page is a single file that needs no server and no network. It holds the text of every correction.
    """
    from ls_trajedit.report.write import REPORT, write_report

    written = write_report(folder, output or folder / REPORT)
    if as_json:
        print_json(
            {
                "file": str(written.path),
                "corrections": written.corrections,
                "annotations": written.annotations,
                "bytes": written.size,
                "up_to_date": not written.is_new,
            }
        )
    else:
        corrections = f"{written.corrections:,} {plural(written.corrections, 'correction')}"
        annotations = f"{written.annotations:,} {plural(written.annotations, 'annotation')}"
        print_line(f"{written.path}: {corrections} in {annotations}, {written.size / 1000:,.0f} kB")
