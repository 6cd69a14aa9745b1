"""The options of the workflow: what `trajedit.yaml` may hold, and how it is read.

The first eleven are Potato's own, with its names and defaults, so a Potato configuration can be read unchanged.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import combinations
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)

from ls_trajedit.traces.errors import OptionsError
from ls_trajedit.traces.field_path import FieldPath, format_path, parse_path
from ls_trajedit.traces.model import Role
from ls_trajedit.traces.readers.base import ReadOptions
from ls_trajedit.traces.readers.registry import FORMATS, STEPS
from ls_trajedit.traces.template import (
    FINAL_ANSWER_TEMPLATE,
    NO_OBSERVATION_TEXT,
    OBSERVATION_TEMPLATE,
    parse_template,
)

__all__ = [
    "CHAT_FIELDS",
    "DEFAULT_CHAT_FIELDS",
    "MOST_INSERTIONS",
    "Options",
    "Roles",
    "StepLabels",
    "Templates",
    "nearest",
    "parse_options",
    "with_task_fallbacks",
]

POTATO_TYPE = "trajectory_edit"

CHAT_FIELDS = ("content", "reasoning", "tool_calls[*].arguments", "tool_calls[*].name")
"""What can be corrected in a step of a chat: its text, its reasoning, and of every call the arguments and the name."""

DEFAULT_CHAT_FIELDS = ("content", "tool_calls[*].arguments")
"""What is corrected in a step of a chat unless the options say otherwise."""

MOST_INSERTIONS = 3
"""So many steps can be put into one gap between two steps."""

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class StepLabels(BaseModel):
    """Scoring in addition to editing: one `correctness` per step, and any number of `error_types`. `right`, `wrong` and
    `unsure` say what choices mean whose words do not say it themselves."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    correctness: list[str] = []
    error_types: list[str] = []
    right: list[str] = []
    wrong: list[str] = []
    unsure: list[str] = []

    @field_validator("correctness", "error_types", "right", "wrong", "unsure")
    @classmethod
    def _labels_are_distinct(cls, labels: list[str]) -> list[str]:
        return _distinct(labels)

    @model_validator(mode="after")
    def _a_word_means_one_thing(self) -> StepLabels:
        _distinct([word.strip().casefold() for word in (*self.right, *self.wrong, *self.unsure)])
        return self


class Templates(BaseModel):
    """How a trace is written as text. `step` None means thought, action and every other editable field."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    step: str | None = None
    observation: str = OBSERVATION_TEMPLATE
    no_observation: str = NO_OBSERVATION_TEXT
    final_answer: str = FINAL_ANSWER_TEMPLATE

    @field_validator("step", "observation", "final_answer")
    @classmethod
    def _names_a_field(cls, text: str | None) -> str | None:
        if text is not None and not parse_template(text).fields:
            raise ValueError("it names no field, so every trace would get the same text")
        return text

    @field_validator("no_observation")
    @classmethod
    def _is_not_blank(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("it is blank; it stands in for a missing observation, so it needs some text")
        return text

    @field_validator("final_answer")
    @classmethod
    def _names_the_answer(cls, text: str) -> str:
        others = [path for path in parse_template(text).fields if path != ("final_answer",)]
        if others:
            raise ValueError(f"`{{{format_path(others[0])}}}` is not a field here; only `{{final_answer}}` is allowed")
        return text


class Roles(BaseModel):
    """Who is meant by the words with which the traces name their speakers: the words for each role."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    user: list[str] = []
    assistant: list[str] = []
    tool: list[str] = []
    system: list[str] = []

    @field_validator("user", "assistant", "tool", "system")
    @classmethod
    def _words_are_distinct(cls, words: list[str]) -> list[str]:
        return _distinct(words)

    @model_validator(mode="after")
    def _a_word_means_one_role(self) -> Roles:
        _distinct([*self.user, *self.assistant, *self.tool, *self.system])
        return self

    def by_word(self) -> dict[str, Role]:
        """The role of each word."""
        roles: tuple[tuple[Role, list[str]], ...] = (
            ("user", self.user),
            ("assistant", self.assistant),
            ("tool", self.tool),
            ("system", self.system),
        )
        return {word: role for role, words in roles for word in words}


