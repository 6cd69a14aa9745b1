"""Writes the labeling config: for each step, a card with the original of each field above its editor."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree

from ls_trajedit.label_config.branch_view import add_branch_title, add_locked_steps, add_superseded
from ls_trajedit.label_config.read_config import FINAL_ANSWER_TAG, TASK_TAG, TRACE_ID_TAG
from ls_trajedit.label_config.style import STYLE
from ls_trajedit.label_config.tags import (
    NO_ANCHORS,
    Anchors,
    Element,
    NewField,
    add_editor,
    add_field,
    add_inserted_after,
    add_inserted_before,
    add_label,
    add_step_labels,
    add_structure,
    add_text,
    add_view,
    config_root,
    config_text,
)
from ls_trajedit.traces.errors import OptionsError
from ls_trajedit.traces.field_path import FieldPath, format_path, is_showable_key, parse_path
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.shape import TraceShape
from ls_trajedit.traces.template import parse_template

__all__ = ["StepField", "control_names", "shown_fields", "step_fields", "write_config"]

INDEX_FLAG = "{{idx}}"

# What would be taken for a control that removes a step or belongs to an inserted one.
_OF_STRUCTURE = re.compile("structure(_reason)?|(insert|before)_[0-9]+(_.*)?")


@dataclass(frozen=True)
class StepField:
    """A field of the steps that the config shows, as the options or the traces spell it and as a path inside a step.
    Its controls are named `step_<index>__<name>`."""

    field: str
    path: FieldPath
    name: str
    editable: bool


def write_config(options: Options, shape: TraceShape, anchors: Anchors = NO_ANCHORS) -> str:
    """The labeling config, as XML, for traces of this `shape`.

    The unrolled layout has a card for each step up to `max_steps` or, without that option, up to the longest trace; the
    repeater layout has one card, which Label Studio repeats. The controls that remove a step and insert others, and
    its labels, point at the tag of its first editable field, or at the one that `anchors` has for the first step.

    Raises OptionsError when the unrolled layout has neither number of steps.
    """
    root = config_root(options, STYLE)
    _add_task(root, options, shape)
    if shape.has_branches:
        add_superseded(root)
        add_locked_steps(root)
    fields = step_fields(options, shape)
    own = Anchors({0: _anchor(fields, anchors.structures)}, {0: _anchor(fields, anchors.labels)})
    if options.layout == "repeater":
        steps = add_view(root, "trajedit-repeated")
        repeater = etree.SubElement(steps, "Repeater", on=f"${options.steps_key}", indexFlag=INDEX_FLAG)
        # Label Studio makes the same of each step, so the style shows what is for the first step only there.
        title = _Title("Step", shape.has_branches)
        _add_step(repeater, options, fields, INDEX_FLAG, title, own, with_before=True)
    else:
        count = options.max_steps or shape.longest
        if not count:
            raise OptionsError("the number of steps is unknown: give the traces, or set `max_steps`")
        for index in range(count):
            title = _Title(f"Step {index + 1}", shape.has_branches)
            _add_step(root, options, fields, str(index), title, own, with_before=index == 0)
    _add_final_answer(root, options, shape)
    return config_text(root)


def step_fields(options: Options, shape: TraceShape) -> list[StepField]:
    """The fields that a step's card shows, from top to bottom: in the order in which the traces have them, with the
    editable ones among themselves in the order of `editable_fields`."""
    names: dict[str, str] = {}
    editable = [
        StepField(field, path, _name_of(options, field, path, names), editable=True)
        for field, path in zip(options.editable_fields, options.editable_paths, strict=True)
    ]
    read_only = [(field, parse_path(field)) for field in _context_fields(options, shape)]
    read_only.sort(key=lambda item: _position(item[1], shape))
    context = [
        StepField(field, path, _name_of(options, field, path, names), editable=False) for field, path in read_only
    ]
    next_editable = iter(editable)
    return [
        next(next_editable) if field.editable else field
        for field in sorted([*context, *editable], key=lambda field: _position(field.path, shape))
    ]


def _position(path: FieldPath, shape: TraceShape) -> int:
    return shape.step_keys.index(str(path[0])) if path[0] in shape.step_keys else len(shape.step_keys)


def shown_fields(options: Options, shape: TraceShape) -> list[FieldPath]:
    """The fields outside the steps that the config shows: task, id and final answer, as far as the traces have them."""
    paths = [path for path in options.task_paths if path in shape.task_paths] or [options.task_paths[0]]
    paths += [options.id_path] * shape.has_id
    paths += [options.final_answer_path] * (shape.has_final_answer or options.edit_final_answer)
    return list(dict.fromkeys(paths))


def control_names(options: Options) -> dict[str, str]:
    """For each editable field its part in the names of controls, such as `args_query` for `args.query`."""
    names: dict[str, str] = {}
    for field, path in zip(options.editable_fields, options.editable_paths, strict=True):
        _name_of(options, field, path, names)
    return names


def _name_of(options: Options, field: str, path: FieldPath, names: dict[str, str]) -> str:
    """The name for `field`: a word without `__` that no other field in `names` has; added to `names`."""
    if field not in names:
        word = "_".join(part for part in "_".join(map(str, path)).split("_") if part) or "field"
        if (options.allow_remove or options.allow_insert) and _OF_STRUCTURE.fullmatch(word):
            word = f"field_{word}"
        name, number = word, 2
        while name in names.values():
            name, number = f"{word}_{number}", number + 1
        names[field] = name
    return names[field]


def _context_fields(options: Options, shape: TraceShape) -> list[str]:
    if options.context_fields is not None:
        return options.context_fields
    edited = {path[0] for path in options.editable_paths}
    return [key for key in shape.text_keys if is_showable_key(key) and key not in edited]


def _add_task(root: Element, options: Options, shape: TraceShape) -> None:
    view = add_view(root, "trajedit-task")
    shown = [path for path in shown_fields(options, shape) if path in options.task_paths]
    for number, path in enumerate(shown, start=1):
        key = format_path(path)
        field = add_field(view, "trajedit-context", "Task" if number == 1 else key)
        add_text(field, TASK_TAG if number == 1 else f"{TASK_TAG}_{number}", key)
    if shape.has_id:
        add_text(add_view(view, "trajedit-id"), TRACE_ID_TAG, options.id_keys[0])


@dataclass(frozen=True)
class _Title:
    """The title of a card, which a branch has one of its own for."""

    text: str
    has_branches: bool

    def add(self, card: Element, index: str) -> None:
        if self.has_branches:
            add_branch_title(card, self.text, index)
        else:
            add_label(card, "trajedit-title", self.text)


def _add_step(
    parent: Element,
    options: Options,
    fields: list[StepField],
    index: str,
    title: _Title,
    anchors: Anchors,
    *,
    with_before: bool,
) -> None:
    """A card for the step of that index, and one for each step that can be inserted beside it."""
    step = f"step_{index}"
    original = f"{step}__{anchors.structures[0]}"
    new_fields = _new_fields(options, fields)
    if with_before:
        add_inserted_before(parent, options, step, original, new_fields)
    card = add_view(parent, "trajedit-step")
    title.add(card, index)
    for field in fields:
        name = f"{step}__{field.name}"
        path = f"{options.steps_key}[{index}].{field.field}"
        if field.editable:
            add_editor(add_field(card, "trajedit-field", field.field), options, name, path)
        else:
            add_text(add_field(card, "trajedit-context", field.field), name, path)
    add_step_labels(card, options, f"{step}__{anchors.labels[0]}")
    add_structure(card, options, step, original, with_before=with_before)
    add_inserted_after(parent, options, step, original, new_fields)


def _anchor(fields: list[StepField], anchors: Mapping[int, str]) -> str:
    """The name of the field that the first step has an anchor at or, where it is not there, of the first editable
    one."""
    anchored = (field.name for field in fields if field.name == anchors.get(0))
    return next(anchored, next(field.name for field in fields if field.editable))


def _new_fields(options: Options, fields: list[StepField]) -> list[NewField]:
    """The fields of an inserted step: those that can be edited, then what the agent would hear."""
    heard = parse_template(options.templates.observation).fields
    return [NewField(field.name, field.field) for field in fields if field.editable] + [
        NewField(field.name, f"{field.field} (optional)")
        for field in fields
        if not field.editable and field.path in heard
    ]


def _add_final_answer(root: Element, options: Options, shape: TraceShape) -> None:
    if options.final_answer_path not in shown_fields(options, shape):
        return
    card = add_view(root, "trajedit-step trajedit-final-answer")
    add_label(card, "trajedit-title", "Final answer")
    if options.edit_final_answer:
        add_editor(add_view(card, "trajedit-field"), options, FINAL_ANSWER_TAG, options.final_answer_key)
    else:
        add_text(add_view(card, "trajedit-context"), FINAL_ANSWER_TAG, options.final_answer_key)
