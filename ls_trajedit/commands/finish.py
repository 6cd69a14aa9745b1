"""How `pull` and `convert` end: the summary, and the exit code."""

from __future__ import annotations

import sys

from ls_trajedit.commands.arguments import print_json
from ls_trajedit.label_config.errors import DataError
from ls_trajedit.summary import Summary, summary_json, summary_lines

__all__ = ["finish_as_json", "finish_as_text", "refuse_rejects"]


def finish_as_text(summary: Summary) -> None:
    """Prints the summary for a person."""
    sys.stdout.write("\n".join(summary_lines(summary)) + "\n")


def finish_as_json(summary: Summary) -> None:
    """Prints the summary for a machine."""
    print_json(summary_json(summary))


def refuse_rejects(summary: Summary) -> None:
    """What `--strict` asks for. Raises DataError when an annotation was rejected; the files are written by then."""
    rejected = summary.counts.kinds["rejected"]
    if rejected:
        raise DataError(f"{rejected} rejected: {summary.folder / 'rejects.jsonl'} says which and why")
