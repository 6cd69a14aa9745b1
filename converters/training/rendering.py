"""How a trace is written as text: the templates, and where a trace keeps its parts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ls_trajedit.label_config.schema import Schema
from ls_trajedit.traces.field_path import FieldPath, parse_path
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.template import (
    FINAL_ANSWER_TEMPLATE,
    NO_OBSERVATION_TEXT,
    OBSERVATION_TEMPLATE,
    STEP_TEMPLATE,
    Template,
    parse_template,
)

__all__ = ["THOUGHT", "Rendering", "default_step_template", "is_within", "rendering_for"]

THOUGHT: FieldPath = ("thought",)
"""The one field of a step that nothing outside the agent answers."""

_STEP = parse_template(STEP_TEMPLATE)
_OBSERVATION = parse_template(OBSERVATION_TEMPLATE)
_FINAL_ANSWER = parse_template(FINAL_ANSWER_TEMPLATE)


@dataclass(frozen=True, kw_only=True)
class Rendering:
    """The templates for what a step says, what was observed and the final answer. `bare_step_field` is the name of the
    field in which a step that is a bare string is shown; `tools_path` is where a trace keeps its tools. With
    `as_tool_calls`, actions that are calls are written as calls."""

    step: Template = _STEP
    observation: Template = _OBSERVATION
    no_observation: str = NO_OBSERVATION_TEXT
    final_answer: Template = _FINAL_ANSWER
    final_answer_key: str = "final_answer"
    bare_step_field: str = "action"
    tools_path: FieldPath | None = None
    as_tool_calls: bool = False

    @property
    def no_answer(self) -> str:
        """What a tool answers where nothing was recorded: `no_observation` without the words that announce one."""
        if self.no_observation == NO_OBSERVATION_TEXT:
            return _OBSERVATION.without_surroundings(NO_OBSERVATION_TEXT)
        return self.observation.without_surroundings(self.no_observation)


def rendering_for(options: Options, schema: Schema, as_tool_calls: bool) -> Rendering:
    """The rendering that the options ask for, of the traces that the schema describes."""
    templates = options.templates
    observation = parse_template(templates.observation)
    step = default_step_template(schema.step_fields(), observation) if templates.step is None else templates.step
    return Rendering(
        step=parse_template(step),
        observation=observation,
        no_observation=templates.no_observation,
        final_answer=parse_template(templates.final_answer),
        final_answer_key=schema.final_answer_key,
        bare_step_field=schema.bare_step_field,
        tools_path=options.tools_path,
        as_tool_calls=as_tool_calls,
    )


def default_step_template(editable_fields: Iterable[str], observation: Template) -> str:
    """Thought, action, and a line for each editable field that neither of them nor the observation shows.

    >>> default_step_template(["action", "args.query"], parse_template("{observation}"))
    'Thought: {thought}\\nAction: {action}\\nArgs.query: {args.query}'
    """
    shown = [*_STEP.fields, *observation.fields]
    further = [field for field in editable_fields if not any(is_within(parse_path(field), path) for path in shown)]
    return "\n".join([STEP_TEMPLATE, *(f"{field[0].upper()}{field[1:]}: {{{field}}}" for field in further)])


def is_within(path: FieldPath, other: FieldPath) -> bool:
    """Whether `path` is `other`, or leads to a part of what `other` leads to."""
    return path[: len(other)] == other
