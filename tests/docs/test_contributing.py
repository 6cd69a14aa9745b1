"""Contributing, followed to the letter: its format, reader and command are added to a copy of the code and used."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .pages import ROOT, blocks, read_page
from .write_outputs import folder_with_examples

PAGE = "CONTRIBUTING.md"
FLOORS = ("converters", "label_config", "traces", "examples")


def section(heading: str) -> str:
    found = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", read_page(PAGE), re.MULTILINE | re.DOTALL)
    assert found
    return found.group(1)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with the examples and a copy of the code, laid out as it installs."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "ls_trajedit", tmp_path / "ls_trajedit", ignore=ignored)
    for floor in FLOORS:
        shutil.copytree(ROOT / floor, tmp_path / "ls_trajedit" / floor, ignore=ignored)
    folder_with_examples(tmp_path)
    return tmp_path


def in_copy(copy: Path, path: str) -> Path:
    """Where a file of the repository is in the copy."""
    return copy / path if path.startswith("ls_trajedit/") else copy / "ls_trajedit" / path


def write_module(copy: Path, package: str) -> None:
    """The step that writes a module into the package."""
    (block,) = [block for block in blocks("python") if block.page == PAGE and block.title.startswith(package)]
    in_copy(copy, block.title).write_text(block.text, encoding="utf-8")


def replace(file: Path, pattern: str, replacement: str) -> None:
    before = file.read_text(encoding="utf-8")
    after, count = re.subn(pattern, replacement, before, count=1, flags=re.MULTILINE)
    assert count == 1, f"{file.name} has nothing like {pattern}"
    file.write_text(after, encoding="utf-8")


def ran(copy: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "ls_trajedit", *arguments], cwd=copy, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_format_that_is_added_as_the_page_says_writes_its_file(copy: Path) -> None:
    step = re.search(r"^2\. Add `(plain[.\w]*)` to `(\w+)` in `([\w/.]+)`", section("Adding a format"), re.MULTILINE)
    assert step
    entry, table, registry = step.groups()
    write_module(copy, "converters/formats/")
    replace(in_copy(copy, registry), r"(?=\n\n__all__)", "\nfrom ls_trajedit.converters.formats import plain\n")
    replace(in_copy(copy, registry), rf"^{table} = \((?=\n)", rf"\g<0>\n    {entry},")
    config = ("--config", "examples/export_config.xml")
    assert "plain.jsonl" in ran(copy, "convert", "examples/export.json", *config, "--format", "plain", "-o", "data")
    rows = (copy / "data" / "plain.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 3
    assert "web_search(query='SF weather')" in rows[0]


def test_a_command_that_is_added_as_the_page_says_runs_and_is_in_the_help(copy: Path) -> None:
    write_module(copy, "ls_trajedit/commands/")
    cli = copy / "ls_trajedit" / "cli.py"
    replace(cli, r"^COMMANDS = \{\n[^}]*", r'\g<0>    "count": "Count the traces in a file.",\n')
    assert re.search(r"count +Count the traces in a file\.", ran(copy, "--help"))
    lines = (copy / "examples" / "traces.jsonl").read_text(encoding="utf-8").splitlines()
    assert ran(copy, "count", "examples/traces.jsonl") == f"{len(lines)}\n"


def test_a_reader_that_is_added_as_the_page_says_reads_its_format(copy: Path) -> None:
    step = re.search(
        r"^2\. Add `(dialog[.\w]*)` to `(\w+)` in `([\w/.]+)`", section("Adding a reader for traces"), re.MULTILINE
    )
    assert step
    entry, table, path = step.groups()
    registry = in_copy(copy, path)
    write_module(copy, "traces/readers/")
    replace(registry, r"^from ls_trajedit\.traces\.readers import \($", r"\g<0>\n    dialog,")
    replace(registry, rf"^{table}: [^\0]*?for format_ in \(", rf"\g<0>\n        {entry},")
    (copy / "runs.jsonl").write_text('{"dialog": [["user", "Hello"], ["assistant", "Hi"]]}\n', encoding="utf-8")
    assert "a `dialog` of pairs" in ran(copy, "traces", "runs.jsonl")
    (line,) = ran(copy, "traces", "runs.jsonl", "--as", "messages").splitlines()
    assert json.loads(line)["messages"] == [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi"},
    ]


def test_the_functions_that_read_a_trace_are_where_the_page_says() -> None:
    named = re.findall(r"`(\w+)` in `(traces/[\w/]+\.py)`", section("Adding a reader for traces"))
    assert named
    for name, file in named:
        text = (ROOT / file).read_text(encoding="utf-8")
        assert re.search(rf"^(def {name}\(|{name}: )", text, re.MULTILINE), name


@pytest.mark.parametrize("heading", ["Adding a format", "Adding a reader for traces", "Adding a command"])
def test_each_addition_takes_five_steps(heading: str) -> None:
    assert re.findall(r"^(\d)\. ", section(heading), re.MULTILINE) == list("12345")


def test_every_target_of_the_loop_is_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = re.findall(r"^\| `make ([\w-]+)` \|", section("The loop"), re.MULTILINE)
    assert " ".join(named) == "quick check test test-trainers test-floors test-newest lock demo screenshots"
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in named)
