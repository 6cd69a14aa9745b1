"""An export in which somebody removed steps, inserted others, and did both at one place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["write_structure_export"]

_STEPS = 4
_FIELDS = ("thought", "action")
_CARD = """
<Text name="step_{0}__thought" value="$steps[{0}].thought"/>
<TextArea name="step_{0}__thought__corrected" toName="step_{0}__thought"/>
<Text name="step_{0}__action" value="$steps[{0}].action"/>
<TextArea name="step_{0}__action__corrected" toName="step_{0}__action"/>
<Choices name="step_{0}__structure" toName="step_{0}__action" choice="multiple">
  <Choice value="Remove this step"/><Choice value="Insert a step after it"/>
</Choices>
<TextArea name="step_{0}__insert_1__thought" toName="step_{0}__action"/>
<TextArea name="step_{0}__insert_1__action" toName="step_{0}__action"/>
"""


def write_structure_export(folder: Path) -> tuple[Path, Path]:
    """The paths of the export and of the labeling config."""
    inserted = _insertion(0, "Ask for the day.", "calendar(day='Friday')")
    tasks = [
        _task(1, [_choice(0, "Insert a step after it"), *inserted]),
        _task(2, [_choice(1, "Remove this step"), _choice(2, "Remove this step")]),
        _task(
            3, [_choice(1, "Remove this step", "Insert a step after it"), *_insertion(1, "Ask.", "calendar(day='M')")]
        ),
        _task(4, [_choice(0, "Remove this step"), _text("step_3__action__corrected", 3, "mail(to='Bo', text='Hi')")]),
    ]
    export, config = folder / "structure.json", folder / "structure.xml"
    export.write_text(json.dumps(tasks), encoding="utf-8")
    cards = "".join(_CARD.format(step) for step in range(_STEPS))
    config.write_text(f'<View><Text name="task" value="$task"/>{cards}</View>', encoding="utf-8")
    return export, config


def _task(number: int, results: list[dict[str, Any]]) -> dict[str, Any]:
    steps = [
        {"thought": "Who is it?", "action": "lookup(name='Bo')", "observation": "Bo, friend"},
        {"thought": "Look again.", "action": "lookup(name='bo')", "observation": "nobody"},
        {"thought": "And again.", "action": "lookup(name='BO')", "observation": "nobody"},
        {"thought": "Write.", "action": "mail(to='Bo')", "observation": "sent"},
    ]
    data = {"id": f"invitation_{number}", "task": f"Invite Bo ({number}).", "steps": steps, "final_answer": "Invited."}
    annotation = {"id": number, "completed_by": 1, "result": results}
    return {"id": number, "project": 1, "data": data, "annotations": [annotation]}


def _choice(step: int, *choices: str) -> dict[str, Any]:
    return _result(f"step_{step}__structure", step, "choices", {"choices": list(choices)})


def _insertion(step: int, thought: str, action: str) -> list[dict[str, Any]]:
    typed = zip(_FIELDS, (thought, action), strict=True)
    return [_text(f"step_{step}__insert_1__{field}", step, text) for field, text in typed]


def _text(control: str, step: int, text: str) -> dict[str, Any]:
    return _result(control, step, "textarea", {"text": [text]})


def _result(control: str, step: int, type_: str, value: dict[str, Any]) -> dict[str, Any]:
    shown = f"step_{step}__action"
    return {"from_name": control, "to_name": shown, "type": type_, "origin": "manual", "value": value}
