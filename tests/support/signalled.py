"""Commands that are sent signals at the n-th call that Python makes in them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["run_with_signals"]

# Each run is a fork of a process that has imported all, so that hundreds of them take a few seconds. The calls are
# counted from the first one of the function `first` on. With a signal pending, Python runs its handler between two of
# the next instructions.
_SIGNALLED = """\
import importlib, json, os, signal, sys

folder, first, signals, steps, arguments, modules = json.loads(sys.stdin.read())
os.chdir(folder)
sys.argv = ["ls-trajedit", *arguments]
from ls_trajedit.cli import main

for module in modules:
    importlib.import_module(module)

def run(step):
    count = -1

    def send(frame, event, argument):
        nonlocal count
        if event in ("call", "return") and (count >= 0 or frame.f_code.co_name == first):
            count += 1
            if count >= step:
                sys.setprofile(None)
                for number in signals:
                    os.kill(os.getpid(), number)

    sys.setprofile(send)
    try:
        main()
    except SystemExit as end:
        return end.code
    finally:
        sys.setprofile(None)

found = []
for step in steps:
    child = os.fork()
    if child == 0:
        null = os.open(os.devnull, os.O_RDWR)
        read, write = os.pipe()
        os.dup2(null, 1)
        os.dup2(os.open(f"said-{step}", os.O_CREAT | os.O_WRONLY), 2)
        code = run(step)
        os._exit(code or 0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with open(f"said-{step}") as said:
        text = said.read()
    os.remove(f"said-{step}")
    found.append((step, code, text, sorted(name for _, folders, files in os.walk(".") for name in [*folders, *files])))
print(json.dumps(found))
"""


def run_with_signals(
    folder: Path,
    first: str,
    signals: list[int],
    steps: list[int],
    *arguments: str,
    modules: Sequence[str] = ("ls_trajedit.report.write",),
) -> list[tuple[int, int, str, list[str]]]:
    """Runs the command in `folder` once for each of `steps`, with all of `signals` sent at the call with that number,
    counted from the first call of the function `first`. Returns for each the step, the exit code, what it said on
    standard error, and the names of all files and folders that are there afterwards. What the command imports late are
    the `modules`, so that no run has to."""
    ran = subprocess.run(
        [sys.executable, "-c", _SIGNALLED],
        input=json.dumps([str(folder), first, signals, steps, arguments, modules]),
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return [(step, code, said, names) for step, code, said, names in json.loads(ran.stdout)]
