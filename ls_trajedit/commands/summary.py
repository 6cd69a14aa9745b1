"""What `pull`, `convert` and `demo` print of what they did."""

from __future__ import annotations

from ls_trajedit.console import flush_output, print_json, print_line, say
from ls_trajedit.output.summary import Summary, summary_json, summary_lines, summary_warnings

__all__ = ["print_summary"]


def print_summary(summary: Summary, *, as_json: bool) -> None:
    """Prints what a pull or a conversion did on standard output, for a person or as JSON, and on standard error what
    somebody should know before they train on it."""
    if as_json:
        print_json(summary_json(summary))
    else:
        for line in summary_lines(summary):
            print_line(line)
    flush_output()
    for warning in summary_warnings(summary):
        say(warning)
