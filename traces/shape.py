"""What the traces at hand have in common: the fields of their steps, and how long they get."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ls_trajedit.traces.errors import OptionsError
from ls_trajedit.traces.field_path import MISSING, get_field, is_showable_key, parse_path
from ls_trajedit.traces.options import Options, nearest

__all__ = ["TraceShape", "check_options", "shape_of", "widen"]


@dataclass(frozen=True)
class TraceShape:
    """`step_keys` and `text_keys` are in order of first appearance over all steps of all traces."""

    longest: int = 0
    step_keys: tuple[str, ...] = ()
    text_keys: tuple[str, ...] = ()
    found_fields: frozenset[str] = frozenset()
    task_keys: frozenset[str] = frozenset()
    has_id: bool = False
    has_final_answer: bool = False


def shape_of(traces: Iterable[Mapping[str, Any]], options: Options) -> TraceShape:
    """The shape of all `traces` (as they stand in the file, not as task data)."""
    shape = TraceShape()
    for trace in traces:
        shape = widen(shape, trace, options)
    return shape


def widen(shape: TraceShape, trace: Mapping[str, Any], options: Options) -> TraceShape:
    """`shape`, widened by one more trace."""
    steps = get_field(trace, parse_path(options.steps_key))
    step_keys = dict.fromkeys(shape.step_keys)
    text_keys = dict.fromkeys(shape.text_keys)
    found = set(shape.found_fields)
    fields = [(field, parse_path(field)) for field in options.editable_fields if field not in found]
    for step in steps:
        if isinstance(step, str):
            step = {options.step_text_key: step}
        for key, value in step.items():
            step_keys.setdefault(key)
            if isinstance(value, str):
                text_keys.setdefault(key)
        found.update(field for field, path in fields if get_field(step, path) not in (MISSING, None))
    task_key = next((key for key in options.task_keys if _holds(trace, key)), None)
    return replace(
        shape,
        longest=max(shape.longest, len(steps)),
        step_keys=tuple(step_keys),
        text_keys=tuple(text_keys),
        found_fields=frozenset(found),
        task_keys=shape.task_keys | ({task_key} if task_key else set()),
        has_id=shape.has_id or _holds(trace, options.id_key),
        has_final_answer=shape.has_final_answer or _holds(trace, options.final_answer_key),
    )


def check_options(options: Options, shape: TraceShape, source: str) -> None:
    """Raises OptionsError for an editable field that no step of the traces in `source` has."""
    for field in options.editable_fields:
        if field not in shape.found_fields:
            known = [key for key in shape.step_keys if is_showable_key(key)]
            raise OptionsError(
                f"{source}: no step has `{field}`, which `editable_fields` names{nearest(field, known)} "
                f"(fields of the steps: {', '.join(shape.step_keys) or 'none'})"
            )


def _holds(trace: Mapping[str, Any], key: str) -> bool:
    return get_field(trace, parse_path(key)) not in (MISSING, None)
