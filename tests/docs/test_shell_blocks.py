"""The shell commands on the pages exist, and those that need no server run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from ls_trajedit.cli import app

from .pages import ROOT, Block, blocks, shell_lines
from .write_outputs import folder_with_examples, in_shell

NEEDS_NO_SERVER = {"init", "config", "convert", "verify", "report"}


def identified(block: Block) -> str:
    return f"{block.page}:{block.line}"


def our_commands(block: Block) -> list[list[str]]:
    """The words of each `ls-trajedit` command in the block, without redirections and pipes."""
    found = []
    for line in shell_lines(block):
        words = shlex.split(re.split(r"\s[|>&]", line)[0])
        while words and "=" in words[0] and not words[0].startswith("-"):
            words = words[1:]
        if words and words[0] == "ls-trajedit":
            found.append(words[1:])
    return found


@pytest.mark.parametrize("block", [block for block in blocks("sh") if our_commands(block)], ids=identified)
def test_a_command_has_every_option_that_a_page_uses(block: Block) -> None:
    for words in our_commands(block):
        name, *arguments = words
        command = app.get_command(None, name)
        assert command is not None, f"there is no command {name}"
        if "--help" not in arguments:
            # Parses the words and runs nothing; an unknown option, or a wrong value, raises.
            command.make_context(name, list(arguments))


@pytest.mark.parametrize(
    "block",
    [block for block in blocks("sh") if {words[0] for words in our_commands(block)} & NEEDS_NO_SERVER],
    ids=identified,
)
def test_the_commands_that_need_no_server_run(block: Block, tmp_path: Path) -> None:
    folder_with_examples(tmp_path)
    (tmp_path / "traces.jsonl").write_bytes((ROOT / "examples" / "traces.jsonl").read_bytes())
    ran = 0
    for line in shell_lines(block):
        words = line.split()
        if words[0] == "ls-trajedit" and words[1] in NEEDS_NO_SERVER and "--project" not in words:
            done = in_shell(line, tmp_path)
            assert done.returncode == 0, f"{line}\n{done.stdout}"
            ran += 1
    assert ran


def test_every_make_target_on_a_page_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = [line.split()[1] for block in blocks("sh") for line in shell_lines(block) if line.startswith("make ")]
    assert {"demo", "test"} <= set(named) <= targets


def test_every_extra_that_a_page_installs_exists() -> None:
    from importlib.metadata import metadata

    known = set(metadata("ls-trajedit").get_all("Provides-Extra") or ())
    for block in blocks("sh"):
        for extras in re.findall(r"(?:\.|ls-trajedit)\[([\w,-]+)\]", block.text):
            assert set(extras.split(",")) <= known, identified(block)
