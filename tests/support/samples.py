"""Records and samples for tests, each made by converting an annotation like any other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from ls_trajedit.converters.annotations.convert_task import convert_task
from ls_trajedit.converters.annotations.outcome import Edited, Outcome, Unedited
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.record import Record
from ls_trajedit.converters.training.rendering import Rendering
from ls_trajedit.converters.training.rules import TrainingRules
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.label_config.chat_data import chat_data
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.label_config.structure import INSERT_AFTER, INSERT_BEFORE, REMOVE
from ls_trajedit.label_config.task_data import to_task_data
from ls_trajedit.traces.field_path import FieldPath, get_field, parse_path
from ls_trajedit.traces.json_text import json_indented
from ls_trajedit.traces.read import read_chat
from ls_trajedit.traces.read_options import NO_OPTIONS
from tests.support.loop import choices_result, text_result

__all__ = [
    "NO_STRUCTURE",
    "TEXT",
    "TOOLS",
    "EditOf",
    "LabelsOf",
    "Structure",
    "chat_outcome",
    "chat_sample",
    "hand_made_outcome",
    "outcome_of",
    "record_of",
    "sample_of",
    "samples",
]

EditOf = tuple[int | None, str, Any]
"""Step, field and the value that it gets; for the final answer None, its key and the text."""

TEXT = Rendering()
TOOLS = Rendering(as_tool_calls=True)

_TEXTS = st.sampled_from(
    [
        *("", " ", "null", "7", "2024-01-01", "a\r\nb", "a\u2028b", "\udc80", "é", "😀", "{x}", "f(x=1)", "f( x=1 )"),
        *("g('x')", '{"name": "f", "arguments": {"x": 1}}', "a\nAction: b", "Observation: x"),
    ]
) | st.text(max_size=3)
_VALUES: st.SearchStrategy[Any] = st.one_of(
    _TEXTS, _TEXTS, st.sampled_from([None, 0, 1.5, True, [], {"name": "f", "arguments": {}}])
)


LabelsOf = dict[tuple[int, str], list[str]]
"""The choices made for a step, by its number and the kind of label: `correctness`, `error_type` or another name."""


@dataclass(frozen=True)
class Structure:
    """Which steps an annotator removes, and what they insert after which, each by its boxes: -1 is before the first."""

    removed: Sequence[int] = ()
    inserted: Mapping[int, Sequence[Mapping[str, str]]] = field(default_factory=dict)


NO_STRUCTURE = Structure()
_CALL_WORDS = {"name": "call_0__name", "arguments": "call_0__arguments"}


def sample_of(
    steps: list[Any],
    *edits: EditOf,
    rendering: Rendering = TEXT,
    rules: TrainingRules | None = None,
    **more: Any,
) -> Sample:
    """What the formats get of the record with these steps and edits."""
    outcome = outcome_of(steps, *edits, **more)
    return Sample(outcome.record, rendering, rules or TrainingRules(), traces=outcome.traces)


def record_of(steps: list[Any], *edits: EditOf, **more: Any) -> Record:
    """The record of a trace with these steps, after these edits."""
    return outcome_of(steps, *edits, **more).record


def outcome_of(
    steps: list[Any],
    *edits: EditOf,
    answer: Any = None,
    task: str = "Do it.",
    trace_id: str = "t1",
    annotator: str = "3",
    updated_at: str | None = None,
    extra: dict[str, Any] | None = None,
    labels: LabelsOf | None = None,
    structure: Structure = NO_STRUCTURE,
    task_id: int = 5,
    annotation_id: int = 8,
) -> Edited | Unedited:
    """What becomes of an annotation that makes these edits in a trace with these steps, gives steps these labels, and
    removes and inserts these. Without `answer` the trace has no final answer. An edit to the value that a field has
    already is not one."""
    trace = {"id": trace_id, "task": task, "steps": steps, **({} if answer is None else {"final_answer": answer})}
    data = _task_data({**trace, **(extra or {})}, edits)
    paths = [_path(step, field) for step, field, _ in edits]
    results = [
        text_result(f"corrected_{number}", f"original_{number}", _typed(trace, edit))
        for number, edit in enumerate(edits)
    ]
    choices = ""
    for number, ((step, name), chosen) in enumerate((labels or {}).items()):
        choices += f'<Text name="scored_{number}" value="$steps[{step}].action"/>'
        choices += f'<Choices name="s{step}__{name}" toName="scored_{number}"><Choice value="x"/></Choices>'
        results.append(choices_result(f"s{step}__{name}", f"scored_{number}", chosen))
    cards, changes = _structure_results(structure, lambda word: word, "action")
    choices, results = choices + cards, results + changes
    annotation = {"id": annotation_id, "completed_by": annotator, "result": results, "updated_at": updated_at}
    whole = {"id": task_id, "project": 1, "data": data, "annotations": [annotation]}
    (outcome,) = convert_task(whole, read_config(_config(paths, choices)), ReadingRules())
    assert isinstance(outcome, Edited | Unedited), outcome
    return outcome


def chat_outcome(
    source: Any,
    corrections: dict[str, str],
    *,
    format_: str = "openai-chat",
    rules: ReadingRules | None = None,
    reason: str | None = None,
    structure: Structure = NO_STRUCTURE,
    annotation_id: int = 8,
    annotator: str = "3",
) -> Outcome:
    """What becomes of an annotation of a conversation on our own page. `corrections` say what was typed at which path
    of the task's data, such as `steps[0].content`; with `reason`, the annotator gave it for each."""
    trace = read_chat(source, format_, NO_OPTIONS)[0]
    data = chat_data(trace, NO_OPTIONS)
    return hand_made_outcome(
        data,
        corrections,
        rules=rules,
        reason=reason,
        structure=structure,
        annotation_id=annotation_id,
        annotator=annotator,
    )


