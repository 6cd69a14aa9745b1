"""Writes the labeling config for conversations: a card for each step of the agent, with what was said before it above.

The config fits the task data that `chat_data` makes, whatever format a trace came in. Only what can be corrected is a
Text with a box, because these are what makes a page slow to open; everything else is a Header, which resolves paths,
keeps line breaks, escapes all markup, and costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import zip_longest
from typing import Any

from lxml import etree

from ls_trajedit.label_config.branch_note import branch_of
from ls_trajedit.label_config.branch_view import add_superseded
from ls_trajedit.label_config.read_config import TASK_TAG, TRACE_ID_TAG
from ls_trajedit.label_config.style import CHAT_STYLE
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
from ls_trajedit.traces.options import Options

__all__ = ["CallShape", "ChatShape", "StepShape", "chat_shape", "write_chat_config"]


@dataclass(frozen=True)
class CallShape:
    """A call of a step: whether its result is known, and how many images that has."""

    has_result: bool = False
    images: int = 0

    def __or__(self, other: CallShape) -> CallShape:
        return CallShape(self.has_result or other.has_result, max(self.images, other.images))


@dataclass(frozen=True)
class StepShape:
    """What the steps of one number have at most. `before` has an entry for each message that was heard before the
    agent spoke: how many images it has. `others` are the parts that are shown and never corrected."""

    before: tuple[int, ...] = ()
    reasonings: int = 0
    contents: int = 0
    others: int = 0
    images: int = 0
    calls: tuple[CallShape, ...] = ()

    def __or__(self, other: StepShape) -> StepShape:
        return StepShape(
            _widest(self.before, other.before),
            max(self.reasonings, other.reasonings),
            max(self.contents, other.contents),
            max(self.others, other.others),
            max(self.images, other.images),
            tuple(a | b for a, b in zip_longest(self.calls, other.calls, fillvalue=CallShape())),
        )


@dataclass(frozen=True)
class ChatShape:
    """What a set of conversations has at most: in each step, after the last one (`after`: the images of each message),
    whether there is a system prompt, and whether one of them continues another."""

    steps: tuple[StepShape, ...] = ()
    after: tuple[int, ...] = ()
    has_system: bool = False
    has_branches: bool = False

    def widened(self, data: Mapping[str, Any]) -> ChatShape:
        """The shape after one more conversation, given as its task data. What is not of the form that `chat_data`
        writes does not count."""
        steps = [_step_shape(step) for step in _objects(data.get("steps"))]
        return ChatShape(
            tuple(a | b for a, b in zip_longest(self.steps, steps, fillvalue=StepShape())),
            _widest(self.after, _images_of_each(data.get("after"))),
            self.has_system or bool(data.get("system")),
            self.has_branches or branch_of(data) is not None,
        )


def chat_shape(datas: Iterable[Mapping[str, Any]]) -> ChatShape:
    """The shape of all these conversations, each given as its task data."""
    return reduce(ChatShape.widened, datas, ChatShape())


_NEW_FIELDS = (
    NewField("reasoning", "reasoning", "trajedit-field trajedit-prose"),
    NewField("content", "content", "trajedit-field trajedit-prose"),
    NewField("call_0__name", "tool to call"),
    NewField("call_0__arguments", "arguments of the call (JSON)"),
    NewField("heard", "what it hears then (optional)", "trajedit-field trajedit-prose"),
)


def write_chat_config(options: Options, shape: ChatShape, anchors: Anchors = NO_ANCHORS) -> str:
    """The labeling config, as XML, for conversations of this `shape`: a card for each of its steps or, with `max_steps`
    in the options, for so many. Boxes are for the `chat_fields` of the options. The controls that remove a step and
    insert others, and its labels, point at the tags that `anchors` has for its index, if they are there.

    Raises OptionsError for a trace without steps, and for the repeater layout: it makes the same card for each step,
    but steps differ in the number of their calls.
    """
    if options.layout == "repeater":
        raise OptionsError(
            "`layout: repeater` makes cards that are all alike, and the steps of a conversation differ in their calls; "
            "use `layout: unrolled`"
        )
    steps = _first_steps(shape, options.max_steps)
    if not steps:
        raise OptionsError("the number of steps is unknown: give the traces, or set `max_steps`")
    root = config_root(options, CHAT_STYLE)
    task = add_view(root, "trajedit-task")
    add_text(add_field(task, "trajedit-context", "Task"), TASK_TAG, "task")
    add_text(add_view(task, "trajedit-id"), TRACE_ID_TAG, "id")
    if shape.has_branches:
        add_superseded(root)
    if shape.has_system:
        _add_system_prompt(root)
    for index, step in enumerate(steps):
        _add_heard(root, f"steps[{index}].before", f"step_{index}__before", step.before)
        _add_step(root, options, index, step, anchors)
    _add_heard(root, "after", "after", shape.after)
    return config_text(root)


def _first_steps(shape: ChatShape, count: int | None) -> list[StepShape]:
    """The first steps; those beyond the longest conversation have room for what any step has."""
    widest = reduce(StepShape.__or__, shape.steps, StepShape((0,), contents=1, calls=(CallShape(True),)))
    steps = shape.steps if count is None else shape.steps[:count]
    return [*steps, *[widest] * ((count or 0) - len(steps))]


def _add_system_prompt(root: Element) -> None:
    """A panel with the system prompt. Older versions of Label Studio make nothing of what a closed panel holds, so the
    style sees whether there is a prompt by a Header beside the panel, which nobody else sees."""
    view = add_view(root, "trajedit-system")
    _header(add_view(view, "trajedit-has-system"), "system")
    panel = etree.SubElement(etree.SubElement(view, "Collapse", open="false"), "Panel", value="System prompt")
    _header(add_view(panel, "trajedit-said"), "system")


def _add_heard(parent: Element, path: str, name: str, images: Iterable[int]) -> None:
    """The messages at `path`, each with who said it; `images` says how many images each has."""
    for number, count in enumerate(images):
        view = add_view(parent, "trajedit-heard")
        add_label(view, "trajedit-who", f"${path}[{number}].who")
        _header(add_view(view, "trajedit-said"), f"{path}[{number}].text")
        _add_images(view, f"{path}[{number}]", f"{name}_{number}", count)


def _add_step(root: Element, options: Options, index: int, step: StepShape, anchors: Anchors) -> None:
    at, prefix = f"steps[{index}]", f"step_{index}"
    card = etree.Element("View", className="trajedit-step")
    add_label(card, "trajedit-title", f"${at}.title")
    editors: list[str] = []
    for name, count in (("reasoning", step.reasonings), ("content", step.contents), ("other", step.others)):
        for field in _numbered(name, count):
            if name in options.chat_fields:
                editors.append(f"{prefix}__{field}")
                view = add_field(card, "trajedit-field trajedit-prose", field)
                add_editor(view, options, editors[-1], f"{at}.{field}")
            else:
                _header(add_field(card, f"trajedit-context trajedit-{name}", field), f"{at}.{field}")
    _add_images(card, at, prefix, step.images)
    for number, call in enumerate(step.calls):
        editors += _add_call(card, options, f"{prefix}__call_{number}", f"{at}.tool_calls[{number}]", call)
    if editors:
        add_step_labels(card, options, _anchor(editors, prefix, anchors.labels.get(index)))
    title = f"{prefix}__title"
    original = _anchor([*editors, title], prefix, anchors.structures.get(index))
    if original == title and (options.allow_remove or options.allow_insert):
        # Controls have to point at a Text. Nobody sees this one.
        add_text(add_view(card, "trajedit-anchor"), title, f"{at}.title")
    add_structure(card, options, prefix, original, with_before=index == 0)
    if index == 0:
        add_inserted_before(root, options, prefix, original, _NEW_FIELDS)
    root.append(card)
    add_inserted_after(root, options, prefix, original, _NEW_FIELDS)


def _anchor(names: list[str], prefix: str, end: str | None) -> str:
    """The one of these tags whose name ends so or, without such a tag, the first one."""
    return next((name for name in names if name == f"{prefix}__{end}"), names[0])


def _add_call(card: Element, options: Options, name: str, path: str, call: CallShape) -> list[str]:
    """Adds a call with its result; returns the names of the Texts that show what can be corrected."""
    view = add_view(card, "trajedit-call")
    _header(add_view(view, "trajedit-call-name"), f"{path}.name")
    editors = []
    for part in ("name", "arguments"):
        if f"tool_calls[*].{part}" in options.chat_fields:
            editors.append(f"{name}__{part}")
            add_editor(add_field(view, "trajedit-field", part), options, editors[-1], f"{path}.{part}")
        elif part == "arguments":
            _header(add_view(view, "trajedit-context trajedit-arguments"), f"{path}.{part}")
    if call.has_result:
        _header(add_field(view, "trajedit-result", "result"), f"{path}.result")
    _add_images(view, path, name, call.images)
    return editors


def _header(parent: Element, path: str) -> None:
    etree.SubElement(parent, "Header", value=f"${path}", size="5")


def _add_images(parent: Element, path: str, name: str, count: int) -> None:
    for number in range(count):
        etree.SubElement(
            add_view(parent, "trajedit-image"),
            "Image",
            name=f"{name}__image_{number}",
            value=f"${path}.images[{number}]",
            maxWidth="480px",
            zoom="false",
            zoomControl="false",
            rotateControl="false",
            brightnessControl="false",
            contrastControl="false",
        )


def _numbered(name: str, count: int) -> list[str]:
    return [name if number == 1 else f"{name}_{number}" for number in range(1, count + 1)]


def _step_shape(step: Mapping[str, Any]) -> StepShape:
    return StepShape(
        _images_of_each(step.get("before")),
        _count(step, "reasoning"),
        _count(step, "content"),
        _count(step, "other"),
        _image_count(step),
        tuple(CallShape("result" in call, _image_count(call)) for call in _objects(step.get("tool_calls"))),
    )


def _count(step: Mapping[str, Any], name: str) -> int:
    """How many of `name`, `name_2`, … the step has."""
    return sum(key == name or (key.startswith(f"{name}_") and key[len(name) + 1 :].isdecimal()) for key in step)


def _images_of_each(messages: Any) -> tuple[int, ...]:
    return tuple(_image_count(message) for message in _objects(messages))


def _image_count(found: Mapping[str, Any]) -> int:
    images = found.get("images")
    return len(images) if isinstance(images, list) else 0


def _objects(value: Any) -> list[Mapping[str, Any]]:
    """The list `value`, with an empty object for whatever is not one."""
    return [item if isinstance(item, dict) else {} for item in value] if isinstance(value, list) else []


def _widest(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(max(pair) for pair in zip_longest(one, other, fillvalue=0))
