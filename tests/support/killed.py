"""A command that SIGKILL ends before the n-th thing that it does to files."""

from __future__ import annotations

import signal
import subprocess
import sys

__all__ = ["killed_before"]

# Python tells a hook of each call just before it is made. Of `open`, only what is about the output folder counts, and
# the descriptor of a file that is written to the disk has no name.
_KILLED = """\
import os, signal, sys

step, folder, first = int(sys.argv.pop(1)), sys.argv.pop(1), sys.argv.pop(1)
done = 0
counts = False

def count():
    global done
    if counts and done == step:
        os.kill(os.getpid(), signal.SIGKILL)
    done += counts

def watch(event, arguments):
    global counts
    counts = counts or event == "open" and str(arguments[0]).endswith(first)
    if event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree"):
        count()
    elif event in ("open", "sqlite3.connect") and folder in str(arguments[0]):
        count()

synced = os.fsync

def fsync(descriptor):
    count()
    synced(descriptor)

os.fsync = fsync
sys.dont_write_bytecode = True
sys.addaudithook(watch)
from ls_trajedit.cli import main
main()
"""


def killed_before(step: int, folder: str, first: str, *arguments: str) -> bool:
    """Runs a command that is killed before it does the thing with that number to a file of `folder`. They are counted
    from 0, which is to open a file whose path ends in `first`. Returns False when the command ends before that, which
    it has to do well."""
    ran = subprocess.run(
        [sys.executable, "-c", _KILLED, str(step), folder, first, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode in (0, -signal.SIGKILL), ran
    return ran.returncode != 0
