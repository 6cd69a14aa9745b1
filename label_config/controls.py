"""Which control corrects, explains or scores which field: the rule by which a labeling config is read.

A TextArea corrects what it points at: its `toName` names a tag that shows one field of the task as text, and that tag's
`value` says where the field is in the task's data. Other controls that point at the same tag are told apart by the end
of their names. Every other control in which somebody can type is known as well, so that no text is passed over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import filterfalse, pairwise
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

from ls_trajedit.label_config.structure import (
    CHAT_WORDS,
    INSERT_AFTER,
    INSERT_BEFORE,
    STRUCTURE_CHOICES,
    STRUCTURE_SUFFIX,
    InsertedBox,
    InsertionSlot,
    StructureControl,
    StructureName,
    structure_name,
)
from ls_trajedit.traces.errors import ConfigError
from ls_trajedit.traces.field_path import RESERVED_KEY, FieldPath, format_path, parse_path

__all__ = [
    "TYPED_TAGS",
    "Controls",
    "DeclaredControls",
    "Editor",
    "ExpectedResult",
    "LabelControl",
    "ShownField",
    "Tag",
    "TextControl",
    "matches_name",
    "resolve_controls",
    "split_path",
    "value_path",
]

# What can be the original of an editor: the tags that show one field of the task as text. Label Studio 1.23.2 makes
# Text and HyperText of one model (editor/src/tags/object/RichText); Markdown is a visual tag there.
_ORIGINALS = frozenset({"text", "hypertext", "richtext", "markdown"})

TYPED_TAGS: Mapping[str, str] = {
    "textarea": "textarea",
    "chat": "chatmessage",
    "reactcode": "reactcode",
    "custominterface": "reactcode",
}
"""The tags in which somebody can type a text, in lower case, and the type of their results. Chat and ReactCode (which
was called CustomInterface) are object and control in one; Label Studio Community does not have them."""

# How Label Studio's documentation spells its object tags.
_SPELLINGS = {
    name.lower(): name
    for name in (
        "CustomInterface",
        "HyperText",
        "Markdown",
        "Paragraphs",
        "PdfOcr",
        "ReactCode",
        "TextArea",
        "TimeSeries",
    )
}


@dataclass(frozen=True)
class Tag:
    """One object or control tag of a config. `kind` is the tag's name in lower case, as Label Studio reads it.

    `choices` are the values of the choices in it, as results have them. `is_about_regions` is true for a control with
    `perRegion` or `perItem`, `is_remark` for one that the options name as a remark, and `shows_value` is false for a
    tag that shows something else than its `value`, such as the text at a URL."""

    kind: str
    name: str
    to_name: str | None
    value: str | None
    is_about_regions: bool = False
    is_remark: bool = False
    shows_value: bool = True
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Editor:
    """A TextArea (`control`) that corrects the field that the tag `original` shows.

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
    """A Choices control that scores the step `step_index`, which is at `step` in the task's data, or the final answer,
    where `step_index` is None; `name` is `correctness`, `error_type`, or the control's own name."""

    control: str
    original: str
    step: FieldPath
    step_index: int | None
    name: str


@dataclass(frozen=True)
class TextControl:
    """A control in which texts can be typed that correct nothing. A text in it is a remark if `is_remark` says so, and
    cannot be attributed to a field otherwise.

    `kind` is the type of its results, and `original` the tag that they point at, None where that is not one tag. A
    prediction may have put into it what is at `prefill` in the task's data. `about` says for a person what it points
    at."""

    control: str
    kind: str
    original: str | None
    about: str
    is_remark: bool
    prefill: FieldPath | None = None


@dataclass(frozen=True)
class ShownField:
    """What the object tag `name` shows: the field at `path`. `steps`, `step_index` and `field` are the path of the list
    that it is in, where in it, and the path inside the step; outside a list, `step_index` is None."""

    name: str
    path: FieldPath
    steps: FieldPath
    step_index: int | None
    field: str


