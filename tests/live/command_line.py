"""Runs ls-trajedit the way a person does: as a program, with Label Studio's address and token in its environment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ls_trajedit.demo.local_label_studio import LocalLabelStudio

__all__ = ["COMMAND", "Finished", "Person", "read_json", "read_lines", "write_traces"]

COMMAND = (sys.executable, "-m", "ls_trajedit")
_SECONDS = 120


@dataclass(frozen=True)
class Finished:
    """A command that ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """What it printed under `--json`."""
        return json.loads(self.stdout)


@dataclass(frozen=True)
class Person:
    """Somebody at a shell, in a folder of their own."""

    folder: Path
    url: str
    token: str

    @classmethod
    def at(cls, folder: Path, label_studio: LocalLabelStudio) -> Person:
        """The owner of `label_studio`, in `folder`."""
        return cls(folder, label_studio.url, label_studio.token)

    @property
    def environment(self) -> dict[str, str]:
        """What the person's commands find in their environment."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("LABEL_STUDIO", "BASIC_AUTH"))}
        return {**own, "LABEL_STUDIO_URL": self.url, "LABEL_STUDIO_API_KEY": self.token}

    def run(self, *arguments: str | Path | int, status: int = 0, environment: Mapping[str, str] = {}) -> Finished:
        """Runs `ls-trajedit` with `arguments`, which must end with `status` and never print the token."""
        done = subprocess.run(
            [*COMMAND, *map(str, arguments)],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=_SECONDS,
            check=False,
        )
        assert done.returncode == status, f"ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert self.token not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return Finished(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str | Path | int, environment: Mapping[str, str] = {}) -> subprocess.Popen[str]:
        """Starts `ls-trajedit` with `arguments`, in a session of its own."""
        return subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,
            # A runner that was started in the background has Ctrl-C switched off, and its children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def push(self, *arguments: str | Path | int) -> int:
        """Pushes with `arguments` and returns the project's id."""
        number = self.run("push", *arguments, "--json").json["project"]
        assert isinstance(number, int)
        return number


def write_traces(path: Path, traces: Iterable[Mapping[str, Any]]) -> Path:
    """Writes traces as JSON lines."""
    path.write_text("".join(json.dumps(trace) + "\n" for trace in traces), encoding="utf-8")
    return path


def read_json(path: Path) -> Any:
    """The JSON value in the file."""
    return json.loads(path.read_text(encoding="utf-8"))


def read_lines(path: Path) -> list[Any]:
    """The JSON values in the file's lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
