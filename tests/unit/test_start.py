"""What a command loads before it does something: what it needs, and not what others need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ls_trajedit.cli import COMMANDS
from tests.docs.pages import ROOT

# Each takes longer to load than a command takes otherwise, or comes with something that does.
SLOW = {
    *("fsspec", "httpcore", "httpx", "huggingface_hub", "jinja2", "jsonschema", "label_studio_sdk", "lxml", "pandas"),
    *("prometheus_client", "pyarrow", "pydantic", "rapidfuzz", "ray", "requests", "rich", "starlette", "tenacity"),
    *("typer", "uvicorn", "yaml", "asyncio"),
}
EXAMPLE = ROOT / "examples"


def loaded_by(*arguments: str | Path) -> set[str]:
    """The modules that are loaded when the command has ended well."""
    script = (
        "import sys\nfrom ls_trajedit.cli import main\n"
        f"sys.argv = ['ls-trajedit', *{list(map(str, arguments))!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return set(ran.stderr.splitlines()[-1].split())


def commands_among(loaded: set[str]) -> set[str]:
    prefix = "ls_trajedit.commands."
    names = {name.removeprefix(prefix).rstrip("_").replace("_", "-") for name in loaded if name.startswith(prefix)}
    return names & set(COMMANDS)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that `convert` wrote."""
    folder = tmp_path_factory.mktemp("start") / "data"
    command = [sys.executable, "-m", "ls_trajedit", "convert", EXAMPLE / "export.json", "-o", folder]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.mark.parametrize("arguments", [["--version"], ["--help"]])
def test_no_command_is_loaded_when_none_runs(arguments: list[str]) -> None:
    loaded = loaded_by(*arguments)
    assert commands_among(loaded) == set()
    assert loaded & (SLOW | {"ls_trajedit.traces.options"}) == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_loaded_alone_and_its_help_waits_for_nothing_of_the_web(name: str) -> None:
    loaded = loaded_by(name, "--help")
    assert commands_among(loaded) == {name}
    web = {"httpx", "label_studio_sdk", "requests", "starlette", "uvicorn", "pandas", "jinja2", "typer"}
    assert loaded & web == set()


def test_convert_needs_no_server_no_options_and_of_the_readers_none(tmp_path: Path) -> None:
    loaded = loaded_by("convert", EXAMPLE / "export.json", "--config", EXAMPLE / "export_config.xml", "-o", tmp_path)
    assert loaded & SLOW == {"lxml", "rapidfuzz"}
    assert not {name for name in loaded if name.startswith("ls_trajedit.traces.readers.")} - {
        "ls_trajedit.traces.readers.atif",
        "ls_trajedit.traces.readers.base",
    }
    assert "ls_trajedit.converters.formats.registry" not in loaded


def test_verify_needs_nothing_that_converts(written: Path) -> None:
    loaded = loaded_by("verify", written)
    assert loaded & SLOW == set()
    assert "ls_trajedit.converters.annotations.convert_task" not in loaded


def test_report_needs_its_templates_and_nothing_that_reads_a_labeling_config(written: Path) -> None:
    assert loaded_by("report", written) & SLOW == {"jinja2"}


def test_options_are_checked_with_pydantic_only_where_there_are_any(tmp_path: Path) -> None:
    (tmp_path / "trajedit.yaml").write_text("editable_fields: [thought, action]", encoding="utf-8")
    loaded = loaded_by(
        "convert", EXAMPLE / "export.json", "--options", tmp_path / "trajedit.yaml", "-o", tmp_path / "o"
    )
    assert {"pydantic", "yaml"} <= loaded
