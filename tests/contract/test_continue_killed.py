"""`continue` that is ended at any moment, and run again: no branch is there twice, and none is lost."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

import pytest

from ls_trajedit.converters.branches import branch_id
from ls_trajedit.label_config.task_data import restore_trace
from tests.support.signalled import run_with_signals

from .continuer import Continuer
from .puller import Puller

# In calls that Python makes in the main thread: close together where the run begins, then further and further apart.
# A run of three branches makes about 50,000 of them.
STEPS = [int(1.4**power) for power in range(8, 35)]
MODULES = ("ls_trajedit.branches.project", "label_studio_sdk.client")
ENDED = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -signal.SIGKILL}


@pytest.mark.parametrize(
    "signals",
    [[signal.SIGKILL], [signal.SIGTERM], [signal.SIGINT, signal.SIGINT]],
    ids=lambda signals: "+".join(number.name for number in signals),
)
def test_however_often_it_is_ended_each_correction_gets_one_branch(
    puller: Puller, signals: list[signal.Signals]
) -> None:
    continuer = Continuer(puller)
    for number in range(40):
        continuer.add(f"t{number}", f"look {number}")
    arguments = continuer.arguments("--limit", "3", "--jobs", "2")

    ran = run_with_signals(
        continuer.folder, "mark_superseded", list(map(int, signals)), STEPS, *arguments, modules=MODULES
    )

    for step, code, said, _ in ran:
        assert code in (0, ENDED[signals[0]]), (step, said)
        assert "Traceback" not in said
    assert sum(code != 0 for _, code, _, _ in ran) > 12
    # Some were ended when they had made branches, and others had work left.
    assert 0 < len(continuer.branches()) < 40
    rest = continuer.run("--json", "--jobs", "4")
    assert rest.exit_code == 0, rest.err
    branches = continuer.branches()
    made = Counter(branch_id(branch.parent) for branch in branches.values())
    assert set(made.values()) == {1}
    assert sorted(branch.parent.trace_id for branch in branches.values()) == sorted(f"t{n}" for n in range(40))
    for number, branch in branches.items():
        name = branch.parent.trace_id.removeprefix("t")
        assert restore_trace(continuer.data(number))["steps"] == [
            {"action": f"look {name}", "observation": f"heard look {name}"},
            {"action": "then this"},
        ]
    assert continuer.run("--json").json()["already_there"] == 40
    assert _agents_of(continuer.folder) == []
    assert [path.name for path in puller.folder.iterdir()] == [".ls-trajedit"]


def _agents_of(folder: Path) -> list[str]:
    """The programs that run with something in this folder on their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().decode("utf-8", "replace")
            where = str((path.parent / "cwd").readlink())
        except OSError:
            continue
        if "agent.py" in line and where == str(folder):
            found.append(line)
    return found
