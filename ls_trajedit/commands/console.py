"""What commands print: results on standard output, messages on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping

from ls_trajedit.output.summary import Summary, summary_lines

__all__ = ["print_json", "print_summary", "say"]


def say(line: str) -> None:
    """Prints a line for a person on standard error."""
    sys.stderr.write(line + "\n")


def print_json(value: Mapping[str, object]) -> None:
    """Prints one JSON object on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def print_summary(summary: Summary) -> None:
    """Prints what a pull or a conversion did, for a person, on standard output."""
    sys.stdout.write("\n".join(summary_lines(summary)) + "\n")
