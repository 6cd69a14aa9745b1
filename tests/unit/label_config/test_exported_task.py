"""Exported tasks where traces are wanted: what is the trace in them."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from ls_trajedit.label_config.chat_data import chat_data, chat_of
from ls_trajedit.label_config.exported_task import TaskReader
from ls_trajedit.label_config.task_data import to_task_data
from ls_trajedit.traces.errors import ReadError, TrajeditError
from ls_trajedit.traces.guess_options import guess_options
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.options_file import options_from
from ls_trajedit.traces.read import ChatTrace, InvalidTrace, StepTrace, WrittenTrace, read_chat, read_file
from ls_trajedit.traces.read_options import ReadOptions
from tests.support.branches import branch_of_chat, branch_of_plain, chat_parent, plain_parent

TRACE = {"id": "tr1", "question": "Find it.", "steps": [{"action": "look"}]}


@pytest.mark.parametrize(
    "task",
    [
        {"id": 7, "data": TRACE, "annotations": []},
        {"id": 7, "data": TRACE},
        {"data": TRACE},
        {
            "id": 7,
            "data": TRACE,
            "annotations": [{"id": 1, "result": []}],
            "predictions": [],
            "inner_id": 1,
            "meta": {},
        },
        {"id": 7, "data": TRACE, "predictions": [{"result": []}]},
    ],
)
def test_the_trace_is_in_the_data_under_its_own_id(task: dict[str, Any]) -> None:
    reader = TaskReader(Options())
    assert reader(task) == TRACE
    assert reader.annotations == len(task.get("annotations", []))


@pytest.mark.parametrize(
    "value",
    [
        TRACE,
        {"id": "run-1", "data": TRACE},
        {"id": 7, "data": TRACE, "agent": "mine"},
        {"id": 7, "data": [TRACE]},
        [TRACE],
        "x",
    ],
)
def test_what_is_not_a_task_stays_as_it_is(value: Any) -> None:
    assert TaskReader(Options())(value) is value


def test_options_that_look_into_the_task_from_outside_are_followed() -> None:
    task = {"id": 7, "data": TRACE, "annotations": []}
    options = options_from({"steps_key": "data.steps"}, "x")
    assert TaskReader(options)(task) is task


def test_the_options_are_guessed_from_the_data() -> None:
    trace = {"question": "Find it.", "steps": [{"action": "look"}]}
    (inside,) = [TaskReader(Options())({"id": 7, "data": trace, "annotations": []})]
    options = guess_options([inside], "t.json")
    assert (options.steps_key, options.task_key, options.step_text_key) == ("steps", "question", "action")


def test_data_that_push_wrote_is_the_trace_again() -> None:
    trace = {"id": "a", "task": "x", "steps": ["one", "two"], "final_answer": {"n": 1}}
    data = to_task_data(
        trace,
        steps_path=("steps",),
        step_text_key="action",
        step_fields=[("action",)],
        top_fields=[("task",), ("final_answer",)],
    )
    assert data != trace
    assert TaskReader(Options())({"id": 9, "data": data, "annotations": []}) == trace
    assert TaskReader(Options())(data) == trace


CHAT = {"messages": [{"role": "kunde", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
READ = ReadOptions(roles={"kunde": "user"})


def test_a_conversation_comes_back_with_the_options_that_read_it() -> None:
    (trace,) = read_chat(CHAT, "openai-chat", READ)
    data = json.loads(json.dumps(chat_data(trace, READ)))
    data["id"] = "c1"
    found = TaskReader(Options())({"id": 3, "data": data, "annotations": [{}]})
    assert isinstance(found, WrittenTrace)
    assert (found.trace.id, found.trace.source, found.read_with.roles) == ("c1", CHAT, {"kunde": "user"})
    again = chat_data(found.trace, found.read_with, found.number)
    assert again == data
    chat = chat_of(again, ("steps",))
    assert chat is not None
    assert [message.role for message in chat.trace.messages] == ["user", "assistant"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"id": 5, "steps": [], "annotation_id": 3, "annotator": 1, "lead_time": 2.5}, "JSON-MIN or CSV export"),
        (
            {"id": 1, "result": [], "task": {"id": 7, "data": TRACE}},
            "an annotation of Label Studio, as target storages",
        ),
        ({"id": 1, "data": {**TRACE, "ls_trajedit": {"json": ["steps[9].action"]}}, "annotations": []}, "does not fit"),
    ],
)
def test_other_exports_and_broken_notes_are_refused(value: Any, words: str) -> None:
    with pytest.raises(ReadError, match=words):
        TaskReader(Options())(value)


def test_a_whole_export_is_read_with_its_lines() -> None:
    (chat,) = read_chat(CHAT, "openai-chat", READ)
    values = [
        {"id": 1, "data": TRACE, "annotations": []},
        {"id": 2, "data": {**chat_data(chat, READ), "id": "c1"}, "annotations": []},
        {"id": 3, "steps": [], "annotation_id": 3, "annotator": 1, "lead_time": 2.5},
    ]
    lines = "\n".join(json.dumps(value) for value in values)
    found = read_file(io.BytesIO(lines.encode()), Options(), "", TaskReader(Options()))
    kinds = [(type(item), item.line) for item in found.items]
    assert kinds == [(StepTrace, 1), (ChatTrace, 2), (InvalidTrace, 3)]
    assert found.formats["openai-chat"] == "a task that `push` made of it"
    assert not issubclass(ReadError, TrajeditError)


def test_a_branch_that_is_exported_is_a_trace_with_all_of_its_steps() -> None:
    whole = TaskReader(Options())(branch_of_plain(plain_parent()))
    assert [step["action"] for step in whole["steps"]] == ["get(key='a')", "put(key='a', value=15)"]
    written = TaskReader(Options())(branch_of_chat(chat_parent()))
    assert isinstance(written, WrittenTrace)
    assert [message.role for message in written.trace.messages] == [
        *("user", "assistant", "tool", "assistant", "tool", "assistant")
    ]
    assert len(written.trace.steps) == 2
