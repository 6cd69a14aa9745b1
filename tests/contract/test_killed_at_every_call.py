"""`pull` and `convert` killed before every single call that changes a file: whatever the next run is asked for, no file
of an earlier one stays beside its own, and until then `verify` knows of each."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.killed import killed_before

from .hostile_label_studio import PROJECT, corrected
from .puller import Puller

# What is in the folder, what the killed run is to write there, and what the next one writes: in a folder with splits,
# in that and in another one, and in none.
FIRST = ("--format", "trl-dpo", "--split", "train=1/2,test=1/2")
KILLED = ("--format", "trl-dpo", "--format", "prm")
THIRD = ("--format", "sft")
# Before this file is written, nothing changes but temporary files; another test is about those.
FROM = "written.new"

Files = dict[str, bytes]


def files(folder: Path) -> Files:
    """All files that somebody could take for data."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {str(path): (folder / path).read_bytes() for path in paths if not path.parts[0].startswith(".")}


class Commands:
    """Both commands, with the same tasks behind them."""

    def __init__(self, puller: Puller) -> None:
        self.puller = puller
        self.config = puller.folder.parent / "config.xml"
        self.config.write_text(puller.label_studio.label_config, encoding="utf-8")
        self.export = puller.folder.parent / "export.json"
        self.export.write_text(json.dumps(list(puller.label_studio.tasks.values()), default=str), encoding="utf-8")

    def arguments(self, command: str, folder: Path, formats: tuple[str, ...]) -> list[str]:
        if command == "pull":
            return ["pull", "--project", str(PROJECT), "-o", str(folder), *formats]
        return ["convert", str(self.export), "--config", str(self.config), "-o", str(folder), *formats]

    def run(self, command: str, folder: Path, formats: tuple[str, ...]) -> Files:
        ran = self.puller.run(*self.arguments(command, folder, formats))
        assert ran.exit_code == 0, ran.err
        return files(folder)

    def verify(self, folder: Path) -> int:
        return self.puller.run("verify", str(folder)).exit_code


@pytest.fixture
def commands(puller: Puller) -> Commands:
    for _ in range(6):
        puller.label_studio.annotate(puller.label_studio.add_task(), corrected("better"))
    puller.label_studio.pass_time()
    return Commands(puller)


@pytest.mark.parametrize(("killed", "following"), [("convert", "pull"), ("pull", "convert")])
def test_whatever_a_killed_run_left_the_next_one_puts_right(
    commands: Commands, tmp_path: Path, killed: str, following: str
) -> None:
    start = tmp_path / "start"
    old = commands.run(killed, start, FIRST)
    new = commands.run(killed, tmp_path / "new", KILLED)
    third = commands.run(following, tmp_path / "third", THIRD)
    always = {"rejects.jsonl", "manifest.json"}
    assert old.keys() == always | {"trl/dpo.train.jsonl", "trl/dpo.test.jsonl"}
    assert new.keys() == always | {"trl/dpo.jsonl", "prm/prm.jsonl"}
    assert third.keys() == always | {"trajectory_sft.jsonl"}

    seen: set[int] = set()
    step = 0
    while True:
        folder = tmp_path / f"killed-{step}"
        shutil.copytree(start, folder)
        was_killed = killed_before(step, str(folder), FROM, *commands.arguments(killed, folder, KILLED))
        found = files(folder)
        for name, content in found.items():
            assert content in (old.get(name), new.get(name)), (step, name)
        verified = commands.verify(folder)
        assert verified == (0 if found in (old, new) else 5), (step, sorted(found))
        seen.add(verified)
        assert commands.run(following, folder, THIRD) == third, step
        assert commands.verify(folder) == 0
        assert not list(folder.glob(".writing-*"))
        shutil.rmtree(folder)
        if not was_killed:
            break
        step += 1
    assert found == new
    assert seen == {0, 5}
    # At least the four renames, the two removals, and what is made to last of each.
    assert step > 12
