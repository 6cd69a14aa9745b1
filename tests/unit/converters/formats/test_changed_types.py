"""Corrections that make another type of a value: a row that says so, or a reason, in every format; never a traceback.

What is expected is worked out here from the documentation: JSON in the box of a field that is not a string is a value,
null and blank text say nothing, and everything else is written as compact JSON.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ls_trajedit.converters.annotations.convert_task import convert_task
from ls_trajedit.converters.annotations.outcome import Edited, Rejected, Unedited
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.chunk import RawTask, convert_chunk
from ls_trajedit.converters.formats.registry import FORMATS
from ls_trajedit.converters.plan import ExportPlan
from ls_trajedit.converters.record import RejectReason, parse_record
from ls_trajedit.converters.training.counts import Omission
from ls_trajedit.converters.training.rendering import Rendering
from ls_trajedit.converters.training.rules import TrainingRules
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.traces.json_text import RawJson, json_line, parse_json
from ls_trajedit.traces.template import parse_template
from tests.support.loop import text_result
from tests.support.rows import rows, said
from tests.support.samples import TEXT, TOOLS, chat_outcome, hand_made_outcome

NOTHING = object()
# What was typed into the box of a value that is not a string: the value that it is, and how a template writes that.
JSON_TEXTS: dict[str, tuple[Any, Any]] = {
    "null": (None, NOTHING),
    "[]": ([], "[]"),
    "0": (0, "0"),
    "true": (True, "true"),
    '"x"': ("x", "x"),
    '""': ("", NOTHING),
    '" "': (" ", NOTHING),
    "{}": ({}, "{}"),
    '{"name":"f","arguments":{}}': ({"name": "f", "arguments": {}}, '{"name":"f","arguments":{}}'),
}
ORIGINALS: list[Any] = [{"a": 1}, {"name": "g", "arguments": {"x": 1}}, [1], 7, 0, 0.5, True, False, [], {}]
FILES = [file.file for format_ in FORMATS.values() for file in format_.files]
OMISSIONS = {omission.value for omission in Omission}
OWN = Rendering(as_tool_calls=True, step=parse_template("{thought}\n{tool}({args}) {action}"))
RENDERINGS = [TEXT, TOOLS, OWN]


def original_text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def outcome_of(trace: dict[str, Any], path: str, typed: str) -> Any:
    return hand_made_outcome(trace, {path: typed})


def trace_with(**more: Any) -> dict[str, Any]:
    return {"id": "t1", "task": "Do it.", "steps": [{"thought": "hm", "action": "go"}], **more}


def check_every_file(outcome: Edited | Unedited, answer_key: str = "final_answer") -> None:
    """Every format has rows, or says why not, and the record comes back as it was."""
    assert parse_record(parse_json(json_line(outcome.record))) == outcome.record
    for rendering in RENDERINGS:
        for rules in (TrainingRules(), TrainingRules(stale="truncate", edge_whitespace="learn")):
            named = replace(rendering, final_answer_key=answer_key)
            sample = Sample(outcome.record, named, rules, traces=outcome.traces)
            for file in FILES:
                for row in rows(file, sample):
                    assert not isinstance(row, str) or row in OMISSIONS
                    json_line(row)


@pytest.mark.parametrize("typed", [*JSON_TEXTS, ""])
@pytest.mark.parametrize("original", ORIGINALS, ids=original_text)
def test_a_final_answer_that_is_not_a_string(original: Any, typed: str) -> None:
    outcome = outcome_of(trace_with(final_answer=original), "final_answer", typed)
    if typed == "":
        assert isinstance(outcome, Rejected)
        assert outcome.reject.reason is RejectReason.NOT_JSON
        return
    value, shown = JSON_TEXTS[typed]
    check_every_file(outcome)
    if json.dumps(value) == json.dumps(original):
        assert isinstance(outcome, Unedited)
        return
    trace = outcome.record.corrected_trace.value()
    assert (trace["final_answer"], type(trace["final_answer"])) == (value, type(value))
    assert outcome.record.original_trace.value()["final_answer"] == original
    sample = Sample(outcome.record, traces=outcome.traces)
    before = f"Final Answer: {original_text(original)}"
    assert rows("prm/prm.jsonl", sample)[0]["labels"] == [True, False]
    assert rows("prm/prm.jsonl", sample)[0]["completions"] == ["Thought: hm\nAction: go", before]
    for file in ("trl/dpo.jsonl", "trl/kto.jsonl", "openai/dpo.jsonl", "llamafactory/dpo.json"):
        assert (rows(file, sample) == ["empty"]) == (shown is NOTHING), file
    if shown is NOTHING:
        assert rows("openai/sft.jsonl", sample) == rows("trl/sft_prompt_completion.jsonl", sample) == ["empty"]
        assert rows("trl/sft.jsonl", sample)[0]["messages"][-1] == said("Thought: hm\nAction: go")
        assert rows("trl/dpo_trajectory.jsonl", sample)[0]["rejected"][-1] == said(before)
    else:
        (pair,) = rows("trl/dpo.jsonl", sample)
        assert (pair["chosen"], pair["rejected"]) == ([said(f"Final Answer: {shown}")], [said(before)])
        assert [row["completion"] for row in rows("trl/kto.jsonl", sample)] == [pair["chosen"], pair["rejected"]]
    assert rows("native/corrected.jsonl", sample) == [trace_with(final_answer=value)]


@pytest.mark.parametrize("typed", [*JSON_TEXTS, ""])
@pytest.mark.parametrize("original", ORIGINALS, ids=original_text)
def test_a_field_of_a_step_that_is_not_a_string(original: Any, typed: str) -> None:
    trace = trace_with(steps=[{"thought": "hm", "action": original}, {"action": "stop"}])
    outcome = outcome_of(trace, "steps[0].action", typed)
    if typed == "":
        assert isinstance(outcome, Rejected)
        assert outcome.reject.reason is RejectReason.NOT_JSON
        return
    value, shown = JSON_TEXTS[typed]
    check_every_file(outcome)
    if json.dumps(value) == json.dumps(original):
        assert isinstance(outcome, Unedited)
        return
    (pair,) = rows("trl/dpo.jsonl", Sample(outcome.record, traces=outcome.traces))
    right = "Thought: hm" if shown is NOTHING else f"Thought: hm\nAction: {shown}"
    assert (pair["chosen"], pair["rejected"]) == (
        [said(right)],
        [said(f"Thought: hm\nAction: {original_text(original)}")],
    )
    assert outcome.record.corrected_trace.steps[0] == {"thought": "hm", "action": value}


@pytest.mark.parametrize("typed", [*JSON_TEXTS, ""])
@pytest.mark.parametrize("field", ["thought", "action", "observation", "note"])
def test_a_string_stays_the_string_that_was_typed(field: str, typed: str) -> None:
    trace = trace_with(steps=[{"thought": "hm", "action": "go", "observation": "ok", "note": "n"}], final_answer="yes")
    for path in (f"steps[0].{field}", "final_answer"):
        outcome = outcome_of(trace, path, typed)
        assert isinstance(outcome, Edited)
        check_every_file(outcome)
        corrected = outcome.record.corrected_trace
        assert (corrected.value()["final_answer"] if path == "final_answer" else corrected.steps[0][field]) == typed


@pytest.mark.parametrize("typed", [typed for typed, (_, shown) in JSON_TEXTS.items() if shown is NOTHING])
def test_json_that_says_nothing_in_a_line_of_several_fields_empties_it_by_half(typed: str) -> None:
    trace = trace_with(steps=[{"tool": "search", "args": {"q": "x"}}])
    outcome = outcome_of(trace, "steps[0].args", typed)
    rendering = Rendering(step=parse_template("{tool}({args})"))
    assert rows("trl/dpo.jsonl", Sample(outcome.record, rendering, traces=outcome.traces)) == ["empty"]


@pytest.mark.parametrize("typed", ["null", "0", "[]", '[{"action": "a"}, {"action": "b"}]'])
def test_a_list_of_steps_that_is_none_any_more_rejects(typed: str) -> None:
    outcome = outcome_of(trace_with(), "steps", typed)
    assert isinstance(outcome, Rejected)
    assert outcome.reject.reason is RejectReason.UNREADABLE


@pytest.mark.parametrize("path", ["task", "id"])
@pytest.mark.parametrize("typed", [*JSON_TEXTS, ""])
def test_a_task_or_an_id_of_any_type(path: str, typed: str) -> None:
    for original in ("x", *ORIGINALS):
        outcome = outcome_of({**trace_with(), path: original}, path, typed)
        if isinstance(outcome, Rejected):
            assert outcome.reject.reason is RejectReason.NOT_JSON
        else:
            check_every_file(outcome, path)


def test_a_trace_without_steps_has_rows_of_its_final_answer() -> None:
    outcome = outcome_of(trace_with(steps=[], answer={"a": 1}), "answer", "null")
    check_every_file(outcome, "answer")
    sample = Sample(outcome.record, traces=outcome.traces)
    (before,) = rows("atif/original.jsonl", sample)
    (after,) = rows("atif/corrected.jsonl", sample)
    assert [step["source"] for step in before["steps"]] == ["user", "agent"]
    assert [step["source"] for step in after["steps"]] == ["user"]


def test_a_final_answer_under_another_key_is_in_atif() -> None:
    outcome = outcome_of(trace_with(answer="no"), "answer", "yes")
    sample = Sample(outcome.record, traces=outcome.traces)
    assert rows("atif/original.jsonl", sample)[0]["steps"][-1]["message"] == "no"
    assert rows("atif/corrected.jsonl", sample)[0]["steps"][-1]["message"] == "yes"


CHAT_ARGUMENTS: list[Any] = ['{"x": 1}', {"x": 1}, "not JSON", "[1]", "5", "null", ""]


@pytest.mark.parametrize("typed", [*JSON_TEXTS, ""])
@pytest.mark.parametrize("arguments", CHAT_ARGUMENTS, ids=repr)
def test_parts_of_a_conversation(arguments: Any, typed: str) -> None:
    call = {"id": "k", "type": "function", "function": {"name": "f", "arguments": arguments}}
    source = {
        "messages": [
            {"role": "user", "content": "Q"},
            {"role": "assistant", "content": "Hi", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "k", "content": "r"},
            {"role": "assistant", "content": "done"},
        ]
    }
    ours = ("steps[0].content", "steps[0].tool_calls[0].arguments", "steps[0].tool_calls[0].name")
    recorded = (
        *("messages[1].content", "messages[1].tool_calls[0].function.arguments", "messages[1].tool_calls[0]"),
        *("messages[1].tool_calls[0].function.name", "messages[2].content", "messages[0].content", "messages[1]"),
    )
    outcomes = [chat_outcome(source, {path: typed}) for path in ours]
    outcomes += [hand_made_outcome({"id": "c", **source}, {path: typed}) for path in recorded]
    for outcome in outcomes:
        if isinstance(outcome, Rejected):
            assert outcome.reject.reason in (RejectReason.NOT_JSON, RejectReason.UNREADABLE)
        else:
            assert isinstance(outcome, Edited | Unedited)
            check_every_file(outcome)
    assert outcomes[0].record.edits[0].edited_text == typed  # type: ignore[union-attr]  # text is never refused


@pytest.mark.parametrize("typed", [*JSON_TEXTS, ""])
def test_two_annotators_who_agree_on_it(typed: str) -> None:
    config = '<View><Text name="o" value="$final_answer"/><TextArea name="c" toName="o"/></View>'
    result = [text_result("c", "o", typed)]
    annotations = [{"id": number, "completed_by": number, "result": result} for number in (1, 2)]
    task = {"id": 5, "project": 1, "data": trace_with(final_answer={"a": 1}), "annotations": annotations}
    plan = ExportPlan(tuple(FORMATS.values()), rules=TrainingRules(annotators_policy="agree"))
    chunk = convert_chunk([RawTask("task 5", RawJson(json_line(task)))], read_config(config), ReadingRules(), plan)
    assert chunk.counts.kinds["rejected" if typed == "" else "edited"] == 2
    pairs = chunk.rows.get("trl/dpo.jsonl", [])
    assert len(pairs) == (typed != "" and JSON_TEXTS[typed][1] is not NOTHING)
    assert all(json.loads(pair.raw)["annotator"] == "1+2" for pair in pairs)
    outcomes = list(convert_task(task, read_config(config), ReadingRules()))
    assert len(outcomes) == 2
