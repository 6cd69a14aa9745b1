"""Four floors that import only downwards; and slow libraries stay out of commands that do not need them."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

FLOORS = {
    "ls_trajedit": 3,
    "ls_trajedit.converters": 2,
    "ls_trajedit.label_config": 1,
    "ls_trajedit.traces": 0,
}


def modules(package: str) -> Iterator[tuple[str, Path]]:
    """Name and file of every module of the floor; a floor may be installed inside another's folder."""
    (folder,) = importlib.import_module(package).__path__
    inner = {Path(importlib.import_module(floor).__path__[0]) for floor in FLOORS if floor.startswith(f"{package}.")}
    for path in sorted(Path(folder).rglob("*.py")):
        if not any(path.is_relative_to(other) for other in inner):
            parts = path.relative_to(folder).with_suffix("").parts
            yield ".".join((package, *(part for part in parts if part != "__init__"))), path


@cache
def nodes(path: Path) -> list[ast.AST]:
    """The syntax tree of the file, as a flat list of its nodes."""
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


@cache
def imports(module: str, path: Path) -> set[str]:
    """The full names of everything that the module imports, inside functions too."""
    found: set[str] = set()
    is_package = path.name == "__init__.py"
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".")
            base = parts[: len(parts) - node.level + is_package] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            found.update(f"{source}.{alias.name}" for alias in node.names)
    return found


def floor_of(name: str) -> str | None:
    floors = [floor for floor in FLOORS if name == floor or name.startswith(f"{floor}.")]
    return max(floors, key=len, default=None)


ALL = [(floor, module, path) for floor in FLOORS for module, path in modules(floor)]


def test_every_floor_has_modules() -> None:
    assert {floor for floor, _, _ in ALL} == set(FLOORS)
    assert {
        "ls_trajedit.cli",
        "ls_trajedit.output.row_files",
        "ls_trajedit.converters.chunk",
        "ls_trajedit.traces.errors",
    } <= {m for _, m, _ in ALL}


@pytest.mark.parametrize(("floor", "module", "path"), ALL, ids=[module for _, module, _ in ALL])
def test_a_module_imports_only_from_its_own_floor_and_those_below(floor: str, module: str, path: Path) -> None:
    upwards = {
        name
        for name in imports(module, path)
        if (other := floor_of(name)) is not None and FLOORS[other] > FLOORS[floor]
    }
    assert upwards == set()


def test_the_sdk_is_imported_in_exactly_one_package() -> None:
    importers = {
        module.rpartition(".")[0]
        for _, module, path in ALL
        if any(n.split(".")[0] == "label_studio_sdk" for n in imports(module, path))
    }
    assert importers == {"ls_trajedit.label_studio"}


NETWORK = {"httpx", "requests", "socket", "urllib", "http", "starlette", "uvicorn", "label_studio_sdk", "asyncio"}
CLOCK = {"time", "random", "secrets", "uuid"}
FILES = {"os", "pathlib", "tempfile", "shutil", "io", "subprocess"}


@pytest.mark.parametrize(("floor", "module", "path"), [item for item in ALL if item[0] != "ls_trajedit"])
def test_the_lower_floors_use_no_network_clock_or_files(floor: str, module: str, path: Path) -> None:
    roots = {name.split(".")[0] for name in imports(module, path)}
    assert roots & (NETWORK | CLOCK | FILES) == set()
    calls = {node.func.id for node in nodes(path) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert calls & {"open", "print", "input"} == set()


SLOW = {"label_studio_sdk", "label_studio_ml", "starlette", "uvicorn", "httpx", "requests", "jinja2", "pandas"}


def loaded_by(script: str) -> set[str]:
    """The names of all modules that are loaded after the script has run."""
    script += "\nimport sys\nsys.stderr.write(' '.join(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return set(ran.stderr.split())


@pytest.mark.parametrize("arguments", [["--help"], ["convert", "--help"], ["serve", "--help"], ["--version"]])
def test_help_does_not_wait_for_slow_libraries(arguments: list[str]) -> None:
    loaded = loaded_by(
        "import sys\n"
        "from ls_trajedit.cli import main\n"
        f"sys.argv = ['ls-trajedit', *{arguments!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
    )
    assert "ls_trajedit.console" in loaded
    assert loaded & SLOW == set()


def test_the_lower_floors_can_be_used_without_the_application() -> None:
    loaded = loaded_by(
        "import ls_trajedit.converters.chunk, ls_trajedit.converters.plan, ls_trajedit.label_config.predict"
    )
    assert "ls_trajedit.label_config.read_config" in loaded
    assert loaded & (SLOW | {"click", "rich", "ls_trajedit.cli"}) == set()
