"""The labeling config for conversations: what it shows, where its boxes are, and that Label Studio takes it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from ls_trajedit.label_config.chat_config import ChatShape, chat_shape, write_chat_config
from ls_trajedit.label_config.chat_data import chat_data
from ls_trajedit.label_config.predict import predict
from ls_trajedit.label_config.read_config import read_config, shown_values
from ls_trajedit.label_config.tags import Anchors
from ls_trajedit.traces.errors import OptionsError
from ls_trajedit.traces.field_path import MISSING, get_field, parse_path
from ls_trajedit.traces.model import Call, Message, Reasoning, Text, Trace
from ls_trajedit.traces.options import Options, StepLabels
from ls_trajedit.traces.read_options import NO_OPTIONS, STEPS, ReadOptions
from ls_trajedit.traces.readers.registry import FORMATS
from tests.support.conversations import BLUE_DOT, TRIP, data_of
from tests.support.reader_fixtures import sources_in
from tests.support.trace_files import TraceFile, trace_files

SHORT = {"id": "short", "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]}
CONVERSATIONS = [file for file in trace_files() if file.format != STEPS]
EVERY_FIELD = ["reasoning", "content", "tool_calls[*].name", "tool_calls[*].arguments"]


def config_of(*datas: dict[str, Any], options: Options | None = None) -> str:
    return write_chat_config(options or Options(), chat_shape(datas))


def texts_of(config: str) -> dict[str | None, str | None]:
    return {text.get("name"): text.get("value") for text in ET.fromstring(config).iter("Text")}


def boxes_of(config: str) -> list[str | None]:
    return [area.get("name") for area in ET.fromstring(config).iter("TextArea")]


def headers_of(config: str) -> list[str | None]:
    return [header.get("value") for header in ET.fromstring(config).iter("Header")]


def shown(config: str, data: dict[str, Any]) -> list[Any]:
    """What stands on the page of this task, from top to bottom; absent things are left out."""
    found: list[Any] = []
    for element in ET.fromstring(config).iter():
        value = element.get("value")
        if element.tag in ("Text", "Header", "Image") and value is not None:
            found.append(get_field(data, parse_path(value[1:])) if value.startswith("$") else value)
    return [item for item in found if item is not MISSING]


def test_what_the_agent_said_has_a_box_and_everything_else_is_only_read() -> None:
    config = config_of(data_of(TRIP))
    assert texts_of(config) == {
        "task": "$task",
        "trace_id": "$id",
        "step_0__content": "$steps[0].content",
        "step_0__call_0__arguments": "$steps[0].tool_calls[0].arguments",
        "step_0__call_1__arguments": "$steps[0].tool_calls[1].arguments",
        "step_1__content": "$steps[1].content",
    }
    assert boxes_of(config) == [
        "step_0__content__corrected",
        "step_0__call_0__arguments__corrected",
        "step_0__call_1__arguments__corrected",
        "step_1__content__corrected",
    ]


def test_it_reads_as_the_conversation_was() -> None:
    data = data_of(TRIP)
    flights = "\n".join(f"flight {number}" for number in range(60))
    assert shown(config_of(data), data) == [
        # The second of the two is in a panel, the first out of sight.
        *("Task", "I want to fly.\n  Here is my seat:", "trip", "You book flights.", "You book flights."),
        *("user", "I want to fly.\n  Here is my seat:\n(image)", BLUE_DOT),
        *("Step 1", "reasoning", "Both at once.", "content", "Two questions to the system."),
        *("find_flight", "arguments", '{\n  "origin": "SFO",\n  "limit": 5\n}', "result", flights),
        *("look_up", "arguments", '{\n  "user": "u1"\n}', "result", "<b>Ann</b>"),
        *("critic", "Which one?"),
        *("Step 2", "content", "\u05d8\u05d9\u05e1\u05d4 1\nor 2"),
        *("user", "The first one."),
    ]


def test_the_system_prompt_is_folded_away() -> None:
    (panel,) = ET.fromstring(config_of(data_of(TRIP))).iterfind(".//Collapse[@open='false']/Panel")
    assert panel.get("value") == "System prompt"
    assert [header.get("value") for header in panel.iter("Header")] == ["$system"]
    assert "<Collapse" not in config_of(data_of(SHORT))


def test_the_options_say_which_parts_have_boxes() -> None:
    config = config_of(data_of(TRIP), options=Options(editable_fields=EVERY_FIELD))
    assert boxes_of(config) == [
        *("step_0__reasoning__corrected", "step_0__content__corrected"),
        *("step_0__call_0__name__corrected", "step_0__call_0__arguments__corrected"),
        *("step_0__call_1__name__corrected", "step_0__call_1__arguments__corrected"),
        "step_1__content__corrected",
    ]
    config = config_of(data_of(TRIP), options=Options(editable_fields=["reasoning"]))
    assert boxes_of(config) == ["step_0__reasoning__corrected"]
    assert {"$steps[0].content", "$steps[0].tool_calls[1].arguments"} <= set(headers_of(config))


def test_each_box_has_its_reason_and_each_card_its_labels() -> None:
    labels = StepLabels(correctness=["correct"], error_types=["typo"])
    config = config_of(data_of(TRIP), options=Options(require_reason_on_edit=True, step_labels=labels))
    assert "step_0__call_1__arguments__reason" in boxes_of(config)
    choices = {choice.get("name"): choice.get("toName") for choice in ET.fromstring(config).iter("Choices")}
    assert choices == {
        "step_0__content__correctness": "step_0__content",
        "step_0__content__error_type": "step_0__content",
        "step_1__content__correctness": "step_1__content",
        "step_1__content__error_type": "step_1__content",
    }
    controls = read_config(config).controls({})
    assert all(editor.reason for editor in controls.editors)
    assert [(label.step_index, label.name) for label in controls.labels] == [
        (index, name) for index in (0, 1) for name in ("correctness", "error_type")
    ]


def test_one_config_has_room_for_all_its_conversations() -> None:
    trip, short = data_of(TRIP), data_of(SHORT)
    assert chat_shape([trip, short]) == chat_shape([short, trip]) == chat_shape([short]).widened(trip)
    config = config_of(trip, short)
    assert config == config_of(short, trip)
    assert shown_values(config) >= shown_values(config_of(trip)) | shown_values(config_of(short))
    assert shown(config, short)[:4] == ["Task", "Hi", "short", ""]
    assert [result["value"]["text"] for result in predict({"data": short}, config)] == [["Hello."]]


@pytest.mark.parametrize(
    "data", [{}, {"steps": None}, {"steps": [1, None]}, {"steps": [{"tool_calls": 3, "before": "x"}]}]
)
def test_data_of_another_form_does_not_stop_it(data: dict[str, Any]) -> None:
    assert config_of(data_of(SHORT), data)


def test_the_options_can_give_the_number_of_cards() -> None:
    titles = [f"$steps[{index}].title" for index in range(4)]
    for count in (1, 2, 4):
        headers = headers_of(config_of(data_of(TRIP), options=Options(max_steps=count)))
        assert [header for header in headers if header in titles] == titles[:count]
    later = boxes_of(config_of(data_of(TRIP), options=Options(max_steps=4)))[-3:]
    assert later == ["step_3__content__corrected"] + [f"step_3__call_{call}__arguments__corrected" for call in (0, 1)]
    assert boxes_of(write_chat_config(Options(max_steps=1), ChatShape())) == [
        "step_0__content__corrected",
        "step_0__call_0__arguments__corrected",
    ]


def test_without_conversations_or_a_number_of_steps_the_error_says_what_is_missing() -> None:
    with pytest.raises(OptionsError, match="give the traces, or set `max_steps`"):
        config_of()


def test_the_repeater_layout_is_refused() -> None:
    with pytest.raises(OptionsError, match="use `layout: unrolled`"):
        config_of(data_of(TRIP), options=Options(layout="repeater"))


def test_the_config_alone_says_what_each_box_corrects() -> None:
    schema = read_config(config_of(data_of(TRIP)))
    assert schema.as_json() == {
        "layout": "unrolled",
        "editable_fields": ["content", "tool_calls[0].arguments", "tool_calls[1].arguments"],
        "max_steps": 2,
        "steps_key": "steps",
        "id_key": "id",
        "task_key": "task",
        "final_answer_key": "final_answer",
    }
    assert schema.fields() == {"content": 2, "tool_calls[0].arguments": 1, "tool_calls[1].arguments": 1}
    editors = [(editor.step_index, editor.field) for editor in schema.controls({}).editors]
    assert editors == [
        *((0, "content"), (0, "tool_calls[0].arguments"), (0, "tool_calls[1].arguments")),
        (1, "content"),
    ]


def test_the_task_data_has_the_declared_tools_as_json_text() -> None:
    notes = data_of(TRIP)["ls_trajedit"]
    assert '"name":"find_flight"' in notes["tools"]
    assert "tools" not in data_of(SHORT)["ls_trajedit"]


def test_an_agent_with_a_name_has_it_on_its_cards() -> None:
    said = Message("assistant", (Text("Go."),), agent="planner")
    data = chat_data(Trace("t", "", (said,), format="openai-chat", source={}), NO_OPTIONS)
    assert [step["title"] for step in data["steps"]] == ["Step 1 \u00b7 planner"]


@pytest.mark.parametrize("file", CONVERSATIONS, ids=lambda file: file.name)
def test_label_studio_takes_the_config_of_every_format_and_every_part_has_its_box(file: TraceFile) -> None:
    from label_studio_sdk.label_interface.interface import LabelInterface

    format_ = FORMATS[file.format]
    # Where several agents talk to each other, the options name one.
    options = ReadOptions(agent="coder" if file.format == "group-chat" else None)
    traces = [trace for source in sources_in(file, format_) for trace in format_.read(source, options) if trace.steps]
    datas = [chat_data(trace, options) for trace in traces]
    assert datas
    config = config_of(*datas, options=Options(editable_fields=EVERY_FIELD))
    interface: Any = LabelInterface(config)
    interface.validate()
    for trace, data in zip(traces, datas, strict=True):
        results = predict({"data": data}, config)
        assert interface.validate_prediction({"result": results}, return_errors=True) == []
        said = [part for step in trace.steps for part in step.message.parts]
        expected = sum(isinstance(part, Text | Reasoning) + 2 * isinstance(part, Call) for part in said)
        assert len(results) == expected
        heard = [*(message for step in data["steps"] for message in step["before"]), *data["after"]]
        on_page = shown(config, data)
        assert all(message["text"] in on_page for message in heard)


def test_all_names_in_a_config_are_distinct() -> None:
    config = config_of(data_of(TRIP), options=Options(editable_fields=EVERY_FIELD, require_reason_on_edit=True))
    names = re.findall(r'(?<!\w)name="([^"]+)"', config)
    assert len(names) == len(set(names))


CHAT_WORDS = ("reasoning", "content", "call_0__name", "call_0__arguments", "heard")


def test_an_inserted_step_has_a_box_for_everything_that_a_step_can_have() -> None:
    options = Options(editable_fields=["content"], allow_remove=True, allow_insert=1)
    config = config_of(data_of(SHORT), options=options)
    assert boxes_of(config) == [
        *(f"step_0__before_1__{word}" for word in CHAT_WORDS),
        "step_0__content__corrected",
        *(f"step_0__insert_1__{word}" for word in CHAT_WORDS),
    ]
    (structure,) = read_config(config).fixed.structures
    assert (structure.control, structure.original) == ("step_0__structure", "step_0__content")
    assert [box.field for box in structure.slots[0].boxes] == [
        "reasoning",
        "content",
        "tool_calls[0].name",
        "tool_calls[0].arguments",
        "heard",
    ]


def test_a_step_without_a_box_can_be_removed_too() -> None:
    options = Options(editable_fields=["reasoning"], allow_remove=True, max_steps=2)
    config = config_of(data_of(SHORT), options=options)
    assert texts_of(config)["step_1__title"] == "$steps[1].title"
    schema = read_config(config)
    assert [structure.original for structure in schema.fixed.structures] == ["step_0__title", "step_1__title"]
    assert schema.max_steps == 2
    assert [structure.step_index for structure in schema.structures_in(data_of(SHORT))] == [0]
    assert "step_0__title" not in texts_of(config_of(data_of(SHORT), options=Options(editable_fields=["reasoning"])))


def test_what_the_controls_of_a_step_point_at_can_be_kept_when_it_gets_more_boxes() -> None:
    options = Options(editable_fields=EVERY_FIELD, allow_remove=True, allow_insert=1)
    longer = {"messages": [SHORT["messages"][0], {"role": "assistant", "reasoning_content": "Hm", "content": "Hello."}]}
    shape = chat_shape([data_of(SHORT), data_of(longer)])
    for anchor, original in (
        ("content", "step_0__content"),
        ("title", "step_0__title"),
        (None, "step_0__reasoning"),
        ("call_0__name", "step_0__reasoning"),
    ):
        schema = read_config(write_chat_config(options, shape, Anchors({0: anchor} if anchor else {}, {})))
        assert schema.fixed.structures[0].original == original
        assert [editor.field for editor in schema.fixed.editors] == ["reasoning", "content"]


def test_label_studio_takes_what_removes_and_inserts_steps_of_conversations() -> None:
    from label_studio_sdk.label_interface.interface import LabelInterface

    for fields in (["reasoning"], EVERY_FIELD):
        options = Options(editable_fields=fields, allow_remove=True, allow_insert=3, require_reason_on_edit=True)
        config = config_of(data_of(TRIP), data_of(SHORT), options=options)
        interface: Any = LabelInterface(config)
        interface.validate()
        names = re.findall(r'(?<!\w)name="([^"]+)"', config)
        assert len(names) == len(set(names))
        for source, steps in ((TRIP, len(data_of(TRIP)["steps"])), (SHORT, 1)):
            results = predict({"data": data_of(source)}, config)
            assert interface.validate_prediction({"result": results}, return_errors=True) == []
            opened = [result for result in results if "__insert_" in result["from_name"]]
            assert [result["value"]["text"] for result in opened] == [[""]] * (steps * 3 * 6)
