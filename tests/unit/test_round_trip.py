"""Traces go out to Label Studio and come back: nothing changes but what somebody changed.

Every step is the real one, except that nobody asks a server. What must come out is worked out here, by hand, from the
traces as they went in.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ls_trajedit.converters.annotations.outcome import Edited, Outcome, Unedited
from ls_trajedit.converters.record import Record
from ls_trajedit.label_config.predict import predict
from ls_trajedit.traces.json_text import json_line
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.options_file import options_from
from tests.support.loop import (
    NOTHING,
    Editor,
    Project,
    annotate,
    at,
    editors,
    is_about_structure,
    project_of,
    text_result,
)
from tests.support.strategies import Case, cases, exact, json_values, texts

Draw = Callable[[st.SearchStrategy[Any]], Any]


def steps_of(case: Case, trace: dict[str, Any]) -> list[Any]:
    found = at(trace, case.options.steps_key)
    assert isinstance(found, list)
    return found


def original_value(case: Case, trace: dict[str, Any], editor: Editor) -> Any:
    """What the editor corrects, in the trace as it went in; NOTHING where there is nothing to correct."""
    if editor.step is None:
        found = at(trace, editor.field)
    else:
        steps = steps_of(case, trace)
        step = steps[editor.step] if editor.step < len(steps) else NOTHING
        if isinstance(step, str):
            found = step if editor.field == case.options.step_text_key else NOTHING
        else:
            found = at(step, editor.field)
    return NOTHING if found is None else found


def parts(case: Case, trace: dict[str, Any]) -> dict[str, Any]:
    """The trace under the names of the output format, without its task."""
    found: dict[str, Any] = {"steps": steps_of(case, trace)}
    # A config that shows no final answer says nothing of its key; then it is read under the usual one.
    shown = case.options.edit_final_answer or any(has(trace, case.options.final_answer_key) for trace in case.traces)
    key = case.options.final_answer_key if shown else "final_answer"
    if has(trace, key):
        found[key] = at(trace, key)
    return found


def has(trace: dict[str, Any], key: str) -> bool:
    return at(trace, key) is not NOTHING and at(trace, key) is not None


def without_task(trace: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in trace.items() if key != "task"}


def trace_id(case: Case, trace: dict[str, Any]) -> str:
    key = case.options.id_key if any(has(trace, case.options.id_key) for trace in case.traces) else "id"
    return str(at(trace, key)) if has(trace, key) else "5"


def assert_task(case: Case, trace: dict[str, Any], record: Record) -> None:
    """The task is the first of its keys that has one: verbatim, or as JSON where it is not a string."""
    keys = [case.options.task_key, "task", "text"]
    task = next((at(trace, key) for key in keys if has(trace, key)), "")
    assert record.task == record.original_trace.value()["task"] == record.corrected_trace.value()["task"]
    if isinstance(task, str):
        assert record.task == task
    else:
        assert exact(json.loads(record.task)) == exact(task)


def present_editors(case: Case, project: Project, number: int) -> list[Editor]:
    trace = case.traces[number]
    found = editors(project.config, case.options.steps_key, len(steps_of(case, trace)))
    return [editor for editor in found if original_value(case, trace, editor) is not NOTHING]


def put(case: Case, trace: dict[str, Any], editor: Editor, value: Any) -> None:
    """Changes the trace the way the editor says it is to be changed."""
    target: Any = trace
    path = editor.field
    if editor.step is not None:
        steps = steps_of(case, trace)
        if isinstance(steps[editor.step], str):
            steps[editor.step] = value
            return
        target = steps[editor.step]
    *way, last = [key or int(index) for key, index in re.findall(r"(\w+)|\[(\d+)\]", path)]
    for segment in way:
        target = target[segment]
    target[last] = value


def structure_boxes(options: Options, steps: int, shows_observation: bool) -> int:
    """How many boxes the removed and inserted steps of a trace of so many `steps` may have."""
    has_observation = shows_observation and "observation" not in options.editable_fields
    boxes = len(options.editable_fields) + has_observation + options.require_reason_on_edit
    gaps = steps * 2 if options.layout == "repeater" else steps + (steps > 0)
    return gaps * options.allow_insert * boxes + steps * (options.allow_remove and options.require_reason_on_edit)


@given(cases())
def test_every_field_that_a_trace_has_gets_one_editor_and_one_prediction_with_its_text_as_it_is(case: Case) -> None:
    project = project_of(case.options, case.traces)
    for number, trace in enumerate(case.traces):
        steps = steps_of(case, trace)
        cards = len(steps) if case.options.layout == "repeater" else case.options.max_steps or len(steps)
        wanted = [(step, field) for step in range(min(cards, len(steps))) for field in case.options.editable_fields] + [
            (None, case.options.final_answer_key)
        ] * case.options.edit_final_answer
        present = present_editors(case, project, number)
        assert [(editor.step, editor.field) for editor in present] == [
            (step, field)
            for step, field in wanted
            if original_value(case, trace, Editor("", "", step, field)) is not NOTHING
        ]
        results = predict({"data": project.data[number]}, project.config)
        opened = [result for result in results if is_about_structure(result["from_name"])]
        assert [result["value"]["text"] for result in opened] == [[""]] * structure_boxes(
            case.options, min(cards, len(steps)), '__observation"' in project.config
        )
        results = [result for result in results if result not in opened]
        corrected = [result for result in results if not result["from_name"].endswith("__reason")]
        assert [(r["from_name"], r["to_name"]) for r in corrected] == [(e.control, e.original) for e in present]
        assert len(results) == len(present) * (2 if case.options.require_reason_on_edit else 1)
        for result, editor in zip(corrected, present, strict=True):
            (text,) = result["value"]["text"]
            value = original_value(case, trace, editor)
            assert text == value if isinstance(value, str) else exact(json.loads(text)) == exact(value)


@given(cases())
def test_an_untouched_prediction_is_no_edit(case: Case) -> None:
    project = project_of(case.options, case.traces)
    for number, trace in enumerate(case.traces):
        outcome = annotate(project, task=number)
        assert isinstance(outcome, Unedited)
        record = outcome.record
        assert exact(without_task(record.original_trace.value())) == exact(parts(case, trace))
        assert record.corrected_trace == record.original_trace
        assert (record.edits, record.n_edits, record.total_edit_distance) == ((), 0, 0)
        assert record.trace_id == trace_id(case, trace)
        assert_task(case, trace, record)


@given(cases())
def test_what_only_went_through_a_browser_is_no_edit(case: Case) -> None:
    project = project_of(case.options, case.traces)
    for number in range(len(case.traces)):
        results = predict({"data": project.data[number]}, project.config)
        for result in results:
            result["value"]["text"] = [re.sub("\r\n|\r", "\n", text) for text in result["value"]["text"]]
        assert isinstance(annotate(project, results, task=number), Unedited)


@given(cases(), st.data())
def test_exactly_what_somebody_changed_is_changed(case: Case, data: st.DataObject) -> None:
    project = project_of(case.options, case.traces)
    trace = case.traces[0]
    expected = copy.deepcopy(trace)
    results, wanted = [], []
    for editor in present_editors(case, project, 0):
        value = original_value(case, trace, editor)
        shown = predicted_text(project, editor)
        if not data.draw(st.booleans(), label=f"edit {editor.control}"):
            results += data.draw(st.sampled_from([[], [text_result(editor.control, editor.original, shown)]]))
            continue
        typed, restored, new = data.draw(text_edits(value) if isinstance(value, str) else json_edits(value))
        submitted = data.draw(st.sampled_from([[typed], [typed, typed], [shown, typed], [typed, shown]]))
        results.append(text_result(editor.control, editor.original, *submitted))
        wanted.append((editor.step, editor.field, shown, restored))
        put(case, expected, editor, new)
    outcome = annotate(project, data.draw(st.permutations(results)))
    check_edits(case, outcome, expected, wanted)


def check_edits(case: Case, outcome: Outcome, expected: dict[str, Any], wanted: list[tuple[Any, ...]]) -> None:
    assert isinstance(outcome, Edited if wanted else Unedited)
    record = outcome.record
    assert [(edit.step_index, edit.field, edit.original_text, edit.edited_text) for edit in record.edits] == wanted
    assert record.n_edits == len(wanted)
    assert record.total_edit_distance == sum(edit.edit_distance_chars for edit in record.edits)
    # A JSON text that says the same in another way changes a text but no value, so distances can be anything there.
    assert exact(without_task(record.original_trace.value())) == exact(parts(case, case.traces[0]))
    assert exact(without_task(record.corrected_trace.value())) == exact(parts(case, expected))
    assert_task(case, case.traces[0], record)


def predicted_text(project: Project, editor: Editor) -> str:
    (text,) = [
        result["value"]["text"][0]
        for result in predict({"data": project.data[0]}, project.config)
        if result["from_name"] == editor.control
    ]
    assert isinstance(text, str)
    return text


@st.composite
def text_edits(draw: Draw, original: str) -> tuple[str, str, str]:
    """What somebody types instead of `original`, and twice what must come out."""
    typed = draw(texts().filter(lambda text: plain(text) != plain(original)))
    kinds = set(re.findall("\r\n|\r|\n", original))
    if "\r" not in typed and "\n" in typed and kinds & {"\r\n", "\r"}:
        if len(kinds) > 1:
            # Which line end a new line gets is told in test_newlines.py.
            typed = typed.replace("\n", "⏎")
        restored = typed.replace("\n", next(iter(kinds)))
        return typed, restored, restored
    return typed, typed, typed


def plain(text: str) -> str:
    return re.sub("\r\n|\r", "\n", text)


@st.composite
def json_edits(draw: Draw, original: Any) -> tuple[str, str, Any]:
    """What somebody types instead of a value that is not a string: other JSON, laid out in any way."""
    value = draw(json_values().filter(lambda value: json_key(value) != json_key(original)))
    text = json.dumps(value, indent=draw(st.sampled_from([None, 1, 4])), ensure_ascii=draw(st.booleans()))
    return text, text, value


def json_key(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


@given(cases(), st.data())
def test_json_that_says_the_same_in_another_layout_is_no_edit(case: Case, data: st.DataObject) -> None:
    project = project_of(case.options, case.traces)
    results = []
    for editor in present_editors(case, project, 0):
        value = original_value(case, case.traces[0], editor)
        if not isinstance(value, str):
            text = json.dumps(value, indent=data.draw(st.sampled_from([None, 1, 4])), ensure_ascii=True)
            results.append(text_result(editor.control, editor.original, text))
    assert isinstance(annotate(project, results), Unedited)


@pytest.mark.parametrize("layout", ["unrolled", "repeater"])
def test_the_example_of_the_format_comes_out_as_its_documentation_shows_it(layout: str) -> None:
    trace = {
        "id": "traj_001",
        "task_description": "Find the weather in San Francisco.",
        "steps": [
            {"thought": "Look it up.", "action": "web_search(queyr='SF weather')"},
            {"thought": "Open it.", "action": "open_url(results[0])"},
        ],
        "final_answer": "It is sunny.",
    }
    options = options_from({"layout": layout, "edit_final_answer": True}, "x")
    project = project_of(options, [trace])
    outcome = annotate(
        project,
        [
            text_result("final_answer__corrected", "final_answer", "It is sunny in San Francisco."),
            text_result("step_0__action__corrected", "step_0__action", "web_search(query='SF weather')"),
            text_result("step_1__action__corrected", "step_1__action", "open_url(results[0])"),
        ],
        updated_at="2026-11-22T10:00:00Z",
        lead_time=12.5,
    )
    original = {
        "task": "Find the weather in San Francisco.",
        "steps": trace["steps"],
        "final_answer": "It is sunny.",
    }
    corrected = {
        "task": "Find the weather in San Francisco.",
        "steps": [
            {"thought": "Look it up.", "action": "web_search(query='SF weather')"},
            {"thought": "Open it.", "action": "open_url(results[0])"},
        ],
        "final_answer": "It is sunny in San Francisco.",
    }
    assert isinstance(outcome, Edited)
    assert exact(json.loads(json_line(outcome.record))) == exact(
        {
            "trace_id": "traj_001",
            "annotator": "3",
            "task": "Find the weather in San Francisco.",
            "original_trace": original,
            "corrected_trace": corrected,
            "edits": [
                {
                    "step_index": 0,
                    "field": "action",
                    "original_text": "web_search(queyr='SF weather')",
                    "edited_text": "web_search(query='SF weather')",
                    "edit_distance_chars": 2,
                    "edit_distance_words": 1,
                    "reason": "",
                },
                {
                    "step_index": None,
                    "field": "final_answer",
                    "original_text": "It is sunny.",
                    "edited_text": "It is sunny in San Francisco.",
                    "edit_distance_chars": 17,
                    "edit_distance_words": 4,
                    "reason": "",
                },
            ],
            "n_edits": 2,
            "total_edit_distance": 19,
            "source": {
                "project_id": 1,
                "task_id": 5,
                "annotation_id": 7,
                "updated_at": "2026-11-22T10:00:00Z",
                "lead_time": 12.5,
                "ground_truth": False,
                "step_labels": [],
                "reasons_without_edit": [],
                "extra": {},
            },
        }
    )
