"""The bundled examples: what they promise to show, and that they fit each other."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from io import BytesIO
from typing import Any

import pytest

from ls_trajedit.label_config.chat_config import chat_shape, write_chat_config
from ls_trajedit.label_config.chat_data import chat_data
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.label_config.write_config import write_config
from ls_trajedit.traces.field_path import MISSING, get_field, parse_path
from ls_trajedit.traces.json_text import same_json
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.options_file import parse_options
from ls_trajedit.traces.read import ChatTrace, StepTrace, TraceCheck, read_file
from ls_trajedit.traces.shape import check_options, shape_of

EXAMPLES = files("ls_trajedit.examples")
CORRECT_ALREADY = {"traj_010", "traj_017"}


def text(name: str) -> str:
    return (EXAMPLES / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def options() -> Options:
    return parse_options(text("trajedit.yaml"), "trajedit.yaml")


@pytest.fixture(scope="module")
def traces(options: Options) -> dict[str, dict[str, Any]]:
    file = read_file(BytesIO((EXAMPLES / "traces.jsonl").read_bytes()), options)
    found = list(TraceCheck(options).check(file.items))
    assert [item for item in found if not isinstance(item, StepTrace)] == []
    return {item.data["id"]: item.data for item in found if isinstance(item, StepTrace)}


@pytest.fixture(scope="module")
def corrections() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text("corrections.json"))
    return found


def steps_of(traces: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [step for trace in traces.values() for step in trace["steps"]]


def original(trace: dict[str, Any], edit: dict[str, Any]) -> Any:
    path = parse_path(edit["field"])
    return get_field(trace if edit["step_index"] is None else trace["steps"][edit["step_index"]], path)


def is_changed(before: Any, after: str) -> bool:
    if isinstance(before, str):
        return before.replace("\r\n", "\n") != after.replace("\r\n", "\n")
    return not same_json(before, json.loads(after))


def test_there_are_many_traces_each_in_one_line_of_readable_text(traces: dict[str, dict[str, Any]]) -> None:
    lines = text("traces.jsonl").splitlines()
    assert len(lines) == len(traces) >= 14
    assert list(traces) == [f"traj_{number:03}" for number in range(1, len(traces) + 1)]
    assert r"\u" not in text("traces.jsonl")
    assert all(list(trace) == ["id", "task_description", "steps", "final_answer"] for trace in traces.values())


def test_the_first_is_the_trace_with_the_misspelt_query(traces: dict[str, dict[str, Any]]) -> None:
    assert traces["traj_001"] == {
        "id": "traj_001",
        "task_description": "Find the weather in San Francisco.",
        "steps": [
            {"thought": "Look it up.", "action": "web_search(queyr='SF weather')"},
            {"thought": "Open it.", "action": "open_url(results[0])"},
        ],
        "final_answer": "It is sunny.",
    }


def test_the_options_fit_the_traces(options: Options, traces: dict[str, dict[str, Any]]) -> None:
    check_options(options, shape_of(traces.values(), options), "traces.jsonl")
    assert options.editable_fields == ["thought", "action"]
    assert options.edit_final_answer
    assert options.require_reason_on_edit


def test_potato_s_form_says_the_same_as_far_as_potato_goes(options: Options) -> None:
    beyond = Options()
    ours = replace(
        options,
        context_fields=beyond.context_fields,
        step_labels=beyond.step_labels,
        allow_remove=beyond.allow_remove,
        allow_insert=beyond.allow_insert,
    )
    assert parse_options(text("potato.yaml"), "potato.yaml") == ours


def test_the_traces_hold_every_kind_of_field_that_an_editor_has_to_get_right(
    traces: dict[str, dict[str, Any]],
) -> None:
    steps = steps_of(traces)
    everything = text("traces.jsonl")
    assert max(len(trace["steps"]) for trace in traces.values()) >= 25
    assert any("\r\n" in str(step.get("observation")) for step in steps)
    assert any("\r\n" in str(step.get("action")) for step in steps)
    assert any(str(step.get("action")).count("\n") >= 5 for step in steps)
    assert any(isinstance(step.get("action"), dict) for step in steps)
    assert any(step.get("thought") == "" for step in steps)
    assert any("action" in step and step["action"] is None for step in steps)
    assert any("thought" not in step for step in steps)
    assert all(sample in everything for sample in ("ひかり", "العميل", "¿", "👩‍💻", "&amp;", "<li"))


def test_each_correction_changes_a_field_that_is_there_and_says_why(
    options: Options, traces: dict[str, dict[str, Any]], corrections: list[dict[str, Any]]
) -> None:
    for correction in corrections:
        for edit in correction["edits"]:
            fields = ["final_answer"] if edit["step_index"] is None else options.editable_fields
            assert edit["field"] in fields
            before = original(traces[correction["trace_id"]], edit)
            assert before not in (MISSING, None)
            assert is_changed(before, edit["text"]), edit
            assert edit["reason"].strip()
        places = [(edit["step_index"], edit["field"]) for edit in correction["edits"]]
        assert len(places) == len(set(places))


def test_labels_name_steps_and_values_that_exist(
    options: Options, traces: dict[str, dict[str, Any]], corrections: list[dict[str, Any]]
) -> None:
    for correction in corrections:
        steps = traces[correction["trace_id"]]["steps"]
        for label in correction["labels"]:
            assert steps[label["step_index"]].get("thought") is not None, "its label would have nothing to point at"
            assert label["correctness"] in options.step_labels.correctness
            assert set(label["error_types"]) <= set(options.step_labels.error_types)
            assert bool(label["error_types"]) == (label["correctness"] == "incorrect")


def test_two_people_correct_and_on_two_traces_they_disagree(corrections: list[dict[str, Any]]) -> None:
    edits = {(c["annotator"], c["trace_id"]): c["edits"] for c in corrections}
    assert len(edits) == len(corrections)
    by_ana = {trace for (who, trace), made in edits.items() if who == "ana" and made}
    by_ben = {trace for (who, trace), made in edits.items() if who == "ben" and made}
    assert len(by_ana) == 8
    assert len(by_ben) == 5
    assert len(by_ana & by_ben) == 2
    assert all(edits["ana", trace] != edits["ben", trace] for trace in by_ana & by_ben)
    assert {trace for (_, trace), made in edits.items() if not made} == CORRECT_ALREADY


def test_the_misspelt_query_and_its_answer_are_corrected(corrections: list[dict[str, Any]]) -> None:
    (made,) = [c["edits"] for c in corrections if c["trace_id"] == "traj_001"]
    assert [(edit["step_index"], edit["field"]) for edit in made] == [(0, "action"), (None, "final_answer")]
    assert made[0]["text"] == "web_search(query='SF weather')"
    assert "sunny" not in made[1]["text"]


def test_the_export_holds_the_same_corrections_on_the_controls_of_its_config(
    options: Options, traces: dict[str, dict[str, Any]], corrections: list[dict[str, Any]]
) -> None:
    tasks = json.loads(text("export.json"))
    config = text("export_config.xml")
    chosen = [traces[task["data"]["id"]] for task in tasks]
    assert [task["data"] for task in tasks] == chosen
    assert read_config(config) == read_config(write_config(options, shape_of(chosen, options)))

    exported = set()
    for task in tasks:
        editors = {editor.control: editor for editor in read_config(config).controls(task["data"]).editors}
        for annotation in task["annotations"]:
            for result in annotation["result"]:
                editor = editors.get(result["from_name"])
                if editor and result["value"]["text"] != [get_field(task["data"], editor.path)]:
                    (after,) = result["value"]["text"]
                    who = {2: "ana", 3: "ben"}[annotation["completed_by"]]
                    exported.add((who, task["data"]["id"], editor.step_index, editor.field, after))
    ids = {trace["id"] for trace in chosen}
    assert exported == {
        (c["annotator"], c["trace_id"], edit["step_index"], edit["field"], edit["text"])
        for c in corrections
        if c["trace_id"] in ids
        for edit in c["edits"]
    }
    assert [a["was_cancelled"] for task in tasks for a in task["annotations"]].count(True) == 1


@pytest.fixture(scope="module")
def chats() -> dict[str, ChatTrace]:
    options = parse_options(text("chats.yaml"), "chats.yaml")
    check = TraceCheck(options)
    found = [
        item
        for name in ("chats.jsonl", "session.jsonl")
        for item in check.check(read_file(BytesIO((EXAMPLES / name).read_bytes()), options).items, name)
    ]
    assert [item for item in found if not isinstance(item, ChatTrace)] == []
    return {item.trace.id: item for item in found if isinstance(item, ChatTrace)}


@pytest.fixture(scope="module")
def chat_corrections() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text("chat_corrections.json"))
    return found


def test_among_the_chats_are_parallel_calls_and_a_session_of_a_coding_agent(chats: dict[str, ChatTrace]) -> None:
    assert [chat.trace.format for chat in chats.values()] == ["openai-chat"] * 3 + ["claude-code"]
    assert max(len(step.message.calls) for chat in chats.values() for step in chat.trace.steps) == 3
    assert all(chat.trace.tools for chat in chats.values() if chat.trace.format == "openai-chat")


def test_each_correction_of_a_chat_changes_what_an_editor_of_its_config_is_on(
    chats: dict[str, ChatTrace], chat_corrections: list[dict[str, Any]]
) -> None:
    options = parse_options(text("chats.yaml"), "chats.yaml")
    datas = {name: chat_data(item.trace, options.read_options, item.number) for name, item in chats.items()}
    schema = read_config(write_chat_config(options, chat_shape(datas.values())))
    made = {(correction["annotator"], correction["trace_id"]) for correction in chat_corrections}
    assert len(made) == len(chat_corrections)
    assert {trace for _, trace in made} == set(chats)
    for correction in chat_corrections:
        data = datas[correction["trace_id"]]
        editors = {(editor.step_index, editor.field): editor for editor in schema.controls(data).editors}
        for edit in correction["edits"]:
            before = get_field(data, editors[edit["step_index"], edit["field"]].path)
            assert isinstance(before, str)
            assert is_changed(before, edit["text"])
            assert edit["reason"].strip()
            if edit["field"] != "content":
                assert isinstance(json.loads(edit["text"]), dict)
        for label in correction["labels"]:
            assert label["correctness"] in options.step_labels.correctness
            assert set(label["error_types"]) <= set(options.step_labels.error_types)


@pytest.mark.parametrize(
    "name",
    [
        "traces.jsonl",
        "corrections.json",
        "export.json",
        "export_config.xml",
        "chats.jsonl",
        "session.jsonl",
        "chat_corrections.json",
    ],
)
def test_examples_carry_no_address_of_the_machine_that_made_them(name: str) -> None:
    assert not any(word in text(name) for word in ("127.0.0.1", "localhost", "/tmp", "/home", "/root", "token"))