class Options(BaseModel):
    """All options, validated. Keys and fields are paths (`field_path`) as a person writes them; the properties
    `…_path` and `…_paths` give them parsed. `None` means "whatever the traces have"."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str = "trajectory_edit"
    description: str = ""
    steps_key: str = "steps"
    step_text_key: str = "action"
    editable_fields: list[str] = Field(default_factory=list)
    show_diff: bool = True
    show_edit_distance: bool = True
    allow_reset: bool = True
    require_reason_on_edit: bool = False
    edit_final_answer: bool = False
    final_answer_key: str = "final_answer"

    id_key: str | list[str] = "id"
    task_key: str = "task_description"
    context_fields: list[str] | None = None
    layout: Literal["unrolled", "repeater"] = "unrolled"
    max_steps: PositiveInt | None = None
    allow_remove: bool = False
    allow_insert: Annotated[int, Field(ge=0, le=MOST_INSERTIONS)] = 0
    step_labels: StepLabels = Field(default_factory=StepLabels)
    remark_controls: list[str] = []

    formats: list[str] = Field(default_factory=lambda: ["corrections", "sft", "dpo"])
    templates: Templates = Templates()
    tools_key: str | None = None

    from_: str | None = Field(default=None, alias="from")
    messages_key: str | None = None
    role_key: str | None = None
    roles: Roles = Field(default_factory=Roles)
    agent: str | None = None

    @field_validator("steps_key", "final_answer_key", "task_key", "tools_key", "messages_key")
    @classmethod
    def _key_is_a_path_of_keys(cls, key: str | None) -> str | None:
        return None if key is None else _path_of_keys(key)

    @field_validator("id_key", mode="before")
    @classmethod
    def _id_key_is_one_or_several(cls, keys: Any) -> Any:
        if not isinstance(keys, str) and not (isinstance(keys, list) and all(isinstance(key, str) for key in keys)):
            raise ValueError(f"it is {keys!r}; it takes a string or a list of strings")
        for key in [keys] if isinstance(keys, str) else _distinct(keys):
            _path_of_keys(key)
        if not keys:
            raise ValueError("it is empty; name at least one key")
        return keys

    @field_validator("from_")
    @classmethod
    def _format_is_known(cls, name: str | None) -> str | None:
        known = sorted({*FORMATS, STEPS})
        if name is not None and name not in known:
            raise ValueError(f"`{name}` is not a format of traces{nearest(name, known)} (formats: {', '.join(known)})")
        return name

    @field_validator("role_key", "agent")
    @classmethod
    def _is_not_empty(cls, text: str | None) -> str | None:
        if text == "":
            raise ValueError("it is empty")
        return text

    @field_validator("name", "description")
    @classmethod
    def _can_be_shown(cls, text: str) -> str:
        if found := _NOT_IN_XML.search(text):
            raise ValueError(f"it contains the character {found.group()!r}, which a labeling config cannot hold")
        return text

    @field_validator("step_text_key")
    @classmethod
    def _step_text_key_is_one_key(cls, key: str) -> str:
        if len(parse_path(key)) != 1:
            raise ValueError("it names a single key of a step; paths belong in `editable_fields`")
        return key

    @field_validator("editable_fields", "context_fields")
    @classmethod
    def _fields_are_distinct_paths(cls, fields: list[str] | None) -> list[str] | None:
        for field in fields or []:
            _step_path(field)
        return None if fields is None else _distinct(fields)

    @field_validator("remark_controls")
    @classmethod
    def _names_are_distinct(cls, names: list[str]) -> list[str]:
        return _distinct(names)

    @field_validator("formats")
    @classmethod
    def _formats_are_distinct(cls, formats: list[str]) -> list[str]:
        if not formats:
            raise ValueError("it is empty; name at least one format")
        return _distinct(formats)

    @model_validator(mode="wrap")
    @classmethod
    def _default_editable_fields(cls, values: Any, validate: ModelWrapValidatorHandler[Options]) -> Options:
        if not isinstance(values, Mapping) or "editable_fields" in values:
            return validate(values)
        options = validate({**values, "editable_fields": [values.get("step_text_key", "action")]})
        options.model_fields_set.discard("editable_fields")
        return options

    @model_validator(mode="after")
    def _fields_do_not_overlap(self) -> Options:
        if not self.editable_fields:
            raise ValueError("`editable_fields` is empty; name at least one field of the steps, such as [action]")
        for field, other in combinations((*self.editable_fields, *(self.context_fields or [])), 2):
            if _overlap(_step_path(field), _step_path(other)):
                raise ValueError(
                    f"`{field}` and `{other}` overlap; a field is either editable or context, and shown once"
                )
        return self

    @model_validator(mode="after")
    def _keys_do_not_overlap(self) -> Options:
        keys = [("steps_key", self.steps_key), ("final_answer_key", self.final_answer_key)]
        keys += [("id_key", key) for key in self.id_keys]
        keys.append(("task_key", self.task_key))
        if self.tools_key is not None:
            keys.append(("tools_key", self.tools_key))
        for (one, key), (other, other_key) in combinations(keys, 2):
            # One field can be both task and id.
            may_be_equal = (one, other) == ("id_key", "task_key") and key == other_key
            if _overlap(_path(key), _path(other_key)) and not may_be_equal:
                raise ValueError(
                    f"`{one}` ({key}) and `{other}` ({other_key}) overlap; each must name a separate part of the trace"
                )
        return self

    # Not cached on the instance: `model_copy` would copy what was parsed from the old keys.

    @property
    def read_options(self) -> ReadOptions:
        """What the options say about how traces were recorded."""
        given = self.model_fields_set
        return ReadOptions(
            format=self.from_,
            messages_key=None if self.messages_key is None else _path(self.messages_key),
            role_key=self.role_key,
            roles=self.roles.by_word(),
            agent=self.agent,
            id_keys=tuple(map(_path, self.id_keys)) if "id_key" in given else (),
            task_key=_path(self.task_key) if "task_key" in given else None,
        )

    @property
    def id_keys(self) -> tuple[str, ...]:
        """`id_key`, one or several."""
        return (self.id_key,) if isinstance(self.id_key, str) else tuple(self.id_key)

    @property
    def steps_path(self) -> FieldPath:
        """Where a trace has its list of steps."""
        return _path(self.steps_key)

    @property
    def id_path(self) -> FieldPath:
        """Where a trace has its id; the first of several places."""
        return _path(self.id_keys[0])

    @property
    def final_answer_path(self) -> FieldPath:
        """Where a trace has its final answer."""
        return _path(self.final_answer_key)

    @property
    def task_paths(self) -> tuple[FieldPath, ...]:
        """Where a trace may have its task, in the order in which to look."""
        return with_task_fallbacks(_path(self.task_key), (self.steps_path, self.id_path, self.final_answer_path))

    @property
    def tools_path(self) -> FieldPath | None:
        """Where a trace has its tools, or None when the options do not say."""
        return None if self.tools_key is None else _path(self.tools_key)

    @property
    def editable_paths(self) -> tuple[FieldPath, ...]:
        """`editable_fields` as paths inside a step, in the same order."""
        return tuple(map(_step_path, self.editable_fields))

    @property
    def chat_fields(self) -> tuple[str, ...]:
        """What can be corrected in a step of a chat. Fields that a chat does not have are in it, too: see
        `check_chat_fields`."""
        return tuple(self.editable_fields) if "editable_fields" in self.model_fields_set else DEFAULT_CHAT_FIELDS

    @property
    def is_about_chats(self) -> bool:
        """Whether they say anything that only chats have."""
        return self.from_ not in (None, STEPS) or not self.model_fields_set.isdisjoint(
            ("messages_key", "role_key", "roles", "agent")
        )


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
    try:
        return Options.model_validate(document)
    except ValidationError as error:
        raise OptionsError("\n".join(f"{source}: {_explain(e)}" for e in error.errors())) from None


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean X?` for the spelling in `known` nearest to `word`, or nothing when none is near."""
    found = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean `{found[0]}`?" if found else ""


