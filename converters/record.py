"""The record of one annotation: the one definition that the code, the documentation and the tests share.

The keys of a record, their order and their meaning are those of Potato's `trajectory_correction` export; `source` is
added. Each dataclass is written as a JSON object whose keys are its fields, in order; `parse_record` reads one back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal, TypedDict, TypeVar, get_args

from ls_trajedit.label_config.branch_note import Branch, Identity, Parent, parse_branch
from ls_trajedit.traces.json_text import JsonPart, typed_item

__all__ = [
    "NESTED",
    "Branch",
    "ChatSource",
    "CheckedCall",
    "DistanceKey",
    "Edit",
    "Fit",
    "Identity",
    "Insertion",
    "Parent",
    "ReasonWithoutEdit",
    "Record",
    "RecordedTrace",
    "Reject",
    "RejectReason",
    "RejectedAnnotation",
    "Remark",
    "Removal",
    "Review",
    "RowKey",
    "Source",
    "StepLabel",
    "StructureChange",
    "edit_sums",
    "parse_record",
    "reject_sentence",
    "row_key",
    "row_number",
]

RowKey = tuple[int, int]
"""Task id and annotation id: where the rows of an annotation stand in every file. Rows of one key keep the order in
which they were read; ids that are not numbers are 0 here."""

Item = TypeVar("Item")


class RecordedTrace(JsonPart):
    """A trace as records hold it: an object with `task`, `steps` and, if there is one, the final answer under its key.

    A trace goes into several rows, so its JSON is worked out once and kept here. Two traces are equal when their values
    are.
    """

    __slots__ = ()

    @property
    def steps(self) -> list[Any]:
        """The steps, each in the shape in which the trace was imported."""
        steps: list[Any] = self.value()["steps"]
        return steps

    @property
    def answer(self) -> Any:
        """The final answer, whatever its key; None when there is none."""
        return next((value for key, value in self.value().items() if key not in ("task", "before", "steps")), None)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RecordedTrace) and self.value() == other.value()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"RecordedTrace({self.value()!r})"


DistanceKey = Literal["edit_distance_chars", "edit_distance_words"]
"""A distance of an edit, by the key under which it stands."""

_LOWER_BOUNDS = (("lower_bounds", ()),)
_RECORD_DEFAULTS = (("structure", ()), *_LOWER_BOUNDS)


def _leave_out_defaults(part: object, defaults: Sequence[tuple[str, object]]) -> None:
    """Takes values that are the default out of a part of a record. What is read then is the default of its class, and
    what is written is what it has itself."""
    own = vars(part)
    for name, default in defaults:
        if own[name] == default:
            del own[name]


@dataclass(frozen=True)
class Edit:
    """One corrected field. `step_index` counts from 0 and is None for the final answer; `field` is the path inside the
    step or, for the final answer, its key. `reason` is empty when the annotator gave none. `lower_bounds` names those
    of the distances that are not below the number that stands there, and may be above it; it is written only where
    there are any."""

    step_index: int | None
    field: str
    original_text: str
    edited_text: str
    edit_distance_chars: int
    edit_distance_words: int
    reason: str
    lower_bounds: tuple[DistanceKey, ...] = ()

    def __post_init__(self) -> None:
        """Leaves out what is written only where it says something."""
        _leave_out_defaults(self, _LOWER_BOUNDS)


@dataclass(frozen=True)
class Removal:
    """A step that was removed: `step_index` is its index in the original trace, from 0."""

    op: Literal["remove"] = field(default="remove", kw_only=True)
    step_index: int
    reason: str


@dataclass(frozen=True)
class Insertion:
    """A step that was inserted after the step `after` of the original trace, or before the first one (-1). `position`
    is its place among those that were inserted there, from 0, and `step` the step as the corrected trace has it."""

    op: Literal["insert"] = field(default="insert", kw_only=True)
    after: int
    position: int
    step: Any
    reason: str


StructureChange = Removal | Insertion
"""A step less or a step more, told apart by `op`."""


NESTED = " / "
"""What stands between the parts of a nested choice, from the topmost one down; Label Studio's Taxonomy shows it so."""


@dataclass(frozen=True)
class StepLabel:
    """The choices that an annotator made for a step, or for the final answer, where `step_index` is None; a nested one
    is its path, joined by `NESTED`. `name` is `correctness`, `error_type`, or the control's own."""

    step_index: int | None
    name: str
    choices: tuple[str, ...]


