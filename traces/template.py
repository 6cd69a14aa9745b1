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
    "is_blank",
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

        A line is left out when it names a field that is absent or null, or one of `without`, and when every field that
        it names is blank: words that announce a field say nothing without it. When no line with a field is left, the
        text is empty, unless what is missing is written elsewhere, as `without` says. A value that is not a string is
        written as compact JSON.

        >>> parse_template("Thought: {thought}\\nAction: {action}").render({"action": {"name": "stop"}, "thought": ""})
        'Action: {"name":"stop"}'
        """
        lines = []
        has_field = False
        for line in self.lines:
            if _names_one_of(line, without):
                has_field = True
                continue
            text = _render_line(line, fields)
            if text is not None:
                lines.append(text)
                has_field = has_field or any(path is not None for _, path in line)
        return "\n".join(lines) if has_field else ""

    def without_surroundings(self, text: str) -> str:
        """`text` without what the template puts before its first field and after its last one, where that is there.

        >>> parse_template("<out>{observation}</out>").without_surroundings("<out>nothing</out>")
        'nothing'
        """
        if not self.fields:
            return text
        before, after = self._surroundings
        inner = text.removeprefix(before)
        return inner.removesuffix(after)

    @cached_property
    def _surroundings(self) -> tuple[str, str]:
        """The text before the first field, and that after the last one."""
        between = [""]
        for number, line in enumerate(self.lines):
            between[-1] += "\n" if number else ""
            for literal, path in line:
                between[-1] += literal
                if path is not None:
                    between.append("")
        return between[0], between[-1]

    def neighbors(self, path: FieldPath) -> frozenset[FieldPath]:
        """The other fields that are named in a line with the field at `path`, or with a part of it.

        >>> sorted(parse_template("{tool}({args.query})\\n{note}").neighbors(("args",)))
        [('tool',)]
        """
        found: set[FieldPath] = set()
        for line in self.lines:
            named = {other for _, other in line if other is not None}
            own = {other for other in named if other[: len(path)] == path or path[: len(other)] == other}
            found |= named - own if own else set()
        return frozenset(found)


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


def is_blank(value: Any) -> bool:
    """Whether nothing stands in a field: it is absent or null, or holds nothing but white space.

    >>> is_blank(" \\n"), is_blank(0), is_blank([])
    (True, False, False)
    """
    return value is MISSING or value is None or (isinstance(value, str) and not value.strip())


def _render_line(line: tuple[_Piece, ...], fields: Any) -> str | None:
    parts = []
    values: list[Any] = []
    for literal, path in line:
        parts.append(literal)
        if path is not None:
            value = get_field(fields, path)
            if value is MISSING or value is None:
                return None
            values.append(value)
            parts.append(value if isinstance(value, str) else json_line(value).decode())
    return None if values and all(map(is_blank, values)) else "".join(parts)


def _names_one_of(line: tuple[_Piece, ...], paths: Collection[FieldPath]) -> bool:
    return any(path in paths for _, path in line)
