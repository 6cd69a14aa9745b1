"""A labeling config, read back: which controls a task has, and where its trace keeps what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ls_trajedit.label_config.controls import Controls, Tag, resolve_controls
from ls_trajedit.traces.field_path import FieldPath, format_path, get_field

__all__ = ["RepeatedTags", "Schema"]

# For so many different numbers of steps the controls are kept.
_KEPT = 1024


@dataclass(frozen=True)
class RepeatedTags:
    """The tags inside a Repeater. Where `flag` stands in a name or a value, Label Studio puts the step's index."""

    tags: tuple[Tag, ...]
    flag: str

    def at(self, index: int) -> list[Tag]:
        """The tags of the step `index`."""

        def fill(text: str) -> str:
            # The first one only: that is what Label Studio does.
            return text.replace(self.flag, str(index), 1)

        return [
            Tag(tag.kind, fill(tag.name), tag.to_name and fill(tag.to_name), tag.value and fill(tag.value))
            for tag in self.tags
        ]


@dataclass(frozen=True)
class Schema:
    """`fixed` holds the controls that every task has; `repeated`, for a config with a Repeater, the tags that are
    there once for each step. `max_steps` is None where any number of steps can be edited.

    `task_paths` are the places to look for the task, in order. `bare_step_field` is what a step is called that is a
    string. The four flags are the options that travel in the config.
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
        steps = get_field(data, self.steps_path)
        return self._repeated_controls(len(steps) if isinstance(steps, list) else 0)

    @cached_property
    def final_answer_key(self) -> str:
        """What the final answer is called, as a path."""
        return format_path(self.final_answer_path)

    def control_names(self, steps: int) -> frozenset[str]:
        """The names of all controls that say something about a trace of that many steps."""
        controls = self.fixed if self.repeated is None else self._repeated_controls(steps)
        return frozenset(controls.answers) | controls.others

    def fields(self) -> dict[str, int]:
        """Each field that can be corrected, and in how many steps: 0 for the final answer and, under a Repeater,
        for every field, because there the task decides."""
        found: dict[str, int] = {}
        for editor in self.fixed.editors if self.repeated is None else self._repeated_controls(1).editors:
            counts = self.repeated is None and editor.step_index is not None
            found[editor.field] = found.get(editor.field, 0) + counts
        return found

    def step_fields(self) -> list[str]:
        """The fields of a step that can be corrected, each once."""
        controls = self.fixed if self.repeated is None else self._repeated_controls(1)
        return list(dict.fromkeys(editor.field for editor in controls.editors if editor.step_index is not None))

    def as_json(self) -> dict[str, Any]:
        """What the manifest says of the schema."""
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
    def _known(self) -> dict[int, Controls]:
        return {}

    def _repeated_controls(self, steps: int) -> Controls:
        """The controls of a task with that many steps."""
        # Not lru_cache: it would work out the hash of the whole schema for every task.
        if steps not in self._known:
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[steps] = _repeat(self, steps)
        return self._known[steps]


def _repeat(schema: Schema, steps: int) -> Controls:
    assert schema.repeated is not None
    tags = [tag for index in range(steps) for tag in schema.repeated.at(index)]
    repeated = resolve_controls(tags, schema.bare_step_field)
    return Controls(
        repeated.editors + schema.fixed.editors,
        repeated.labels + schema.fixed.labels,
        repeated.others | schema.fixed.others,
    )
