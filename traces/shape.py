"""What a set of traces has in common: the fields of their steps, and how long they get."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ls_trajedit.traces.errors import OptionsError
from ls_trajedit.traces.field_path import MISSING, FieldPath, get_field, is_showable_key
from ls_trajedit.traces.model import Call, Part, Reasoning, Text, Trace
from ls_trajedit.traces.options import CHAT_FIELDS, Options
from ls_trajedit.traces.spelling import nearest

__all__ = ["TraceShape", "check_chat_fields", "check_options", "shape_of", "widen"]


@dataclass(frozen=True)
class TraceShape:
    """`step_keys` are the keys of all steps of all traces, `text_keys` those with a string somewhere, both in order of
    first appearance. `found_fields` are the editable fields that some step has, `task_paths` the places where the
    traces have their task. `has_branches` says whether one of them continues another."""

    longest: int = 0
    step_keys: tuple[str, ...] = ()
    text_keys: tuple[str, ...] = ()
    found_fields: frozenset[FieldPath] = frozenset()
    task_paths: frozenset[FieldPath] = frozenset()
    has_id: bool = False
    has_final_answer: bool = False
    has_branches: bool = False


def shape_of(traces: Iterable[Mapping[str, Any]], options: Options) -> TraceShape:
    """The shape of all `traces` (as they are in the file, not as task data)."""
    shape = TraceShape()
    for trace in traces:
        shape = widen(shape, trace, options)
    return shape


def widen(shape: TraceShape, trace: Mapping[str, Any], options: Options) -> TraceShape:
    """`shape`, widened by one more trace."""
    steps = get_field(trace, options.steps_path)
    step_keys = dict.fromkeys(shape.step_keys)
    text_keys = dict.fromkeys(shape.text_keys)
    found = set(shape.found_fields)
    wanted = [path for path in options.editable_paths if path not in found]
    for step in steps:
        if isinstance(step, str):
            step = {options.step_text_key: step}
        for key, value in step.items():
            step_keys.setdefault(key)
            if isinstance(value, str):
                text_keys.setdefault(key)
        found.update(path for path in wanted if _has(step, path))
    task_path = next((path for path in options.task_paths if _has(trace, path)), None)
    return replace(
        shape,
        longest=max(shape.longest, len(steps)),
        step_keys=tuple(step_keys),
        text_keys=tuple(text_keys),
        found_fields=frozenset(found),
        task_paths=shape.task_paths | ({task_path} if task_path else set()),
        has_id=shape.has_id or _has(trace, options.id_path),
        has_final_answer=shape.has_final_answer or _has(trace, options.final_answer_path),
    )


def check_options(options: Options, shape: TraceShape, source: str) -> None:
    """Raises OptionsError for an editable field that no step of the traces in `source` has, and for several keys as
    `id_key`, which only chats can have."""
    if len(options.id_keys) > 1:
        raise OptionsError(
            f"{source}: `id_key` names several keys ({', '.join(options.id_keys)}), and only the id of a chat can be "
            "made of several; name one"
        )
    for field, path in zip(options.editable_fields, options.editable_paths, strict=True):
        if path not in shape.found_fields:
            known = [key for key in shape.step_keys if is_showable_key(key)]
            raise OptionsError(
                f"{source}: no step has `{field}`, which `editable_fields` names{nearest(field, known)} "
                f"(fields of the steps: {', '.join(shape.step_keys) or 'none'})"
            )


def check_chat_fields(options: Options, traces: Iterable[Trace], source: str) -> None:
    """Raises OptionsError for an editable field that steps of chats do not have, and when no step of the traces in
    `source` has any of the editable fields."""
    for name in options.chat_fields:
        if name not in CHAT_FIELDS:
            raise OptionsError(
                f"{source}: these are chats, whose steps have no `{name}`, which `editable_fields` names"
                f"{nearest(name, CHAT_FIELDS)} (it takes: {', '.join(CHAT_FIELDS)})"
            )
    kinds = {_CHAT_PARTS[name] for name in options.chat_fields}
    said = (part for trace in traces for step in trace.steps for part in step.message.parts)
    if not any(type(part) in kinds for part in said):
        raise OptionsError(
            f"{source}: no step of the agent's has {' or '.join(f'`{name}`' for name in options.chat_fields)}, which "
            f"`editable_fields` names (it takes: {', '.join(CHAT_FIELDS)})"
        )


_CHAT_PARTS: Mapping[str, type[Part]] = {
    "content": Text,
    "reasoning": Reasoning,
    "tool_calls[*].arguments": Call,
    "tool_calls[*].name": Call,
}


def _has(data: Mapping[str, Any], path: FieldPath) -> bool:
    return get_field(data, path) not in (MISSING, None)
