"""The command line, `ls-trajedit`. Each command is a module under `commands`."""

from __future__ import annotations

import io
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import typer

from ls_trajedit import __version__
from ls_trajedit.commands.config import config
from ls_trajedit.commands.continue_ import continue_
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
from ls_trajedit.console import close_output, flush_output, prepare, print_line, say, say_lines
from ls_trajedit.signals import HUNG_UP, TERMINATED, end_on_signals
from ls_trajedit.traces.errors import DataError, TrajeditError

__all__ = ["app", "main"]

INTERRUPTED = 130

# Newer versions of Typer contain their own click, older ones use the public one; this is the class in either.
_ClickException: type[Any] = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")


def _name(command: Callable[..., None]) -> str:
    """What a command is called: `continue_` has the name that Python keeps for itself."""
    return command.__name__.rstrip("_").replace("_", "-")


app = typer.Typer(
    name="ls-trajedit",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (init, traces, config, push, serve, live_diff, pull, continue_, convert, verify, report, doctor, demo):
    app.command(_name(command))(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        print_line(f"ls-trajedit {__version__}")
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
    prepare()
    with end_on_signals():
        sys.exit(_run())


def _run() -> int:
    try:
        exit_code = int(app(standalone_mode=False) or 0)
        if exit_code == INTERRUPTED:
            # Newer versions of Typer turn a KeyboardInterrupt into this exit code, older ones into an Abort.
            _say_ended("interrupted")
        # Flushed here, because a failure at exit could not be reported.
        flush_output()
        return exit_code
    except TrajeditError as error:
        say_lines(f"ls-trajedit: {error}")
        return error.exit_code
    except _ClickException as error:
        usage = io.StringIO()
        error.show(usage)
        say_lines(usage.getvalue())
        return int(error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        _say_ended("interrupted")
        return INTERRUPTED
    except SystemExit as end:
        if end.code in (TERMINATED, HUNG_UP):
            _say_ended("terminated")
        # How Typer ends a running command when the reader of its output has gone.
        if isinstance(end.__context__, BrokenPipeError):
            return 0
        raise
    except BrokenPipeError:
        close_output()
        return 0
    except MemoryError:
        say("ls-trajedit: no memory is left; what is there stays as it is. Run it where there is more")
        return DataError.exit_code
    except OSError as error:
        with suppress(OSError):
            say_lines(f"ls-trajedit: reading or writing failed: {error}")
        close_output()
        return DataError.exit_code
    except Exception:  # a bug; even so, what a traceback quotes is printed like all else
        say_lines(traceback.format_exc())
        return 1


def _say_ended(how: str) -> None:
    # The terminal may be gone, which is what ended the command.
    with suppress(OSError):
        say(f"ls-trajedit: {how}")
