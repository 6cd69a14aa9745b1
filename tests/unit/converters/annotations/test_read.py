"""What counts as an edit: a test for each row of docs/reading-rules.md, on a labeling config that somebody else wrote.

`one` and `two` correct texts of steps, `object` an object, `end` the final answer, and `why` asks for a reason.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from ls_trajedit.converters.annotations.read import Reading, read_annotation
from ls_trajedit.converters.record import ReasonWithoutEdit, RejectedAnnotation, RejectReason, Remark, StepLabel
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.traces.options import Options
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


def choice(control: str, to: str, *values: Any) -> dict[str, Any]:
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


def test_a_box_that_still_has_a_number_as_it_was_before_postgresql_was_not_edited() -> None:
    def data(call: Any) -> dict[str, Any]:
        return {"goal": "g", "turns": [{"call": call, "said": "s"}]}

    assert edits(result("object", '{"n": -0.0, "m": 1e22}'), data=data({"m": 10**22, "n": 0.0})) == []
    # This cannot come from PostgreSQL: `n` is after `m` there.
    (edit,) = edits(result("object", '{"n": -0.0, "m": 1e22}'), data=data({"n": 0.0, "m": 10**22}))
    assert json.dumps(edit[2]) == '{"n": -0.0, "m": 1e+22}'
    (edit,) = edits(result("object", '{"n": 0.0, "m": 1e21}'), data=data({"m": 10**22, "n": 0.0}))
    assert edit[2] == {"n": 0.0, "m": 1e21}


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


# "a control that the config lacks, a result of the wrong shape: rejected; for what the task lacks: a remark"


@pytest.mark.parametrize("control", ["three", "", "ONE", "one ", "step_0__action__corrected", "goal"])
def test_a_control_that_the_config_lacks_is_rejected(control: str) -> None:
    found = {**result("one", "new"), "from_name": control}
    assert rejection(found) == (RejectReason.UNKNOWN_CONTROL, f"`{control}`")


def test_a_text_for_a_step_that_the_task_does_not_have_is_a_remark_and_the_rest_counts() -> None:
    reading = read(result("one", "new"), result("two", " kept as it is\n"))
    assert [(edit.editor.control, edit.value) for edit in reading.edits] == [("one", "new")]
    assert reading.remarks == (Remark("two", 1, "said", " kept as it is\n"),)
    for nothing in ("", " \n"):
        assert read(result("two", nothing)).remarks == ()
    assert read(result("two", "a", "", "b", "a")).remarks == (
        Remark("two", 1, "said", "a"),
        Remark("two", 1, "said", "b"),
    )


def test_a_text_for_a_field_that_is_null_is_a_remark() -> None:
    reading = read(result("one", "new"), data={"turns": [{"said": None}]})
    assert (reading.edits, reading.remarks) == ((), (Remark("one", 0, "said", "new"),))


@pytest.mark.parametrize("note", [{"absent": ["answer"]}, {"replaced": {"answer": None}}])
def test_an_answer_that_was_only_imported_as_an_empty_text_is_a_field_that_the_task_lacks(note: dict[str, Any]) -> None:
    data = {"turns": [], "answer": "", "ls_trajedit": note}
    assert edits(data=data) == []
    reading = read(result("end", "42"), data=data)
    assert (reading.edits, reading.remarks) == ((), (Remark("end", None, "answer", "42"),))


def test_a_score_or_a_reason_for_a_step_that_the_task_does_not_have_is_a_remark() -> None:
    reading = read(choice("ok2", "o2", "yes", "no"), result("o2__reason", "because", "of that"))
    assert (reading.edits, reading.labels, reading.reasons_without_edit) == ((), (), ())
    assert reading.remarks == (Remark("o2__reason", 1, "said", "because\nof that"), Remark("ok2", 1, "", "yes\nno"))
    assert read(choice("ok2", "o2")).remarks == ()


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
        {"type": "labels", "from_id": "a", "to_id": "b"},
        choice("ok", "o1", ["yes"], []),
        choice("ok", "o1", ["yes", 5]),
        choice("ok", "o1", [["yes"]]),
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
    assert rejection(result("one", "new"), result("one", "newer"))[0] is RejectReason.SEVERAL_TEXTS


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


# Results about a region: never edits of the field.


def region(control: str, to: str = "o1", number: str = "r1", **value: Any) -> dict[str, Any]:
    """The result of a control on the word `ell` of the Text `to`, as Label Studio saves it."""
    kind = "textarea" if isinstance(value.get("text"), list) else next(iter(value))
    where = {"start": 1, "end": 4, "text": "ell"}
    return {"id": number, "from_name": control, "to_name": to, "type": kind, "value": {**where, **value}}


MARKED = CONFIG.replace(
    "</View>",
    """<Labels name="marks" toName="o1"><Label value="bad"/></Labels>
    <TextArea name="note" toName="o1" perRegion="true"/>
    <Choices name="how" toName="o1" perRegion="TRUE"><Choice value="very"/></Choices>
    <TextArea name="per_item" toName="o4" perItem="true"/></View>""",
)


def read_marked(*results: Any, config: str = MARKED, options: Options | None = None) -> Reading:
    return read_annotation(list(results), read_config(config, options).controls(DATA), DATA)


def test_a_text_about_a_region_is_a_remark_on_the_field_and_never_its_text() -> None:
    reading = read_marked(region("marks", labels=["bad"]), region("note", text=["a typo"]), result("two", ""))
    assert (reading.edits, reading.labels) == ((), ())
    assert reading.remarks == (Remark("note", 0, "said", "a typo"),)


@pytest.mark.parametrize("place", [{"start": 1, "end": 4}, {"x": 1, "y": 2}, {"ranges": []}, {"startOffset": 0}])
def test_a_text_with_a_place_is_about_a_region_even_in_an_editor(place: dict[str, Any]) -> None:
    found = {**result("one", "a typo"), "value": {"text": ["a typo"], **place}}
    reading = read_marked(found, result("end", "better"))
    assert [edit.editor.control for edit in reading.edits] == ["end"]
    assert reading.remarks == (Remark("one", 0, "said", "a typo"),)


@pytest.mark.parametrize("first", [True, False])
def test_a_text_that_shares_its_id_with_a_region_is_about_the_region(first: bool) -> None:
    marked, text = region("marks", labels=["bad"]), result("one", "a typo")
    reading = read_marked(*([marked, text] if first else [text, marked]))
    assert (reading.edits, reading.remarks) == ((), (Remark("one", 0, "said", "a typo"),))


def test_texts_and_choices_that_share_an_id_with_one_another_are_about_the_whole_field() -> None:
    scored = {**choice("ok", "o1", "yes"), "id": "r1"}
    reading = read_marked(
        scored, result("one", "new"), result("whyReason", "why"), region("marks", labels=["bad"], number="r2")
    )
    assert [(edit.value, edit.reason) for edit in reading.edits] == [("new", "why")]
    assert reading.labels == (StepLabel(0, "ok", ("yes",)),)


def test_a_text_on_another_tag_is_not_about_a_region_of_the_same_id() -> None:
    reading = read_marked(region("marks", labels=["bad"]), result("end", "better"))
    assert ([edit.editor.control for edit in reading.edits], reading.remarks) == (["end"], ())


def test_choices_about_a_region_do_not_score_the_step() -> None:
    scored = {**choice("ok", "o1", "no"), "id": "r1"}
    reading = read_marked(region("marks", labels=["bad"]), region("how", choices=["very"]), scored)
    assert (reading.labels, reading.remarks) == ((), ())
    assert read_marked(choice("how", "o1", "very")).labels == ()


def test_texts_of_a_control_for_regions_or_items_are_remarks_wherever_they_are() -> None:
    item = {**text_result("per_item", "o4", "blurred"), "item_index": 2}
    reading = read_marked(text_result("note", "o1", "hello\n", " "), item)
    assert reading.remarks == (Remark("note", 0, "said", "hello\n"), Remark("per_item", None, "answer", "blurred"))


def test_an_item_is_about_a_part_even_in_an_editor() -> None:
    reading = read_marked({**result("one", "dark"), "item_index": 0})
    assert (reading.edits, reading.remarks) == ((), (Remark("one", 0, "said", "dark"),))


def test_equal_remarks_on_two_regions_are_two_and_on_one_region_one() -> None:
    twice = [region("note", text=["typo", "typo"]), region("note", text=["typo"], number="r2")]
    assert read_marked(*twice).remarks == (Remark("note", 0, "said", "typo"),) * 2


def test_a_note_on_a_region_is_a_remark_once_though_each_of_its_results_has_it() -> None:
    meta = {"meta": {"text": ["why is this here?"], "lead_time": 3.5}}
    results = [{**region("marks", labels=["bad"]), **meta}, {**region("note", text=["typo"]), **meta}]
    other = {**region("marks", labels=["bad"], number="r2"), "normalization": "as one wrote it years ago"}
    assert read_marked(*results, other).remarks == (
        Remark("marks", 0, "said", "why is this here?"),
        Remark("marks", 0, "said", "as one wrote it years ago"),
        Remark("note", 0, "said", "typo"),
    )


def test_the_time_that_a_text_took_is_not_a_note() -> None:
    reading = read({**result("one", "new"), "meta": {"lead_time": 3.5}}, {**result("two", ""), "meta": {}})
    assert ([edit.value for edit in reading.edits], reading.remarks) == (["new"], ())


# What has another shape and says nothing about the trace, or can be read.


def test_relations_between_regions_say_nothing() -> None:
    relation = {"type": "relation", "from_id": "a", "to_id": "b", "direction": "right", "labels": ["causes"]}
    assert edits(relation, result("one", "new")) == [("one", "hello\n", "new")]


def test_nested_choices_are_their_paths() -> None:
    reading = read(choice("ok", "o1", ["wrong", "tool"], ["wrong"], "yes"))
    assert reading.labels == (StepLabel(0, "ok", ("wrong / tool", "wrong", "yes")),)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("rating", {"rating": 4}),
        ("number", {"number": 4.5}),
        ("datetime", {"datetime": "2026-11-22"}),
        ("taxonomy", {"taxonomy": [["a", "b"], ["c"]]}),
        ("pairwise", {"selected": "left"}),
        ("ranker", {"ranker": {"stars": ["a", "b"]}}),
        ("choices", {"choices": [["a", "b"]]}),
        ("labels", {"start": 0, "end": 2, "text": "he", "labels": ["x"]}),
    ],
)
def test_whatever_else_a_control_on_a_step_says_is_passed_over(kind: str, value: dict[str, Any]) -> None:
    config = CONFIG.replace('<Rating name="stars" toName="goal"/>', '<Rating name="stars" toName="o1"/>')
    found = {"id": "z", "from_name": "stars", "to_name": "o1", "type": kind, "value": value}
    reading = read_marked(found, result("end", "new"), config=config)
    assert ([edit.value for edit in reading.edits], reading.labels, reading.remarks) == (["new"], (), ())


# A text that somebody typed is never passed over.

ELSEWHERE = """<View><Text name="goal" value="$goal"/>
<Text name="o1" value="$turns[0].said"/><TextArea name="one" toName="o1"/>
<Text name="words" value="Said: $turns[0].said"/><TextArea name="a" toName="words"/>
<Paragraphs name="talk" value="$turns"/><TextArea name="b" toName="talk"/>
<HyperText name="page" value="$turns[0].url" valueType="url"/><TextArea name="c" toName="page"/>
<Text name="coded" value="$turns[0].said" encoding="base64"/><TextArea name="d" toName="coded"/>
<TextArea name="e" toName="Goal"/><TextArea name="f"/>
<Image name="shot" value="$turns[0].shot"/><TextArea name="g" toName="shot"/>
<HyperText name="fixed" value="$goal"><p>Please read.</p></HyperText><TextArea name="h" toName="fixed"/>
<Choices name="mood" toName="goal"><Choice value="good"/></Choices><Chat name="chat" value="$turns"/></View>"""
POINTS = {"a": "words", "b": "talk", "c": "page", "d": "coded", "e": "Goal", "f": "goal", "g": "shot", "h": "fixed"}


def typed(control: str, *texts: str) -> dict[str, Any]:
    return text_result(control, POINTS.get(control, "goal"), *texts)


def message(content: Any) -> dict[str, Any]:
    value = {"chatmessage": {"role": "user", "content": content, "createdAt": 5}}
    return {"id": "m", "from_name": "chat", "to_name": "chat", "type": "chatmessage", "value": value}


@pytest.mark.parametrize(
    ("found", "detail"),
    [
        (typed("a", "new"), "`a` points at the Text `words`, which shows `Said: $turns[0].said`"),
        (typed("b", "new"), "`b` points at the Paragraphs `talk`, which does not show one field as text"),
        (typed("c", "new"), "`c` points at the HyperText `page`, which shows something else than what is at"),
        (typed("d", "new"), "`d` points at the Text `coded`, which shows something else than what is at"),
        (typed("e", "new"), "`e` points at a tag that the labeling config lacks (`Goal`)"),
        (typed("f", "new"), "`f` points at nothing: it has no `toName`"),
        (typed("g", "new"), "`g` points at the Image `shot`, which does not show one field as text"),
        (typed("h", "new"), "`h` points at the HyperText `fixed`, which shows `<p>Please read.</p>`"),
        (typed("mood", "new"), "`mood` corrects no field, and a text was typed there"),
        ({**typed("mood", "new"), "type": None}, "`mood` corrects no field, and a text was typed there"),
        (message("new"), "`chat` is a Chat, which corrects no field"),
        (message([{"type": "text", "text": "new"}]), "`chat` is a Chat, which corrects no field"),
    ],
)
def test_a_text_that_belongs_to_no_field_rejects_the_annotation_by_name(found: dict[str, Any], detail: str) -> None:
    with pytest.raises(RejectedAnnotation) as rejected:
        read_marked(result("one", "hello\n"), found, config=ELSEWHERE)
    assert rejected.value.reason is RejectReason.UNATTRIBUTED_TEXT
    assert rejected.value.detail.startswith(detail)
    assert "`remark_controls`" in rejected.value.detail


def test_blank_texts_and_what_a_prediction_put_there_say_nothing() -> None:
    blank = [typed(control, "", " \n") for control in POINTS]
    reading = read_marked(*blank, typed("d", "hello\r\n"), message(" "), message(None), config=ELSEWHERE)
    assert reading == Reading((), (), ())


def test_texts_of_controls_that_the_options_name_are_remarks() -> None:
    options = Options(remark_controls=["a", "b", "c", "d", "e", "f", "g", "h", "mood", "chat", "gone"])
    texts = [typed(control, f"see {control}") for control in (*POINTS, "mood")]
    gone = text_result("gone", "o1", "the config lost its control")
    reading = read_marked(*texts, message("hi"), gone, result("one", "new"), config=ELSEWHERE, options=options)
    assert [edit.value for edit in reading.edits] == ["new"]
    assert reading.remarks == (
        Remark("a", None, "", "see a"),
        Remark("b", None, "turns", "see b"),
        Remark("c", 0, "url", "see c"),
        Remark("d", 0, "said", "see d"),
        Remark("e", None, "", "see e"),
        Remark("f", None, "goal", "see f"),
        Remark("g", 0, "shot", "see g"),
        Remark("h", None, "", "see h"),
        Remark("mood", None, "goal", "see mood"),
        Remark("chat", None, "turns", "hi"),
        Remark("gone", 0, "said", "the config lost its control"),
    )


def test_a_remark_beside_an_editor_of_the_same_field_is_not_its_text() -> None:
    config = CONFIG.replace("</View>", '<TextArea name="comment" toName="o1"/></View>')
    options = Options(remark_controls=["comm*"])
    found = text_result("comment", "o1", "not how I would say it")
    reading = read_marked(result("one", "new"), result("whyReason", "why"), found, config=config, options=options)
    assert [(edit.value, edit.reason) for edit in reading.edits] == [("new", "why")]
    assert reading.remarks == (Remark("comment", 0, "said", "not how I would say it"),)
    # A backend does not know the options, and may have put the original there.
    assert read_marked(text_result("comment", "o1", "hello\n"), config=config, options=options).remarks == ()


def test_a_reason_for_a_field_without_an_editor_is_a_remark() -> None:
    config = CONFIG.replace(
        "</View>", '<Text name="o5" value="$turns[0].call.tool"/><TextArea name="o5__reason" toName="o5"/></View>'
    )
    config = config.replace('<Text name="o3" value="$turns[0].call"/><TextArea name="object" toName="o3"/>', "")
    reading = read_marked(text_result("o5__reason", "o5", "a good tool"), config=config)
    assert reading.remarks == (Remark("o5__reason", 0, "call.tool", "a good tool"),)


def test_a_text_for_another_field_than_the_chosen_answer_is_not_passed_over() -> None:
    options = Options(final_answer_key="answer")
    config = CONFIG.replace('<Rating name="stars" toName="goal"/>', '<TextArea name="why_goal" toName="goal"/>')
    reading = read_marked(text_result("why_goal", "goal", "g"), result("end", "new"), config=config, options=options)
    assert [edit.value for edit in reading.edits] == ["new"]
    with pytest.raises(RejectedAnnotation, match="`why_goal` corrects `goal`, and the final answer is `answer`"):
        read_marked(text_result("why_goal", "goal", "better"), result("end", "new"), config=config, options=options)


def test_a_form_of_code_holds_texts_or_none() -> None:
    config = CONFIG.replace("</View>", '<ReactCode name="form" toName="form"/></View>')
    form = {"id": "f", "from_name": "form", "to_name": "form", "type": "reactcode"}
    assert read_marked({**form, "value": {"reactcode": {"n": 1, "b": [True, " "]}}}, config=config).remarks == ()
    filled = {**form, "value": {"reactcode": {"n": 1, "say": ["no"]}}}
    with pytest.raises(RejectedAnnotation, match="`form` is a ReactCode"):
        read_marked(filled, config=config)
    options = Options(remark_controls=["form"])
    assert read_marked(filled, config=config, options=options).remarks == (
        Remark("form", None, "", '{"n":1,"say":["no"]}'),
    )
