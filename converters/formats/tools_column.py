"""The column `tools` of the files for TRL: JSON text, because a list of objects of many shapes has no type."""

from __future__ import annotations

from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.traces.json_text import json_line

__all__ = ["tools_column"]


def tools_column(sample: Sample) -> dict[str, str]:
    """The column, in files with tool calls; nothing in others.

    Where there are no tools it is the text `null`: chat templates take None for no tools, and an empty list for some.
    """
    return {"tools": json_line(sample.tools or None).decode()} if sample.rendering.as_tool_calls else {}
