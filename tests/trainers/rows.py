"""Reading the files as a trainer's user does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from datasets import Dataset, load_dataset

__all__ = ["json_lines", "load_rows"]


def load_rows(file: Path) -> Dataset:
    """The rows of a file of JSON lines, as `datasets` types them."""
    return load_dataset("json", data_files=str(file), split="train")


def json_lines(file: Path) -> list[dict[str, Any]]:
    """The same rows, as they stand in the file."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
