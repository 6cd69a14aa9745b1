"""What commands print: results on standard output, messages on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping

from ls_trajedit.output.summary import Summary, summary_json, summary_lines, summary_warnings

__all__ = ["print_json", "print_summary", "say"]


def say(line: str) -> None:
    """Prints a line for a person on standard error."""
    sys.stderr.write(line + "\n")


def print_json(value: Mapping[str, object]) -> None:
    """Prints one JSON object on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def print_summary(summary: Summary, *, as_json: bool) -> None:
    """Prints what a pull or a conversion did on standard output, for a person or as JSON, and on standard error what
    somebody should know before they train on it."""
    if as_json:
        print_json(summary_json(summary))
    else:
        sys.stdout.write("\n".join(summary_lines(summary)) + "\n")
    sys.stdout.flush()
    for warning in summary_warnings(summary):
        say(warning)
