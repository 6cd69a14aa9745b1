"""Commands that are told to end at any moment: nothing of theirs is left behind, whatever was told, and how often."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.exports import EDIT, annotation, export, task
from tests.support.signalled import run_with_signals

# Each call at the beginning, in which the temporary file or folder is made, and then fewer and fewer of them.
STEPS = [*range(40), *(int(40 * 1.2**power) for power in range(1, 25))]
ENDED = {
    signal.SIGINT: (130, "ls-trajedit: interrupted\n"),
    signal.SIGTERM: (143, "ls-trajedit: terminated\n"),
    signal.SIGHUP: (129, "ls-trajedit: terminated\n"),
}


@pytest.fixture
def data(tmp_path: Path) -> list[str]:
    """A folder that an export was converted into; all that is in the current folder."""
    name = export(tmp_path, *(task(number, annotation(number, EDIT)) for number in range(1, 6)))
    subprocess.run([sys.executable, "-m", "ls_trajedit", "convert", name], cwd=tmp_path, check=True)
    return sorted(path.name for path in tmp_path.rglob("*"))


@pytest.mark.parametrize(
    "signals",
    [
        [signal.SIGTERM],
        [signal.SIGHUP],
        [signal.SIGTERM, signal.SIGTERM],
        [signal.SIGINT, signal.SIGINT, signal.SIGHUP],
    ],
    ids=lambda signals: "+".join(number.name for number in signals),
)
@pytest.mark.parametrize(
    ("command", "first"),
    [(("convert", "export.json"), "make_temporary_folder"), (("report", "data"), "whole_file")],
    ids=["convert", "report"],
)
def test_whenever_a_command_is_told_to_end_it_leaves_nothing_behind(
    tmp_path: Path, data: list[str], command: tuple[str, ...], first: str, signals: list[signal.Signals]
) -> None:
    ran = run_with_signals(tmp_path, first, list(map(int, signals)), STEPS, *command)
    ended = {ENDED[number] for number in signals}
    for step, code, said, names in ran:
        assert [name for name in names if name not in data and name != "report.html"] == [], (step, code)
        assert (code, said) in ended or code == 0, step
    assert sum(code != 0 for _, code, _, _ in ran) > 45