def hand_made_outcome(
    data: dict[str, Any],
    corrections: dict[str, str],
    *,
    rules: ReadingRules | None = None,
    reason: str | None = None,
    labels: dict[str, list[str]] | None = None,
    structure: Structure = NO_STRUCTURE,
    annotation_id: int = 8,
    annotator: str = "3",
) -> Outcome:
    """What becomes of an annotation of a task that somebody imported as it stands, with an editor for each of the paths
    in `corrections`. `labels` are choices for the field at a path. The steps of a `structure` are those of a
    conversation: `reasoning`, `content`, `name` and `arguments` of a call, and what was `heard`."""
    config, results = "", []
    for number, (path, typed) in enumerate(corrections.items()):
        config += f'<Text name="original_{number}" value="${path}"/>'
        config += f'<TextArea name="corrected_{number}" toName="original_{number}"/>'
        results.append(text_result(f"corrected_{number}", f"original_{number}", typed))
        if reason is not None:
            config += f'<TextArea name="corrected_{number}__reason" toName="original_{number}"/>'
            results.append(text_result(f"corrected_{number}__reason", f"original_{number}", reason))
    for number, (path, choices) in enumerate((labels or {}).items()):
        config += f'<Text name="scored_{number}" value="${path}"/>'
        config += (
            f'<Choices name="scored_{number}__correctness" toName="scored_{number}"><Choice value="Wrong"/></Choices>'
        )
        results.append(choices_result(f"scored_{number}__correctness", f"scored_{number}", choices))
    cards, changes = _structure_results(structure, lambda word: _CALL_WORDS.get(word, word), "title")
    config, results = config + cards, results + changes
    annotation = {"id": annotation_id, "completed_by": annotator, "result": results}
    task = {"id": 5, "project": 1, "data": data, "annotations": [annotation]}
    (outcome,) = convert_task(task, read_config(f"<View>{config}</View>"), rules or ReadingRules())
    return outcome


def chat_sample(
    source: Any,
    corrections: dict[str, str],
    *,
    format_: str = "openai-chat",
    rules: TrainingRules | None = None,
    structure: Structure = NO_STRUCTURE,
) -> Sample:
    """What the formats get of the record of a conversation after these corrections on our own page."""
    outcome = chat_outcome(source, corrections, format_=format_, structure=structure)
    assert isinstance(outcome, Edited | Unedited), outcome
    return Sample(outcome.record, rules=rules or TrainingRules(), traces=outcome.traces)


