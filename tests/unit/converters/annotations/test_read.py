"""What counts as an edit: a test for each row of docs/reading-rules.md, on a labeling config that somebody else wrote.

`one` and `two` correct texts of steps, `object` an object, `end` the final answer, and `why` asks for a reason.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from ls_trajedit.converters.annotations.read import Reading, read_annotation
from ls_trajedit.converters.record import ReasonWithoutEdit, RejectedAnnotation, RejectReason, StepLabel
from ls_trajedit.label_config.read_config import read_config
from tests.support.loop import text_result

CONFIG = """<View><Text name="goal" value="$goal"/>
<Text name="o1" value="$turns[0].said"/><TextArea name="one" toName="o1"/><TextArea name="whyReason" toName="o1"/>
<Choices name="ok" toName="o1"><Choice value="yes"/><Choice value="no"/></Choices>
<Text name="o2" value="$turns[1].said"/><TextArea name="two" toName="o2"/><TextArea name="o2__reason" toName="o2"/>
<Choices name="ok2" toName="o2"><Choice value="yes"/></Choices>
<Text name="o3" value="$turns[0].call"/><TextArea name="object" toName="o3"/>
<Text name="o4" value="$answer"/><TextArea name="end" toName="o4"/>
<Choices name="mood" toName="goal"><Choice value="good"/></Choices><Rating name="stars" toName="goal"/></View>"""

TO = {"one": "o1", "whyReason": "o1", "two": "o2", "o2__reason": "o2", "object": "o3", "end": "o4"}
DATA: dict[str, Any] = {
    "goal": "g",
    "turns": [{"said": "hello\n", "call": {"tool": "x", "n": [1, 2]}}],
    "answer": "first\r\nsecond\r\n",
}


def result(control: str, *texts: str) -> dict[str, Any]:
    return text_result(control, TO[control], *texts)


def choice(control: str, to: str, *values: str) -> dict[str, Any]:
    return {"from_name": control, "to_name": to, "type": "choices", "value": {"choices": list(values)}}


def read(*results: Any, data: dict[str, Any] | None = None) -> Reading:
    data = DATA if data is None else data
    return read_annotation(list(results), read_config(CONFIG).controls(data), data)


def edits(*results: Any, data: dict[str, Any] | None = None) -> list[tuple[str, str, Any]]:
    """The edits: which control, from which text, to which value."""
    return [(edit.editor.control, edit.original_text, edit.value) for edit in read(*results, data=data).edits]


def rejection(*results: Any, data: dict[str, Any] | None = None) -> tuple[RejectReason, str]:
    with pytest.raises(RejectedAnnotation) as rejected:
        read(*results, data=data)
    return rejected.value.reason, rejected.value.detail


# "no result: not edited"


def test_an_editor_without_a_result_was_not_edited() -> None:
    assert edits() == []
    assert edits(result("end", "new")) == [("end", "first\r\nsecond\r\n", "new")]


def test_a_result_without_any_text_says_nothing() -> None:
    assert edits(result("one")) == []


# "text equal to the original, or differing only in \r\n against \n: not edited"


@pytest.mark.parametrize("text", ["hello\n", "hello\r\n", "hello\r"])
def test_a_text_that_differs_in_line_ends_alone_was_not_edited(text: str) -> None:
    assert edits(result("one", text)) == []


@pytest.mark.parametrize("text", ["first\r\nsecond\r\n", "first\nsecond\n", "first\r\nsecond\n"])
def test_a_text_whose_line_ends_the_browser_changed_was_not_edited(text: str) -> None:
    assert edits(result("end", text)) == []


@pytest.mark.parametrize("text", ["hello", "hello\n ", "Hello\n", " hello\n", "hello\n\n", "he\u200bllo\n"])
def test_every_other_difference_is_an_edit_however_small(text: str) -> None:
    assert edits(result("one", text)) == [("one", "hello\n", text)]


def test_letters_that_merely_look_the_same_are_an_edit() -> None:
    data = {"turns": [{"said": "é"}]}
    assert edits(result("one", "e\u0301"), data=data) == [("one", "é", "e\u0301")]


# '[""]: edited to empty'


def test_a_cleared_box_is_an_edit_to_empty() -> None:
    assert edits(result("one", "")) == [("one", "hello\n", "")]


def test_a_box_that_was_empty_and_stayed_so_was_not_edited() -> None:
    data = {"turns": [{"said": ""}]}
    assert edits(result("one", ""), data=data) == []
    assert edits(result("one", "now there is something"), data=data) == [("one", "", "now there is something")]


# "other text: edited; if the original used \r\n, the correction gets \r\n back"


def test_a_correction_gets_the_line_ends_of_its_original_back() -> None:
    assert edits(result("end", "first\nthird\n")) == [("end", "first\r\nsecond\r\n", "first\r\nthird\r\n")]


def test_a_correction_of_a_text_with_plain_line_ends_stays_as_typed() -> None:
    assert edits(result("one", "a\r\nb")) == [("one", "hello\n", "a\r\nb")]
    assert edits(result("one", "a\nb")) == [("one", "hello\n", "a\nb")]


# "several texts in one result: equal ones count once; originals among them are dropped; more than one left: rejected"


@pytest.mark.parametrize(
    "texts",
    [
        ("new", "new"),
        ("hello\n", "new"),
        ("new", "hello\n"),
        ("hello\n", "new", "hello\r\n", "new"),
    ],
)
def test_equal_texts_count_once_and_originals_among_them_do_not_count(texts: tuple[str, ...]) -> None:
    assert edits(result("one", *texts)) == [("one", "hello\n", "new")]


def test_several_texts_that_are_all_the_original_are_not_an_edit() -> None:
    assert edits(result("one", "hello\n", "hello\n", "hello\r\n")) == []


def test_texts_that_differ_in_line_ends_alone_count_once() -> None:
    assert edits(result("end", "a\nb", "a\r\nb")) == [("end", "first\r\nsecond\r\n", "a\r\nb")]


def test_two_different_corrections_of_one_field_are_rejected() -> None:
    assert rejection(result("one", "new", "newer")) == (RejectReason.SEVERAL_TEXTS, "`one` holds 2 different texts")
    assert rejection(result("one", "new", "")) == (RejectReason.SEVERAL_TEXTS, "`one` holds 2 different texts")


def test_two_results_for_one_editor_are_read_like_two_texts_in_one() -> None:
    assert edits(result("one", "hello\n"), result("one", "new"), result("one", "new")) == [("one", "hello\n", "new")]
    assert rejection(result("one", "new"), result("one", "newer"))[0] is RejectReason.SEVERAL_TEXTS


# "the original is not a string: equal value = not edited; not JSON = rejected"

OBJECT = '{\n  "tool": "x",\n  "n": [\n    1,\n    2\n  ]\n}'


@pytest.mark.parametrize("text", [OBJECT, '{"tool":"x","n":[1,2]}', '{"n": [1, 2],\r\n "tool": "x"}', OBJECT + "\n"])
def test_json_with_the_same_value_is_not_an_edit(text: str) -> None:
    assert edits(result("object", text)) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"tool": "y", "n": [1, 2]}', {"tool": "y", "n": [1, 2]}),
        ('{"tool": "x", "n": [1.0, 2]}', {"tool": "x", "n": [1.0, 2]}),
        ('{"tool": "x", "n": [2, 1]}', {"tool": "x", "n": [2, 1]}),
        ("null", None),
        ("5", 5),
        ('"x"', "x"),
        ("[]", []),
    ],
)
def test_json_with_another_value_is_an_edit_to_that_value(text: str, value: Any) -> None:
    ((control, original, found),) = edits(result("object", text))
    assert (control, original, found, type(found)) == ("object", OBJECT, value, type(value))
    assert repr(found) == repr(value)


@pytest.mark.parametrize("text", ["", "{", "x(1)", '{"tool": "x"', "NaN", "{'tool': 'x'}", "1e999", "[" * 2000])
def test_text_that_is_not_json_where_the_original_is_json_is_rejected(text: str) -> None:
    reason, detail = rejection(result("object", text))
    assert reason is RejectReason.NOT_JSON
    assert detail.startswith("`object` corrects `turns[0].call`, and its text is not JSON: ")


def test_several_layouts_of_the_same_json_count_once() -> None:
    assert edits(result("object", OBJECT, "[1]", "[ 1 ]")) == [("object", OBJECT, [1])]
    assert rejection(result("object", "[1]", "[1.0]"))[0] is RejectReason.SEVERAL_TEXTS


@pytest.mark.parametrize("value", [0, 5, 1.5, True, False, [], {}, ["a"]])
def test_every_kind_of_value_can_stay_and_can_change(value: Any) -> None:
    data = {"turns": [{"call": value}]}
    assert edits(result("object", json.dumps(value)), data=data) == []
    ((_, _, found),) = edits(result("object", '"other"'), data=data)
    assert found == "other"


def test_a_string_that_looks_like_json_is_a_string() -> None:
    data = {"turns": [{"said": '{"a": 1}'}]}
    assert edits(result("one", '{"a":1}'), data=data) == [("one", '{"a": 1}', '{"a":1}')]
    assert edits(result("one", "{"), data=data) == [("one", '{"a": 1}', "{")]


def test_a_value_that_was_imported_as_json_is_compared_as_a_value() -> None:
    data = {"turns": [{"call": "[\n  1\n]"}], "ls_trajedit": {"json": ["turns[0].call"]}}
    assert edits(result("object", "[1]"), data=data) == []
    assert edits(result("object", "[2]"), data=data) == [("object", "[\n  1\n]", "[2]")]
    assert rejection(result("object", "[2"), data=data)[0] is RejectReason.NOT_JSON


# "a control that the config lacks, a field that the task lacks, a result of the wrong shape: rejected"


@pytest.mark.parametrize("control", ["three", "", "ONE", "one ", "step_0__action__corrected", "goal"])
def test_a_control_that_the_config_lacks_is_rejected(control: str) -> None:
    found = {**result("one", "new"), "from_name": control}
    assert rejection(found) == (RejectReason.UNKNOWN_CONTROL, f"`{control}`")


def test_a_correction_of_a_step_that_the_task_does_not_have_is_rejected() -> None:
    assert rejection(result("two", "new")) == (
        RejectReason.ABSENT_FIELD,
        "`two` corrects `turns[1].said`, which is not in the task",
    )
    assert rejection(result("two", ""))[0] is RejectReason.ABSENT_FIELD


def test_a_correction_of_a_field_that_is_null_is_rejected() -> None:
    data = {"turns": [{"said": None}]}
    assert rejection(result("one", "new"), data=data) == (
        RejectReason.ABSENT_FIELD,
        "`one` corrects `turns[0].said`, which is null in the task",
    )


@pytest.mark.parametrize("note", [{"absent": ["answer"]}, {"replaced": {"answer": None}}])
def test_an_answer_that_was_only_imported_as_an_empty_text_is_a_field_that_the_task_lacks(note: dict[str, Any]) -> None:
    data = {"turns": [], "answer": "", "ls_trajedit": note}
    assert edits(data=data) == []
    assert rejection(result("end", "42"), data=data)[0] is RejectReason.ABSENT_FIELD


def test_a_score_or_a_reason_for_a_step_that_the_task_does_not_have_is_rejected() -> None:
    assert rejection(choice("ok2", "o2", "yes")) == (
        RejectReason.ABSENT_FIELD,
        "`ok2` scores `turns[1]`, which is not in the task",
    )
    assert rejection(result("o2__reason", "because")) == (
        RejectReason.ABSENT_FIELD,
        "`o2__reason` explains `turns[1].said`, which is not in the task",
    )


def test_an_empty_reason_for_a_step_that_the_task_does_not_have_says_nothing() -> None:
    assert edits(result("o2__reason", "")) == []


def test_a_step_can_be_scored_whatever_fields_it_has() -> None:
    reading = read(choice("ok", "o1", "no"), data={"turns": [{"thought": "only"}]})
    assert [(label.step_index, label.choices) for label in reading.labels] == [(0, ("no",))]


WHOLE = result("one", "new")


@pytest.mark.parametrize(
    "broken",
    [
        None,
        5,
        "text",
        [],
        {},
        {**WHOLE, "from_name": None},
        {**WHOLE, "from_name": 5},
        {**WHOLE, "from_name": ["one"]},
        {**WHOLE, "to_name": "o2"},
        {**WHOLE, "to_name": None},
        {**WHOLE, "type": "choices"},
        {**WHOLE, "type": None},
        {**WHOLE, "value": None},
        {**WHOLE, "value": "new"},
        {**WHOLE, "value": {}},
        {**WHOLE, "value": {"text": None}},
        {**WHOLE, "value": {"text": "new"}},
        {**WHOLE, "value": {"text": [5]}},
        {**WHOLE, "value": {"text": ["new", None]}},
        {**WHOLE, "value": {"choices": ["new"]}},
        {"type": "relation", "from_id": "a", "to_id": "b"},
        choice("ok", "o2", "yes"),
        {**choice("ok", "o1", "yes"), "type": "textarea"},
        {**choice("ok", "o1"), "value": {"choices": "yes"}},
        {**choice("ok", "o1"), "value": {"text": ["yes"]}},
    ],
)
def test_a_result_of_the_wrong_shape_is_rejected(broken: Any) -> None:
    assert rejection(WHOLE, broken)[0] is RejectReason.WRONG_SHAPE


@pytest.mark.parametrize("results", [None, {}, "x", 5, {"one": "new"}])
def test_results_that_are_not_a_list_are_rejected(results: Any) -> None:
    with pytest.raises(RejectedAnnotation) as rejected:
        read_annotation(results, read_config(CONFIG).controls(DATA), DATA)
    assert rejected.value.reason is RejectReason.WRONG_SHAPE


def test_one_broken_result_rejects_the_whole_annotation() -> None:
    assert rejection(result("one", "new"), result("two", "new"))[0] is RejectReason.ABSENT_FIELD


# "`origin` and `parent_prediction` are never used to decide"


@pytest.mark.parametrize("origin", ["prediction", "prediction-changed", "manual", None, "nonsense"])
def test_where_a_text_comes_from_does_not_decide_whether_it_is_an_edit(origin: str | None) -> None:
    assert edits({**result("one", "new"), "origin": origin}) == [("one", "hello\n", "new")]
    assert edits({**result("one", "hello\n"), "origin": origin}) == []


# What the table does not say.


def test_controls_that_say_nothing_about_the_trace_are_passed_over() -> None:
    stars = {"from_name": "stars", "to_name": "goal", "type": "rating", "value": {"rating": 4}}
    assert edits(choice("mood", "goal", "good"), stars) == []


def test_edits_come_in_the_order_of_the_steps_and_the_config_whatever_the_order_of_the_results() -> None:
    data = {"turns": [{"said": "a", "call": 1}, {"said": "b"}], "answer": "c"}
    results = [result("end", "C"), result("two", "B"), result("object", "2"), result("one", "A")]
    assert [control for control, _, _ in edits(*results, data=data)] == ["one", "object", "two", "end"]


def test_a_reason_belongs_to_the_edit_of_its_field() -> None:
    (edit,) = read(result("whyReason", "typo"), result("one", "new")).edits
    assert edit.reason == "typo"
    (edit,) = read(result("one", "new"), result("whyReason", "typo", "typo", "", "tone")).edits
    assert edit.reason == "typo\ntone"
    for nothing in ([], [result("whyReason", "")], [result("whyReason", " \n")]):
        (edit,) = read(result("one", "new"), *nothing).edits
        assert edit.reason == ""


def test_a_reason_without_an_edit_is_kept_apart() -> None:
    reading = read(result("whyReason", "looks right"), result("one", "hello\n"))
    assert reading.edits == ()
    assert reading.reasons_without_edit == (ReasonWithoutEdit(0, "said", "looks right"),)
    assert read(result("whyReason", "")).reasons_without_edit == ()


def test_scores_of_a_step_are_read_beside_the_edits() -> None:
    reading = read(choice("ok", "o1", "yes", "no"), result("one", "hello\n"))
    assert reading.labels == (StepLabel(0, "ok", ("yes", "no")),)
    assert reading.edits == ()


def test_the_text_as_read_is_what_the_distances_are_counted_from() -> None:
    (edit,) = read(result("end", "first\n2nd\n")).edits
    assert (edit.original_text, edit.edited_text) == ("first\r\nsecond\r\n", "first\r\n2nd\r\n")
    (edit,) = read(result("object", "[ 1 ]")).edits
    assert (edit.original_text, edit.edited_text, edit.value) == (OBJECT, "[ 1 ]", [1])
