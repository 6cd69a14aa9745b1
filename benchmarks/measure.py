"""Runs a command as a process and says what it cost."""

from __future__ import annotations

import os
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
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock, seconds of CPU, and the peak memory in MB of the largest process."""

    wall: float
    cpu: float
    peak: float


def run(command: Command, **environment: str) -> Cost:
    """Runs `command` to its end. Raises RuntimeError, with what it wrote to stderr, when it fails.

    A process starts with the peak memory of the one that starts it: callers keep their own small.
    """
    with tempfile.TemporaryFile() as errors:
        started = time.monotonic()
        process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=errors)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        wall = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            raise RuntimeError(f"{command[0]} ended with {process.returncode}: {errors.read().decode()}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _RSS_UNIT / 1e6)


def median(costs: Iterable[Cost]) -> Cost:
    """The median of each figure on its own."""
    rows = [(cost.wall, cost.cpu, cost.peak) for cost in costs]
    return Cost(*(statistics.median(column) for column in zip(*rows, strict=True)))


def machine(*packages: str) -> str:
    """A line about where this runs: cores, load before the start, versions."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("ls-trajedit", *packages))
    load = f"load average {os.getloadavg()[0]:.1f} at the start"
    return f"{os.cpu_count()} cores, {load}, Python {sys.version.split()[0]}, {versions}"
