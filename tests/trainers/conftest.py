"""The files that the trainers read, made as a user would make them, and the table of what training on them showed.

Nothing here reaches a network: the model is made in place, the tokenizer trained on the examples.
"""

from __future__ import annotations

import os

# Read by the libraries when they are imported: no hub, no telemetry, no GPU.
os.environ.update({"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "CUDA_VISIBLE_DEVICES": ""})

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import datasets
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from .loss_table import LossTable
from .structure_export import write_structure_export
from .tiny_model import make_tokenizer

EXAMPLES = Path(__file__).parents[2] / "examples"
_EXAMPLE = (EXAMPLES / "export.json", EXAMPLES / "export_config.xml")
LOSSES = pytest.StashKey[LossTable]()


@pytest.fixture(scope="session")
def text_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every format of the examples' corrections, steps as text."""
    return _convert(tmp_path_factory.mktemp("text"), *_EXAMPLE)


@pytest.fixture(scope="session")
def tool_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, with tool calls where an action is one."""
    return _convert(tmp_path_factory.mktemp("tools"), *_EXAMPLE, "--tools")


@pytest.fixture(scope="session")
def structure_text_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every format of traces with steps removed and inserted, steps as text."""
    folder = tmp_path_factory.mktemp("structure")
    return _convert(folder, *write_structure_export(folder))


@pytest.fixture(scope="session")
def structure_tool_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, with tool calls where an action is one."""
    folder = tmp_path_factory.mktemp("structure_tools")
    return _convert(folder, *write_structure_export(folder), "--tools")


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    """Without a chat template."""
    return make_tokenizer((EXAMPLES / "traces.jsonl").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def losses(request: pytest.FixtureRequest) -> LossTable:
    """What the trainings of this run showed, printed at its end."""
    return request.config.stash.setdefault(LOSSES, LossTable())


@pytest.fixture(scope="session", autouse=True)
def _quiet_and_small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One thread is fastest for models of this size; what `datasets` caches goes when the tests are done."""
    datasets.disable_progress_bars()
    datasets.config.HF_DATASETS_CACHE = tmp_path_factory.mktemp("datasets")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if table := config.stash.get(LOSSES, None):
        terminalreporter.section("losses")
        terminalreporter.write(str(table))


def _convert(folder: Path, export: Path, config: Path, *options: str) -> Path:
    command = ["convert", str(export), "--config", str(config), "--format", "all", "--output", str(folder), *options]
    whole = [sys.executable, "-m", "ls_trajedit", *command]
    done = subprocess.run(whole, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder
