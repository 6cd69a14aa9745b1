"""What is installed."""

from __future__ import annotations

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
