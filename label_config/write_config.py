"""Writes the labeling config: for each step a card with the original of each field above its editor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from ls_trajedit.label_config.read_config import FINAL_ANSWER, FLAG_CLASSES, ROOT_CLASS, TASK, TRACE_ID
from ls_trajedit.label_config.style import STYLE
from ls_trajedit.traces.errors import OptionsError
from ls_trajedit.traces.field_path import is_showable_key, parse_path
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.shape import TraceShape

__all__ = ["StepField", "control_names", "shown_fields", "step_fields", "write_config"]

INDEX_FLAG = "{{idx}}"

# Label Studio gives every choice a key of its own, and a key pressed beside a box would then score some step that is
# not even in sight. No keyboard event has the code of this character.
NO_KEY = "\u2205"


@dataclass(frozen=True)
class StepField:
    """A field of the steps that the config shows. Its controls are named `step_<index>__<name>`."""

    field: str
    name: str
    editable: bool


def write_config(options: Options, shape: TraceShape) -> str:
    """The labeling config, as XML, for traces of this `shape`.

    The unrolled layout has a card for each step up to `max_steps`, or else up to the longest trace; the repeater
    layout has one that Label Studio repeats. Raises OptionsError when neither says how many steps there are.
    """
    root = etree.Element("View", className=" ".join(_root_classes(options)))
    etree.SubElement(root, "Style").text = "\n" + STYLE
    _add_task(root, options, shape)
    fields = step_fields(options, shape)
    if options.layout == "repeater":
        steps = _view(root, "trajedit-repeated")
        repeater = etree.SubElement(steps, "Repeater", on=f"${options.steps_key}", indexFlag=INDEX_FLAG)
        _add_step(repeater, options, fields, INDEX_FLAG, "Step")
    else:
        count = options.max_steps or shape.longest
        if not count:
            raise OptionsError("the number of steps is not known: give the traces, or set `max_steps`")
        for index in range(count):
            _add_step(root, options, fields, str(index), f"Step {index + 1}")
    _add_final_answer(root, options, shape)
    etree.indent(root)
    return etree.tostring(root, encoding="unicode") + "\n"


def step_fields(options: Options, shape: TraceShape) -> list[StepField]:
    """The fields that a step's card shows, from top to bottom: in the order in which the traces have them, the
    editable ones among themselves in the order of `editable_fields`."""
    names = control_names(options)
    editable = iter(options.editable_fields)
    context = _context_fields(options, shape)
    keys = list(shape.step_keys)

    def position(field: str) -> int:
        key = str(parse_path(field)[0])
        return keys.index(key) if key in keys else len(keys)

    fields = []
    for field in sorted([*context, *options.editable_fields], key=position):
        is_editable = field in options.editable_fields
        shown = next(editable) if is_editable else field
        fields.append(StepField(shown, _name_of(shown, names), is_editable))
    return fields


def shown_fields(options: Options, shape: TraceShape) -> list[str]:
    """The fields outside the steps that the config shows: task, id and final answer, as far as the traces have them."""
    keys = [key for key in options.task_keys if key in shape.task_keys] or [options.task_key]
    keys += [options.id_key] * shape.has_id
    keys += [options.final_answer_key] * (shape.has_final_answer or options.edit_final_answer)
    return list(dict.fromkeys(keys))


def control_names(options: Options) -> dict[str, str]:
    """The part of a control's name that stands for each editable field, such as `args_query` for `args.query`."""
    names: dict[str, str] = {}
    for field in options.editable_fields:
        _name_of(field, names)
    return names


def _name_of(field: str, names: dict[str, str]) -> str:
    """The name for `field`: a word in which `__` does not occur, and which no other field in `names` has."""
    if field not in names:
        words = [str(segment) for segment in parse_path(field)]
        word = "_".join(part for part in "_".join(words).split("_") if part) or "field"
        name, number = word, 2
        while name in names.values():
            name, number = f"{word}_{number}", number + 1
        names[field] = name
    return names[field]


