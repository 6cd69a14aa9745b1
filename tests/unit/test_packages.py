"""What is installed, and what is tested with the lowest versions of what it needs."""

from __future__ import annotations

import ast
import re
import sys
from configparser import ConfigParser
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
ROOTS = {
    "ls_trajedit": "ls_trajedit",
    "converters": "ls_trajedit.converters",
    "label_config": "ls_trajedit.label_config",
    "traces": "ls_trajedit.traces",
}


def test_every_folder_with_code_is_an_installed_package() -> None:
    metadata = ConfigParser()
    metadata.read(REPOSITORY / "setup.cfg")
    folders = {
        ".".join((package, *file.parent.relative_to(REPOSITORY / root).parts))
        for root, package in ROOTS.items()
        for file in (REPOSITORY / root).rglob("*.py")
    }
    assert set(metadata["options"]["packages"].split()) == folders | {"ls_trajedit.examples"}


def imported_packages(module: Path) -> set[str]:
    """The packages of others that a module imports, wherever in it."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    names = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level}
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"ls_trajedit"}


def test_with_the_lowest_versions_the_tests_of_each_module_that_imports_one_are_run() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    named = re.search(r"^FLOOR_TESTS := ((?:.*\\\n)*.*)$", makefile, re.MULTILINE)
    assert named
    run = [Path(word) for word in named[1].replace("\\\n", " ").split()]
    assert all((REPOSITORY / path).exists() for path in run)
    for module in (file for root in ROOTS for file in (REPOSITORY / root).rglob("*.py")):
        path = module.relative_to(REPOSITORY)
        own = Path("tests/unit") / path.parent / f"test_{path.name}"
        assert not imported_packages(module) or any(own.is_relative_to(each) for each in run), path
