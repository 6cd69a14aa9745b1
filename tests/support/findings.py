"""Labeling configs for the tests of doctor's checks, and what its findings add up to."""

from __future__ import annotations

from collections.abc import Iterable

from ls_trajedit.doctor.finding import Finding

__all__ = ["REPEATER", "UNROLLED", "editor_tags", "levels"]


def editor_tags(index: int, field: str = "action") -> str:
    """A Text and its TextArea for a field of the step `index`."""
    name = f"{field}{index}"
    return f'<Text name="{name}" value="$steps[{index}].{field}"/><TextArea name="{name}_new" toName="{name}"/>'


UNROLLED = f"<View>{editor_tags(0)}{editor_tags(1)}</View>"
REPEATER = (
    '<View><Repeater on="$steps" indexFlag="{{idx}}"><Text name="a{{idx}}" value="$steps[{{idx}}].action"/>'
    '<TextArea name="b{{idx}}" toName="a{{idx}}"/></Repeater></View>'
)


def levels(findings: Iterable[Finding]) -> list[str]:
    """The level of each finding."""
    return [finding.level for finding in findings]
