"""`ls-trajedit demo`."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from ls_trajedit.commands import shared_options
from ls_trajedit.commands.output_options import finish_as_text

__all__ = ["demo"]


def demo(
    output: shared_options.OutputFolder = Path("demo-output"),
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave Label Studio and the backend running until Ctrl-C.")
    ] = False,
) -> None:
    """Show the whole loop against a Label Studio that it starts.

    Pushes example traces, has two annotators correct some of them, and pulls the training files. Needs Label
    Studio beside it (pip install label-studio). Everything but the output folder is temporary.
    """
    from ls_trajedit.demo.run import first_diffs, run_demo

    # Label Studio is a process of its own: unless this one ends as on Ctrl-C, nobody stops that.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with run_demo(output, shared_options.say) as running:
        finish_as_text(running.summary)
        sys.stdout.write("first corrections\n")
        sys.stdout.writelines(f"  {line}\n" for line in first_diffs(output))
        sys.stdout.flush()
        if keep:
            login = running.label_studio
            shared_options.say(f"Label Studio:  {running.project_url}\n  login:       {login.username}")
            shared_options.say(f"  password:    {login.password}\nbackend:       {running.backend_url}")
            shared_options.say("The pages have the live diff: open a task and change something.\nCtrl-C stops both.")
            _wait_for_interrupt()


def _wait_for_interrupt() -> None:
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        shared_options.say("stopping …")
