"""Options as somebody writes them: what `trajedit.yaml` may hold, and what is wrong with it.

A Potato configuration can be read unchanged.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from itertools import combinations
from typing import Annotated, Any, get_type_hints

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveInt, ValidationError, create_model

from ls_trajedit.traces.errors import OptionsError
from ls_trajedit.traces.field_path import format_path, parse_path
from ls_trajedit.traces.options import (
    MOST_INSERTIONS,
    Options,
    Roles,
    StepLabels,
    Templates,
    path_in_step,
    paths_overlap,
)
from ls_trajedit.traces.read_options import STEPS
from ls_trajedit.traces.readers.registry import FORMATS
from ls_trajedit.traces.spelling import nearest
from ls_trajedit.traces.template import parse_template

__all__ = ["option_names", "options_from", "parse_options"]

POTATO_TYPE = "trajectory_edit"

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def parse_options(text: str, source: str) -> Options:
    """The options in the YAML `text`, in our form or in Potato's (a list `annotation_schemes` with one entry of
    type `trajectory_edit`). `source` names the file in errors.

    Raises OptionsError, which names the key, what it takes, and for an unknown key the nearest spelling.
    """
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # Not only YAMLError: a date such as 2026-02-30 is a ValueError, a thousand brackets are a RecursionError.
        mark = getattr(error, "problem_mark", None)
        place = f"{source}:{mark.line + 1}" if mark else source
        raise OptionsError(f"{place}: not YAML: {getattr(error, 'problem', None) or error}") from None
    if document is None:
        document = {}
    if not isinstance(document, dict):
        raise OptionsError(f"{source}: expected options as `key: value`, found a {type(document).__name__}")
    if "annotation_schemes" in document:
        document = _from_potato(document, source)
    return options_from(document, source)


def options_from(values: Mapping[str, Any], source: str) -> Options:
    """The options with these values, under the names that they have in the file. Raises OptionsError, with a line for
    each error that names `source` and the key."""
    try:
        checked = _OPTIONS.model_validate(values)
    except ValidationError as error:
        raise OptionsError("\n".join(f"{source}: {_explain(e)}" for e in error.errors())) from None
    options = Options(**_chosen(checked), given=tuple(checked.model_fields_set))
    try:
        _check_fields(options)
        _check_keys(options)
    except ValueError as error:
        raise OptionsError(f"{source}: {error}") from None
    return options


def option_names(model: type[BaseModel] | None = None) -> list[str]:
    """What the options are called in the file."""
    return [field.alias or name for name, field in (model or _OPTIONS).model_fields.items()]


def _from_potato(document: dict[str, Any], source: str) -> dict[str, Any]:
    """The options in a Potato configuration. The other keys of an entry (label requirements, layout sizes) say
    nothing about traces and are ignored, except one that looks like a misspelt option."""
    schemes = document["annotation_schemes"]
    entries = (
        [s for s in schemes if isinstance(s, dict) and s.get("annotation_type") == POTATO_TYPE]
        if isinstance(schemes, list)
        else []
    )
    if len(entries) != 1:
        names = ", ".join(str(entry.get("name")) for entry in entries) or "none"
        raise OptionsError(
            f"{source}: `annotation_schemes` must hold one entry with `annotation_type: {POTATO_TYPE}`; found {names}"
        )
    known = option_names()
    options: dict[str, Any] = {}
    for key, value in entries[0].items():
        if key in known and key != "layout":
            options[key] = value
        elif key not in _POTATO_KEYS and difflib.get_close_matches(str(key), known, n=1, cutoff=0.8):
            raise OptionsError(f"{source}: `{key}` is not an option{nearest(str(key), known)}")
    if not options.get("editable_fields", True):
        del options["editable_fields"]
    properties = document.get("item_properties")
    if isinstance(properties, dict) and "id_key" in properties:
        options.setdefault("id_key", properties["id_key"])
    return options


_POTATO_KEYS = frozenset({"annotation_type", "annotation_id", "label_requirement", "layout"})


def _explain(error: Any) -> str:
    """One of pydantic's errors as one line."""
    key = ".".join(str(part) for part in error["loc"])
    known = option_names(_PARTS.get(str(error["loc"][0])) if len(error["loc"]) > 1 else None)
    if error["type"] == "extra_forbidden":
        last = str(error["loc"][-1])
        return f"`{key}` is not an option{nearest(last, known)} (options: {', '.join(known)})"
    if error["type"] == "value_error":
        reason = str(error["ctx"]["error"])
        return f"`{key}`: {reason}" if key else reason
    if error["type"] == "literal_error":
        near = nearest(str(error["input"]), ("unrolled", "repeater"))
        return f"`{key}` is {error['input']!r}; it takes {error['ctx']['expected']}{near}"
    if error["type"] == "invalid_key":
        return f"`{key}` is not an option (options: {', '.join(known)})"
    wanted = error["msg"].removeprefix("Input should be ").removeprefix("a valid ")
    return f"`{key}` is {error['input']!r}; it takes {_WANTED.get(wanted, wanted)}"


