"""The tags that a labeling config is made of: what is shown, and the boxes and choices that go with it."""

from __future__ import annotations

from lxml import etree

from ls_trajedit.label_config.read_config import FLAG_CLASSES, ROOT_CLASS
from ls_trajedit.traces.options import Options

__all__ = [
    "Element",
    "add_editor",
    "add_field",
    "add_label",
    "add_step_labels",
    "add_text",
    "add_view",
    "config_root",
    "config_text",
]

Element = etree._Element

# Label Studio gives every choice a hotkey, so a key pressed outside a box would score some step that is not even in
# sight. No keyboard event has the code of this character.
NO_KEY = "\u2205"


def config_root(options: Options, style: str) -> Element:
    """The root of a labeling config: the flags among the options as its classes, its style, and the description."""
    flags = [css_class for option, css_class in FLAG_CLASSES.items() if getattr(options, option)]
    root = etree.Element("View", className=" ".join([ROOT_CLASS, *flags]))
    etree.SubElement(root, "Style").text = "\n" + style
    if options.description:
        add_label(root, "trajedit-description", options.description)
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
            choices = etree.SubElement(
                add_field(card, "trajedit-step-labels", title),
                "Choices",
                name=f"{original}__{suffix}",
                toName=original,
                choice=choice,
                showInline="true",
            )
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