@dataclass(frozen=True)
class ReasonWithoutEdit:
    """A reason that an annotator gave for a field and then left the field as it was."""

    step_index: int | None
    field: str
    reason: str


@dataclass(frozen=True)
class Remark:
    """What an annotator typed that corrects nothing: about a marked region, in a control that is there for remarks, or
    for a step or field that the trace lacks. A label for a step that the trace lacks is one, too.

    `control` is where it was typed. `step_index` and `field` say what that is about, as in an edit; they are None and
    the empty string where it is not about one field."""

    control: str
    step_index: int | None
    field: str
    text: str


@dataclass(frozen=True)
class Source:
    """Where a record comes from, and what else the annotation and the trace hold. The ids and times are those of Label
    Studio, of which only the types are checked. `extra` is what the trace has besides id, task, steps and final answer.

    The rest is written only where it says something: `remarks`, what the newest `review` of the annotation says, that
    it is `unopened` because an action made it and nobody has looked at it since, and of which annotation of the task it
    is a copy (`copy_of`)."""

    project_id: Identity
    task_id: Identity
    annotation_id: Identity
    updated_at: str | None
    lead_time: float | None
    ground_truth: bool
    step_labels: tuple[StepLabel, ...]
    reasons_without_edit: tuple[ReasonWithoutEdit, ...]
    extra: dict[str, Any]
    remarks: tuple[Remark, ...] = field(default=(), kw_only=True)
    review: Review | None = field(default=None, kw_only=True)
    unopened: bool = field(default=False, kw_only=True)
    copy_of: int | str | None = field(default=None, kw_only=True)
    branch: Branch | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        """Leaves out what is written only where it says something."""
        _leave_out_defaults(self, _SOURCE_DEFAULTS)


_SOURCE_DEFAULTS = (("remarks", ()), ("review", None), ("unopened", False), ("copy_of", None), ("branch", None))


Review = Literal["accepted", "rejected"]
"""What a reviewer made of an annotation."""

Fit = Literal["valid", "unknown_parameter", "missing", "wrong_type", "undeclared"]
"""How a call fits the tools that its trace declares. `undeclared` is a call of a tool that is not among them."""


@dataclass(frozen=True)
class CheckedCall:
    """A corrected or inserted call, checked against the JSON Schema of its tool. `step_index` is the index of its step
    in the corrected trace, and `call` its number among the calls of the step. `detail` says for a person what does not
    fit; it is empty for a valid call."""

    step_index: int
    call: int
    name: str
    fit: Fit
    detail: str


@dataclass(frozen=True)
class ChatSource(Source):
    """The source of a conversation. `format` is the name of the format in which it was recorded, `checked_calls` are
    its corrected calls where it declares tools, and `not_the_agents` are the corrections of what somebody other than
    the agent said, which no training row holds. The `field` of such a correction is the path of its editor."""

    format: str
    checked_calls: tuple[CheckedCall, ...]
    not_the_agents: tuple[Edit, ...]


@dataclass(frozen=True)
class Record:
    """What one annotator made of one trace: the corrected fields (`edits`) and, written only where there are any, the
    steps that were removed and inserted (`structure`), along the trace. Their indices are those of the original trace.
    An edit of a step that was removed is not in the corrected trace.

    `n_edits` counts both. `total_edit_distance` sums up the characters of `edits` alone; `lower_bounds` names it where
    a summand is a lower bound, and is written only there."""

    trace_id: str
    annotator: str
    task: str
    original_trace: RecordedTrace
    corrected_trace: RecordedTrace
    edits: tuple[Edit, ...]
    structure: tuple[StructureChange, ...] = field(default=(), kw_only=True)
    n_edits: int
    total_edit_distance: int
    lower_bounds: tuple[Literal["total_edit_distance"], ...] = field(default=(), kw_only=True)
    source: Source

    def __post_init__(self) -> None:
        """Leaves out what is written only where it says something."""
        _leave_out_defaults(self, _RECORD_DEFAULTS)


class EditSums(TypedDict):
    """What a record says about all that was changed."""

    n_edits: int
    total_edit_distance: int
    lower_bounds: tuple[Literal["total_edit_distance"], ...]


def edit_sums(edits: Sequence[Edit], structure: Sequence[StructureChange] = ()) -> EditSums:
    """What a record says about all of these changes."""
    is_lower_bound = any("edit_distance_chars" in edit.lower_bounds for edit in edits)
    return {
        "n_edits": len(edits) + len(structure),
        "total_edit_distance": sum(edit.edit_distance_chars for edit in edits),
        "lower_bounds": ("total_edit_distance",) if is_lower_bound else (),
    }