class ExpectedResult(NamedTuple):
    """What Label Studio saves for a control: a result of this `kind` that points at the tag `original` and holds a
    list of strings under `key`. `path` is the field that they correct, if any."""

    original: str
    kind: str
    key: str
    path: FieldPath | None = None


class DeclaredControls(Protocol):
    """The controls that a labeling config declares, by their names. What is asked costs as much as the names that are
    asked about, however many controls there are."""

    @property
    def expected_results(self) -> Mapping[str, ExpectedResult]:
        """For each control that corrects, explains or scores something, what its results look like."""

    @property
    def remark_names(self) -> tuple[str, ...]:
        """The names that the options have for remarks, whether the config has such controls or not."""

    def editors_of(self, names: Iterable[str]) -> list[Editor]:
        """The editors of these controls and reasons, in the order of the config."""

    def labels_of(self, names: Iterable[str]) -> list[LabelControl]:
        """The labels among these controls, in the order of the config."""

    def structures_of(self, names: Iterable[str]) -> list[StructureControl]:
        """The structure controls to which a control of these names belongs, in the order of the config."""

    def text_control(self, name: str) -> TextControl | None:
        """The control of this name in which texts can be typed that correct nothing, if it is one."""

    def declares(self, name: str) -> bool:
        """Whether there is a control of this name, whatever it does."""

    def place(self, tag: object) -> tuple[int | None, str]:
        """The step and the field that the object tag of this name shows, as in an edit; None and the empty string for a
        tag that does not show one field, and for what is not a name."""


