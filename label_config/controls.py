"""Which control corrects, explains or scores which field: the rule by which a labeling config is read.

A TextArea corrects what it points at: its `toName` names a Text, and the Text's `value` says where the original is in
the task's data. Other controls that point at the same Text are told apart by the end of their names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from ls_trajedit.traces.errors import ConfigError
from ls_trajedit.traces.field_path import FieldPath, format_path, parse_path

__all__ = ["Controls", "Editor", "ExpectedResult", "LabelControl", "Tag", "resolve_controls", "split_path"]


@dataclass(frozen=True)
class Tag:
    """One object or control tag of a config. `kind` is the tag's name in lower case, as Label Studio reads it."""

    kind: str
    name: str
    to_name: str | None
    value: str | None


@dataclass(frozen=True)
class Editor:
    """A TextArea (`control`) that corrects the field that the Text `original` shows.

    `path` is where the field is in the task's data. `step_index` counts from 0 and is None for the final answer;
    `field` is the path inside the step or, for the final answer, its key. `reason` is the control that asks why.
    """

    control: str
    original: str
    path: FieldPath
    step_index: int | None
    field: str
    reason: str | None = None


@dataclass(frozen=True)
class LabelControl:
    """A Choices control that scores the step `step_index`, which is at `step` in the task's data; `name` is
    `correctness`, `error_type`, or the control's own name."""

    control: str
    original: str
    step: FieldPath
    step_index: int
    name: str


class ExpectedResult(NamedTuple):
    """What Label Studio saves for a control: a result of this `kind` that points at the Text `original` and holds a
    list of strings under `key`. `path` is the field that they correct, if any."""

    original: str
    kind: str
    key: str
    path: FieldPath | None = None


@dataclass(frozen=True)
class Controls:
    """The controls that apply to one task. `others` are those that the config declares but that say nothing about the
    trace."""

    editors: tuple[Editor, ...] = ()
    labels: tuple[LabelControl, ...] = ()
    others: frozenset[str] = frozenset()

    @cached_property
    def expected_results(self) -> dict[str, ExpectedResult]:
        """For each control that says something about the trace, what its results look like."""
        found = {label.control: ExpectedResult(label.original, "choices", "choices") for label in self.labels}
        for editor in self.editors:
            found[editor.control] = ExpectedResult(editor.original, "textarea", "text", editor.path)
            if editor.reason:
                found[editor.reason] = ExpectedResult(editor.original, "textarea", "text")
        return {control: expected for control, expected in found.items() if control not in self.others}


def resolve_controls(tags: Iterable[Tag], step_text_key: str) -> Controls:
    """What the controls among `tags` do. Editors are in the order of the tags; `step_text_key` is the field name of a
    step that is a bare string.

    Raises ConfigError when two TextAreas correct the same field, or one corrects a part of what another corrects, when
    two ask for the reason for the same field, or when two controls share a name.
    """
    tags = list(tags)
    originals = {tag.name: path for tag in tags if tag.kind == "text" and (path := value_path(tag)) is not None}
    text_areas = Counter(tag.to_name for tag in tags if tag.kind == "textarea")
    editors: list[Editor] = []
    labels: list[LabelControl] = []
    others: set[str] = set()
    reasons: dict[str, str] = {}
    for tag in tags:
        if tag.to_name is None:
            continue
        path = originals.get(tag.to_name)
        if path is None:
            others.add(tag.name)
            continue
        steps, step_index, field = split_path(path)
        if tag.kind == "textarea" and _asks_for_a_reason(tag, text_areas[tag.to_name]):
            _check_only_reason(tag, reasons.get(tag.to_name))
            reasons[tag.to_name] = tag.name
        elif tag.kind == "textarea":
            name = field or (step_text_key if step_index is not None else format_path(path))
            editors.append(Editor(tag.name, tag.to_name, path, step_index, name))
        elif tag.kind == "choices" and step_index is not None:
            labels.append(LabelControl(tag.name, tag.to_name, (*steps, step_index), step_index, _label_name(tag.name)))
        else:
            others.add(tag.name)
    _check_names(editors, labels, reasons.values())
    _check_distinct(editors)
    answered = {editor.original for editor in editors}
    others.update(control for original, control in reasons.items() if original not in answered)
    return Controls(
        tuple(replace(editor, reason=reasons.get(editor.original)) for editor in editors),
        tuple(labels),
        frozenset(others),
    )


def value_path(tag: Tag) -> FieldPath | None:
    """Where the tag's `value="$…"` points, or None when it is not exactly one variable."""
    if tag.value is None or not tag.value.startswith("$"):
        return None
    try:
        return parse_path(tag.value[1:])
    except ValueError:
        return None


def split_path(path: FieldPath) -> tuple[FieldPath, int | None, str]:
    """The path of the list of steps, the step's index, and the field inside the step: `turns[3].content` is
    `("turns",)`, 3 and `content`. Without an index, the last two are None and the empty string.
    """
    for position, segment in enumerate(path):
        if isinstance(segment, int):
            return path[:position], segment, format_path(path[position + 1 :])
    return path, None, ""


def _asks_for_a_reason(tag: Tag, text_areas: int) -> bool:
    """Our own reasons end in `__reason`. In somebody else's config, a TextArea whose name ends in `reason` is one,
    unless it is the only one of the `text_areas` that point at its Text."""
    return tag.name.endswith("__reason") or (text_areas > 1 and tag.name.lower().endswith("reason"))


def _label_name(control: str) -> str:
    for name in ("correctness", "error_type"):
        if control.endswith(f"__{name}"):
            return name
    return control


def _check_only_reason(tag: Tag, other: str | None) -> None:
    if other is not None:
        raise ConfigError(
            f"the TextAreas `{other}` and `{tag.name}` both ask for the reason of a correction of `{tag.to_name}`; "
            "give each field one of them, and let only its name end in `reason`"
        )


def _check_names(editors: list[Editor], labels: list[LabelControl], reasons: Iterable[str]) -> None:
    names = Counter((*(editor.control for editor in editors), *(label.control for label in labels), *reasons))
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        raise ConfigError(
            f"several controls are named `{twice[0]}`; give each a name of its own, in a Repeater with its indexFlag"
        )


def _check_distinct(editors: list[Editor]) -> None:
    ordered = sorted(editors, key=lambda editor: [str(segment) for segment in editor.path])
    for one, other in pairwise(ordered):
        if other.path[: len(one.path)] == one.path:
            raise ConfigError(
                f"the TextAreas `{one.control}` and `{other.control}` both correct `{format_path(one.path)}`; "
                "give each field one of them; a TextArea that asks for a reason needs a name that ends in `__reason`"
            )
