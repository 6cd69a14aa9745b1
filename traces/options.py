"""The options of the workflow: what they are, their defaults, and the paths that they name.

The first eleven are Potato's own, with its names and defaults. `options_file` reads them, and says what is wrong with
them; that needs pydantic, which takes longer to load than most commands take otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import MISSING, dataclass, field, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from ls_trajedit.traces.field_path import FieldPath, parse_path
from ls_trajedit.traces.read_options import STEPS, ReadOptions
from ls_trajedit.traces.template import FINAL_ANSWER_TEMPLATE, NO_OBSERVATION_TEXT, OBSERVATION_TEMPLATE

if TYPE_CHECKING:
    from ls_trajedit.traces.model import Role

__all__ = [
    "CHAT_FIELDS",
    "DEFAULT_CHAT_FIELDS",
    "MOST_INSERTIONS",
    "Options",
    "Roles",
    "StepLabels",
    "Templates",
    "path_in_step",
    "paths_overlap",
    "with_task_fallbacks",
]

CHAT_FIELDS = ("content", "reasoning", "tool_calls[*].arguments", "tool_calls[*].name")
"""What can be corrected in a step of a chat: its text, its reasoning, and of every call the arguments and the name."""

DEFAULT_CHAT_FIELDS = ("content", "tool_calls[*].arguments")
"""What is corrected in a step of a chat unless the options say otherwise."""

MOST_INSERTIONS = 3
"""So many steps can be put into one gap between two steps."""


@dataclass(frozen=True, kw_only=True)
class StepLabels:
    """Scoring in addition to editing: one `correctness` per step, and any number of `error_types`. `right`, `wrong` and
    `unsure` say what choices mean whose words do not say it themselves."""

    correctness: list[str] = field(default_factory=list)
    error_types: list[str] = field(default_factory=list)
    right: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Templates:
    """How a trace is written as text. `step` None means thought, action and every other editable field."""

    step: str | None = None
    observation: str = OBSERVATION_TEMPLATE
    no_observation: str = NO_OBSERVATION_TEXT
    final_answer: str = FINAL_ANSWER_TEMPLATE


@dataclass(frozen=True, kw_only=True)
class Roles:
    """Who is meant by the words with which the traces name their speakers: the words for each role."""

    user: list[str] = field(default_factory=list)
    assistant: list[str] = field(default_factory=list)
    tool: list[str] = field(default_factory=list)
    system: list[str] = field(default_factory=list)

    def by_word(self) -> dict[str, Role]:
        """The role of each word."""
        roles: tuple[tuple[Role, list[str]], ...] = (
            ("user", self.user),
            ("assistant", self.assistant),
            ("tool", self.tool),
            ("system", self.system),
        )
        return {word: role for role, words in roles for word in words}


@dataclass(frozen=True, kw_only=True)
class Options:
    """All options. Keys and fields are paths (`field_path`) as a person writes them; the properties `…_path` and
    `…_paths` give them parsed. `None` means "whatever the traces have".

    Nothing is checked here: `options_from` makes options of what somebody wrote, and names in `given` what was written,
    because some options say more when they are given than by default with the same value. A value other than the
    default counts as given in any case.
    """

    name: str = "trajectory_edit"
    description: str = ""
    steps_key: str = "steps"
    step_text_key: str = "action"
    editable_fields: list[str] = field(default_factory=list)
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
    max_steps: int | None = None
    allow_remove: bool = False
    allow_insert: int = 0
    step_labels: StepLabels = StepLabels()
    remark_controls: list[str] = field(default_factory=list)

    formats: list[str] = field(default_factory=lambda: ["corrections", "sft", "dpo"])
    templates: Templates = Templates()
    tools_key: str | None = None

    from_: str | None = None
    messages_key: str | None = None
    role_key: str | None = None
    roles: Roles = Roles()
    agent: str | None = None

    given: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        defaults = _DEFAULTS | {"editable_fields": [self.step_text_key]}
        if not self.editable_fields:
            object.__setattr__(self, "editable_fields", defaults["editable_fields"])
        changed = (name for name, default in defaults.items() if getattr(self, name) != default)
        object.__setattr__(self, "given", tuple(sorted({*self.given, *changed})))

    @property
    def read_options(self) -> ReadOptions:
        """What the options say about how traces were recorded."""
        return ReadOptions(
            format=self.from_,
            messages_key=None if self.messages_key is None else _path(self.messages_key),
            role_key=self.role_key,
            roles=self.roles.by_word(),
            agent=self.agent,
            id_keys=tuple(map(_path, self.id_keys)) if "id_key" in self.given else (),
            task_key=_path(self.task_key) if "task_key" in self.given else None,
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
        return tuple(map(path_in_step, self.editable_fields))

    @property
    def chat_fields(self) -> tuple[str, ...]:
        """What can be corrected in a step of a chat. Fields that a chat does not have are in it, too: see
        `check_chat_fields`."""
        return tuple(self.editable_fields) if "editable_fields" in self.given else DEFAULT_CHAT_FIELDS

    @property
    def is_about_chats(self) -> bool:
        """Whether they say anything that only chats have."""
        return self.from_ not in (None, STEPS) or any(
            name in self.given for name in ("messages_key", "role_key", "roles", "agent")
        )


_DEFAULTS: dict[str, Any] = {
    option.name: option.default if option.default_factory is MISSING else option.default_factory()
    for option in fields(Options)
    if option.compare
}


def with_task_fallbacks(task_path: FieldPath, others: Iterable[FieldPath]) -> tuple[FieldPath, ...]:
    """Where to look for the task: at `task_path`, then at `task` and `text`, except where one of the `others` is."""
    others = list(others)
    fallbacks = (path for path in (("task",), ("text",)) if not any(paths_overlap(path, other) for other in others))
    return tuple(dict.fromkeys((task_path, *fallbacks)))


# Options are asked for their paths once a trace or more often.
_path = lru_cache(maxsize=256)(parse_path)


def path_in_step(field: str) -> FieldPath:
    """The path of a field inside a step. One of every call of a chat (`tool_calls[*].name`) leads to nothing in the
    plain shape."""
    if field in CHAT_FIELDS and "[*]" in field:
        return tuple(field.replace("[", ".").replace("]", "").split("."))
    return _path(field)


def paths_overlap(one: FieldPath, other: FieldPath) -> bool:
    """Whether the paths are equal, or one leads to a part of what the other leads to."""
    return all(a == b for a, b in zip(one, other, strict=False))
