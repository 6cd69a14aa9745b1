"""`llamafactory/` against what LLaMA-Factory documents, and against the rules by which it skips a row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .schema_validator import validator

FOLDERS = ("text_files", "tool_files", "structure_text_files", "structure_tool_files")
ASKED, ANSWERED = ("human", "observation"), ("gpt", "function_call")


@pytest.fixture(params=FOLDERS)
def folder(request: pytest.FixtureRequest) -> Path:
    """What it reads: steps as text, then of `--tools`; and both of traces with steps removed and inserted."""
    return request.getfixturevalue(request.param) / "llamafactory"


def test_the_index_names_every_file(folder: Path) -> None:
    index = _read(folder / "dataset_info.json")
    validator("dataset_info").validate(index)
    named = {entry["file_name"] for entry in index.values()}
    assert named == {path.name for path in folder.iterdir()} - {"dataset_info.json"}
    assert {entry["file_name"]: entry.get("ranking", False) for entry in index.values()} == {
        "sft.json": False,
        "dpo.json": True,
    }


@pytest.mark.parametrize("name", ["sft", "dpo"])
def test_every_row_has_the_documented_shape(folder: Path, name: str) -> None:
    validator(f"llamafactory_{name}").validate(_read(folder / f"{name}.json"))


@pytest.mark.parametrize(("name", "rest"), [("sft", 0), ("dpo", 1)])
def test_no_row_is_skipped(folder: Path, name: str, rest: int) -> None:
    for row in _read(folder / f"{name}.json"):
        speakers = [turn["from"] for turn in row["conversations"]]
        assert all(speaker in (ANSWERED if place % 2 else ASKED) for place, speaker in enumerate(speakers))
        assert len(speakers) % 2 == rest


def _read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))
