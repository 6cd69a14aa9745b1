"""A labeling config, read back: which controls a task has, and where things are in its trace."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from ls_trajedit.label_config.controls import Controls, Tag, TextControl, resolve_controls
from ls_trajedit.traces.field_path import FieldPath, format_path, get_field

__all__ = ["RepeatedTags", "Schema"]

_INDEX = re.compile("0|[1-9][0-9]{0,8}")


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
        for tag in self.tags:
            before, flag, after = tag.name.partition(self.flag)
            digits = name[len(before) : len(name) - len(after)]
            if flag and name == f"{before}{digits}{after}" and _INDEX.fullmatch(digits):
                return int(digits)
        return None


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

    def controls(self, data: Mapping[str, Any]) -> Controls:
        """The controls that Label Studio makes of the config for a task with this `data`."""
        if self.repeated is None:
            return self.fixed
        return self._controls_for(self._step_count(data))

    def controls_beyond(self, data: Mapping[str, Any], names: Iterable[str]) -> Controls:
        """`controls(data)`, and those of the steps beyond the last one of the task to which `names` belong. There are
        such results where a project's cards are written out for each step, and the Schema has a Repeater instead."""
        if self.repeated is None:
            return self.fixed
        count = self._step_count(data)
        beyond = sorted({step for name in names if (step := self.repeated.step_of(name)) is not None and step >= count})
        return _resolve(self.repeated, (*range(count), *beyond), self.bare_step_field, self.fixed)

    @cached_property
    def final_answer_key(self) -> str:
        """`final_answer_path` as text."""
        return format_path(self.final_answer_path)

    def control_names(self, steps: int) -> frozenset[str]:
        """The names of all controls that the config makes for a trace with this number of `steps`."""
        return self._controls_for(steps).names

    def text_controls(self) -> tuple[TextControl, ...]:
        """The controls in which texts can be typed that correct nothing; those of a Repeater for its first step."""
        return self._controls_for(1).texts

    def fields(self) -> dict[str, int]:
        """Each field that can be corrected, and in how many steps: 0 for the final answer and, with a Repeater, for
        every field, because there the number depends on the task."""
        found: dict[str, int] = {}
        for editor in self._controls_for(1).editors:
            counts = self.repeated is None and editor.step_index is not None
            found[editor.field] = found.get(editor.field, 0) + counts
        return found

    def step_fields(self) -> list[str]:
        """The fields of a step that can be corrected, each once."""
        editors = self._controls_for(1).editors
        return list(dict.fromkeys(editor.field for editor in editors if editor.step_index is not None))

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

    def _step_count(self, data: Mapping[str, Any]) -> int:
        steps = get_field(data, self.steps_path)
        return len(steps) if isinstance(steps, list) else 0

    def _controls_for(self, steps: int) -> Controls:
        if self.repeated is None:
            return self.fixed
        return _repeat(self.repeated, steps, self.bare_step_field, self.fixed)


# The tasks of a project have few different numbers of steps, and each task asks. Hashing the arguments takes about
# 2 µs, resolving the tags about 30 µs a step.
@lru_cache(maxsize=1024)
def _repeat(repeated: RepeatedTags, steps: int, bare_step_field: str, fixed: Controls) -> Controls:
    """The controls that `repeated` makes for a task with this number of `steps`, followed by the `fixed` ones."""
    return _resolve(repeated, range(steps), bare_step_field, fixed)


def _resolve(repeated: RepeatedTags, indices: Iterable[int], bare_step_field: str, fixed: Controls) -> Controls:
    tags = [tag for index in indices for tag in repeated.at(index)]
    return resolve_controls(tags, bare_step_field).with_steps(fixed.steps_path).and_fixed(fixed)
