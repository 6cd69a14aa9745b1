"""The command line, `ls-trajedit`. Each command is a module under `commands`."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

import typer

from ls_trajedit import __version__
from ls_trajedit.commands.config import config
from ls_trajedit.commands.convert import convert
from ls_trajedit.commands.demo import demo
from ls_trajedit.commands.doctor import doctor
from ls_trajedit.commands.init import init
from ls_trajedit.commands.live_diff import live_diff
from ls_trajedit.commands.pull import pull
from ls_trajedit.commands.push import push
from ls_trajedit.commands.report import report
from ls_trajedit.commands.serve import serve
from ls_trajedit.commands.traces import traces
from ls_trajedit.commands.verify import verify
from ls_trajedit.signals import TERMINATED
from ls_trajedit.traces.errors import DataError, TrajeditError

__all__ = ["app", "main"]

INTERRUPTED = 130

# Newer versions of Typer contain their own click, older ones use the public one; this is the class in either.
_ClickException: type[Any] = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")

app = typer.Typer(
    name="ls-trajedit",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (init, traces, config, push, serve, live_diff, pull, convert, verify, report, doctor, demo):
    app.command()(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"ls-trajedit {__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", help="Print the version.", callback=_print_version, is_eager=True),
) -> None:
    """Turn agent mistakes into training data inside Label Studio.

    `push` imports traces into a project, annotators rewrite the wrong steps, and `pull` writes training files.
    """


def main() -> None:
    """Runs a command and ends the process with its exit code, which `traces.errors` defines for each error."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Output is data too (a labeling config, JSON), and data is the same bytes whatever the locale of the terminal,
        # and on Windows as well.
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")
    sys.exit(_run())


def _run() -> int:
    try:
        exit_code = int(app(standalone_mode=False) or 0)
        if exit_code == INTERRUPTED:
            # Newer versions of Typer turn a KeyboardInterrupt into this exit code, older ones into an Abort.
            sys.stderr.write("ls-trajedit: interrupted\n")
        # Flushed here, because a failure at exit could not be reported.
        sys.stdout.flush()
        return exit_code
    except TrajeditError as error:
        sys.stderr.write(f"ls-trajedit: {error}\n")
        return error.exit_code
    except _ClickException as error:
        error.show()
        return int(error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        sys.stderr.write("ls-trajedit: interrupted\n")
        return INTERRUPTED
    except SystemExit as end:
        if end.code == TERMINATED:
            sys.stderr.write("ls-trajedit: terminated\n")
        # How Typer ends a running command when the reader of its output has gone.
        if isinstance(end.__context__, BrokenPipeError):
            return 0
        raise
    except BrokenPipeError:
        _close_stdout()
        return 0
    except OSError as error:
        sys.stderr.write(f"ls-trajedit: reading or writing failed: {error}\n")
        _close_stdout()
        return DataError.exit_code


def _close_stdout() -> None:
    """Keeps the interpreter from failing again when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
