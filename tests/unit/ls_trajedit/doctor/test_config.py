"""The labeling config and its layout, against servers that validate predictions or do not."""

from __future__ import annotations

import pytest

from ls_trajedit.doctor.config import check_editors, check_layout, check_structure, check_texts
from ls_trajedit.doctor.finding import Finding
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.label_studio.release import Release
from ls_trajedit.traces.options import Options
from tests.support.findings import REPEATER, UNROLLED, editor_tags


def test_the_corrected_fields_are_listed_with_their_number_of_steps() -> None:
    answer = '<Text name="f" value="$final_answer"/><TextArea name="f_new" toName="f"/>'
    config = f"<View>{editor_tags(0)}{editor_tags(1)}{editor_tags(1, 'thought')}{answer}</View>"
    text = "the labeling config has editors for action (2 steps), thought (1 step), final_answer"
    assert check_editors(read_config(config)) == Finding("ok", text)


def test_a_repeaters_fields_are_listed_without_a_number() -> None:
    assert check_editors(read_config(REPEATER)).text == "the labeling config has editors for action"


def test_whether_steps_can_be_removed_or_inserted_is_said() -> None:
    structure = (
        '<Choices name="step_0__structure" toName="shown"><Choice value="Remove this step"/></Choices>'
        '<Text name="shown" value="$steps[0].action"/>'
    )
    both = check_editors(read_config(f"<View>{editor_tags(1)}{structure}</View>"))
    assert both.text == "the labeling config has editors for action (1 step), and steps can be removed or inserted"
    alone = Finding("ok", "the labeling config has editors for no field, and steps can be removed or inserted")
    assert check_editors(read_config(f"<View>{structure}</View>")) == alone


def release(version: str, edition: str | None) -> Release:
    return Release(version, edition, "http://localhost:8080")


@pytest.mark.parametrize("validates", [True, False, None])
@pytest.mark.parametrize("edition", ["Community", "Enterprise", None])
def test_the_unrolled_layout_is_right_everywhere(edition: str | None, validates: bool | None) -> None:
    finding = check_layout(read_config(UNROLLED), release("1.23.2", edition), validates)
    assert finding.level == "ok"
    seen = {True: "validates them", False: "does not validate them", None: "validated or not"}
    assert seen[validates] in finding.text


@pytest.mark.parametrize(
    ("seen", "validates", "level"),
    [
        (release("1.23.2", "Community"), False, "ok"),
        (release("1.23.2", "Community"), True, "problem"),
        (release("1.23.2", "Community"), None, "warning"),
        (release("2.30.0", "Enterprise"), None, "problem"),
        (release("2.30.0", "Enterprise"), True, "problem"),
        (release("2.30.0", "Enterprise"), False, "ok"),
        (release("1.15.0", None), None, "warning"),
        (None, None, "warning"),
    ],
)
def test_a_repeater_is_right_only_where_predictions_are_not_validated(
    seen: Release | None, validates: bool | None, level: str
) -> None:
    finding = check_layout(read_config(REPEATER), seen, validates)
    assert finding.level == level
    assert level == "ok" or (finding.advice is not None and "`layout: unrolled`" in finding.advice)


def unread(*numbers: int) -> str:
    tags = f"<View>{editor_tags(0)}"
    for number in numbers:
        tags += (
            f'<Text name="t{number}" value="Answer: $a{number}"/><TextArea name="free_{number}" toName="t{number}"/>'
        )
    return tags + "</View>"


def test_each_control_whose_texts_reject_an_annotation_is_a_problem_before_anybody_annotates() -> None:
    found = list(check_texts(read_config(unread(1, 2))))
    assert [(finding.level, finding.text) for finding in found] == [
        (
            "problem",
            f"`free_{number}` points at the Text `t{number}`, which shows `Answer: $a{number}`: `pull` rejects every "
            "annotation with a text typed there",
        )
        for number in (1, 2)
    ]
    assert "`remark_controls: [free_1]`" in str(found[0].advice)


def test_of_very_many_such_controls_the_rest_is_one_problem() -> None:
    found = list(check_texts(read_config(unread(*range(13)))))
    assert [finding.level for finding in found] == ["problem"] * 11
    assert found[-1].text == "so it does for `free_10`, `free_11`, `free_12`"


def test_controls_for_remarks_are_as_they_should_be() -> None:
    per_region = '<TextArea name="comment" toName="t1" perRegion="true"/></View>'
    schema = read_config(unread(1).replace("</View>", per_region), Options(remark_controls=["free_*"]))
    text = "what is typed into `free_1`, `comment` is kept as a remark, and corrects nothing"
    assert list(check_texts(schema)) == [Finding("ok", text)]
    assert list(check_texts(read_config(UNROLLED))) == list(check_texts(read_config(REPEATER))) == []


def test_a_box_on_the_task_that_is_read_as_the_final_answer_is_a_warning() -> None:
    box = '<Text name="goal" value="$task"/><TextArea name="comment" toName="goal"/>'
    (found,) = check_texts(read_config(f"<View>{editor_tags(0)}{box}</View>"))
    assert (found.level, found.text) == (
        "warning",
        "the TextArea `comment` corrects `task`, which is read as the final answer",
    )


def test_a_config_that_only_takes_remarks_corrects_nothing() -> None:
    config = '<View><Text name="a" value="$steps[0].x"/><TextArea name="b" toName="a" perRegion="true"/></View>'
    assert check_editors(read_config(config)).level == "problem"


def with_structure(choices: str, boxes: str = "") -> str:
    return f"""<View>{editor_tags(0)}<Text name="x" value="$steps[0].thought"/>
    <Choices name="x__structure" toName="x">{choices}</Choices>{boxes}</View>"""


REMOVE = '<Choice value="Remove this step"/>'
INSERT = '<Choice value="Insert a step after it"/>'
BOX = '<TextArea name="x__insert_1__content" toName="x"/>'


def test_choices_without_boxes_and_boxes_without_a_choice_are_problems() -> None:
    (problem,) = check_structure(read_config(with_structure(INSERT)))
    assert (problem.level, "there is no box for such a step" in problem.text) == ("problem", True)
    (problem,) = check_structure(read_config(with_structure(REMOVE, BOX)))
    assert problem.text.startswith(
        "`x__insert_1__content` is for `Insert a step after it`, which `x__structure` does not"
    )
    assert list(check_structure(read_config(with_structure(REMOVE + INSERT, BOX)))) == []
    assert list(check_structure(read_config(UNROLLED))) == []
