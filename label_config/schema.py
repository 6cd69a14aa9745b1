"""A labeling config, read back: which controls a task has, and where things are in its trace."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import Any

from ls_trajedit.label_config.controls import (
    Controls,
    DeclaredControls,
    Editor,
    ExpectedResult,
    LabelControl,
    Tag,
    TextControl,
    resolve_controls,
)
from ls_trajedit.label_config.structure import STRUCTURE_SUFFIX, StructureControl
from ls_trajedit.traces.bounded_cache import BoundedCache
from ls_trajedit.traces.errors import ConfigError, TooManyControlsError
from ls_trajedit.traces.field_path import MISSING, RESERVED_KEY, FieldPath, format_path, get_field, parse_path

__all__ = ["MOST_CONTROLS", "RepeatedTags", "Schema"]

MOST_CONTROLS = 40_000
"""So many controls a Repeater may make for one task: its steps times the tags inside the Repeater. A page with a tenth
of them takes minutes to open."""

# Names and values of 200 characters for each of them.
_MOST_CHARACTERS = 200 * MOST_CONTROLS
_INDEX = re.compile("0|[1-9][0-9]{0,8}")
# What the controls of a step take, for each tag and each character of its name and value.
_TAG_SIZE = 2_000
_CHARACTER_SIZE = 8


@dataclass(frozen=True)
class RepeatedTags:
    """The tags inside a Repeater. Label Studio replaces `flag` in a name or a value with the step's index."""

    tags: tuple[Tag, ...]
    flag: str

    def at(self, index: int) -> list[Tag]:
        """The tags of the step `index`."""

        def fill(text: str) -> str:
            # Only the first one: that is what Label Studio does.
            return text.replace(self.flag, str(index), 1)

        return [
            replace(
                tag,
                name=fill(tag.name),
                to_name=tag.to_name and fill(tag.to_name),
                value=tag.value and fill(tag.value),
            )
            for tag in self.tags
        ]

    def step_of(self, name: str) -> int | None:
        """The index of the step for which Label Studio would give a tag this name."""
        for before, afters in self._ends.items():
            if name.startswith(before) and (longest := _INDEX.match(name, len(before))):
                for end in range(longest.start() + 1, longest.end() + 1):
                    if name[end:] in afters:
                        return int(name[len(before) : end])
        return None

    @cached_property
    def may_share_names(self) -> bool:
        """Whether tags of different steps may get one name, as those of `a{{idx}}` at step 11 and of `a1{{idx}}` at
        step 1 do. Then `step_of` gives one of them."""
        beginnings = list(self._ends)
        return any(
            name[len(beginning) : len(beginning) + 1].isdecimal()
            for beginning in beginnings
            for name in beginnings
            if name.startswith(beginning)
        ) or any(len(afters) > 1 and any(after[:1].isdecimal() for after in afters) for afters in self._ends.values())

    @cached_property
    def _ends(self) -> dict[str, set[str]]:
        """What stands after the index in the names of the tags, by what stands before it."""
        found: dict[str, set[str]] = {}
        for tag in self.tags:
            before, flag, after = tag.name.partition(self.flag)
            if flag:
                found.setdefault(before, set()).add(after)
        return found

    @cached_property
    def may_have_structures(self) -> bool:
        """Whether there may be controls among the tags that remove steps and insert others."""
        return any(tag.name.endswith(STRUCTURE_SUFFIX) for tag in self.tags)

    @cached_property
    def characters(self) -> int:
        """How many characters the names and values of the tags have."""
        return sum(len(tag.name) + len(tag.to_name or "") + len(tag.value or "") for tag in self.tags)


