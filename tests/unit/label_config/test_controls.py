"""Which control corrects, explains or scores what."""

from __future__ import annotations

import pytest

from ls_trajedit.label_config.controls import (
    Controls,
    Editor,
    ExpectedResult,
    LabelControl,
    Tag,
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


def test_our_own_reason_is_a_reason_even_without_an_editor() -> None:
    controls = resolved(text("a", "$steps[0].x"), area("a__reason", "a"))
    assert (controls.editors, controls.others) == ((), frozenset({"a__reason"}))


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
        text("constant", "Please read"),
        text("bare", None),
        text("strange", "$a-b"),
        choices("quality", "task"),
        area("note", "constant"),
        area("remark", "bare"),
        area("lost", "nowhere"),
        area("odd", "strange"),
        Tag("rating", "stars", "task", None),
        Tag("hypertext", "page", None, "$steps[0].html"),
        area("comment", "page"),
    )
    assert (controls.editors, controls.labels) == ((), ())
    assert controls.others == {"quality", "note", "remark", "lost", "odd", "stars", "comment"}


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