@st.composite
def samples(draw: st.DrawFn, rendering: Rendering | None = None, observation: str | None = None) -> Sample:
    """A trace with steps of all shapes, and edits of some of its fields. With `observation`, every step that is an
    object has observed just that, and nobody edited it."""
    steps: list[Any] = []
    for _ in range(draw(st.integers(1, 5))):
        if draw(st.integers(0, 5)) == 0:
            steps.append(draw(_TEXTS))
            continue
        keys = draw(st.sets(st.sampled_from(["thought", "action", "observation", "note"])))
        step = {key: draw(_VALUES) for key in sorted(keys)}
        if draw(st.booleans()):
            step["args"] = {"query": draw(_VALUES)}
        steps.append(step if observation is None else {**step, "observation": observation})
    answer = draw(st.none() | _TEXTS)
    places: list[tuple[int | None, str]] = [] if answer is None else [(None, "final_answer")]
    for index, step in enumerate(steps):
        if isinstance(step, str):
            places.append((index, "action"))
        else:
            fixed = ("args",) if observation is None else ("args", "observation")
            places += [(index, key) for key in step if key not in fixed and step[key] is not None]
            places += [(index, "args.query")] if step.get("args", {}).get("query") is not None else []
    edits: list[EditOf] = []
    for place in draw(st.lists(st.sampled_from(places), unique=True)) if places else []:
        edits.append((*place, draw(_TEXTS)))
    record = record_of(steps, *edits, answer=answer, task=draw(_TEXTS))
    return Sample(record, rendering or draw(st.sampled_from([TEXT, TOOLS])))


def _task_data(trace: dict[str, Any], edits: tuple[EditOf, ...]) -> dict[str, Any]:
    bare = [field for step, field, _ in edits if step is not None and isinstance(trace["steps"][step], str)]
    return to_task_data(
        trace,
        steps_path=("steps",),
        step_text_key=bare[0] if bare else "action",
        step_fields=[parse_path(field) for step, field, _ in edits if step is not None],
        top_fields=[(field,) for step, field, _ in edits if step is None],
    )


def _path(step: int | None, field: str) -> str:
    return field if step is None else f"steps[{step}].{field}"


def _typed(trace: dict[str, Any], edit: EditOf) -> str:
    """What the annotator types to give the field its value: a field that is not a string is edited as JSON."""
    step, field, value = edit
    inside: FieldPath = parse_path(field)
    if step is not None and isinstance(trace["steps"][step], str):
        inside = ()
    original = get_field(trace, inside if step is None else ("steps", step, *inside))
    if isinstance(original, str):
        assert isinstance(value, str), "a string can be corrected to another string only"
        return value
    return json_indented(value)


def _config(paths: list[str], more: str) -> str:
    """A labeling config with an editor for each path; one for the first action when there are none."""
    editors = "".join(
        f'<Text name="original_{number}" value="${path}"/>'
        f'<TextArea name="corrected_{number}" toName="original_{number}"/>'
        for number, path in enumerate(paths or ["steps[0].action"])
    )
    return f'<View><Text name="task" value="$task"/>{editors}{more}</View>'


def _structure_results(structure: Structure, box: Callable[[str], str], shown: str) -> tuple[str, list[dict[str, Any]]]:
    """A card for each step that is removed or has one inserted beside it, which points at the field `shown` of the
    step, and what is chosen and typed there. `box` says what the box of a field is called."""
    words = {word for steps in structure.inserted.values() for typed in steps for word in typed}
    # What the agent does can be corrected elsewhere, what it observes cannot.
    config = "".join(
        f'<Text name="last__{word}" value="$steps[99].{word}"/>'
        f'<TextArea name="last__{word}__corrected" toName="last__{word}"/>'
        for word in sorted(words - {"observation"})
    )
    results = []
    for step in sorted({*structure.removed, *(max(after, 0) for after in structure.inserted)}):
        card, at = f"card_{step}", f"card_{step}__{shown}"
        chosen = [REMOVE] if step in structure.removed else []
        texts: dict[str, str] = {}
        slots = [(step, "insert", INSERT_AFTER)] + ([(-1, "before", INSERT_BEFORE)] if step == 0 else [])
        for after, kind, names in slots:
            for number, typed in enumerate(structure.inserted.get(after, ())):
                chosen.append(names[number])
                texts.update({f"{card}__{kind}_{number + 1}__{box(word)}": text for word, text in typed.items()})
        for word in sorted({*words, shown}):
            config += f'<Text name="{card}__{word}" value="$steps[{step}].{word}"/>'
        offered = "".join(f'<Choice value="{choice}"/>' for choice in (REMOVE, *INSERT_AFTER, *INSERT_BEFORE))
        config += f'<Choices name="{card}__structure" toName="{at}" choice="multiple">{offered}</Choices>'
        results.append(choices_result(f"{card}__structure", at, chosen))
        for control, text in texts.items():
            config += f'<TextArea name="{control}" toName="{at}"/>'
            results.append(text_result(control, at, text))
    return config, results
