"""A command line without a process of its own: `run("config", "traces.jsonl")` in an empty folder."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ls_trajedit.cli import main


@dataclass(frozen=True)
class Ran:
    """What a command ended with and what it printed."""

    exit_code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in an empty folder, with nothing of Label Studio in its environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("LABEL_STUDIO_URL", "LABEL_STUDIO_API_KEY"):
        monkeypatch.delenv(name, raising=False)

    def run_command(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["ls-trajedit", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return Ran(int(end.value.code or 0), printed.out, printed.err)

    return run_command
