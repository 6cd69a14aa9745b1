"""What `pull` and `convert` make of the options that they share."""

from __future__ import annotations

from pathlib import Path

import pytest

from ls_trajedit.commands.output_options import HubOptions, LimitOptions, OutputOptions
from ls_trajedit.converters.annotations.rules import ReadingRules, parse_time
from ls_trajedit.converters.training.rules import TrainingRules
from ls_trajedit.converters.training.split import parse_splits
from ls_trajedit.output.summary import Summary
from ls_trajedit.output.wanted import WantedFiles
from ls_trajedit.traces.errors import DataError, UsageError
from ls_trajedit.traces.options import Options
from ls_trajedit.traces.read_options import ReadOptions


def summary(edited: int, rejected: int) -> Summary:
    return Summary({"edited": edited, "rejected": rejected}, [], Path("data"))


def test_without_options_the_rules_are_the_defaults() -> None:
    options = OutputOptions()
    assert options.reading_rules({}, None) == ReadingRules()
    assert options.reading_rules({}, Options()) == ReadingRules()
    assert options.wanted_files() == WantedFiles()


def test_every_option_becomes_the_rule_of_its_name() -> None:
    options = OutputOptions(
        annotators="email",
        ground_truth="only",
        since=parse_time("2026-11-22"),
        until=parse_time("2026-11-23"),
        require_reason=True,
        strict_tools=True,
        reasoning="text",
        formats=["trl-dpo", "prm"],
        tools=True,
        stale="truncate",
        pairs="first",
        prm_unedited="exclude",
        annotators_policy="agree",
        min_edit_chars=3,
        ignore_whitespace_edits=True,
        split=parse_splits("train=0.9,test=0.1"),
        to="parquet",
    )
    assert options.reading_rules({4: "ana@example.com"}, Options(agent="planner")) == ReadingRules(
        annotators="email",
        ground_truth="only",
        since=parse_time("2026-11-22"),
        until=parse_time("2026-11-23"),
        require_reason=True,
        strict_tools=True,
        emails={4: "ana@example.com"},
        read_options=ReadOptions(agent="planner"),
    )
    assert options.wanted_files() == WantedFiles(
        formats=("trl-dpo", "prm"),
        as_tool_calls=True,
        rules=TrainingRules(
            reasoning="text",
            stale="truncate",
            pairs="first",
            prm_unedited="exclude",
            annotators_policy="agree",
            min_edit_chars=3,
            ignore_whitespace_edits=True,
            split=parse_splits("train=0.9,test=0.1"),
        ),
        with_parquet=True,
    )


@pytest.mark.parametrize(
    ("limits", "edited", "rejected"),
    [
        (LimitOptions(), 0, 9),
        (LimitOptions(strict=True), 0, 0),
        (LimitOptions(max_rejects=3), 0, 3),
        (LimitOptions(fail_under=2), 2, 9),
    ],
)
def test_a_run_within_its_limits_succeeds(limits: LimitOptions, edited: int, rejected: int) -> None:
    limits.check(summary(edited, rejected))


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (LimitOptions(strict=True), "7 annotations rejected (--strict): data/rejects.jsonl says which and why"),
        (
            LimitOptions(max_rejects=3),
            "7 annotations rejected (--max-rejects 3): data/rejects.jsonl says which",
        ),
        (LimitOptions(fail_under=2), "1 annotation edited (--fail-under 2); the files in data are written"),
        (LimitOptions(strict=True, fail_under=2), "7 annotations rejected (--strict): "),
    ],
)
def test_a_run_outside_its_limits_says_which_limit(limits: LimitOptions, message: str) -> None:
    with pytest.raises(DataError) as error:
        limits.check(summary(edited=1, rejected=7))
    assert str(error.value).startswith(message)


def test_two_limits_on_rejects_are_a_usage_error() -> None:
    with pytest.raises(UsageError, match="give either --strict or --max-rejects, not both"):
        LimitOptions(strict=True, max_rejects=3)


def test_nothing_is_pushed_unless_a_dataset_is_named() -> None:
    assert HubOptions().connect() is None
    for options in ({"hub_public": True}, {"hub_license": "cc-by-4.0"}):
        with pytest.raises(UsageError, match="give --push-to-hub OWNER/NAME as well"):
            HubOptions(**options)  # type: ignore[arg-type]
