"""The one place through which everything is printed. Results go to standard output, messages to standard error.

Whatever a line quotes, a title, a trace, the name of a file, was written by somebody else, and it may be read on a
terminal or in the log of a CI job. So nothing in it moves the cursor, is invisible, turns the direction of writing or
begins another line (it is escaped: `\\x1b`, `\\u202e`), no line is a command to the system that keeps the log (GitHub's
`::error::`, `##[group]`, Azure's `##vso[…]`, GitLab's `section_start:` with its escape sequence), and secrets are
redacted. In JSON the escapes are those of JSON, and it means the same as before, but for the secrets.

What is data, and meant for a file or another program, passes unchanged through `write_data`: the labeling config, the
script of the live diff, and traces as JSON lines.
"""

from __future__ import annotations

import io
import json
import logging
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from ls_trajedit.redaction import redact, redact_json

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "LineFormatter",
    "close_output",
    "flush_output",
    "is_terminal",
    "prepare",
    "print_json",
    "print_labelled",
    "print_line",
    "say",
    "say_lines",
    "shown",
    "terminal",
    "write_data",
]

# Controls (C0, DEL, C1), what is invisible (Unicode's default ignorables), separates lines or turns the direction of
# writing, and half a surrogate pair, which the name of a file can have.
_UNSEEN = (
    "\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# Joiners and variation selectors are invisible too, but words and emoji need them.
_JOINERS = "\u200c\u200d\ufe00-\ufe0f"
_UNSEEN_SIGN = re.compile(f"[{_UNSEEN}]")
# JSON is laid out in lines.
_UNSEEN_IN_JSON = re.compile(f"(?!\n)[{_UNSEEN}]")
# GitHub looks for `::` at the beginning of a line, after white space; it and Azure look for the others anywhere in it
# (ActionCommand.cs, Command.cs), and both compare as people read, which passes over joiners.
_COMMAND = re.compile(f"([\\s{_JOINERS}]*):(?=[{_JOINERS}]*:)")
_BRACKET_COMMAND = re.compile(f"#([{_JOINERS}]*)#(?=[\\w{_JOINERS}]*\\[)")
_STDERR = 2
_COLOURS = {"green": 32, "yellow": 33, "red": 31}


def shown(text: str) -> str:
    """`text` as one line that can be printed."""
    line = _UNSEEN_SIGN.sub(_escaped, redact(text))
    if begun := _COMMAND.match(line):
        line = f"{begun.group(1)}\\x3a{line[begun.end() :]}"
    return _BRACKET_COMMAND.sub(r"#\1\\x23", line)


def say(line: str) -> None:
    """Prints a line for a person on standard error."""
    _write(sys.stderr, shown(line))


def say_lines(text: str) -> None:
    """Prints a text that has lines of its own on standard error, such as an error that names several places."""
    for line in text.rstrip("\n").split("\n"):
        say(line)


def print_line(line: str) -> None:
    """Prints a line of a result on standard output."""
    _write(sys.stdout, shown(line))


def print_labelled(label: str, colour: Literal["green", "yellow", "red"], line: str) -> None:
    """Prints a line of a result after a label, in that colour on a terminal, unless NO_COLOR is set."""
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        label = f"\x1b[{_COLOURS[colour]}m\x1b[1m{label}\x1b[0m"
    _write(sys.stdout, f"{label}  {shown(line)}")


def print_json(value: Mapping[str, object]) -> None:
    """Prints one JSON object on standard output."""
    text = json.dumps(redact_json(value), ensure_ascii=False, indent=2)
    text = _UNSEEN_IN_JSON.sub(lambda sign: json.dumps(sign.group())[1:-1], text)
    _write(sys.stdout, _BRACKET_COMMAND.sub(r"#\1\\u0023", text))


def write_data(data: bytes) -> None:
    """Writes data to standard output as it is."""
    sys.stdout.buffer.write(data)


def flush_output() -> None:
    """Sends what was printed, so that a failure is raised here and not at exit."""
    sys.stdout.flush()


def close_output() -> None:
    """Keeps the interpreter from failing again when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def is_terminal() -> bool:
    """Whether messages are read on a terminal."""
    return sys.stderr.isatty()


def terminal() -> Console:
    """The terminal for messages, for what moves on it. What is shown there must have been made by `shown`."""
    from rich.console import Console

    return Console(stderr=True, markup=False)


class LineFormatter(logging.Formatter):
    """Formats what libraries log as lines that can be printed."""

    def format(self, record: logging.LogRecord) -> str:
        """The message, and the traceback if there is one."""
        return "\n".join(shown(line) for line in super().format(record).split("\n"))


def prepare() -> None:
    """To be called before anything is printed: output has the same bytes whatever the locale of the terminal, because
    it is data too, and what libraries warn of is printed like all else."""
    _replace_closed_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(LineFormatter())
    logging.captureWarnings(True)


def _replace_closed_streams() -> None:
    """Has what is printed go nowhere when this process was started without an output. Otherwise the next file that is
    opened would take its number, and get what a library writes to standard error."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    # They are None then, which their types do not say.
    sys.stdout = sys.stdout or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - it stays open
    sys.stderr = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - it stays open


def _write(stream: IO[str], line: str) -> None:
    stream.write(f"{line}\n")
    stream.flush()


def _escaped(sign: re.Match[str]) -> str:
    return sign.group().encode("unicode_escape", "surrogatepass").decode("ascii")