def with_task_fallbacks(task_path: FieldPath, others: Iterable[FieldPath]) -> tuple[FieldPath, ...]:
    """Where to look for the task: at `task_path`, then at `task` and `text`, except where one of the `others` is."""
    others = list(others)
    fallbacks = (path for path in (("task",), ("text",)) if not any(_overlap(path, other) for other in others))
    return tuple(dict.fromkeys((task_path, *fallbacks)))


# Options are asked for their paths once a trace or more often.
_path = lru_cache(maxsize=256)(parse_path)


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
    known = _names(Options)
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
    known = _names(_PARTS.get(str(error["loc"][0]) if len(error["loc"]) > 1 else "", Options))
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


def _names(model: type[BaseModel]) -> list[str]:
    """What the options in the model are called in the file."""
    return [field.alias or name for name, field in model.model_fields.items()]


_PARTS: dict[str, type[BaseModel]] = {"step_labels": StepLabels, "templates": Templates, "roles": Roles}
_INSERTIONS = f"a whole number from 0 to {MOST_INSERTIONS}"
_WANTED = {
    "string": "a string",
    "boolean": "true or false",
    "list": "a list of strings",
    "integer": "a whole number",
    "greater than 0": "a whole number above 0",
    "greater than or equal to 0": _INSERTIONS,
    f"less than or equal to {MOST_INSERTIONS}": _INSERTIONS,
    "dictionary or instance of StepLabels": f"an object with any of {', '.join(StepLabels.model_fields)}",
    "dictionary or instance of Templates": f"an object with any of {', '.join(Templates.model_fields)}",
    "dictionary or instance of Roles": f"an object with any of {', '.join(Roles.model_fields)}",
}


def _distinct(words: list[str]) -> list[str]:
    for word in words:
        if words.count(word) > 1:
            raise ValueError(f"`{word}` is listed twice")
        if not word or not word.isprintable():
            raise ValueError(f"{word!r} is empty or contains characters that cannot be shown")
    return words


def _path_of_keys(key: str) -> str:
    if any(isinstance(segment, int) for segment in parse_path(key)):
        raise ValueError(f"`{key}` is inside a list; only a field of a step can have an index")
    return key


def _step_path(field: str) -> FieldPath:
    """The path of a field inside a step. One of every call of a chat (`tool_calls[*].name`) leads to nothing in the
    plain shape."""
    if field in CHAT_FIELDS and "[*]" in field:
        return tuple(field.replace("[", ".").replace("]", "").split("."))
    return _path(field)


def _overlap(one: FieldPath, other: FieldPath) -> bool:
    """Whether the paths are equal, or one leads to a part of what the other leads to."""
    return all(a == b for a, b in zip(one, other, strict=False))
