"""A chunk of tasks becomes counts and rows, from its arguments alone."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from hypothesis import given

from ls_trajedit.converters.annotations.outcome import Edited, Unedited
from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.chunk import ConvertedChunk, RawTask, convert_chunk
from ls_trajedit.converters.formats import interchange
from ls_trajedit.converters.formats.base import TrainingRow
from ls_trajedit.converters.plan import ExportPlan
from ls_trajedit.converters.training.sample import Sample
from ls_trajedit.label_config.predict import predict
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.traces.errors import DataError
from ls_trajedit.traces.json_text import RawJson, json_line
from tests.support.branches import PLAIN_CONFIG, branch_of_plain, plain_parent
from tests.support.loop import annotate, project_of, text_result
from tests.support.strategies import Case, cases

CONFIG = """<View><Text name="t" value="$task"/>
<Text name="a" value="$steps[0].action"/><TextArea name="fix" toName="a"/></View>"""
SCHEMA = read_config(CONFIG)
EDIT, SAME, UNKNOWN = (text_result("fix", "a", "went"), text_result("fix", "a", "go"), text_result("no", "a", "x"))


def task(number: int, *results: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A task with an annotation for each of the results; its number is that of the task and its place."""
    annotations = [{"id": 10 * number + i, "completed_by": 3, "result": [r]} for i, r in enumerate(results)]
    data = {"id": f"tr{number}", "task": "t", "steps": [{"action": "go"}]}
    return {"id": number, "project": 1, "data": data, "annotations": annotations, **more}


def raw(*tasks: Any) -> list[RawTask]:
    return [RawTask(f"e.json:{number}", RawJson(json.dumps(item).encode())) for number, item in enumerate(tasks, 1)]


def convert(*tasks: Any, rules: ReadingRules | None = None) -> ConvertedChunk:
    return convert_chunk(raw(*tasks), SCHEMA, rules or ReadingRules(), ExportPlan())


def test_each_row_stands_under_its_file_with_its_key_in_the_order_of_the_tasks() -> None:
    chunk = convert(task(2, EDIT, SAME), task(1, SAME, UNKNOWN), task(3))
    assert {file: [row.key for row in rows] for file, rows in chunk.rows.items()} == {
        "trajectory_corrections.json": [(2, 20), (2, 21), (1, 10)],
        "trajectory_sft.jsonl": [(2, 20)],
        "trajectory_dpo.jsonl": [(2, 20)],
        "rejects.jsonl": [(1, 11)],
    }
    assert json.loads(chunk.rows["trajectory_sft.jsonl"][0].raw) == {
        "prompt": "t",
        "completion": {"task": "t", "steps": [{"action": "went"}]},
        "trace_id": "tr2",
    }
    assert json.loads(chunk.rows["rejects.jsonl"][0].raw)["detail"] == "`no`"


def test_what_was_counted_comes_with_the_rows() -> None:
    counted = convert(task(1, EDIT, SAME, drafts=[5, 6]), task(2, UNKNOWN, drafts=[]), task(3)).counts.as_json()
    found = {kind: counted[kind] for kind in ("tasks", "drafts", "edited", "unedited", "rejected")}
    assert found == {"tasks": 3, "drafts": 1, "edited": 1, "unedited": 1, "rejected": 1}
    assert counted["edits_by_field"] == {"action": 1}


def test_no_tasks_make_no_rows() -> None:
    assert convert() == ConvertedChunk()


def test_what_goes_in_and_what_comes_out_can_be_sent_to_another_process() -> None:
    arguments = (raw(task(1, EDIT, UNKNOWN), task(2, SAME)), SCHEMA, ReadingRules(emails={3: "a@b"}), ExportPlan())
    here = convert_chunk(*arguments)
    assert pickle.loads(pickle.dumps(convert_chunk(*pickle.loads(pickle.dumps(arguments))))) == here


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"id": 2, ', "e.json:2: not JSON: "),
        (b"[]", "e.json:2: not a task with a list of `annotations`; export the project from Label Studio as JSON"),
        (b'{"id": 2, "annotations": null}', "e.json:2: not a task with a list of `annotations`"),
    ],
)
def test_what_is_not_a_task_is_an_error_with_its_place(text: bytes, message: str) -> None:
    tasks = [*raw(task(1, EDIT)), RawTask("e.json:2", RawJson(text))]
    with pytest.raises(DataError) as error:
        convert_chunk(tasks, SCHEMA, ReadingRules(), ExportPlan())
    assert str(error.value).startswith(message)


@given(cases())
def test_a_row_is_the_json_of_what_the_format_makes_of_the_record(case: Case) -> None:
    """A trace's JSON is worked out once and used in several rows, which must not show."""
    project = project_of(case.options, case.traces)
    for number, data in enumerate(project.data):
        results = predict({"data": data}, project.config)
        if results:
            results[0]["value"]["text"] = ["5"]
        outcome = annotate(project, results, task=number)
        if isinstance(outcome, Edited | Unedited):
            expected = {
                file.file: [json_line(row.values)]
                for format_ in interchange.FORMATS
                for file in format_.files
                for row in file.rows(Sample(outcome.record))
                if isinstance(row, TrainingRow)
            }
            chunk = ConvertedChunk()
            chunk.add([outcome], ExportPlan())
            assert {file: [row.raw for row in rows] for file, rows in chunk.rows.items()} == expected


def test_a_run_has_branches_when_any_place_of_a_task_is_one() -> None:
    parent = plain_parent()
    branch = branch_of_plain(parent, task=6)
    places = [plain_parent(task=6), branch]  # nothing goes with the data of the branch, which nobody has annotated
    for first, second in (places, places[::-1]):
        raw = RawTask("a:1", RawJson(json_line(first)), (RawTask("b:1", RawJson(json_line(second))),))
        chunk = convert_chunk([raw], read_config(PLAIN_CONFIG), ReadingRules(), ExportPlan())
        assert (chunk.counts.tasks, chunk.has_branches) == (1, True)
