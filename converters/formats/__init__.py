"""The training formats, one module each. A new format is a new module and one line in this table."""

from __future__ import annotations

from ls_trajedit.converters.formats import corrections, dpo, sft
from ls_trajedit.converters.formats.format import Format

__all__ = ["FORMATS", "Format"]

FORMATS: dict[str, Format] = {f.name: f for f in (corrections.FORMAT, sft.FORMAT, dpo.FORMAT)}
"""Every format by its name, in the order in which files are written."""
