"""Virtual environments that tests make, with uv: pip takes twenty times as long."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import uv

__all__ = ["install", "make_environment"]


def make_environment(folder: Path, *wanted: str) -> None:
    """Makes an environment of this Python, in place of what was in the folder, with what `uv pip install` is told."""
    _uv("venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
    install(folder, *wanted)


def install(folder: Path, *wanted: str) -> None:
    """Installs into the environment what `uv pip install` is told."""
    _uv("pip", "install", "--quiet", *wanted, VIRTUAL_ENV=str(folder))


def _uv(*arguments: str, **environment: str) -> None:
    command = [uv.find_uv_bin(), *arguments]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}"
