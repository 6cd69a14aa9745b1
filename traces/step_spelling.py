"""How the steps of one trace of the plain shape spell what an agent does: which fields they have, and how they write a
call. Steps that are added to it are spelled alike, so that whoever reads the old ones can read the new ones.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ls_trajedit.traces.json_text import json_line, parse_json
from ls_trajedit.traces.plain_steps import PlainShapeError
from ls_trajedit.traces.readers.steps import ARGUMENT_KEYS, NAME_KEYS, THOUGHT_KEYS

__all__ = ["StepSpelling", "spelling_of"]

_OBSERVATION = "observation"
_INPUT = "action_input"


@dataclass(frozen=True)
class StepSpelling:
    """The fields for a reasoning, for what is said or done, and for what is heard; None where the steps have none.
    `bare` says that the steps are bare strings, and `call` is a step of the trace whose action is a call as an object,
    the JSON text of one, or a name beside its input. Without one, a call is text."""

    thought: str | None
    action: str | None
    observation: str | None
    bare: bool
    call: Mapping[str, Any] | None

    def spelled(self, step: Mapping[str, Any], where: str) -> Any:
        """A step of `to_plain_steps` as this trace would have it. Raises PlainShapeError, with `where`, for what its
        steps have no field for, and for a call that its actions cannot express."""
        found: dict[str, Any] = {}
        if (thought := step.get("thought")) is not None:
            found[_field(self.thought, f"the reasoning of {where}")] = thought
        if (action := step.get("action")) is not None:
            key = _field(self.action, f"what the agent does in {where}")
            found |= {key: action} if isinstance(action, str) else self._call(key, action, where)
        if (heard := step.get("observation")) is not None:
            found[_field(self.observation, f"what is heard after {where}")] = heard
        if self.bare and found.keys() == {self.action}:
            return found[str(self.action)]
        return found

    def with_observation(self, step: Any, heard: str, where: str) -> dict[str, Any]:
        """A step of this trace with what was heard after it. Raises PlainShapeError where its steps have no field for
        that, or this one heard something already."""
        key = _field(self.observation, f"what is heard after {where}")
        fields = {str(self.action): step} if isinstance(step, str) else dict(step)
        if fields.get(key) is not None:
            raise PlainShapeError(f"{where} has heard something already, and the answer begins with what it hears")
        return {**fields, key: heard}

    def _call(self, key: str, call: Mapping[str, Any], where: str) -> dict[str, Any]:
        name, arguments = call["name"], call["arguments"]
        if self.call is None:
            return {key: _as_python(name, arguments, where)}
        if _INPUT in self.call:
            wants_text = isinstance(self.call[_INPUT], str)
            return {key: name, _INPUT: _argument_text(arguments) if wants_text else arguments}
        recorded = self.call[key]
        pattern = _parsed(recorded) if isinstance(recorded, str) else recorded
        filled = _filled(pattern, name, arguments)
        return {key: json_line(filled).decode() if isinstance(recorded, str) else filled}


def spelling_of(steps: Sequence[Any], shown: Iterable[str], bare_field: str) -> StepSpelling:
    """How these steps are spelled. `shown` are fields that the page shows, whether these steps have them or not, and
    `bare_field` is the field of a step that is a bare string."""
    objects = [step for step in steps if isinstance(step, dict)]
    known = {*shown, *(key for step in objects for key in step)}
    is_bare = bool(steps) and not objects
    action = next((key for key in (bare_field, "action") if key in known), bare_field if is_bare else None)
    return StepSpelling(
        thought=next((key for key in THOUGHT_KEYS if key in known), None),
        action=action,
        observation=_OBSERVATION if _OBSERVATION in known else None,
        bare=is_bare,
        call=next((step for step in reversed(objects) if action is not None and _is_call(step, action)), None),
    )


def _field(key: str | None, what: str) -> str:
    if key is None:
        raise PlainShapeError(f"the steps of this trace have no field for {what}")
    return key


def _is_call(step: Mapping[str, Any], key: str) -> bool:
    action = step.get(key)
    if isinstance(action, str):
        return bool(action) and (_INPUT in step or _names(_parsed(action)) is not None)
    return _names(action) is not None


def _names(value: Any) -> tuple[str, str] | None:
    """Under which keys an object has the name of a call and its arguments."""
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("function"), dict):
        return _names(value["function"])
    name = next((key for key in NAME_KEYS if isinstance(value.get(key), str)), None)
    arguments = next((key for key in ARGUMENT_KEYS if isinstance(value.get(key), dict | str)), None)
    return None if name is None or arguments is None else (name, arguments)


def _filled(pattern: Mapping[str, Any], name: str, arguments: Any) -> dict[str, Any]:
    """An object with the keys of `pattern` for another call."""
    if isinstance(pattern.get("function"), dict):
        kind = {"type": pattern["type"]} if isinstance(pattern.get("type"), str) else {}
        return {**kind, "function": _filled(pattern["function"], name, arguments)}
    keys = _names(pattern)
    assert keys is not None
    is_text = isinstance(pattern[keys[1]], str)
    value = json_line(arguments).decode() if is_text and not isinstance(arguments, str) else arguments
    # In the order in which the pattern has them.
    return {key: name if key == keys[0] else value for key in pattern if key in keys}


def _argument_text(arguments: Any) -> str:
    """Arguments where the trace has one text: the text of a tool that takes one, else JSON."""
    if isinstance(arguments, str):
        return arguments
    if isinstance(arguments, dict) and arguments.keys() == {"input"} and isinstance(arguments["input"], str):
        return str(arguments["input"])
    return json_line(arguments).decode()


def _as_python(name: str, arguments: Any, where: str) -> str:
    """The call as `name(key='value')`."""
    words = [*name.split("."), *(arguments if isinstance(arguments, dict) else ["-"])]
    if not all(word.isascii() and word.isidentifier() and not keyword.iskeyword(word) for word in words):
        raise PlainShapeError(f"the call in {where} cannot be written as the calls of this trace are, `name(key='…')`")
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"


def _parsed(text: str) -> Any:
    if not text.lstrip().startswith("{"):
        return None
    try:
        return parse_json(text.encode("utf-8", "surrogatepass"))
    except ValueError:
        return None
