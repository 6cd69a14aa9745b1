"""What the editors are prefilled with."""

from __future__ import annotations

from typing import Any

import pytest

from ls_trajedit.label_config.predict import predict
from ls_trajedit.traces.errors import ConfigError

CONFIG = """<View><Text name="t" value="$goal"/>
<Text name="a1" value="$turns[1].said"/><TextArea name="n1" toName="a1"/>
<Text name="a0" value="$turns[0].said"/><TextArea name="n0" toName="a0"/><TextArea name="n0__reason" toName="a0"/>
<Text name="a2" value="$turns[2].said"/><TextArea name="n2" toName="a2"/>
<Text name="e" value="$answer"/><TextArea name="ne" toName="e"/></View>"""


def prefilled(data: Any, config: str = CONFIG) -> dict[str, str]:
    """The text in each editor, without the reasons."""
    found = {result["from_name"]: result["value"]["text"][0] for result in predict({"data": data}, config)}
    return {control: text for control, text in found.items() if not control.endswith("__reason")}


def test_a_prediction_has_the_form_that_label_studio_wants() -> None:
    data = {"turns": [{"said": "hi"}], "answer": "bye"}
    assert predict({"id": 3, "data": data}, CONFIG) == [
        {"id": "n0", "from_name": "n0", "to_name": "a0", "type": "textarea", "value": {"text": ["hi"]}},
        {"id": "n0__reason", "from_name": "n0__reason", "to_name": "a0", "type": "textarea", "value": {"text": [""]}},
        {"id": "ne", "from_name": "ne", "to_name": "e", "type": "textarea", "value": {"text": ["bye"]}},
    ]


def test_a_reason_is_prefilled_empty_and_only_where_there_is_something_to_correct() -> None:
    found = {
        result["from_name"]: result["value"]["text"] for result in predict({"data": {"turns": [{"said": ""}]}}, CONFIG)
    }
    assert found == {"n0": [""], "n0__reason": [""]}
    assert predict({"data": {"turns": [{"said": None}]}}, CONFIG) == []


def test_the_text_is_kept_character_by_character() -> None:
    text = " \r\n\ta\rb\n<b>&amp;\u2028😀e\u0301\x00 "
    assert prefilled({"turns": [{"said": text}, {"said": ""}]}) == {"n0": text, "n1": ""}


def test_fields_that_are_missing_or_null_are_not_prefilled() -> None:
    assert prefilled({"turns": [{"said": None}, {}, {"said": "x"}, {"said": "beyond the config"}], "answer": None}) == {
        "n2": "x"
    }
    assert prefilled({}) == {}
    assert prefilled({"turns": "broken", "answer": "a"}) == {"ne": "a"}


def test_values_that_are_not_strings_are_prefilled_as_json() -> None:
    data = {"turns": [{"said": {"tool": "x", "n": [1, 2.0]}}, {"said": 5}, {"said": False}], "answer": []}
    assert prefilled(data) == {
        "n0": '{\n  "tool": "x",\n  "n": [\n    1,\n    2.0\n  ]\n}',
        "n1": "5",
        "n2": "false",
        "ne": "[]",
    }


def test_a_missing_field_that_was_imported_as_an_empty_string_is_not_prefilled() -> None:
    assert prefilled({"turns": [], "answer": "", "ls_trajedit": {"absent": ["answer"]}}) == {}
    assert prefilled({"turns": [], "answer": "", "ls_trajedit": {"replaced": {"answer": None}}}) == {}
    assert prefilled({"turns": [], "answer": ""}) == {"ne": ""}


def test_the_same_task_gets_the_same_prediction() -> None:
    task = {"data": {"turns": [{"said": {"b": 1, "a": 2}}]}}
    assert predict(task, CONFIG) == predict(task, CONFIG)


@pytest.mark.parametrize("data", [None, [], "x", 5])
def test_a_task_without_data_is_an_error(data: Any) -> None:
    with pytest.raises(ValueError, match="no object as `data`"):
        predict({"data": data}, CONFIG)
    with pytest.raises(ValueError, match="no object as `data`"):
        predict({}, CONFIG)


def test_a_config_without_editors_is_an_error() -> None:
    with pytest.raises(ConfigError):
        predict({"data": {}}, "<View/>")


def test_a_box_for_comments_on_regions_is_not_prefilled_and_one_under_a_hypertext_is() -> None:
    config = """<View><Text name="a" value="$steps[0].x"/><TextArea name="comment" toName="a" perRegion="true"/>
    <TextArea name="item" toName="a" perItem="true"/><TextArea name="fix" toName="a"/>
    <HyperText name="b" value="$answer"/><TextArea name="better" toName="b"/>
    <HyperText name="c">$steps[0].y</HyperText><TextArea name="inside" toName="c"/>
    <Text name="d" value="$steps[0].url" valueType="url"/><TextArea name="page" toName="d"/></View>"""
    data = {"steps": [{"x": "go", "y": "<p>", "url": "http://x"}], "answer": "<b>Sunny</b>"}
    assert prefilled(data, config) == {"fix": "go", "better": "<b>Sunny</b>", "inside": "<p>"}


def test_the_boxes_of_steps_that_may_be_inserted_are_opened_for_the_steps_that_the_task_has() -> None:
    slot = (
        '<Text name="t{n}" value="$turns[{n}].said"/><Choices name="t{n}__structure" toName="t{n}"><Choice '
        'value="Remove this step"/><Choice value="Insert a step after it"/></Choices>'
        '<TextArea name="t{n}__structure_reason" toName="t{n}"/>'
        '<TextArea name="t{n}__insert_1__content" toName="t{n}"/><TextArea name="t{n}__insert_1_reason" toName="t{n}"/>'
    )
    config = f"<View>{slot.replace('{n}', '0')}{slot.replace('{n}', '1')}</View>"
    assert predict({"data": {"turns": [{"other": "x"}]}}, config) == [
        {"id": name, "from_name": name, "to_name": "t0", "type": "textarea", "value": {"text": [""]}}
        for name in ("t0__insert_1__content", "t0__structure_reason", "t0__insert_1_reason")
    ]
    assert predict({"data": {"turns": []}}, config) == []
