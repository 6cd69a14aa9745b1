"""The command line, `ls-trajedit`. Each command is a module under `commands`, imported when it is the one to run: what
another command needs is not waited for."""

from __future__ import annotations

import io
import sys
import traceback
from contextlib import suppress
from importlib import import_module
from keyword import iskeyword
from typing import Any

import typer
from typer.core import TyperGroup

from ls_trajedit import __version__
from ls_trajedit.console import close_output, flush_output, prepare, print_line, say, say_lines
from ls_trajedit.signals import HUNG_UP, TERMINATED, end_on_signals
from ls_trajedit.traces.errors import DataError, TrajeditError

__all__ = ["COMMANDS", "app", "main"]

COMMANDS = (
    "init",
    "traces",
    "config",
    "push",
    "serve",
    "live-diff",
    "pull",
    "continue",
    "convert",
    "verify",
    "report",
    "doctor",
    "demo",
)
"""The names of the commands, in the order in which `--help` lists them."""

INTERRUPTED = 130

# Newer versions of Typer contain their own click, older ones use the public one; this is the class in either.
_ClickException: type[Any] = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")


class _Commands(TyperGroup):
    """The group of all commands, each of which is made when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name, or None. Then all are there, for Typer to find one with a similar name."""
        for name in [cmd_name] if cmd_name in COMMANDS else COMMANDS:
            if name not in self.commands:
                self.commands[name] = _command(name)
        return self.commands.get(cmd_name)


def _command(name: str) -> Any:
    """The command in the module of its name, in which it is the function of that name. `continue` is `continue_` there:
    Python keeps the name for itself."""
    word = name.replace("-", "_") + "_" * iskeyword(name)
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    alone.command(name)(getattr(import_module(f"ls_trajedit.commands.{word}"), word))
    return typer.main.get_command(alone)


app = typer.Typer(
    name="ls-trajedit",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


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