class RejectReason(str, Enum):
    """Why an annotation is rejected. The value is the slug that files and counts hold, `sentence` is for people."""

    _value_: str
    sentence: str

    NO_TRACE = "no_trace", "the task holds no trace"
    WRONG_SHAPE = "wrong_shape", "a result of the wrong shape"
    UNKNOWN_CONTROL = "unknown_control", "a control that the config lacks"
    UNATTRIBUTED_TEXT = "unattributed_text", "a text that cannot be attributed to a field"
    SEVERAL_TEXTS = "several_texts", "several texts for one field"
    NOT_JSON = "not_json", "not JSON, although the original is"
    UNREADABLE = "unreadable", "a correction with which the trace cannot be read"
    TOOL_MISMATCH = "tool_mismatch", "a call that does not fit its declared tool"
    CHANGED_DATA = "changed_data", "a text that nobody typed and that the trace does not hold"
    NO_REASON = "no_reason", "an edit without a reason"
    WRONG_TYPE = "wrong_type", "an id or a time of another type than Label Studio has"
    NOT_A_STEP = "not_a_step", "an inserted step in which the agent does nothing"
    NO_STEPS = "no_steps", "a trace of which every step is removed"
    NO_TIME = "no_time", "no time, though --since or --until asks for one"

    def __new__(cls, slug: str, sentence: str) -> RejectReason:
        """The member for `slug`; Enum calls this once for each line above."""
        member = str.__new__(cls, slug)
        member._value_ = slug
        member.sentence = sentence
        return member


def reject_sentence(slug: str) -> str:
    """What a person reads for the reason `slug` of a file; `slug` itself when this version does not know it.

    >>> reject_sentence("no_trace")
    'the task holds no trace'
    """
    return next((reason.sentence for reason in RejectReason if reason.value == slug), slug)


@dataclass(frozen=True)
class Reject:
    """A line of `rejects.jsonl`: an annotation that became no record. `detail` says where in it, for a person, and
    the ids and `result` are what Label Studio had, whatever that is."""

    task_id: Any
    annotation_id: Any
    annotator: str
    reason: RejectReason
    detail: str
    result: Any


class RejectedAnnotation(Exception):  # noqa: N818 - it says what happened to the annotation; the program did not fail
    """Raised while an annotation is read; `detail` says where, for a person."""

    def __init__(self, reason: RejectReason, detail: str) -> None:
        super().__init__(f"{reason.sentence}: {detail}")
        self.reason = reason
        self.detail = detail


def parse_record(value: object) -> Record:
    """The record that was written as the JSON object `value`. Keys that no record has are ignored.

    Raises ValueError, with the key, when one is missing or the sums do not match the edits, and TypeError when a value
    is of the wrong type.
    """
    edits = _items(value, "edits", _parse_edit)
    structure = _items(value, "structure", _parse_change) if isinstance(value, dict) and "structure" in value else ()
    sums = edit_sums(edits, structure)
    record = Record(
        trace_id=_text(value, "trace_id"),
        annotator=_text(value, "annotator"),
        task=_text(value, "task"),
        original_trace=_parse_trace(value, "original_trace"),
        corrected_trace=_parse_trace(value, "corrected_trace"),
        edits=edits,
        structure=structure,
        **sums,
        source=_parse_source(typed_item(value, "source", dict)),
    )
    if (_number(value, "n_edits"), _number(value, "total_edit_distance")) != (
        record.n_edits,
        record.total_edit_distance,
    ):
        raise ValueError("`n_edits` and `total_edit_distance` do not match `edits` and `structure`")
    if _lower_bounds(value) != list(sums["lower_bounds"]):
        raise ValueError("`lower_bounds` does not match `edits`")
    return record


def _parse_trace(value: object, key: str) -> RecordedTrace:
    trace = typed_item(value, key, dict)
    typed_item(trace, "steps", list)
    return RecordedTrace(trace)


def _parse_edit(value: object) -> Edit:
    return Edit(
        step_index=_number_or_none(value, "step_index"),
        field=_text(value, "field"),
        original_text=_text(value, "original_text"),
        edited_text=_text(value, "edited_text"),
        edit_distance_chars=_number(value, "edit_distance_chars"),
        edit_distance_words=_number(value, "edit_distance_words"),
        reason=_text(value, "reason"),
        lower_bounds=_parse_distance_keys(value),
    )


