"""`rejects.jsonl`: the annotations that became no record, and why. It is always written, so no table offers it."""

from __future__ import annotations

from typing import Any

from ls_trajedit.converters.formats.format import Format

__all__ = ["FORMAT"]


def _row(reject: dict[str, Any]) -> dict[str, Any]:
    return reject


FORMAT = Format("rejects", "rejects.jsonl", _row)