def _check_fields(options: Options) -> None:
    for field, other in combinations((*options.editable_fields, *(options.context_fields or [])), 2):
        if paths_overlap(path_in_step(field), path_in_step(other)):
            raise ValueError(f"`{field}` and `{other}` overlap; a field is either editable or context, and shown once")


def _check_keys(options: Options) -> None:
    keys = [("steps_key", options.steps_key), ("final_answer_key", options.final_answer_key)]
    keys += [("id_key", key) for key in options.id_keys]
    keys.append(("task_key", options.task_key))
    if options.tools_key is not None:
        keys.append(("tools_key", options.tools_key))
    for (one, key), (other, other_key) in combinations(keys, 2):
        # One field can be both task and id.
        may_be_equal = (one, other) == ("id_key", "task_key") and key == other_key
        if paths_overlap(parse_path(key), parse_path(other_key)) and not may_be_equal:
            raise ValueError(
                f"`{one}` ({key}) and `{other}` ({other_key}) overlap; each must name a separate part of the trace"
            )


# What a value must be besides of its type. Each raises ValueError.


def _distinct(words: list[str] | None) -> None:
    for word in words or []:
        if words and words.count(word) > 1:
            raise ValueError(f"`{word}` is listed twice")
        if not word or not word.isprintable():
            raise ValueError(f"{word!r} is empty or contains characters that cannot be shown")


def _path_of_keys(key: str | None) -> None:
    if key is not None and any(isinstance(segment, int) for segment in parse_path(key)):
        raise ValueError(f"`{key}` is inside a list; only a field of a step can have an index")


def _one_or_several_keys(keys: Any) -> None:
    if not isinstance(keys, str) and not (isinstance(keys, list) and all(isinstance(key, str) for key in keys)):
        raise ValueError(f"it is {keys!r}; it takes a string or a list of strings")
    _distinct([] if isinstance(keys, str) else keys)
    for key in [keys] if isinstance(keys, str) else keys:
        _path_of_keys(key)
    if not keys:
        raise ValueError("it is empty; name at least one key")


def _known_format(name: str | None) -> None:
    known = sorted({*FORMATS, STEPS})
    if name is not None and name not in known:
        raise ValueError(f"`{name}` is not a format of traces{nearest(name, known)} (formats: {', '.join(known)})")


def _not_empty(text: str | None) -> None:
    if text == "":
        raise ValueError("it is empty")


def _can_be_shown(text: str) -> None:
    if found := _NOT_IN_XML.search(text):
        raise ValueError(f"it contains the character {found.group()!r}, which a labeling config cannot hold")


def _one_key(key: str) -> None:
    if len(parse_path(key)) != 1:
        raise ValueError("it names a single key of a step; paths belong in `editable_fields`")


def _step_fields(fields: list[str] | None) -> None:
    for field in fields or []:
        path_in_step(field)
    _distinct(fields)


def _editable_fields(fields: list[str]) -> None:
    _step_fields(fields)
    if not fields:
        raise ValueError("it is empty; name at least one field of the steps, such as [action]")


def _formats(formats: list[str]) -> None:
    _distinct(formats)
    if not formats:
        raise ValueError("it is empty; name at least one format")


def _names_a_field(text: str | None) -> None:
    if text is not None and not parse_template(text).fields:
        raise ValueError("it names no field, so every trace would get the same text")


def _names_the_answer(text: str) -> None:
    _names_a_field(text)
    others = [path for path in parse_template(text).fields if path != ("final_answer",)]
    if others:
        raise ValueError(f"`{{{format_path(others[0])}}}` is not a field here; only `{{final_answer}}` is allowed")