@dataclass(frozen=True)
class Schema:
    """`fixed` holds the controls that every task has; `repeated`, for a config with a Repeater, the tags that occur
    once per step. `max_steps` is None where any number of steps can be edited.

    `task_paths` are the places to look for the task, in order. `bare_step_field` is the field name of a step that is a
    bare string. The four flags are the options that travel in the config.
    """

    fixed: Controls
    repeated: RepeatedTags | None
    steps_path: FieldPath
    id_path: FieldPath
    task_paths: tuple[FieldPath, ...]
    final_answer_path: FieldPath
    bare_step_field: str
    max_steps: int | None
    show_diff: bool
    show_edit_distance: bool
    allow_reset: bool
    require_reason_on_edit: bool
    # Under this, and not under its value, a cache knows the schema: hashing that takes as long as it is large.
    _identity: object = field(default_factory=object, init=False, compare=False, repr=False)

    def controls(self, data: Mapping[str, Any]) -> Controls:
        """The controls that Label Studio makes of the config for a task with this `data`. Raises TooManyControlsError
        for more than MOST_CONTROLS, and ConfigError when two of them share a name."""
        if self.repeated is None:
            return self.fixed
        self.check_size(data)
        tags = [tag for index in range(len(self._steps(data))) for tag in self.repeated.at(index)]
        of_steps = resolve_controls(tags, self.bare_step_field).with_steps(self.steps_path)
        for name in sorted(of_steps.names & self.fixed.names):
            raise ConfigError(
                f"the control `{name}` has a name that the Repeater gives to a control of a step; rename it"
            )
        return of_steps.and_fixed(self.fixed)

    def check_size(self, data: Any) -> None:
        """Raises TooManyControlsError when the config makes more than MOST_CONTROLS for a task with this `data`. It
        makes none of them."""
        if self.repeated is None:
            return
        steps, tags = len(self._steps(data)), len(self.repeated.tags)
        if steps * tags > MOST_CONTROLS:
            raise TooManyControlsError(
                f"{steps} steps with {tags} tags in the Repeater are {steps * tags} controls, and the limit is "
                f"{MOST_CONTROLS}; split the trace, or correct fewer fields of it"
            )
        if steps * self.repeated.characters > _MOST_CHARACTERS:
            raise TooManyControlsError(
                f"{steps} steps with {tags} tags in the Repeater are names and values of "
                f"{steps * self.repeated.characters} characters, and the limit is {_MOST_CHARACTERS}; split the trace, "
                "or give the tags shorter names"
            )

    def with_values(self, data: Mapping[str, Any]) -> list[tuple[Editor, Any]]:
        """The editors whose field is in `data`, in the order of the config, each with what is there. Raises what
        `controls` raises."""
        if self.repeated is None or self._may_share_names:
            return self.controls(data).with_values(data)
        self.check_size(data)
        found: list[tuple[Editor, Any]] = []
        for index, step in enumerate(self._steps(data)):
            if step or not self._is_about_its_own_step:
                found += self._step_controls(index).with_values(data)
        return found + self.fixed.with_values(data)

    def structures_in(self, data: Mapping[str, Any]) -> list[StructureControl]:
        """The structure controls whose step is in `data`, in the order of the config. Raises what `controls` raises."""
        if self.repeated is None or self._may_share_names:
            structures = self.controls(data).structures
        else:
            self.check_size(data)
            structures = self.fixed.structures
            if self.repeated.may_have_structures:
                repeated = (self._step_controls(index).structures for index in range(len(self._steps(data))))
                structures = (*chain.from_iterable(repeated), *structures)
        return [structure for structure in structures if get_field(data, structure.step) is not MISSING]

    def declared(self, data: Mapping[str, Any]) -> DeclaredControls:
        """The controls of the config by name, for a task with this `data`. Those of a Repeater have no end: what an
        annotation says about a step that the task lacks is then about a field that the task lacks.

        Raises what `controls` raises, where the names of the Repeater's tags alone do not say which step they are of.
        """
        return self.controls(data) if self._may_share_names else self._declared

    @cached_property
    def _may_share_names(self) -> bool:
        """Whether a control of a step may have the name of another step's control, or of one outside the Repeater."""
        if self.repeated is None:
            return False
        return self.repeated.may_share_names or any(
            self.repeated.step_of(name) is not None for name in self.fixed.names
        )

    @cached_property
    def _declared(self) -> DeclaredControls:
        return self.fixed if self.repeated is None else _RepeatedControls(self)

    @cached_property
    def final_answer_key(self) -> str:
        """`final_answer_path` as text."""
        return format_path(self.final_answer_path)

    def has_control(self, name: str, original: str, steps: int) -> bool:
        """Whether the config makes a control of this name, which points at the tag `original` if it is about the trace,
        for a trace with this number of `steps`."""
        step = None if self.repeated is None else self.repeated.step_of(name)
        if not self._declared.declares(name) or (step is not None and step >= steps):
            return False
        try:
            return self._declared.expected_results[name].original == original
        except KeyError:
            return True

    def text_controls(self) -> tuple[TextControl, ...]:
        """The controls in which texts can be typed that correct nothing; those of a Repeater for its first step."""
        return self._sample.texts

    def fields(self) -> dict[str, int]:
        """Each field that can be corrected, and in how many steps: 0 for the final answer and, with a Repeater, for
        every field, because there the number depends on the task."""
        found: dict[str, int] = {}
        for editor in self._sample.editors:
            counts = self.repeated is None and editor.step_index is not None
            found[editor.field] = found.get(editor.field, 0) + counts
        return found

    def step_fields(self) -> list[str]:
        """The fields of a step that can be corrected, each once."""
        return list(dict.fromkeys(editor.field for editor in self._sample.editors if editor.step_index is not None))

    def shown_fields(self) -> tuple[list[FieldPath], list[FieldPath]]:
        """What the config shows of the steps, as paths inside a step, and what it shows outside them."""
        shown = self._sample.shown
        inside = (parse_path(field.field) for field in shown if field.steps == self.steps_path and field.field)
        outside = (field.path for field in shown if field.step_index is None and field.path[0] != RESERVED_KEY)
        return list(dict.fromkeys(inside)), list(dict.fromkeys(outside))

    def structures(self) -> tuple[StructureControl, ...]:
        """The controls that remove steps and insert others; those of a Repeater for its first step."""
        return self._sample.structures

    def labels(self) -> tuple[LabelControl, ...]:
        """The controls that score steps; those of a Repeater for its first step."""
        return self._sample.labels

    def as_json(self) -> dict[str, Any]:
        """What the manifest says about the schema."""
        return {
            "layout": "unrolled" if self.repeated is None else "repeater",
            "editable_fields": list(self.fields()),
            "max_steps": self.max_steps,
            "steps_key": format_path(self.steps_path),
            "id_key": format_path(self.id_path),
            "task_key": format_path(self.task_paths[0]),
            "final_answer_key": self.final_answer_key,
        }

    @cached_property
    def _sample(self) -> Controls:
        """The controls of a trace with one step."""
        return self.fixed if self.repeated is None else self._step_controls(0).and_fixed(self.fixed)

    @cached_property
    def _is_about_its_own_step(self) -> bool:
        """Whether a step's card corrects nothing but that step."""
        own = (*self.steps_path, 7)
        return all(editor.path[: len(own)] == own for editor in self._step_controls(7).editors)

    def _steps(self, data: Any) -> list[Any]:
        steps = get_field(data, self.steps_path)
        return steps if isinstance(steps, list) else []

    def _step_controls(self, index: int) -> Controls:
        """What the Repeater makes for the step of this index."""
        assert self.repeated is not None
        key = (self._identity, index)
        found = _KEPT_CONTROLS.get(key)
        if found is None:
            controls = resolve_controls(self.repeated.at(index), self.bare_step_field).with_steps(self.steps_path)
            size = _TAG_SIZE * len(self.repeated.tags) + _CHARACTER_SIZE * self.repeated.characters
            found = _KEPT_CONTROLS.keep(key, controls, size)
        return found


