"""Pulls that are ended from outside: at the k-th thing that they do to the folder from the first rename of an output
file on, or by whoever watches them from here."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from .command_line import Person

__all__ = ["PullMark", "pull_killed_at"]

# Python tells a hook of each rename, each file that is opened, and each tree that is removed, just before it happens.
_KILLED = """\
import os, signal, sys

step, folder = int(sys.argv.pop(1)), sys.argv.pop(1)
renamed = done = 0

def watch(event, arguments):
    global renamed, done
    if event not in ("os.rename", "open", "shutil.rmtree") or not str(arguments[0]).startswith(folder):
        return
    renamed += event == "os.rename" and os.path.dirname(str(arguments[1])) == folder
    # The folder itself is opened to make renames last, before the last of the five and after it.
    if renamed and not (str(arguments[0]) == folder and renamed < 5):
        if done == step:
            os.kill(os.getpid(), signal.SIGKILL)
        done += 1

sys.addaudithook(watch)
from ls_trajedit.cli import main
main()
"""


def pull_killed_at(step: int, person: Person, project: int, folder: Path) -> None:
    """Runs a pull that is killed by SIGKILL before it has done more than `step` things to its folder, the first of
    which is to rename a file into it."""
    arguments = ["pull", "--project", str(project), "-o", str(folder)]
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, str(step), str(folder), *arguments],
        env=person.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed


class PullMark:
    """Marks the processes of a pull by a variable in their environment, which their children inherit."""

    NAME = "LS_TRAJEDIT_TEST_MARK"

    def __init__(self, value: str) -> None:
        self.environment = {self.NAME: value}
        self._entry = f"{self.NAME}={value}".encode()

    def processes(self) -> list[int]:
        """The processes that are marked and alive."""
        found = []
        for folder in Path("/proc").iterdir():
            try:
                if folder.name.isdigit() and self._entry in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
            except OSError:
                continue
        return found
