"""Which Label Studio is started."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ls_trajedit.demo import local_label_studio
from ls_trajedit.demo.local_label_studio import find_label_studio, run_label_studio
from ls_trajedit.traces.errors import SetupError


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Empty folders for the interpreter, for PATH and for elsewhere."""
    found = {name: tmp_path / name for name in ("interpreter", "path", "elsewhere")}
    for folder in found.values():
        folder.mkdir()
    monkeypatch.setattr(sys, "executable", str(found["interpreter"] / "python"))
    monkeypatch.setenv("PATH", str(found["path"]))
    monkeypatch.delenv("LS_TRAJEDIT_LABEL_STUDIO", raising=False)
    return found


def install(folder: Path) -> Path:
    program = folder / "label-studio"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return program


def test_the_one_beside_the_interpreter_comes_before_the_one_on_path(folders: dict[str, Path]) -> None:
    on_path = install(folders["path"])
    assert find_label_studio() == on_path
    beside = install(folders["interpreter"])
    assert find_label_studio() == beside


def test_the_environment_variable_comes_first(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    install(folders["interpreter"])
    chosen = install(folders["elsewhere"])
    monkeypatch.setenv("LS_TRAJEDIT_LABEL_STUDIO", str(chosen))
    assert find_label_studio() == chosen


def test_a_chosen_program_that_is_not_there_is_an_error_even_when_another_is(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    install(folders["interpreter"])
    monkeypatch.setenv("LS_TRAJEDIT_LABEL_STUDIO", str(folders["elsewhere"] / "label-studio"))
    with pytest.raises(SetupError, match=r"_LABEL_STUDIO is .*elsewhere/label-studio, which is not a program"):
        find_label_studio()


@pytest.mark.usefixtures("folders")
def test_without_one_the_error_says_how_to_install_it() -> None:
    with pytest.raises(SetupError, match=r"pip install label-studio"):
        find_label_studio()


def test_on_windows_none_is_started_and_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Windows:
        name = "nt"

    folder = tmp_path / "data"
    monkeypatch.setattr(local_label_studio, "os", Windows)
    with pytest.raises(SetupError, match=r"needs Linux or macOS\. On Windows, run it in WSL"), run_label_studio(folder):
        pass
    assert not folder.exists()