@dataclass(frozen=True)
class Controls:
    """The controls that apply to one task. `texts` are those in which texts can be typed that correct nothing, and
    `others` those that the config declares but that say nothing about the trace.

    `shown` says what object tags show. `steps_path` is the trace's list of steps, and `remark_names` are the names that
    the options have for remarks, whether the config has such controls or not."""

    editors: tuple[Editor, ...] = ()
    labels: tuple[LabelControl, ...] = ()
    others: frozenset[str] = frozenset()
    structures: tuple[StructureControl, ...] = ()
    texts: tuple[TextControl, ...] = ()
    shown: tuple[ShownField, ...] = ()
    steps_path: FieldPath = ()
    remark_names: tuple[str, ...] = ()

    @cached_property
    def expected_results(self) -> dict[str, ExpectedResult]:
        """For each control that corrects, explains or scores something, what its results look like."""
        found = {label.control: ExpectedResult(label.original, "choices", "choices") for label in self.labels}
        for editor in self.editors:
            found[editor.control] = ExpectedResult(editor.original, "textarea", "text", editor.path)
            if editor.reason:
                found[editor.reason] = ExpectedResult(editor.original, "textarea", "text")
        for structure in self.structures:
            found[structure.control] = ExpectedResult(structure.original, "choices", "choices")
            found |= dict.fromkeys(structure.text_areas, ExpectedResult(structure.original, "textarea", "text"))
        return {control: expected for control, expected in found.items() if control not in self.others}

    def editors_of(self, names: Iterable[str]) -> list[Editor]:
        """The editors of these controls and reasons, in the order of the config."""
        positions = {self._editor_positions[name] for name in names if name in self._editor_positions}
        return [self.editors[position] for position in sorted(positions)]

    def labels_of(self, names: Iterable[str]) -> list[LabelControl]:
        """The labels among these controls, in the order of the config."""
        positions = {self._label_positions[name] for name in names if name in self._label_positions}
        return [self.labels[position] for position in sorted(positions)]

    def structures_of(self, names: Iterable[str]) -> list[StructureControl]:
        """The structure controls to which a control of these names belongs, in the order of the config."""
        if not self.structures:
            return []
        positions = {self._structure_positions[name] for name in names if name in self._structure_positions}
        return [self.structures[position] for position in sorted(positions)]

    def text_control(self, name: str) -> TextControl | None:
        """The control of this name in which texts can be typed that correct nothing, if it is one."""
        return self._texts_by_name.get(name)

    def declares(self, name: str) -> bool:
        """Whether there is a control of this name, whatever it does."""
        return name in self.names

    def with_values(self, data: Any) -> list[tuple[Editor, Any]]:
        """The editors whose field is in `data`, in the order of the config, each with what is there. What it costs is
        in proportion to `data` and not to the number of editors."""
        found: list[tuple[int, Any]] = []
        to_visit: list[tuple[dict[str | int, _Branch], Any]] = [(self._branches, data)]
        while to_visit:
            branches, value = to_visit.pop()
            # Whichever is shorter says what to look for in the other.
            keys: Iterable[Any] = branches
            others: Container[Any] = value
            if isinstance(value, dict):
                if len(value) < len(branches):
                    keys, others = value, branches
            elif not isinstance(value, list):
                continue
            elif len(value) <= len(branches):
                keys, others = range(len(value)), branches
            else:
                keys, others = [key for key in branches if isinstance(key, int)], range(len(value))
            for key in keys:
                if key in others:
                    branch, item = branches[key], value[key]
                    if branch.editor is not None:
                        found.append((branch.editor, item))
                    if branch.below and item:
                        to_visit.append((branch.below, item))
        found.sort(key=itemgetter(0))
        return [(self.editors[position], value) for position, value in found]

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of all controls."""
        return frozenset(self.expected_results) | self.others | frozenset(self._texts_by_name)

    @cached_property
    def _editor_positions(self) -> dict[str, int]:
        own = {editor.control: position for position, editor in enumerate(self.editors)}
        return own | {editor.reason: position for position, editor in enumerate(self.editors) if editor.reason}

    @cached_property
    def _label_positions(self) -> dict[str, int]:
        return {label.control: position for position, label in enumerate(self.labels)}

    @cached_property
    def _structure_positions(self) -> dict[str, int]:
        return {name: position for position, structure in enumerate(self.structures) for name in structure.controls}

    @cached_property
    def _texts_by_name(self) -> dict[str, TextControl]:
        return {text.control: text for text in self.texts}

    @cached_property
    def _branches(self) -> dict[str | int, _Branch]:
        root: dict[str | int, _Branch] = {}
        for position, editor in enumerate(self.editors):
            below = root
            for segment in editor.path:
                branch = below.setdefault(segment, _Branch())
                below = branch.below
            branch.editor = position
        return root

    def place(self, tag: object) -> tuple[int | None, str]:
        """The step and the field that the object tag of this name shows, as in an edit; None and the empty string for a
        tag that does not show one field, and for what is not a name."""
        shown = self._shown_by.get(tag) if isinstance(tag, str) else None
        if shown is None:
            return None, ""
        if shown.step_index is None or shown.steps != self.steps_path:
            return None, format_path(shown.path)
        return shown.step_index, shown.field

    @cached_property
    def _shown_by(self) -> dict[str, ShownField]:
        return {shown.name: shown for shown in self.shown}

    def with_steps(self, steps_path: FieldPath) -> Controls:
        """These controls, for a trace whose list of steps is there. A control that scores, removes or inserts an item
        of another list says nothing about the trace, and what is typed there belongs to no step."""
        scores = partial(_scores_the_trace, steps_path)
        others = self.others.union(label.control for label in filterfalse(scores, self.labels))
        texts = list(self.texts)
        for structure in self.structures:
            if structure.step[:-1] != steps_path:
                others |= {structure.control}
                about = f"is about `{format_path(structure.step)}`, which is not a step of the trace"
                texts += [
                    TextControl(name, "textarea", structure.original, about, is_remark=False)
                    for name in structure.text_areas
                ]
        return replace(
            self,
            labels=tuple(filter(scores, self.labels)),
            others=others,
            structures=tuple(each for each in self.structures if each.step[:-1] == steps_path),
            texts=tuple(texts),
            steps_path=steps_path,
        )

    def and_fixed(self, fixed: Controls) -> Controls:
        """These controls of the repeated steps, followed by those that every task has."""
        return Controls(
            self.editors + fixed.editors,
            self.labels + fixed.labels,
            self.others | fixed.others,
            self.structures + fixed.structures,
            self.texts + fixed.texts,
            self.shown + fixed.shown,
            fixed.steps_path,
            fixed.remark_names,
        )


class _Branch:
    """Where the paths of editors go on, by segment, and the number of the editor whose path ends here."""

    __slots__ = ("below", "editor")

    def __init__(self) -> None:
        self.below: dict[str | int, _Branch] = {}
        self.editor: int | None = None


def resolve_controls(tags: Iterable[Tag], step_text_key: str) -> Controls:
    """What the controls among `tags` do. Editors are in the order of the tags; `step_text_key` is the field name of a
    step that is a bare string.

    Raises ConfigError when two TextAreas correct the same field, or one corrects a part of what another corrects, when
    two ask for the reason for the same field, when two controls share a name, or when a TextArea that belongs to an
    inserted step does not say what it fills.
    """
    tags = list(tags)
    targets = {tag.name: tag for tag in tags if tag.to_name is None}
    shown = {tag.name: _shown(tag, path, step_text_key) for tag in targets.values() if (path := value_path(tag))}
    originals = {name: field for name, field in shown.items() if targets[name].kind in _ORIGINALS}
    structures = _structures(tags, originals, shown)
    of_structures = {name for structure in structures for name in structure.controls}
    text_areas = Counter(
        tag.to_name
        for tag in tags
        if tag.kind == "textarea" and tag.name not in of_structures and not _is_set_apart(tag)
    )
    editors: list[Editor] = []
    labels: list[LabelControl] = []
    texts: list[TextControl] = []
    others: set[str] = set()
    reasons: dict[str, Tag] = {}
    for tag in tags:
        if (tag.to_name is None and tag.kind not in TYPED_TAGS) or tag.name in of_structures:
            continue
        original = originals.get(tag.to_name or "")
        # What is under the reserved key is not part of the trace, and what a branch continues there is locked.
        is_own = original is not None and original.path[0] != RESERVED_KEY
        is_editable = is_own and original is not None and targets[original.name].shows_value
        if tag.kind in TYPED_TAGS and (original is None or not is_editable or _is_set_apart(tag)):
            texts.append(_text_control(tag, targets, shown))
        elif original is None or tag.is_about_regions:
            others.add(tag.name)
        elif tag.kind == "textarea" and _asks_for_a_reason(tag, text_areas[tag.to_name]):
            _check_only_reason(tag, reasons.get(original.name))
            reasons[original.name] = tag
        elif tag.kind == "textarea":
            editors.append(Editor(tag.name, original.name, original.path, original.step_index, original.field))
        elif tag.kind == "choices" and original.step_index is not None:
            step = (*original.steps, original.step_index)
            labels.append(LabelControl(tag.name, original.name, step, original.step_index, _label_name(tag.name)))
        elif tag.kind == "choices" and _asks_whether_correct(tag.name):
            labels.append(LabelControl(tag.name, original.name, original.path, None, _label_name(tag.name)))
        else:
            others.add(tag.name)
    own = [editor.control for editor in editors] + [label.control for label in labels]
    _check_names((*own, *(tag.name for tag in reasons.values())))
    _check_distinct(editors)
    answered = {editor.original for editor in editors}
    for name, tag in reasons.items():
        if name not in answered:
            # A reason for nothing that can be corrected here: kept like a remark on the field.
            texts.append(replace(_text_control(tag, targets, shown), is_remark=True, prefill=None))
    return Controls(
        tuple(
            replace(editor, reason=reasons[editor.original].name) if editor.original in reasons else editor
            for editor in editors
        ),
        tuple(labels),
        frozenset(others),
        structures,
        tuple(texts),
        tuple(shown.values()),
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


def _scores_the_trace(steps_path: FieldPath, label: LabelControl) -> bool:
    return label.step_index is None or label.step[:-1] == steps_path


def matches_name(control: str, names: Iterable[str]) -> bool:
    """Whether one of the `names` is that of the control; a `*` in them stands for any characters.

    >>> matches_name("step_3__note", ["comment", "step_*__note"])
    True
    """
    return any(control == name or ("*" in name and _fits(control, name.split("*"))) for name in names)


def _fits(control: str, parts: list[str]) -> bool:
    """Whether the parts follow each other in the name, from its start to its end, with anything in between. A regular
    expression would try every way to divide the name among several `*`."""
    first, *between, last = parts
    if len(first) + len(last) > len(control) or not (control.startswith(first) and control.endswith(last)):
        return False
    position, end = len(first), len(control) - len(last)
    for part in between:
        position = control.find(part, position, end)
        if position < 0:
            return False
        position += len(part)
    return True


def _shown(tag: Tag, path: FieldPath, step_text_key: str) -> ShownField:
    steps, step_index, field = split_path(path)
    return ShownField(
        tag.name, path, steps, step_index, field or (format_path(path) if step_index is None else step_text_key)
    )


def _is_set_apart(tag: Tag) -> bool:
    """Whether what is typed into the control is about a region, or a remark because the options say so."""
    return tag.is_about_regions or tag.is_remark


def _text_control(tag: Tag, targets: Mapping[str, Tag], shown: Mapping[str, ShownField]) -> TextControl:
    target = targets.get(tag.to_name or "")
    field = shown.get(tag.to_name or "")
    return TextControl(
        tag.name,
        TYPED_TAGS[tag.kind],
        target.name if target else None,
        _about(tag, target),
        _is_set_apart(tag),
        field.path if field and tag.kind == "textarea" and not tag.is_about_regions else None,
    )


def _about(tag: Tag, target: Tag | None) -> str:
    """What the control points at, as the end of a sentence that begins with its name."""
    if tag.kind != "textarea":
        return f"is a {_spelling(tag)}, which corrects no field"
    if tag.to_name is None:
        return "points at nothing: it has no `toName`"
    if target is None:
        several = "points at several tags" if "," in tag.to_name else "points at a tag that the labeling config lacks"
        return f"{several} (`{tag.to_name}`)"
    what = f"points at the {_spelling(target)} `{target.name}`"
    if not target.shows_value:
        return f"{what}, which shows something else than what is at `{target.value}`"
    if target.kind not in _ORIGINALS:
        return f"{what}, which does not show one field as text"
    return f"{what}, which shows `{target.value}`" if target.value else f"{what}, which shows nothing of the task"


def _spelling(tag: Tag) -> str:
    return _SPELLINGS.get(tag.kind, tag.kind.capitalize())


def _asks_for_a_reason(tag: Tag, text_areas: int) -> bool:
    """Our own reasons end in `__reason`. In somebody else's config, a TextArea whose name ends in `reason` is one,
    unless it is the only one of the `text_areas` that point at its Text."""
    name = tag.name.lower()
    return name.endswith("__reason") or (text_areas > 1 and name.endswith("reason"))


def _asks_whether_correct(control: str) -> bool:
    """Whether Choices with this name score the final answer, if they point at it. Others may ask anything about it."""
    return "correct" in control.lower() or control.endswith("__error_type")


def _label_name(control: str) -> str:
    for name in ("correctness", "error_type"):
        if control.endswith(f"__{name}"):
            return name
    return control


def _check_only_reason(tag: Tag, other: Tag | None) -> None:
    if other is not None:
        raise ConfigError(
            f"the TextAreas `{other.name}` and `{tag.name}` both ask for the reason of a correction of "
            f"`{tag.to_name}`; give each field one of them, and let only its name end in `reason`"
        )


def _structures(
    tags: Iterable[Tag], originals: Mapping[str, ShownField], shown: Mapping[str, ShownField]
) -> tuple[StructureControl, ...]:
    """The structure controls among the tags, in their order. Raises ConfigError when one of their TextAreas does not
    say what it fills, or fills what another one does, and when two of them are about one step."""
    choices = [tag for tag in tags if _is_structure(tag, originals.get(tag.to_name or ""))]
    if not choices:
        return ()
    found: dict[str, list[tuple[Tag, StructureName]]] = {tag.name: [] for tag in choices}
    for tag in tags:
        is_box = tag.kind == "textarea" and not _is_set_apart(tag)
        if is_box and (belongs := structure_name(tag.name, found)):
            found[belongs.control].append((tag, belongs))
    own = found.keys() | {tag.name for boxes in found.values() for tag, _ in boxes}
    _check_names(tag.name for tag in tags if tag.to_name is not None and tag.name in own)
    structures = tuple(_structure(tag, found[tag.name], originals[tag.to_name or ""], shown) for tag in choices)
    for one, other in pairwise(sorted(structures, key=lambda structure: [str(segment) for segment in structure.step])):
        if one.step == other.step:
            raise ConfigError(
                f"the Choices `{one.control}` and `{other.control}` both remove `{format_path(one.step)}` or insert "
                "steps beside it; give each step one of them"
            )
    return structures


def _is_structure(tag: Tag, original: ShownField | None) -> bool:
    """Whether these are Choices that remove a step or insert others. Choices of that name that offer nothing of it are
    labels, as all others are."""
    return (
        tag.kind == "choices"
        and tag.name.endswith(STRUCTURE_SUFFIX)
        and not STRUCTURE_CHOICES.isdisjoint(tag.choices)
        and not tag.is_about_regions
        and original is not None
        and original.step_index is not None
    )


def _structure(
    choices: Tag, belonging: Iterable[tuple[Tag, StructureName]], original: ShownField, shown: Mapping[str, ShownField]
) -> StructureControl:
    assert original.step_index is not None
    prefix = choices.name.removesuffix(STRUCTURE_SUFFIX)
    reasons: dict[tuple[bool, int], str] = {}
    boxes: dict[tuple[bool, int], list[InsertedBox]] = {}
    for tag, belongs in belonging:
        if tag.to_name != choices.to_name:
            raise ConfigError(
                f"the TextArea `{tag.name}` belongs to `{choices.name}` and has to point at the same tag, "
                f"`{choices.to_name}`; it points at `{tag.to_name}`"
            )
        slot = belongs.is_before, belongs.number
        if belongs.word is None:
            reasons[slot] = tag.name
        else:
            field = _filled_field(belongs.word, original, shown.get(f"{prefix}__{belongs.word}"))
            if field is None:
                raise ConfigError(
                    f"the TextArea `{tag.name}` does not say which field of an inserted step it fills: there is no tag "
                    f"`{prefix}__{belongs.word}` that shows a field of the step"
                )
            boxes.setdefault(slot, []).append(InsertedBox(tag.name, field))
    for filled in boxes.values():
        _check_distinct_boxes(filled)
    slots = [
        InsertionSlot(choice, is_before, number, tuple(boxes.get(slot, ())), reasons.get(slot))
        for is_before, known in ((False, INSERT_AFTER), (True, INSERT_BEFORE))
        for number, choice in enumerate(known, start=1)
        if (slot := (is_before, number)) in boxes or slot in reasons or choice in choices.choices
    ]
    return StructureControl(
        choices.name,
        original.name,
        (*original.steps, original.step_index),
        original.step_index,
        STRUCTURE_CHOICES.intersection(choices.choices),
        reasons.get((False, 0)),
        tuple(slots),
    )


def _filled_field(word: str, original: ShownField, named: ShownField | None) -> str | None:
    """The field of an inserted step that the word in the name of a box stands for: what the tag of that name shows of
    the step that the choices are about, or a part of a step of a conversation."""
    if named is not None and (named.steps, named.step_index) == (original.steps, original.step_index):
        return named.field
    return CHAT_WORDS.get(word)


def _check_distinct_boxes(boxes: Iterable[InsertedBox]) -> None:
    paths = [(parse_path(box.field), box.control) for box in boxes]
    paths.sort(key=lambda item: [str(segment) for segment in item[0]])
    for (one, control), (other, other_control) in pairwise(paths):
        if other[: len(one)] == one:
            raise ConfigError(
                f"the TextAreas `{control}` and `{other_control}` both fill `{format_path(one)}` of an inserted step; "
                "give each field one of them"
            )


def _check_names(given: Iterable[str]) -> None:
    names = Counter(given)
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
                "give each field one of them; a TextArea that asks for a reason needs a name that ends in `__reason`, "
                "and one for remarks is named in `remark_controls` in trajedit.yaml"
            )
