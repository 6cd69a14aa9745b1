"""How `pull` and `convert` end: the summary, and the exit code."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ls_trajedit.commands.arguments import print_json, say
from ls_trajedit.converters.formats.interchange import REJECTS
from ls_trajedit.output.summary import Summary, summary_json, summary_lines, summary_markdown
from ls_trajedit.traces.errors import DataError

__all__ = [
    "STEP_SUMMARY_VARIABLE",
    "finish_as_json",
    "finish_as_text",
    "refuse_few_edits",
    "refuse_rejects",
    "write_step_summary",
]

STEP_SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"


def finish_as_text(summary: Summary) -> None:
    """Prints the summary for a person."""
    sys.stdout.write("\n".join(summary_lines(summary)) + "\n")


def finish_as_json(summary: Summary) -> None:
    """Prints the summary for a machine."""
    print_json(summary_json(summary))


def write_step_summary(summary: Summary, title: str) -> None:
    """Adds the summary to the page of a GitHub Actions job, which is the file that GITHUB_STEP_SUMMARY names there.
    The job's result does not depend on it: a file that cannot be written is told on standard error."""
    path = os.environ.get(STEP_SUMMARY_VARIABLE)
    if not path:
        return
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(summary_markdown(summary, title) + "\n")
    except OSError as error:
        say(f"{STEP_SUMMARY_VARIABLE}: {path} cannot be written: {error.strerror}")


def refuse_rejects(summary: Summary, at_most: int) -> None:
    """What `--strict` and `--max-rejects` ask for. Raises DataError when more annotations than that were rejected; the
    files are written by then."""
    rejected = summary.counts["rejected"]
    if rejected > at_most:
        allowed = "" if at_most == 0 else f", and at most {at_most} may be"
        raise DataError(f"{rejected} rejected{allowed}: {summary.folder / REJECTS.file} says which and why")


def refuse_few_edits(summary: Summary, at_least: int) -> None:
    """What `--fail-under` asks for. Raises DataError when fewer annotations than that were edited; the files are
    written by then."""
    edited = summary.counts["edited"]
    if edited < at_least:
        raise DataError(
            f"{edited} edited, and at least {at_least} should be; the files in {summary.folder} are written"
        )