def _parse_change(value: object) -> StructureChange:
    match _text(value, "op"):
        case "remove":
            return Removal(_number(value, "step_index"), _text(value, "reason"))
        case "insert":
            step = value.get("step") if isinstance(value, dict) else None
            return Insertion(_number(value, "after"), _number(value, "position"), step, _text(value, "reason"))
    raise ValueError("`op` is not one of the known words")


def _parse_distance_keys(value: object) -> tuple[DistanceKey, ...]:
    named = _lower_bounds(value)
    found = tuple(key for key in get_args(DistanceKey) if key in named)
    if list(found) != named:
        raise ValueError("`lower_bounds` names something other than distances")
    return found


def _lower_bounds(value: object) -> list[Any]:
    named: list[Any] = (
        typed_item(value, "lower_bounds", list) if isinstance(value, dict) and "lower_bounds" in value else []
    )
    return named


def _parse_source(value: dict[str, Any]) -> Source:
    source = _parse_plain_source(value)
    if "checked_calls" not in value:
        return source
    return ChatSource(
        **vars(source),
        format=_text(value, "format"),
        checked_calls=_items(value, "checked_calls", _parse_checked_call),
        not_the_agents=_items(value, "not_the_agents", _parse_edit),
    )


def _parse_checked_call(value: object) -> CheckedCall:
    fit: Fit | None = next((known for known in get_args(Fit) if known == _text(value, "fit")), None)
    if fit is None:
        raise ValueError("`fit` is not one of the known words")
    return CheckedCall(
        _number(value, "step_index"), _number(value, "call"), _text(value, "name"), fit, _text(value, "detail")
    )


def _parse_plain_source(value: dict[str, Any]) -> Source:
    return Source(
        project_id=_identity(value, "project_id"),
        task_id=_identity(value, "task_id"),
        annotation_id=_identity(value, "annotation_id"),
        updated_at=typed_item(value, "updated_at", str, type(None)),
        lead_time=typed_item(value, "lead_time", int, float, type(None)),
        ground_truth=typed_item(value, "ground_truth", bool),
        step_labels=_items(value, "step_labels", _parse_label),
        reasons_without_edit=_items(value, "reasons_without_edit", _parse_reason),
        extra=typed_item(value, "extra", dict),
        remarks=_items(value, "remarks", _parse_remark) if "remarks" in value else (),
        review=_parse_review(value),
        unopened="unopened" in value and typed_item(value, "unopened", bool),
        copy_of=typed_item(value, "copy_of", int, str) if "copy_of" in value else None,
        branch=parse_branch(value["branch"]) if "branch" in value else None,
    )


def _parse_review(value: dict[str, Any]) -> Review | None:
    if "review" not in value:
        return None
    review: Review | None = next((known for known in get_args(Review) if known == _text(value, "review")), None)
    if review is None:
        raise ValueError("`review` is not one of the known words")
    return review


def _parse_label(value: object) -> StepLabel:
    choices = typed_item(value, "choices", list)
    if not all(isinstance(choice, str) for choice in choices):
        raise TypeError("`choices` holds something other than strings")
    return StepLabel(_number_or_none(value, "step_index"), _text(value, "name"), tuple(choices))


def _parse_remark(value: object) -> Remark:
    return Remark(
        _text(value, "control"), _number_or_none(value, "step_index"), _text(value, "field"), _text(value, "text")
    )


def _parse_reason(value: object) -> ReasonWithoutEdit:
    return ReasonWithoutEdit(_number_or_none(value, "step_index"), _text(value, "field"), _text(value, "reason"))


def _items(value: object, key: str, parse: Callable[[object], Item]) -> tuple[Item, ...]:
    return tuple(parse(item) for item in typed_item(value, key, list))


def _text(value: object, key: str) -> str:
    text: str = typed_item(value, key, str)
    return text


def _number(value: object, key: str) -> int:
    number: int = typed_item(value, key, int)
    return number


def _identity(value: object, key: str) -> Identity:
    identity: Identity = typed_item(value, key, int, str, type(None))
    return identity


def _number_or_none(value: object, key: str) -> int | None:
    number: int | None = typed_item(value, key, int, type(None))
    return number


def row_key(task_id: object, annotation_id: object) -> RowKey:
    """What the rows of an annotation are sorted by. The annotations of a task without a number stay together: they come
    one after the other."""
    return (number, row_number(annotation_id)) if (number := row_number(task_id)) else (0, 0)


def row_number(identity: object) -> int:
    """The number by which rows are sorted, of the id of a task or an annotation; 0 for an id that is none."""
    return identity if type(identity) is int and abs(identity) < 1 << 63 else 0