# Resolving the tags takes 50 µs a step, and each task asks for the same ones. One config's MOST_CONTROLS have room.
_KEPT_CONTROLS: BoundedCache[tuple[object, int], Controls] = BoundedCache(100_000_000)


@dataclass(frozen=True, eq=False)
class _RepeatedControls:
    """The controls of a config with a Repeater. Those of a step are made when somebody asks about one of them."""

    schema: Schema

    @cached_property
    def expected_results(self) -> Mapping[str, ExpectedResult]:
        return _ExpectedResults(self)

    @property
    def remark_names(self) -> tuple[str, ...]:
        return self.schema.fixed.remark_names

    def editors_of(self, names: Iterable[str]) -> list[Editor]:
        return [editor for controls, those in self._sorted(names) for editor in controls.editors_of(those)]

    def labels_of(self, names: Iterable[str]) -> list[LabelControl]:
        if not self.schema._sample.labels:
            return []
        return [label for controls, those in self._sorted(names) for label in controls.labels_of(those)]

    def structures_of(self, names: Iterable[str]) -> list[StructureControl]:
        if not self.schema._sample.structures:
            return []
        return [structure for controls, those in self._sorted(names) for structure in controls.structures_of(those)]

    def text_control(self, name: str) -> TextControl | None:
        return self.with_control(name).text_control(name)

    def declares(self, name: str) -> bool:
        return self.with_control(name).declares(name)

    def place(self, tag: object) -> tuple[int | None, str]:
        return self.with_control(tag).place(tag) if isinstance(tag, str) else (None, "")

    def with_control(self, name: str) -> Controls:
        """The controls among which one of this name is, if there is one."""
        step = self._step_of(name)
        return self.schema.fixed if step is None else self.schema._step_controls(step)

    def _step_of(self, name: str) -> int | None:
        return self.schema.repeated.step_of(name) if self.schema.repeated else None

    def _sorted(self, names: Iterable[str]) -> list[tuple[Controls, list[str]]]:
        """The names of each step, in order, then those outside the Repeater."""
        by_step: dict[int, list[str]] = {}
        fixed: list[str] = []
        for name in names:
            step = self._step_of(name)
            (fixed if step is None else by_step.setdefault(step, [])).append(name)
        of_steps = [(self.schema._step_controls(step), by_step[step]) for step in sorted(by_step)]
        return [*of_steps, (self.schema.fixed, fixed)] if fixed else of_steps


class _ExpectedResults(dict[str, ExpectedResult]):
    """The results of the controls that were asked about so far, up to a number of bytes."""

    def __init__(self, controls: _RepeatedControls) -> None:
        super().__init__()
        self._controls = controls
        self._size = 0

    def __missing__(self, name: str) -> ExpectedResult:
        found = self._controls.with_control(name).expected_results[name]
        self._size += 500 + len(name)
        if self._size > 16_000_000:
            self.clear()
            self._size = 0
        self[name] = found
        return found
