"""With the lowest versions that setup.cfg allows, every command can be called and the example becomes the same files.

`make test-floors` runs this, in an environment of its own.
"""

from __future__ import annotations

import configparser
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from ls_trajedit.cli import COMMANDS

ROOT = Path(__file__).parents[2]


def floors() -> Iterator[tuple[str, str]]:
    """Each package that ls-trajedit needs, with its lowest version."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    extras = config["options.extras_require"]
    for part in (config["options"]["install_requires"], extras["hub"], extras["parquet"]):
        for line in filter(None, part.splitlines()):
            name, floor = line.partition(";")[0].split(">=")
            yield name, floor


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ls_trajedit", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )


def numbers(text: str) -> list[int]:
    found = [int(part) for part in text.split(".")]
    while found[-1] == 0 and len(found) > 1:
        found.pop()
    return found


@pytest.mark.parametrize(("package", "floor"), list(floors()))
def test_the_lowest_version_is_installed(package: str, floor: str) -> None:
    assert numbers(version(package)) == numbers(floor)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_says_what_it_does(command: str) -> None:
    done = run(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "--help" in done.stdout


def test_the_example_becomes_every_file(tmp_path: Path) -> None:
    example = ("examples/export.json", "--config", "examples/export_config.xml", "--format", "all")
    for kind in ("json", "parquet"):
        done = run("convert", *example, "--to", kind, "-o", tmp_path / kind)
        assert done.returncode == 0, done.stderr
        assert run("verify", tmp_path / kind).returncode == 0


def test_a_label_studio_that_is_not_there_is_named(tmp_path: Path) -> None:
    where = ("--url", "http://127.0.0.1:9", "--api-key", "0" * 40, "-o", tmp_path, "--max-wait", "0")
    done = run("pull", "--project", "1", *where)
    assert done.returncode == 4, done.stderr
    assert "Traceback" not in done.stderr
