"""The commands, as the documentation has them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ls_trajedit import cli
from ls_trajedit.backend.basic_auth import PASSWORD_VARIABLE, USER_VARIABLE
from ls_trajedit.cli import app
from ls_trajedit.commands.pull import STEP_SUMMARY_VARIABLE
from ls_trajedit.demo.local_label_studio import EXECUTABLE_VARIABLE
from ls_trajedit.label_studio.headers import HEADERS_VARIABLE
from ls_trajedit.signals import HUNG_UP, TERMINATED
from ls_trajedit.traces.errors import TrajeditError

from .pages import blocks, page_names, read_page, table_rows
from .write_outputs import with_outputs

PAGE = "docs/commands.md"


def commands() -> dict[str, Any]:
    return {name: app.get_command(None, name) for name in app.list_commands(None)}


def exit_codes(error: type[TrajeditError]) -> set[int]:
    found = {error.exit_code}
    return found.union(*(exit_codes(child) for child in error.__subclasses__()))


@pytest.mark.parametrize("name", sorted(commands()))
def test_a_command_and_everything_that_it_takes_has_help(name: str) -> None:
    command = commands()[name]
    assert command.help
    for parameter in command.params:
        assert parameter.help, f"{name}: {parameter.name}"


@pytest.mark.parametrize("name", sorted(commands()))
def test_the_list_of_commands_says_what_the_help_of_each_begins_with(name: str) -> None:
    assert " ".join((commands()[name].help or "").split("\n\n")[0].split()) == cli.COMMANDS[name]


def test_every_command_has_its_help_on_the_page_in_the_order_of_the_command_line() -> None:
    shown = re.findall(r"^\$ ls-trajedit ([\w-]+) --help$", read_page(PAGE), re.MULTILINE)
    assert shown == list(commands())
    assert re.findall(r"^## ([a-z-]+)$", read_page(PAGE), re.MULTILINE) == shown


@pytest.mark.parametrize("name", [name for name in page_names() if "```console\n" in read_page(name)])
def test_what_the_commands_on_a_page_print_is_up_to_date(name: str) -> None:
    page = read_page(name)
    assert with_outputs(page).split() == page.split(), "bring it up to date: python -m tests.docs.write_outputs"


def test_a_console_block_runs_our_commands_and_nothing_else() -> None:
    for block in blocks("console"):
        prompts = [line for line in block.text.splitlines() if line.startswith("$ ")]
        assert block.text.startswith("$ ls-trajedit "), f"{block.page}:{block.line}"
        assert all(prompt.startswith("$ ls-trajedit ") for prompt in prompts), f"{block.page}:{block.line}"


def test_the_exit_codes_are_those_of_the_errors() -> None:
    documented = [int(code) for code, _ in table_rows(PAGE, "Exit codes")]
    assert documented == sorted({0, 1, HUNG_UP, cli.INTERRUPTED, TERMINATED} | exit_codes(TrajeditError))


def test_every_environment_variable_is_documented_with_the_commands_that_read_it() -> None:
    readers: dict[str, set[str]] = {}
    for name, command in commands().items():
        for parameter in command.params:
            if parameter.envvar:
                readers.setdefault(parameter.envvar, set()).add(name)
    documented = {
        row[0].strip("`"): set(re.findall(r"`([a-z]+)`", row[1])) for row in table_rows(PAGE, "Environment variables")
    }
    others = {USER_VARIABLE, PASSWORD_VARIABLE, EXECUTABLE_VARIABLE, STEP_SUMMARY_VARIABLE, HEADERS_VARIABLE}
    assert set(documented) == {*readers, *others}
    assert documented[HEADERS_VARIABLE] == documented["LABEL_STUDIO_URL"]
    assert {variable: documented[variable] for variable in readers} == readers
