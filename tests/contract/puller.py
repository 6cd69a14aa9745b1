"""Runs `ls-trajedit pull` against the hostile Label Studio, and looks at what it leaves."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from ls_trajedit.cli import main

from .hostile_label_studio import PROJECT, TOKEN, HostileLabelStudio, corrected, hostile_label_studio, personal_token

__all__ = ["OUTPUTS", "Clock", "Puller", "Ran", "puller_of"]

OUTPUTS = (
    "trajectory_corrections.json",
    "trajectory_sft.jsonl",
    "trajectory_dpo.jsonl",
    "rejects.jsonl",
    "manifest.json",
)
_SECRETS = (TOKEN, personal_token("refresh"), personal_token("access"))


@dataclass(frozen=True)
class Ran:
    """What a command ended with, what it printed, and what Label Studio was asked meanwhile."""

    exit_code: int
    out: str
    err: str
    asked: list[str]

    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Clock:
    """The clock of whoever waits between two retries: it waits no longer than it takes to note for how long."""

    now: float = 0.0
    pauses: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@dataclass
class Puller:
    """Somebody who pulls `label_studio` into `folder`. No run may print a traceback, or any token anywhere."""

    label_studio: HostileLabelStudio
    folder: Path
    clock: Clock
    _monkeypatch: pytest.MonkeyPatch
    _capsys: pytest.CaptureFixture[str]
    own_clock_ahead: timedelta = timedelta(0)
    """How far the clock of this machine is ahead of that of `label_studio`."""

    def own_time(self) -> datetime:
        return self.label_studio.now + self.own_clock_ahead

    def pull_some_corrected(self, tasks: int) -> list[int]:
        """Pulls a project of so many tasks, of which the first two are corrected. Returns the tasks, twenty minutes
        later."""
        numbers = [self.label_studio.add_task() for _ in range(tasks)]
        for number in numbers[:2]:
            self.label_studio.annotate(number, corrected(f"better {number}"))
        self._pull_between()
        return numbers

    def pull_before_all_change(self, tasks: int) -> None:
        """Pulls a project of so many tasks, before each of them is corrected."""
        for _ in range(tasks):
            self.label_studio.add_task()
        self._pull_between()
        for number in self.label_studio.tasks:
            self.label_studio.annotate(number, corrected(f"better {number}"))

    def _pull_between(self) -> None:
        self.label_studio.pass_time()
        assert self.pull().exit_code == 0
        self.label_studio.pass_time()

    def pull(self, *arguments: str, into: Path | None = None, project: int = PROJECT) -> Ran:
        """Runs `pull` in this process."""
        return self.run("pull", "--project", str(project), "-o", str(into or self.folder), *arguments)

    def run(self, *arguments: str) -> Ran:
        """Runs any command in this process."""
        self._monkeypatch.setattr(sys, "argv", ["ls-trajedit", *arguments])
        asked_before = len(self.label_studio.asked)
        with pytest.raises(SystemExit) as ended:
            main()
        printed = self._capsys.readouterr()
        ran = Ran(int(ended.value.code or 0), printed.out, printed.err, self.label_studio.asked[asked_before:])
        self._check(ran.out + ran.err)
        return ran

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Starts `pull` as a process of its own."""
        return self._start("", *arguments, **options)

    def start_with(self, script: str) -> subprocess.Popen[str]:
        """Starts `pull` in a process in which `script` has run before."""
        return self._start(dedent(script))

    def _start(self, script: str, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        program = f"""{script}
import datetime
from ls_trajedit.cli import main
from ls_trajedit.label_studio import client
client.own_time = lambda: {self.own_time()!r}
main()"""
        command = [sys.executable, "-c", program, "pull", "--project", str(PROJECT), "-o", str(self.folder), *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)

    def end(self, process: subprocess.Popen[str]) -> Ran:
        """What a started process ends with."""
        out, err = process.communicate(timeout=60)
        self._check(out + err)
        return Ran(process.returncode, out, err, [])

    def outputs(self, folder: Path | None = None) -> dict[str, bytes]:
        """The files that are there for a reader, and no other."""
        folder = folder or self.folder
        return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".ls-trajedit"}

    def times(self) -> dict[str, int]:
        """When each of the output files was written."""
        return {name: (self.folder / name).stat().st_mtime_ns for name in OUTPUTS}

    def read(self, name: str) -> Any:
        """An output file: its JSON or, of JSON lines, a list of theirs."""
        text = (self.folder / name).read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()] if name.endswith(".jsonl") else json.loads(text)

    def completions(self) -> list[str]:
        """The first action of each corrected trace."""
        return [line["completion"]["steps"][0]["action"] for line in self.read("trajectory_sft.jsonl")]

    def _check(self, printed: str) -> None:
        assert "Traceback" not in printed
        written = [path.read_bytes() for path in self.folder.parent.rglob("*") if path.is_file()]
        for secret in _SECRETS:
            assert secret not in printed
            assert not any(secret.encode() in content for content in written)


@contextmanager
def puller_of(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Puller]:
    """Somebody with a Label Studio of their own, who pulls into `data` in `folder` and need not wait for retries."""
    clock = Clock()
    monkeypatch.setattr("tenacity.nap.time", clock)
    monkeypatch.setattr("tenacity.time", clock)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    with hostile_label_studio() as label_studio:
        monkeypatch.setenv("LABEL_STUDIO_URL", label_studio.url)
        monkeypatch.setenv("LABEL_STUDIO_API_KEY", TOKEN)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
        # Reading the certificates of all authorities takes longer than the rest of most pulls here, which need none.
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        monkeypatch.setenv("SSL_CERT_DIR", str(folder))
        puller = Puller(label_studio, folder / "data", clock, monkeypatch, capsys)
        monkeypatch.setattr("ls_trajedit.label_studio.client.own_time", puller.own_time)
        yield puller
