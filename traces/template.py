"""Writes the fields of a step as text: `Thought: {thought}` and the like.

A template is a Python format string that can name fields and nothing else: no conversions, no format specs, no
attributes. So it treats every step alike and can reach nothing but the step.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from string import Formatter
from typing import Any

from ls_trajedit.traces.field_path import MISSING, FieldPath, get_field, parse_path
from ls_trajedit.traces.json_text import json_line

__all__ = [
    "FINAL_ANSWER_TEMPLATE",
    "NO_OBSERVATION_TEXT",
    "OBSERVATION_TEMPLATE",
    "STEP_TEMPLATE",
    "Template",
    "parse_template",
]

# The defaults. A step gets a further line for each other editable field.
STEP_TEMPLATE = "Thought: {thought}\nAction: {action}"
OBSERVATION_TEMPLATE = "Observation: {observation}"
NO_OBSERVATION_TEXT = "Observation: (none recorded)"
FINAL_ANSWER_TEMPLATE = "Final Answer: {final_answer}"

_Piece = tuple[str, FieldPath | None]
"""Literal text, and the field whose value follows it, if any."""


@dataclass(frozen=True)
class Template:
    """A validated template. `text` is what it was parsed from."""

    text: str
    lines: tuple[tuple[_Piece, ...], ...]

    @cached_property
    def fields(self) -> tuple[FieldPath, ...]:
        """The fields that it names, in order, without repeats."""
        return tuple(dict.fromkeys(path for line in self.lines for _, path in line if path is not None))

    def render(self, fields: Any, without: Collection[FieldPath] = ()) -> str:
        """The text for these fields of a step.

        A line is left out when it names a field that is absent or null, or one of `without`. A value that is not a
        string is written as compact JSON.

        >>> parse_template("Thought: {thought}\\nAction: {action}").render({"action": {"name": "stop"}})
        'Action: {"name":"stop"}'
        """
        rendered = (_render_line(line, fields) for line in self.lines if not _names_one_of(line, without))
        return "\n".join(line for line in rendered if line is not None)


def parse_template(text: str) -> Template:
    """The template that `text` is. Raises ValueError, which names the line and the field, when it is not a template."""
    lines = tuple(_parse_line(line, number) for number, line in enumerate(text.split("\n"), 1))
    return Template(text, lines)


def _parse_line(line: str, number: int) -> tuple[_Piece, ...]:
    try:
        pieces = list(Formatter().parse(line))
    except ValueError as error:
        raise ValueError(f"line {number}: {error}; write a literal brace twice") from None
    return tuple(
        (literal, _checked_field(field, spec, conversion, number)) for literal, field, spec, conversion in pieces
    )


def _checked_field(field: str | None, spec: str | None, conversion: str | None, number: int) -> FieldPath | None:
    if field is None:
        return None
    if not field:
        raise ValueError(f"line {number}: `{{}}` names no field; write one, such as `{{action}}`")
    if conversion or spec:
        more = f"!{conversion}" if conversion else f":{spec}"
        raise ValueError(f"line {number}: `{{{field}{more}}}`: nothing may follow the field; write `{{{field}}}`")
    try:
        return parse_path(field)
    except ValueError as error:
        raise ValueError(f"line {number}: {error}") from None


def _render_line(line: tuple[_Piece, ...], fields: Any) -> str | None:
    parts = []
    for literal, path in line:
        parts.append(literal)
        if path is not None:
            value = get_field(fields, path)
            if value is MISSING or value is None:
                return None
            parts.append(value if isinstance(value, str) else json_line(value).decode())
    return "".join(parts)


def _names_one_of(line: tuple[_Piece, ...], paths: Collection[FieldPath]) -> bool:
    return any(path in paths for _, path in line)
