"""The options on their page are those of the program."""

from __future__ import annotations

import re
from dataclasses import is_dataclass
from typing import Any

import pytest
import yaml

from ls_trajedit.label_config.read_config import FLAG_CLASSES
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.options_file import option_names, parse_options

from .pages import Block, blocks, read_page, table_rows

PAGE = "docs/options.md"
OWN_YAML = ("README.md", PAGE, "docs/formats.md", "docs/moving-from-potato.md")


def documented() -> dict[str, str]:
    return {row[0].strip("`"): row[1] for row in table_rows(PAGE, "Every option")}


def defaults() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in option_names():
        value = getattr(Options(), "from_" if name == "from" else name)
        if is_dataclass(value):
            found |= {f"{name}.{part}": default for part, default in vars(value).items()}
        else:
            found[name] = value
    return found


def test_the_table_has_every_option_and_nothing_else_in_the_order_of_the_program() -> None:
    assert list(documented()) == list(defaults())


@pytest.mark.parametrize("name", documented())
def test_the_documented_default_is_the_default(name: str) -> None:
    cell = documented()[name]
    if cell.startswith("`"):
        assert yaml.safe_load(cell.strip("`")) == defaults()[name]
    else:
        assert defaults()[name] is None, f"{name} has a default: show it in backticks"


@pytest.mark.parametrize(
    "block",
    [block for block in blocks("yaml") if block.page in OWN_YAML],
    ids=lambda block: f"{block.page}:{block.line}",
)
def test_options_that_a_page_shows_are_accepted(block: Block) -> None:
    parse_options(block.text, f"{block.page}:{block.line}")


def test_the_class_names_that_carry_options_are_those_of_the_labeling_config() -> None:
    assert set(re.findall(r"`(trajedit-[\w-]+)`", read_page(PAGE))) == {
        FLAG_CLASSES[name] for name in ("show_diff", "show_edit_distance", "allow_reset")
    }
