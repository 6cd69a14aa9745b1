"""The tags that a labeling config is made of: what is shown, and the boxes and choices that go with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from lxml import etree

from ls_trajedit.label_config.read_config import DESCRIPTION_CLASS, FLAG_CLASSES, ROOT_CLASS
from ls_trajedit.label_config.structure import INSERT_AFTER, INSERT_BEFORE, REMOVE, STRUCTURE_SUFFIX
from ls_trajedit.label_config.style import STRUCTURE_STYLE
from ls_trajedit.traces.options import Options

__all__ = [
    "NO_ANCHORS",
    "Anchors",
    "Element",
    "NewField",
    "add_editor",
    "add_field",
    "add_inserted_after",
    "add_inserted_before",
    "add_label",
    "add_step_labels",
    "add_structure",
    "add_text",
    "add_view",
    "config_root",
    "config_text",
]

Element = etree._Element


class Anchors(NamedTuple):
    """At which tags of a step the controls that remove it and insert others (`structures`) and its labels point, by the
    index of the step: the end of the tag's name, after `step_0__`. Annotations name these tags, so a config that takes
    the place of another keeps them."""

    structures: Mapping[int, str]
    labels: Mapping[int, str]


NO_ANCHORS: Final = Anchors({}, {})
"""Those of a new config, whose controls point at the first tag that there is."""


# Label Studio gives every choice a hotkey, so a key pressed outside a box would score some step that is not even in
# sight. No keyboard event has the code of this character.
NO_KEY = "\u2205"


def config_root(options: Options, style: str) -> Element:
    """The root of a labeling config: the flags among the options as its classes, its style, and the description."""
    flags = [css_class for option, css_class in FLAG_CLASSES.items() if getattr(options, option)]
    root = etree.Element("View", className=" ".join([ROOT_CLASS, *flags]))
    etree.SubElement(root, "Style").text = "\n" + style
    if options.allow_remove or options.allow_insert:
        etree.SubElement(root, "Style").text = "\n" + STRUCTURE_STYLE
    if options.description:
        add_label(root, DESCRIPTION_CLASS, options.description)
    return root


def config_text(root: Element) -> str:
    """The labeling config as XML."""
    etree.indent(root)
    return etree.tostring(root, encoding="unicode") + "\n"


def add_view(parent: Element, css_class: str) -> Element:
    """An empty View of this class."""
    return etree.SubElement(parent, "View", className=css_class)


def add_label(parent: Element, css_class: str, text: str) -> None:
    """A Header in a View of this class. `text` may be a variable (`$steps[0].title`)."""
    etree.SubElement(add_view(parent, css_class), "Header", value=text, size="5")


def add_field(card: Element, css_class: str, label: str) -> Element:
    """A View of this class that begins with a label."""
    field = add_view(card, css_class)
    add_label(field, "trajedit-label", label)
    return field


def add_text(parent: Element, name: str, path: str) -> None:
    """A Text that shows what is at `path` of the task's data."""
    etree.SubElement(parent, "Text", name=name, value=f"${path}")


def add_editor(field: Element, options: Options, name: str, path: str) -> None:
    """The original at `path`, the box that corrects it, and the box for the reason when the options ask for one."""
    add_text(add_view(field, "trajedit-original"), name, path)
    _add_box(add_view(field, "trajedit-editor"), f"{name}__corrected", name)
    if options.require_reason_on_edit:
        _add_box(add_field(field, "trajedit-reason", "Reason"), f"{name}__reason", name)


def add_step_labels(card: Element, options: Options, original: str) -> None:
    """The choices that score a step. They point at the Text `original`, which shows a part of it."""
    labels = options.step_labels
    for suffix, title, choice, values in (
        ("correctness", "Correctness", "single-radio", labels.correctness),
        ("error_type", "Errors", "multiple", labels.error_types),
    ):
        if values:
            row = add_field(card, "trajedit-step-labels", title)
            _add_choices(row, f"{original}__{suffix}", original, choice, values)


class NewField(NamedTuple):
    """A field of an inserted step: its part in the names of controls, its label, and the class of its View."""

    word: str
    label: str
    css_class: str = "trajedit-field"


def add_structure(card: Element, options: Options, step: str, original: str, *, with_before: bool) -> None:
    """The choices that remove a step, or insert others after it and, `with_before`, before it, as far as the options
    allow it. `step` begins the names of the step's controls, which point at the Text `original`."""
    values = [REMOVE] if options.allow_remove else []
    values += INSERT_AFTER[: options.allow_insert]
    values += INSERT_BEFORE[: options.allow_insert] if with_before else ()
    if not values:
        return
    row = add_view(card, "trajedit-structure")
    _add_choices(row, f"{step}{STRUCTURE_SUFFIX}", original, "multiple", values)
    if options.allow_remove and options.require_reason_on_edit:
        shown = _add_view_of_choice(card, "trajedit-removal", step, REMOVE)
        _add_box(add_field(shown, "trajedit-reason", "Reason"), f"{step}{STRUCTURE_SUFFIX}_reason", original)


def add_inserted_before(
    parent: Element, options: Options, step: str, original: str, fields: Iterable[NewField]
) -> None:
    """A card for every step that can be inserted before the step."""
    _add_inserted(parent, options, f"{step}__before", original, fields, INSERT_BEFORE)


def add_inserted_after(parent: Element, options: Options, step: str, original: str, fields: Iterable[NewField]) -> None:
    """A card for every step that can be inserted after the step."""
    _add_inserted(parent, options, f"{step}__insert", original, fields, INSERT_AFTER)


def _add_inserted(
    parent: Element,
    options: Options,
    name: str,
    original: str,
    fields: Iterable[NewField],
    choices: Iterable[str],
) -> None:
    """A card for each choice that the options allow. It has a box for each of these fields, and one for the reason when
    the options ask for one."""
    fields = tuple(fields)
    shown = list(zip(choices, _INSERTED_TITLES, strict=True))[: options.allow_insert]
    for number, (choice, title) in enumerate(shown, start=1):
        card = _add_view_of_choice(parent, "trajedit-inserted", name.rpartition("__")[0], choice)
        add_label(card, "trajedit-title", title)
        for field in fields:
            view = add_field(card, field.css_class, field.label)
            _add_box(add_view(view, "trajedit-editor"), f"{name}_{number}__{field.word}", original)
        if options.require_reason_on_edit:
            reason = add_view(card, "trajedit-field")
            _add_box(add_field(reason, "trajedit-reason", "Reason"), f"{name}_{number}_reason", original)


_INSERTED_TITLES = ("Inserted step", "Second inserted step", "Third inserted step")


def _add_view_of_choice(parent: Element, css_class: str, step: str, choice: str) -> Element:
    """A View that is there while the choice is chosen."""
    return etree.SubElement(
        parent,
        "View",
        className=css_class,
        visibleWhen="choice-selected",
        whenTagName=f"{step}{STRUCTURE_SUFFIX}",
        whenChoiceValue=choice,
    )


def _add_choices(parent: Element, name: str, original: str, choice: str, values: Iterable[str]) -> None:
    choices = etree.SubElement(parent, "Choices", name=name, toName=original, choice=choice, showInline="true")
    for value in values:
        etree.SubElement(choices, "Choice", value=value, hotkey=NO_KEY)


def _add_box(parent: Element, name: str, original: str) -> None:
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