def _context_fields(options: Options, shape: TraceShape) -> list[str]:
    if options.context_fields is not None:
        return options.context_fields
    edited = {parse_path(field)[0] for field in options.editable_fields}
    return [key for key in shape.text_keys if is_showable_key(key) and key not in edited]


def _root_classes(options: Options) -> Iterator[str]:
    yield ROOT_CLASS
    for option, css_class in FLAG_CLASSES.items():
        if getattr(options, option):
            yield css_class


def _add_task(root: etree._Element, options: Options, shape: TraceShape) -> None:
    if options.description:
        _label(root, "trajedit-description", options.description)
    view = _view(root, "trajedit-task")
    shown = [key for key in shown_fields(options, shape) if key in options.task_keys]
    for number, key in enumerate(shown, start=1):
        field = _field(view, "trajedit-context", "Task" if number == 1 else key)
        _text(field, TASK if number == 1 else f"{TASK}_{number}", key)
    if shape.has_id:
        _text(_view(view, "trajedit-id"), TRACE_ID, options.id_key)


def _add_step(parent: etree._Element, options: Options, fields: list[StepField], index: str, title: str) -> None:
    card = _view(parent, "trajedit-step")
    _label(card, "trajedit-title", title)
    for field in fields:
        name = f"step_{index}__{field.name}"
        path = f"{options.steps_key}[{index}].{field.field}"
        if field.editable:
            _add_editor(_field(card, "trajedit-field", field.field), options, name, path)
        else:
            _text(_field(card, "trajedit-context", field.field), name, path)
    first = next(field for field in fields if field.editable)
    _add_step_labels(card, options, f"step_{index}__{first.name}")


def _add_final_answer(root: etree._Element, options: Options, shape: TraceShape) -> None:
    if options.final_answer_key not in shown_fields(options, shape):
        return
    card = _view(root, "trajedit-step trajedit-final-answer")
    _label(card, "trajedit-title", "Final answer")
    if options.edit_final_answer:
        _add_editor(_view(card, "trajedit-field"), options, FINAL_ANSWER, options.final_answer_key)
    else:
        _text(_view(card, "trajedit-context"), FINAL_ANSWER, options.final_answer_key)


def _field(card: etree._Element, css_class: str, label: str) -> etree._Element:
    field = _view(card, css_class)
    _label(field, "trajedit-label", label)
    return field


def _add_editor(field: etree._Element, options: Options, name: str, path: str) -> None:
    _text(_view(field, "trajedit-original"), name, path)
    _text_area(_view(field, "trajedit-editor"), f"{name}__corrected", name)
    if options.require_reason_on_edit:
        _text_area(_field(field, "trajedit-reason", "Reason"), f"{name}__reason", name)


def _add_step_labels(card: etree._Element, options: Options, original: str) -> None:
    labels = options.step_labels
    for suffix, title, choice, values in (
        ("correctness", "Correctness", "single-radio", labels.correctness),
        ("error_type", "Errors", "multiple", labels.error_types),
    ):
        if values:
            choices = etree.SubElement(
                _field(card, "trajedit-step-labels", title),
                "Choices",
                name=f"{original}__{suffix}",
                toName=original,
                choice=choice,
                showInline="true",
            )
            for value in values:
                etree.SubElement(choices, "Choice", value=value, hotkey=NO_KEY)


def _view(parent: etree._Element, css_class: str) -> etree._Element:
    return etree.SubElement(parent, "View", className=css_class)


def _label(parent: etree._Element, css_class: str, text: str) -> None:
    etree.SubElement(_view(parent, css_class), "Header", value=text, size="5")


def _text(parent: etree._Element, name: str, path: str) -> None:
    etree.SubElement(parent, "Text", name=name, value=f"${path}")


def _text_area(parent: etree._Element, name: str, original: str) -> None:
    # rows="1" would be an <input>, which loses line breaks; transcription keeps the box open.
    etree.SubElement(
        parent,
        "TextArea",
        name=name,
        toName=original,
        editable="true",
        transcription="true",
        maxSubmissions="1",
        rows="2",
        showSubmitButton="false",
    )
