"""The options with which a labeling config was written, read back from it: a project needs no options file."""

from __future__ import annotations

import re
from typing import Any

from ls_trajedit.label_config.read_config import choices_in, description_in, read_config, shown_values
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.label_config.structure import REMOVE
from ls_trajedit.traces.errors import ConfigError, OptionsError
from ls_trajedit.traces.field_path import format_path
from ls_trajedit.traces.options import CHAT_FIELDS, DEFAULT_CHAT_FIELDS, Options
from ls_trajedit.traces.options_file import options_from

__all__ = ["written_chat_options", "written_step_options"]

_NUMBER = re.compile(r"_[0-9]+$")
_INDEX = re.compile(r"\[[0-9]+\]")
_FLAGS = ("show_diff", "show_edit_distance", "allow_reset", "require_reason_on_edit")


def written_chat_options(config: str) -> Options:
    """The options with which `write_chat_config` writes such a config. A field that is corrected unless the options say
    otherwise, and that no step of the config has, counts as corrected.

    Raises ConfigError when no options make it.
    """
    schema = read_config(config)
    corrected = set(map(_chat_field, schema.step_fields()))
    shown = {_chat_field(value.partition("].")[2]) for value in shown_values(config)}
    fields = [
        field for field in CHAT_FIELDS if field in corrected or (field in DEFAULT_CHAT_FIELDS and field not in shown)
    ]
    return _options({**_common(config, schema), "editable_fields": fields})


def written_step_options(config: str) -> Options:
    """The options with which `write_config` writes such a config. Raises ConfigError when no options make
    it."""
    schema = read_config(config)
    editable = schema.step_fields()
    context = [field for path in schema.shown_fields()[0] if (field := format_path(path)) not in editable]
    found = {
        **_common(config, schema),
        "editable_fields": editable,
        "context_fields": context,
        "edit_final_answer": any(editor.step_index is None for editor in schema.fixed.editors),
        "steps_key": format_path(schema.steps_path),
        "id_key": format_path(schema.id_path),
        "task_key": format_path(schema.task_paths[0]),
        "final_answer_key": schema.final_answer_key,
        "layout": "unrolled" if schema.repeated is None else "repeater",
    }
    boxes = [box.field for structure in schema.structures()[:1] for slot in structure.slots[:1] for box in slot.boxes]
    if heard := [field for field in boxes if field not in editable]:
        found["templates"] = {"observation": "\n".join(f"{{{field}}}" for field in heard)}
    return _options(found)


def _options(found: dict[str, Any]) -> Options:
    try:
        return options_from(found, "its options")
    except OptionsError as error:
        what = "; ".join(str(error).splitlines())
        raise ConfigError(f"the labeling config is not one that ls-trajedit writes: {what}") from None


def _common(config: str, schema: Schema) -> dict[str, Any]:
    choices = choices_in(config)
    labels = {label.name: choices.get(label.control, []) for label in schema.labels() if label.step_index is not None}
    structures = schema.structures()
    return {
        **{flag: getattr(schema, flag) for flag in _FLAGS},
        "description": description_in(config),
        "step_labels": {"correctness": labels.get("correctness", []), "error_types": labels.get("error_type", [])},
        "allow_remove": any(REMOVE in choices.get(structure.control, ()) for structure in structures),
        "allow_insert": max((slot.number for structure in structures for slot in structure.slots), default=0),
    }


def _chat_field(field: str) -> str:
    """The field as options name it: that of every call, whatever its number."""
    return _NUMBER.sub("", _INDEX.sub("[*]", field))
