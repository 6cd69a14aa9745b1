"""How a trace is written as text."""

from __future__ import annotations

from ls_trajedit.converters.training.rendering import default_step_template
from tests.support.samples import TEXT


def test_every_further_editable_field_has_a_line() -> None:
    fields = ["thought", "action", "action.name", "observation", "args.query", "note", "tool_calls[0].function"]
    assert default_step_template(fields, TEXT.observation) == (
        "Thought: {thought}\nAction: {action}\nArgs.query: {args.query}\nNote: {note}\n"
        "Tool_calls[0].function: {tool_calls[0].function}"
    )
