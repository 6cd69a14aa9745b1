"""Runs a command as a process and measures what it costs."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

__all__ = ["LS_TRAJEDIT", "Command", "Cost", "machine", "median", "run"]

Command = list[str | Path]

LS_TRAJEDIT = str(Path(sys.executable).parent / "ls-trajedit")
_POLL = 0.02
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Cost:
    """Wall-clock seconds, CPU seconds, and memory in MB: the sum of the peaks of the process and of those that it
    started."""

    wall: float
    cpu: float
    peak: float


def run(command: Command, cores: set[int] | None = None, **environment: str) -> Cost:
    """Runs `command` to its end, on these cores if any are given. Raises RuntimeError, with what the command wrote to
    stderr, if it fails."""
    with tempfile.TemporaryFile() as errors:
        started = time.monotonic()
        process = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=errors,
            preexec_fn=(lambda: os.sched_setaffinity(0, cores)) if cores else None,
        )
        try:
            peaks: dict[int, float] = {}
            while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
                note_peaks(process.pid, peaks)
                time.sleep(_POLL)  # between two looks at the process
            _, status, usage = ended
        except BaseException:
            process.kill()
            process.wait()
            raise
        wall = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            raise RuntimeError(f"{command[0]} ended with {process.returncode}: {errors.read().decode()}")
    # Without /proc, only the peak of the largest process is known.
    peak = sum(peaks.values()) or usage.ru_maxrss * _RSS_UNIT / 1e6
    return Cost(wall, usage.ru_utime + usage.ru_stime, peak)


def note_peaks(pid: int, peaks: dict[int, float]) -> None:
    """Puts into `peaks` the peak memory so far, in MB, of a process and of all that it started."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    except (FileNotFoundError, ProcessLookupError):
        return  # the process has ended, or this system has no /proc
    if found := re.search(r"VmHWM:\s+(\d+) kB", status):
        peaks[pid] = int(found[1]) * 1024 / 1e6
    for child in children:
        note_peaks(int(child), peaks)


def median(costs: Iterable[Cost]) -> Cost:
    """The median of each figure on its own."""
    rows = [(cost.wall, cost.cpu, cost.peak) for cost in costs]
    return Cost(*(statistics.median(column) for column in zip(*rows, strict=True)))


def machine(*packages: str) -> str:
    """A line about the machine: cores, load at the start, versions."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("ls-trajedit", *packages))
    load = f"load average {os.getloadavg()[0]:.1f} at the start"
    return f"{os.cpu_count()} cores, {load}, Python {sys.version.split()[0]}, {versions}"
