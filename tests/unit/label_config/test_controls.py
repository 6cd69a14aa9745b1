"""Which control corrects, explains or scores what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ls_trajedit.label_config.controls import (
    Controls,
    Editor,
    ExpectedResult,
    LabelControl,
    Tag,
    matches_name,
    resolve_controls,
    split_path,
)
from ls_trajedit.traces.errors import ConfigError
from ls_trajedit.traces.field_path import FieldPath, parse_path


def text(name: str, value: str | None) -> Tag:
    return Tag("text", name, None, value)


def area(name: str, to_name: str) -> Tag:
    return Tag("textarea", name, to_name, None)


def choices(name: str, to_name: str) -> Tag:
    return Tag("choices", name, to_name, None)


def resolved(*tags: Tag) -> Controls:
    return resolve_controls(tags, "action")


def test_a_text_area_corrects_the_field_that_its_text_shows() -> None:
    assert resolved(text("a", "$turns[3].content"), area("fix", "a")).editors == (
        Editor("fix", "a", ("turns", 3, "content"), 3, "content"),
    )
    assert resolved(text("a", "$steps[0].args.query"), area("fix", "a")).editors == (
        Editor("fix", "a", ("steps", 0, "args", "query"), 0, "args.query"),
    )


def test_a_text_area_on_a_field_outside_the_steps_corrects_that_field() -> None:
    assert resolved(text("a", "$result.answer"), area("fix", "a")).editors == (
        Editor("fix", "a", ("result", "answer"), None, "result.answer"),
    )


def test_a_text_area_on_a_whole_step_corrects_the_string_that_the_step_is() -> None:
    assert resolved(text("a", "$steps[2]"), area("fix", "a")).editors == (
        Editor("fix", "a", ("steps", 2), 2, "action"),
    )


def test_the_order_of_tags_does_not_matter_for_what_they_mean() -> None:
    assert resolved(area("fix", "a"), text("a", "$steps[0].x")) == resolved(text("a", "$steps[0].x"), area("fix", "a"))


@pytest.mark.parametrize("name", ["a__reason", "reason", "fix_Reason", "WHY_REASON"])
def test_a_second_text_area_that_is_named_reason_asks_for_the_reason(name: str) -> None:
    controls = resolved(text("a", "$steps[0].x"), area(name, "a"), area("fix", "a"))
    assert controls.editors == (Editor("fix", "a", ("steps", 0, "x"), 0, "x", reason=name),)
    assert controls.expected_results == {
        "fix": ExpectedResult("a", "textarea", "text", ("steps", 0, "x")),
        name: ExpectedResult("a", "textarea", "text"),
    }
    assert controls.others == frozenset()


def test_a_lone_text_area_with_reason_in_its_name_is_an_editor() -> None:
    controls = resolved(text("a", "$steps[0].reason"), area("reason", "a"))
    assert controls.editors == (Editor("reason", "a", ("steps", 0, "reason"), 0, "reason"),)


@pytest.mark.parametrize("name", ["a__reason", "a__Reason"])
def test_our_own_reason_is_a_reason_even_without_an_editor(name: str) -> None:
    controls = resolved(text("a", "$steps[0].x"), area(name, "a"))
    assert (controls.editors, controls.others) == ((), frozenset())
    assert [(found.control, found.original, found.is_remark) for found in controls.texts] == [(name, "a", True)]


def test_choices_on_a_step_score_the_step() -> None:
    controls = resolved(
        text("a", "$steps[4].x"), choices("a__correctness", "a"), choices("a__error_type", "a"), choices("mood", "a")
    )
    assert controls.labels == (
        LabelControl("a__correctness", "a", ("steps", 4), 4, "correctness"),
        LabelControl("a__error_type", "a", ("steps", 4), 4, "error_type"),
        LabelControl("mood", "a", ("steps", 4), 4, "mood"),
    )


def test_controls_that_say_nothing_about_a_step_are_known_and_ignored() -> None:
    controls = resolved(
        text("task", "$task"),
        choices("quality", "task"),
        Tag("rating", "stars", "task", None),
        Tag("labels", "marks", "task", None),
        Tag("pairwise", "better", "task,other", None),
    )
    assert (controls.editors, controls.labels, controls.texts) == ((), (), ())
    assert controls.others == {"quality", "stars", "marks", "better"}


@pytest.mark.parametrize("kind", ["text", "hypertext", "markdown"])
def test_a_tag_that_shows_one_field_as_text_is_an_original_whatever_it_is_called(kind: str) -> None:
    original = Tag(kind, "a", None, "$steps[4].x")
    controls = resolved(original, area("fix", "a"), choices("ok", "a"))
    assert controls.editors == (Editor("fix", "a", ("steps", 4, "x"), 4, "x"),)
    assert controls.labels == (LabelControl("ok", "a", ("steps", 4), 4, "ok"),)


@pytest.mark.parametrize(
    ("target", "about"),
    [
        (text("a", "Please read"), "points at the Text `a`, which shows `Please read`"),
        (text("a", "Answer: $x"), "points at the Text `a`, which shows `Answer: $x`"),
        (text("a", "$x $y"), "points at the Text `a`, which shows `$x $y`"),
        (text("a", "$a-b"), "points at the Text `a`, which shows `$a-b`"),
        (text("a", None), "points at the Text `a`, which shows nothing of the task"),
        (
            replace(text("a", "$x"), shows_value=False),
            "points at the Text `a`, which shows something else than what is at `$x`",
        ),
        (
            Tag("paragraphs", "a", None, "$turns"),
            "points at the Paragraphs `a`, which does not show one field as text",
        ),
        (Tag("image", "a", None, "$x"), "points at the Image `a`, which does not show one field as text"),
        (Tag("timeseries", "a", None, "$x"), "points at the TimeSeries `a`, which does not show one field as text"),
        (text("A", "$x"), "points at a tag that the labeling config lacks (`a`)"),
    ],
)
def test_a_text_area_on_anything_else_is_known_by_name_with_what_it_points_at(target: Tag, about: str) -> None:
    controls = resolved(target, area("fix", "a"))
    assert (controls.editors, controls.others) == ((), frozenset())
    assert [(found.control, found.about, found.is_remark) for found in controls.texts] == [("fix", about, False)]


def test_every_other_control_in_which_somebody_can_type_is_known_by_name() -> None:
    controls = resolved(
        text("a", "$x"),
        text("b", "$y"),
        Tag("textarea", "free", None, None),
        area("both", "a,b"),
        Tag("chat", "talk", None, "$messages"),
        Tag("reactcode", "form", None, None),
        Tag("custominterface", "old_form", "old_form", None),
    )
    assert [(found.control, found.kind, found.about) for found in controls.texts] == [
        ("free", "textarea", "points at nothing: it has no `toName`"),
        ("both", "textarea", "points at several tags (`a,b`)"),
        ("talk", "chatmessage", "is a Chat, which corrects no field"),
        ("form", "reactcode", "is a ReactCode, which corrects no field"),
        ("old_form", "reactcode", "is a CustomInterface, which corrects no field"),
    ]


def test_what_is_about_regions_neither_corrects_nor_scores() -> None:
    about_regions = (
        replace(area("comment", "a"), is_about_regions=True),
        replace(area("commentReason", "a"), is_about_regions=True),
        replace(choices("severity", "a"), is_about_regions=True),
    )
    controls = resolved(text("a", "$steps[0].x"), *about_regions, area("reason", "a"))
    assert controls.editors == (Editor("reason", "a", ("steps", 0, "x"), 0, "x"),)
    assert (controls.labels, controls.others) == ((), frozenset({"severity"}))
    assert [(found.control, found.is_remark) for found in controls.texts] == [
        ("comment", True),
        ("commentReason", True),
    ]


def test_what_the_options_name_as_a_remark_corrects_nothing() -> None:
    controls = resolved(text("a", "$steps[0].x"), replace(area("note", "a"), is_remark=True), area("fix", "a"))
    assert [editor.control for editor in controls.editors] == ["fix"]
    assert [(found.control, found.is_remark, found.prefill) for found in controls.texts] == [
        ("note", True, ("steps", 0, "x"))
    ]


def test_what_a_tag_shows_has_a_place_in_the_trace() -> None:
    tags = (text("a", "$run.steps[2].x.y"), text("b", "$images[1].alt"), text("c", "$task"), text("d", "Answer: $x"))
    controls = resolved(*tags, choices("ok", "a"), choices("sharp", "b")).with_steps(("run", "steps"))
    places = [controls.place(name) for name in ("a", "b", "c", "d", "nowhere", None)]
    assert places == [(2, "x.y"), (None, "images[1].alt"), (None, "task"), (None, ""), (None, ""), (None, "")]
    # What scores an item of another list does not score a step.
    assert ([label.control for label in controls.labels], controls.others) == (["ok"], {"sharp"})


@pytest.mark.parametrize(
    ("control", "names", "matches"),
    [
        ("comment", ["comment"], True),
        ("comment", [], False),
        ("comment", ["Comment", "comment_2", "omment"], False),
        ("step_12__note", ["step_*__note"], True),
        ("step_12__note", ["step_*__notes", "*x*"], False),
        ("a[0]", ["a[0]"], True),
        ("a0", ["a[0]", "a?", "a."], False),
    ],
)
def test_a_name_in_the_options_is_exact_but_for_its_stars(control: str, names: list[str], matches: bool) -> None:
    assert matches_name(control, names) is matches


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        (
            (text("a", "$steps[0].x"), area("fix", "a"), area("better", "a")),
            "`fix` and `better` both correct `steps[0].x`",
        ),
        (
            (text("a", "$steps[0].x"), text("b", "$steps[0].x"), area("fix", "a"), area("better", "b")),
            "`fix` and `better` both correct `steps[0].x`",
        ),
        (
            (text("a", "$steps[0].x.y"), text("b", "$steps[0].x"), area("fix", "a"), area("better", "b")),
            "`better` and `fix` both correct `steps[0].x`",
        ),
        (
            (text("a", "$steps[0].x"), area("fix", "a"), area("reason", "a"), area("other_reason", "a")),
            "`reason` and `other_reason` both ask for the reason of a correction of `a`",
        ),
        (
            (text("a", "$steps[0].x"), text("b", "$steps[1].x"), area("fix", "a"), area("fix", "b")),
            "several controls are named `fix`",
        ),
        (
            (text("a", "$steps[0].x"), text("b", "$steps[1].x"), choices("ok", "a"), choices("ok", "b")),
            "several controls are named `ok`",
        ),
    ],
)
def test_a_config_that_leaves_open_which_control_corrects_a_field_is_an_error(
    tags: tuple[Tag, ...], message: str
) -> None:
    with pytest.raises(ConfigError) as error:
        resolve_controls(tags, "action")
    assert message in str(error.value)


def test_fields_that_merely_begin_alike_are_two_fields() -> None:
    tags = (text("a", "$steps[0].x"), text("b", "$steps[0].xy"), text("c", "$steps[1].x"))
    controls = resolved(*tags, area("fix_a", "a"), area("fix_b", "b"), area("fix_c", "c"))
    assert [editor.field for editor in controls.editors] == ["x", "xy", "x"]


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("turns[3].content", (("turns",), 3, "content")),
        ("run.turns[0].calls[1].args", (("run", "turns"), 0, "calls[1].args")),
        ("steps[2]", (("steps",), 2, "")),
        ("meta.id", (("meta", "id"), None, "")),
    ],
)
def test_a_path_splits_into_the_list_the_index_and_the_field(
    path: str, parts: tuple[FieldPath, int | None, str]
) -> None:
    assert split_path(parse_path(path)) == parts
