"""The labeling config and its layout, against servers that validate predictions or do not."""

from __future__ import annotations

import pytest

from ls_trajedit.doctor.config import check_editors, check_layout
from ls_trajedit.doctor.finding import Finding
from ls_trajedit.label_config.read_config import read_config
from tests.support.findings import REPEATER, UNROLLED, editor_tags


def test_the_corrected_fields_are_listed_with_their_number_of_steps() -> None:
    answer = '<Text name="f" value="$final_answer"/><TextArea name="f_new" toName="f"/>'
    config = f"<View>{editor_tags(0)}{editor_tags(1)}{editor_tags(1, 'thought')}{answer}</View>"
    text = "the labeling config has editors for action (2 steps), thought (1 step), final_answer"
    assert check_editors(read_config(config)) == Finding("ok", text)


def test_a_repeaters_fields_are_listed_without_a_number() -> None:
    assert check_editors(read_config(REPEATER)).text == "the labeling config has editors for action"


@pytest.mark.parametrize("validates", [True, False, None])
@pytest.mark.parametrize("edition", ["Community", "Enterprise", "unknown"])
def test_the_unrolled_layout_is_right_everywhere(edition: str, validates: bool | None) -> None:
    assert check_layout(read_config(UNROLLED), edition, validates).level == "ok"


@pytest.mark.parametrize(
    ("edition", "validates", "level"),
    [
        ("Community", False, "ok"),
        ("Community", True, "problem"),
        ("Community", None, "warning"),
        ("Enterprise", None, "problem"),
        ("Enterprise", True, "problem"),
        ("Enterprise", False, "ok"),
        ("unknown", None, "problem"),
    ],
)
def test_a_repeater_is_right_only_where_predictions_are_not_validated(
    edition: str, validates: bool | None, level: str
) -> None:
    finding = check_layout(read_config(REPEATER), edition, validates)
    assert finding.level == level
    assert level == "ok" or (finding.advice is not None and "`layout: unrolled`" in finding.advice)
