"""`ls-trajedit demo`."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated

from ls_trajedit.commands import shared_options
from ls_trajedit.commands.parameters import Option
from ls_trajedit.commands.summary import print_summary
from ls_trajedit.console import print_line, say

__all__ = ["demo"]

_SHOWN_DIFFS = 6


def demo(
    output: shared_options.OutputFolder = Path("demo-output"),
    keep: Annotated[bool, Option("--keep", help="Keep Label Studio and the backend running until Ctrl-C.")] = False,
) -> None:
    """Run the whole loop with a Label Studio that it starts.

    Pushes example traces and chats, has two scripted annotators correct some of them, pulls the training files, and
    writes a report. Label Studio must be installed (pip install label-studio). Everything except the output folder is
    temporary.
    """
    from ls_trajedit.demo.run import run_demo
    from ls_trajedit.demo.word_diff import first_diffs
    from ls_trajedit.output.folder import lock_folder

    if output.exists():
        # Before minutes are spent on what could not be written.
        with lock_folder(output):
            pass

    # Label Studio is a separate process, which stays unless this one ends as it does on Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with run_demo(output, say) as running:
        for pulled in (running.steps, running.chats):
            print_summary(pulled.summary, as_json=False)
            print_line("first corrections")
            for line in first_diffs(pulled.report.parent, _SHOWN_DIFFS):
                print_line(f"  {line}")
        for pulled in (running.steps, running.chats):
            print_line(f"report: {pulled.report.resolve().as_uri()}")
        if keep:
            login = running.label_studio
            say(f"Label Studio:  {running.steps.project_url}")
            say(f"  chats:       {running.chats.project_url}")
            say(f"  login:       {login.username}")
            say(f"  password:    {login.password}")
            say(f"backend:       {running.backend_url}")
            say("Its pages have the live diff: open a task and change something.")
            say("Ctrl-C stops both.")
            _wait_for_interrupt()


def _wait_for_interrupt() -> None:
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        say("stopping …")