def _not_blank(text: str) -> None:
    if not text.strip():
        raise ValueError("it is blank; it stands in for a missing observation, so it needs some text")


_Check = Callable[[Any], None]


def _checked_by(type_: Any, check: _Check) -> Any:
    """The type of a value that `check` also has to take."""

    def checked(value: Any) -> Any:
        check(value)
        return value

    return Annotated[type_, AfterValidator(checked)]


def _model(kind: type[Any], checks: Mapping[str, _Check], types: Mapping[str, Any]) -> type[BaseModel]:
    """The model of what the file may hold for this dataclass: its fields, of its types or of `types`, each checked. The
    defaults are those of the dataclass, which gets only what the file holds."""
    of_fields = {**get_type_hints(kind), **types}
    names = [field.name for field in fields(kind) if field.compare]
    listed: dict[str, Any] = {
        name: (_checked_by(of_fields[name], checks[name]) if name in checks else of_fields[name], None)
        for name in names
    }
    # `from_` is `from` in the file: Python keeps the name for itself.
    config = ConfigDict(extra="forbid", strict=True, alias_generator=lambda name: name.rstrip("_"))
    return create_model(kind.__name__, __config__=config, **listed)


def _chosen(checked: BaseModel) -> dict[str, Any]:
    """The values that stand in the file."""
    return {name: getattr(checked, name) for name in checked.model_fields_set}


_STEP_LABELS = _model(
    StepLabels, dict.fromkeys(("correctness", "error_types", "right", "wrong", "unsure"), _distinct), {}
)
_TEMPLATES = _model(
    Templates,
    {
        "step": _names_a_field,
        "observation": _names_a_field,
        "no_observation": _not_blank,
        "final_answer": _names_the_answer,
    },
    {},
)
_ROLES = _model(Roles, dict.fromkeys(("user", "assistant", "tool", "system"), _distinct), {})


def _step_labels(checked: BaseModel) -> StepLabels:
    labels = StepLabels(**_chosen(checked))
    _distinct([word.strip().casefold() for word in (*labels.right, *labels.wrong, *labels.unsure)])
    return labels


def _roles(checked: BaseModel) -> Roles:
    roles = Roles(**_chosen(checked))
    _distinct([*roles.user, *roles.assistant, *roles.tool, *roles.system])
    return roles


_OPTIONS = _model(
    Options,
    {
        "name": _can_be_shown,
        "description": _can_be_shown,
        "steps_key": _path_of_keys,
        "step_text_key": _one_key,
        "editable_fields": _editable_fields,
        "final_answer_key": _path_of_keys,
        "id_key": _one_or_several_keys,
        "task_key": _path_of_keys,
        "context_fields": _step_fields,
        "remark_controls": _distinct,
        "formats": _formats,
        "tools_key": _path_of_keys,
        "from_": _known_format,
        "messages_key": _path_of_keys,
        "role_key": _not_empty,
        "agent": _not_empty,
    },
    {
        "id_key": Any,
        "max_steps": PositiveInt | None,
        "allow_insert": Annotated[int, Field(ge=0, le=MOST_INSERTIONS)],
        "step_labels": Annotated[_STEP_LABELS, AfterValidator(_step_labels)],
        "templates": Annotated[_TEMPLATES, AfterValidator(lambda checked: Templates(**_chosen(checked)))],
        "roles": Annotated[_ROLES, AfterValidator(_roles)],
    },
)

_PARTS = {"step_labels": _STEP_LABELS, "templates": _TEMPLATES, "roles": _ROLES}
_INSERTIONS = f"a whole number from 0 to {MOST_INSERTIONS}"
_WANTED = {
    "string": "a string",
    "boolean": "true or false",
    "list": "a list of strings",
    "integer": "a whole number",
    "greater than 0": "a whole number above 0",
    "greater than or equal to 0": _INSERTIONS,
    f"less than or equal to {MOST_INSERTIONS}": _INSERTIONS,
    "dictionary or instance of StepLabels": f"an object with any of {', '.join(option_names(_STEP_LABELS))}",
    "dictionary or instance of Templates": f"an object with any of {', '.join(option_names(_TEMPLATES))}",
    "dictionary or instance of Roles": f"an object with any of {', '.join(option_names(_ROLES))}",
}
