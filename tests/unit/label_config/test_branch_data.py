"""The task data of branches: nothing that was said is lost, and what came before is locked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ls_trajedit.label_config.branch_data import (
    BranchDataError,
    chat_branch_data,
    current_data,
    plain_branch_data,
    superseded_data,
)
from ls_trajedit.label_config.branch_note import Branch, Parent, branch_of
from ls_trajedit.label_config.chat_data import Chat, Correction, chat_fields, written_trace
from ls_trajedit.label_config.predict import predict
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.label_config.schema import Schema
from ls_trajedit.label_config.task_data import NotesError, check_notes, restore_own_steps, restore_trace
from ls_trajedit.label_config.write_config import write_config
from ls_trajedit.traces.field_path import RESERVED_KEY
from ls_trajedit.traces.json_text import json_line, parse_json
from ls_trajedit.traces.jsonb import as_jsonb
from ls_trajedit.traces.model import Call, Image, Message, Other, Part, Reasoning, Result, Text, Trace
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.read import read_chat
from ls_trajedit.traces.read_options import NO_OPTIONS
from ls_trajedit.traces.readers.base import declared_tools
from ls_trajedit.traces.shape import shape_of
from tests.support.branches import NEW, PLAIN_CONFIG
from tests.support.strategies import exact, json_values

BRANCH = Branch(Parent("t1", 5, 8, 0, "5d7a"), 2)
SAID = st.sampled_from(["", "Look.", "a\nb\r\n", "\u2028", "😀", '{"x": 1}', "\udc80", " "])
SHOWN = SAID.filter(lambda text: "\udc80" not in text)


def contents() -> st.SearchStrategy[Text | Image | Other]:
    return st.one_of(
        SHOWN.map(Text),
        st.sampled_from(["https://example.org/a.png", "data:image/gif;base64,R0"]).map(Image),
        st.sampled_from([None, {"b": 1, "a": -0.0}, [1e22, 2**70], "text"]).map(Other),
    )


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Trace, int]:
    """A conversation in which nearly anything may be, and after how many of its messages it is cut."""
    messages: list[Message] = []
    open_calls: list[str] = []
    for number in range(draw(st.integers(2, 7))):
        role = draw(st.sampled_from(["system", "user", "assistant", "assistant", "tool"]))
        if role == "tool" and open_calls:
            call = draw(st.sampled_from(open_calls))
            name = draw(st.sampled_from([None, "get", "other"]))
            result = Result(tuple(draw(st.lists(contents(), max_size=2))), call, name)
            messages.append(Message("tool", (result,), given=draw(st.booleans())))
            continue
        if role != "assistant":
            said: tuple[Part, ...] = tuple(draw(st.lists(contents(), max_size=2)))
            speaker = draw(st.sampled_from([None, "Ann"]))
            messages.append(Message("system" if role == "system" else "user", said, agent=speaker, name=speaker))
            continue
        parts: list[Part] = draw(st.lists(st.one_of(contents(), SHOWN.map(Reasoning)), max_size=3))
        for other in range(draw(st.integers(0, 2))):
            identity = draw(st.sampled_from([f"k{number}{other}", "same"]))
            arguments = draw(st.sampled_from([{"z": 1, "a": [None]}, {}, '{"cut off', [1], 7]))
            parts.insert(draw(st.integers(0, len(parts))), Call("get", arguments, identity))
            open_calls.append(identity)
        agent = draw(st.sampled_from([None, "planner"]))
        messages.append(Message("assistant", tuple(parts), agent=agent, given=draw(st.integers(0, 3)) == 0))
    tools = declared_tools(draw(st.sampled_from([[], [{"name": "get", "input_schema": {"b": 1, "a": {}}}]])))
    trace = Trace(
        "t1",
        draw(st.sampled_from(["Double a.", "", "what no message says"])),
        tuple(messages),
        tools,
        format="openai-chat",
        agent=draw(st.sampled_from([None, "planner"])),
        parent=draw(st.sampled_from([None, "root"])),
        source={},
    )
    return trace, draw(st.integers(0, len(messages)))


def without_places(messages: Sequence[Message]) -> list[Any]:
    """The messages as values that can be compared, whatever stands where in a source."""

    def plain(part: Any) -> Any:
        if isinstance(part, Result):
            return ("result", part.call_id, part.name, [plain(inner) for inner in part.content])
        if isinstance(part, Call):
            return ("call", part.id, part.name, exact(part.arguments))
        if isinstance(part, Other):
            return ("other", exact(part.value))
        return (type(part).__name__, getattr(part, "text", None), getattr(part, "url", None))

    return [(m.role, m.agent, m.name, m.given, [plain(part) for part in m.parts]) for m in messages]


def stored(data: dict[str, Any]) -> list[dict[str, Any]]:
    """The data as a Label Studio on SQLite and as one on PostgreSQL gives it back."""
    raw = parse_json(json_line(data))
    return [raw, as_jsonb(raw)]


@given(conversations())
def test_nothing_that_was_said_in_a_conversation_is_lost(drawn: tuple[Trace, int]) -> None:
    trace, cut = drawn
    prefix, new = trace.messages[:cut], trace.messages[cut:]
    if not any(message.role == "assistant" and not message.given for message in new):
        with pytest.raises(BranchDataError, match="does nothing"):
            chat_branch_data("t1~1", trace, prefix, new, BRANCH, first_step=3)
        return
    data = chat_branch_data("t1~1", trace, prefix, new, BRANCH, first_step=3)
    wanted = [replace(m, given=True) if m.role == "assistant" else m for m in prefix] + list(new)
    for found in stored(data):
        read, number, _ = written_trace(found)
        assert without_places(read.messages) == without_places(wanted)
        assert (read.id, read.task, read.agent, read.parent) == ("t1~1", trace.task, trace.agent, trace.parent)
        assert exact(list(read.tools)) == exact(list(trace.tools))
        assert number == 0
        assert branch_of(found) == BRANCH
        assert found["steps"][0]["title"].startswith("Step 3")
        assert len(found["steps"]) == len(read.steps)


@given(conversations(), st.data())
def test_a_corrected_branch_is_in_its_own_format_as_it_was_corrected(
    drawn: tuple[Trace, int], data: st.DataObject
) -> None:
    trace, cut = drawn
    try:
        made = chat_branch_data("t1~1", trace, trace.messages[:cut], trace.messages[cut:], BRANCH, first_step=1)
    except BranchDataError:
        return
    read, _, _ = written_trace(made)
    targets = [target for target in chat_fields(read).values() if target.kind in ("content", "reasoning")]
    if not targets:
        return
    target = data.draw(st.sampled_from(targets))
    corrected = Chat(read, {}).corrected([Correction(target, "Corrected.")])
    again = read_chat(corrected.source, "atif", NO_OPTIONS)[0]
    assert without_places(again.messages) == without_places(corrected.messages)
    assert again.messages[target.message].parts[target.part] == replace(
        again.messages[target.message].parts[target.part], text="Corrected."
    )


def test_a_result_that_answers_nothing_is_refused() -> None:
    trace = Trace("t1", "Go.", (Message("user", (Text("Go."),)),))
    new = [Message("tool", (Result((Text("7"),), "k9"),)), Message("assistant", (Text("Done."),))]
    with pytest.raises(BranchDataError, match="k9"):
        chat_branch_data("t1~1", trace, trace.messages, new, BRANCH, first_step=1)


def test_what_cannot_be_stored_is_refused() -> None:
    trace = Trace("t1", "Go.", (Message("user", (Text("Go."),)),))
    with pytest.raises(BranchDataError, match=r"U\+0000"):
        chat_branch_data("t1~1", trace, trace.messages, [Message("assistant", (Text("a\0"),))], BRANCH, first_step=1)


def test_what_the_agent_did_before_is_shown_with_its_calls_and_its_reasoning() -> None:
    before = (
        Message("user", (Text("Double a."),)),
        Message("assistant", (Reasoning("Look."), Call("get", {"key": "a"}, "k1"))),
    )
    data = chat_branch_data("t1~1", Trace("t1", "Double a.", before), before, NEW, BRANCH, first_step=2)
    assert data["steps"][0]["before"] == [
        {"who": "user", "text": "Double a."},
        {"who": "assistant", "text": 'Look.\nget({"key":"a"})'},
        {"who": "tool", "text": "7"},
    ]
    assert [step["title"] for step in data["steps"]] == ["Step 2", "Step 3"]


def schema_of(*traces: dict[str, Any], **options: Any) -> Schema:
    chosen = Options(**options)
    return read_config(write_config(chosen, shape_of(traces, chosen)))


def plain(trace: dict[str, Any], keep: int, *new: Message, schema: Schema | None = None) -> dict[str, Any]:
    steps = [dict(step) if isinstance(step, dict) else step for step in trace["steps"][:keep]]
    return plain_branch_data("t1~1", trace, steps, new, BRANCH, schema or schema_of(trace))


def says(*parts: Part) -> Message:
    return Message("assistant", parts)


def hears(text: str, call: str = "k1") -> Message:
    return Message("tool", (Result((Text(text),), call),))


TRACE: dict[str, Any] = {
    "id": "t1",
    "task_description": "Double a.",
    "steps": [
        {"thought": "Look.", "action": "get(key='a')"},
        {"thought": "Store.", "action": "put(key='a', value=2)", "observation": "ok"},
    ],
    "final_answer": "It is 2.",
    "more": {"b": 1, "a": -0.0},
}


def test_the_steps_of_a_plain_trace_go_on_where_it_was_cut() -> None:
    data = plain(TRACE, 1, *NEW)
    locked = {"thought": "Look.", "action": "get(key='a')", "observation": "7"}
    new = {"thought": "Twice.", "action": "put(key='a', value=15)", "observation": "ok"}
    for found in stored(data):
        whole = {**TRACE, "id": "t1~1", "steps": [locked, new], "final_answer": "It is 15."}
        assert exact(restore_trace(found)) == exact(whole)
        assert restore_own_steps(found)["steps"] == [new]
        assert branch_of(found) == BRANCH


def test_the_note_shows_the_locked_steps_and_counts_on() -> None:
    note = plain(TRACE, 1, *NEW)[RESERVED_KEY]["branch"]
    assert note["shown"] == "Step 1\nthought: Look.\naction: get(key='a')\nobservation: 7"
    assert note["titles"] == ["Step 2"]


def test_a_branch_that_ends_at_a_call_has_no_answer() -> None:
    for found in stored(plain(TRACE, 1, *NEW[:3])):
        trace = restore_trace(found)
        assert "final_answer" not in trace
        assert len(trace["steps"]) == 2
        # Label Studio refuses a task that lacks what the config shows.
        assert found["final_answer"] == ""


def test_a_last_thought_is_a_step_before_the_answer() -> None:
    trace = restore_trace(plain(TRACE, 1, NEW[0], says(Reasoning("I know."), Text("7"))))
    assert trace["steps"][1:] == [{"thought": "I know."}]
    assert trace["final_answer"] == "7"


def test_without_a_final_answer_in_the_project_the_last_words_are_a_step() -> None:
    trace = {key: value for key, value in TRACE.items() if key != "final_answer"}
    made = restore_trace(plain(trace, 1, NEW[0], says(Text("It is 7."))))
    assert made["steps"][1:] == [{"action": "It is 7."}]
    assert "final_answer" not in made


CALLS: list[tuple[Any, Any]] = [
    ("get(key='b')", "put(key='a', value=15)"),
    ({"name": "get", "arguments": {"key": "b"}}, {"name": "put", "arguments": {"key": "a", "value": 15}}),
    ({"args": {"key": "b"}, "tool": "get"}, {"args": {"key": "a", "value": 15}, "tool": "put"}),
    ({"name": "get", "arguments": '{"key": "b"}'}, {"name": "put", "arguments": '{"key":"a","value":15}'}),
    (
        {"id": "k9", "type": "function", "function": {"name": "get", "arguments": {}}},
        {"type": "function", "function": {"name": "put", "arguments": {"key": "a", "value": 15}}},
    ),
    ('{"name": "get", "arguments": {"key": "b"}}', '{"name":"put","arguments":{"key":"a","value":15}}'),
]


@pytest.mark.parametrize(("recorded", "wanted"), CALLS)
def test_a_call_is_written_as_the_calls_of_the_trace_are(recorded: Any, wanted: Any) -> None:
    trace = {**TRACE, "steps": [{"thought": "Look.", "action": recorded, "observation": "1"}]}
    step = {"thought": "Look.", "action": recorded}
    data = plain_branch_data("t1~1", trace, [step], NEW, BRANCH, schema_of(trace))
    assert restore_trace(data)["steps"][1]["action"] == wanted


def test_a_call_beside_its_input_is_written_so() -> None:
    step = {"action": "get", "action_input": {"key": "b"}, "observation": "1"}
    trace = {**TRACE, "steps": [step]}
    new = [says(Call("put", {"key": "a"}, "k2")), hears("ok", "k2")]
    data = plain_branch_data("t1~1", trace, [step], new, BRANCH, schema_of(trace))
    assert restore_trace(data)["steps"][1] == {"action": "put", "action_input": {"key": "a"}, "observation": "ok"}


def test_the_fields_are_those_of_the_project() -> None:
    step = {"reasoning": "Look.", "command": "get(key='b')", "observation": "1"}
    trace = {**TRACE, "steps": [step]}
    schema = read_config(
        write_config(
            options := Options(step_text_key="command", editable_fields=["command"]), shape_of([trace], options)
        ),
        options,
    )
    made = restore_trace(plain_branch_data("t1~1", trace, [{**step, "observation": "7"}], NEW[1:], BRANCH, schema))
    assert made["steps"][1] == {"reasoning": "Twice.", "command": "put(key='a', value=15)", "observation": "ok"}


def test_bare_steps_go_on_as_strings() -> None:
    trace = {**TRACE, "steps": ["get(key='b')", "put(key='a', value=2)"]}
    made = plain_branch_data(
        "t1~1",
        trace,
        ["get(key='a')"],
        [says(Call("put", {"key": "a"}, "k2")), says(Text("Done."))],
        BRANCH,
        schema_of(trace),
    )
    for found in stored(made):
        assert restore_trace(found)["steps"] == ["get(key='a')", "put(key='a')"]


@pytest.mark.parametrize(
    ("steps", "new", "reason"),
    [
        pytest.param(
            [{"action": "a"}], [says(Reasoning("x"), Text("y"))], "no field for the reasoning of step 2", id="thought"
        ),
        pytest.param(
            [{"action": "a"}], [hears("7"), says(Text("y"))], "no field for what is heard after step 1", id="heard"
        ),
        pytest.param(
            [{"action": "a", "observation": "b"}],
            [hears("7"), says(Text("y"))],
            "has heard something already",
            id="twice",
        ),
        pytest.param(
            [{"action": "a"}], [says(Call("f", {}, "k1"), Call("g", {}, "k2"))], "step 2 has 2 calls", id="two calls"
        ),
        pytest.param(
            [{"action": "a"}], [says(Call("f", {"not a name": 1}, "k1"))], "cannot be written", id="odd argument"
        ),
        pytest.param([{"action": "a"}], [says(Call("f", '{"cut', "k1"))], "cannot be written", id="broken call"),
        pytest.param([{"action": "a"}], [says(Image("https://example.org/a.png"))], "an image", id="image"),
        pytest.param([{"note": "a"}], [says(Text("y"))], "no field for what the agent does in step 2", id="no action"),
        pytest.param(
            [{"action": "a", "observation": "b"}, {"action": "c"}], [hears("7")], "does nothing", id="nothing"
        ),
    ],
)
def test_what_the_plain_shape_cannot_express_is_refused(steps: list[Any], new: list[Message], reason: str) -> None:
    trace = {"id": "t1", "task_description": "Go.", "steps": steps}
    field = next(iter(steps[0]))
    with pytest.raises(BranchDataError, match=reason):
        plain_branch_data("t1~1", trace, steps, new, BRANCH, schema_of(trace, editable_fields=[field]))


@given(json_values(), json_values())
def test_what_is_locked_comes_back_exactly(first: Any, second: Any) -> None:
    locked = {"z": first, "action": "a", "b": {"y": second, "x": 1}}
    trace = {**TRACE, "steps": [locked, {"thought": "x", "action": "b", "observation": "c"}]}
    try:
        data = plain_branch_data("t1~1", trace, [locked], [says(Text("y"))], BRANCH, schema_of(TRACE))
    except BranchDataError:
        # U+0000, or half of a surrogate pair.
        return
    for found in stored(data):
        check_notes(found)
        assert exact(restore_trace(found)["steps"][0]) == exact(locked)


def test_no_editor_reaches_what_is_locked() -> None:
    data = plain(TRACE, 1, *NEW)
    config = """<View><Text name="a" value="$steps[0].action"/><TextArea name="b" toName="a"/>
        <Text name="c" value="$ls_trajedit.branch.locked"/><TextArea name="d" toName="c"/></View>"""
    schema = read_config(config)
    assert [editor.control for editor in schema.controls(data).editors] == ["b"]
    assert [result["from_name"] for result in predict({"data": data}, config)] == ["b"]


def test_predictions_open_the_boxes_of_the_new_steps_alone() -> None:
    made = plain(TRACE, 1, *NEW, schema=read_config(PLAIN_CONFIG))
    found = {result["from_name"]: result["value"]["text"] for result in predict({"data": made}, PLAIN_CONFIG)}
    assert found == {"step_0__thought__corrected": ["Twice."], "step_0__action__corrected": ["put(key='a', value=15)"]}


def test_a_superseded_branch_says_so_and_keeps_all_else() -> None:
    for data in (plain(TRACE, 1, *NEW), chat_branch_data("c", Trace("c", "", ()), (), NEW[3:], BRANCH, first_step=1)):
        for found in stored(data):
            marked = superseded_data(found)
            assert branch_of(marked) == replace(BRANCH, superseded=True)
            assert marked[RESERVED_KEY]["branch"]["notice"].startswith("The correction that this trace continues has")
            check_notes(marked)
            assert current_data(marked) == found


ODD: list[Any] = [
    *(None, 7, {}, {"parent": {}}),
    {"parent": {"trace_id": "t1", "task_id": 5, "annotation_id": 8, "step": 0, "sha256": "x"}, "round": 1},
    {"parent": {"trace_id": "t1", "task_id": 5, "annotation_id": 8, "step": -2, "sha256": "x"}, "round": 2},
    {"parent": {"trace_id": "t1", "task_id": 5, "annotation_id": 8, "step": True, "sha256": "x"}, "round": 2},
    {"parent": {"trace_id": "t1", "task_id": [], "annotation_id": 8, "step": 0, "sha256": "x"}, "round": 2},
]


@pytest.mark.parametrize("note", ODD)
def test_a_note_that_is_not_ours_is_refused(note: Any) -> None:
    data = {**TRACE, RESERVED_KEY: {"branch": note}}
    assert branch_of(data) is None
    with pytest.raises(NotesError):
        restore_trace(data)


@pytest.mark.parametrize(
    "change", [{"locked": "["}, {"locked": "{}"}, {"titles": [1]}, {"steps_key": "a b"}, {"more": 1}]
)
def test_a_note_that_somebody_changed_is_refused(change: dict[str, Any]) -> None:
    data = plain(TRACE, 1, *NEW)
    notes = data[RESERVED_KEY]
    with pytest.raises(NotesError):
        restore_trace({**data, RESERVED_KEY: {**notes, "branch": {**notes["branch"], **change}}})


def test_locked_steps_without_a_list_to_go_before_are_refused() -> None:
    data = plain(TRACE, 1, *NEW)
    with pytest.raises(NotesError, match="does not fit"):
        restore_trace({**data, "steps": "none"})
