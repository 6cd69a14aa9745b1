"""The command line, `ls-trajedit`. Each command is a module under `commands`, imported when it is the one to run: what
another command needs is not waited for."""

from __future__ import annotations

import io
import sys
import traceback
from contextlib import suppress
from importlib import import_module
from keyword import iskeyword

import click

from ls_trajedit import __version__
from ls_trajedit.commands.parameters import command_of
from ls_trajedit.console import close_output, flush_output, prepare, print_line, say, say_lines
from ls_trajedit.signals import HUNG_UP, TERMINATED, end_on_signals
from ls_trajedit.traces.errors import DataError, TrajeditError

__all__ = ["COMMANDS", "app", "main"]

COMMANDS = {
    "init": "Look at traces and write an options file that fits them.",
    "traces": "Show what ls-trajedit makes of traces.",
    "config": "Print the labeling config that fits the options and the traces.",
    "push": "Import traces into a project, with prefilled editors.",
    "serve": "Run the ML backend that prefills the editors.",
    "live-diff": "Print the live diff, a script that shows changes in the page.",
    "pull": "Write training files from a project's annotations.",
    "continue": "Have an agent go on from each corrected step, and bring what it does into the project.",
    "convert": "Do what `pull` does, from what Label Studio exported or put into target storage.",
    "verify": "Compare the files in a folder, or at an address, with the hashes in its manifest.",
    "report": "Write an HTML page that shows what was corrected.",
    "doctor": "Find what is wrong with a project, and say what to do.",
    "demo": "Run the whole loop with a Label Studio that it starts.",
}
"""The commands with what each does, in the order in which `--help` lists them. None is imported for that."""

INTERRUPTED = 130


class _Commands(click.Group):
    """The group of all commands, each of which is made when it is asked for."""

    def list_commands(self, ctx: click.Context | None) -> list[str]:
        """The names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context | None, cmd_name: str) -> click.Command | None:
        """The command of that name. When there is none, all of them are made, for click to find a similar name."""
        for name in [cmd_name] if cmd_name in COMMANDS else COMMANDS:
            if name not in self.commands:
                self.commands[name] = _command(name)
        return self.commands.get(cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes what each command does."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _command(name: str) -> click.Command:
    """The command that is a function in a module, both of that name. `continue` is `continue_` there: Python keeps the
    name for itself."""
    word = name.replace("-", "_") + "_" * iskeyword(name)
    return command_of(getattr(import_module(f"ls_trajedit.commands.{word}"), word), name)


def _print_version(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        print_line(f"ls-trajedit {__version__}")
        context.exit()


_ABOUT = """
Turn agent mistakes into training data inside Label Studio.

`push` imports traces into a project, annotators rewrite the wrong steps, and `pull` writes training files.
"""

app = _Commands(
    "ls-trajedit",
    no_args_is_help=True,
    help=_ABOUT,
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_print_version,
            help="Print the version.",
        )
    ],
)


def main() -> None:
    """Runs a command and ends the process with its exit code, which `traces.errors` defines for each error."""
    prepare()
    with end_on_signals():
        sys.exit(_run())


def _run() -> int:
    try:
        with app.make_context("ls-trajedit", sys.argv[1:]) as context:
            app.invoke(context)
        # Flushed here, because a failure at exit could not be reported.
        flush_output()
        return 0
    except click.exceptions.Exit as end:
        flush_output()
        return end.exit_code
    except TrajeditError as error:
        say_lines(f"ls-trajedit: {error}")
        return error.exit_code
    except click.ClickException as error:
        usage = io.StringIO()
        error.show(usage)
        say_lines(usage.getvalue())
        return error.exit_code
    except KeyboardInterrupt:
        _say_ended("interrupted")
        return INTERRUPTED
    except SystemExit as end:
        if end.code in (TERMINATED, HUNG_UP):
            _say_ended("terminated")
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
