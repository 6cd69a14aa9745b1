"""Rows of the training files, by the name of the file, and the messages in them."""

from __future__ import annotations

from typing import Any

from ls_trajedit.converters.formats.base import TrainingRow
from ls_trajedit.converters.formats.registry import FORMATS
from ls_trajedit.converters.training.sample import Sample

__all__ = ["rows", "said", "user"]


def rows(file: str, sample: Sample) -> list[Any]:
    """What the file holds for a sample: the values of its rows, and the reason for each row that is left out."""
    (found,) = [one for format_ in FORMATS.values() for one in format_.files if one.file == file]
    return [row.values if isinstance(row, TrainingRow) else row.value for row in found.rows(sample)]


def user(text: str) -> dict[str, Any]:
    """A message of the user."""
    return {"role": "user", "content": text}


def said(text: str, **more: Any) -> dict[str, Any]:
    """A message of the assistant."""
    return {"role": "assistant", "content": text, **more}
