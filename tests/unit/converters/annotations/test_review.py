"""What reviewers made of an annotation."""

from __future__ import annotations

from typing import Any

import pytest

from ls_trajedit.converters.annotations.review import excluded_by_review, review_of
from ls_trajedit.converters.annotations.rules import Reviewed
from ls_trajedit.converters.record import Review

NO: dict[str, Any] = {"accepted": False}
YES: dict[str, Any] = {"accepted": True}


@pytest.mark.parametrize(
    ("annotation", "review"),
    [
        ({}, None),
        ({"reviews": [], "last_action": None}, None),
        ({"reviews": [{"accepted": None}]}, None),
        ({"reviews": "yes"}, None),
        ({"reviews": [YES]}, "accepted"),
        ({"reviews": [NO]}, "rejected"),
        # The newest counts, wherever it stands.
        ({"reviews": [{**NO, "created_at": "2026-11-21T10:00:00Z"}, {**YES, "created_at": "2026-11-22"}]}, "accepted"),
        ({"reviews": [{**YES, "created_at": "2026-11-22"}, {**NO, "created_at": "2026-11-21T10:00:00Z"}]}, "accepted"),
        # 11:30 in Berlin is before 11:00 in London.
        (
            {
                "reviews": [
                    {**NO, "created_at": "2026-11-21T11:00:00Z"},
                    {**YES, "created_at": "2026-11-21T11:30:00+01:00"},
                ]
            },
            "rejected",
        ),
        ({"reviews": [{**NO, "id": 8}, {**YES, "id": 7}]}, "rejected"),
        ({"reviews": [YES, NO]}, "rejected"),
        ({"reviews": [YES, "broken", 5, {}]}, "accepted"),
        ({"reviews": [{**YES, "fixed_annotation_history": 31}]}, "accepted"),
        # The review itself is not at hand.
        ({"last_action": "accepted"}, "accepted"),
        ({"last_action": "fixed_and_accepted"}, "accepted"),
        ({"last_action": "rejected"}, "rejected"),
        ({"last_action": "deleted_review"}, None),
        ({"last_action": ["rejected"]}, None),
        ({"reviews": [YES], "last_action": "rejected"}, "accepted"),
    ],
)
def test_the_newest_review_counts(annotation: dict[str, Any], review: Review | None) -> None:
    assert review_of(annotation) == review


@pytest.mark.parametrize(
    ("wanted", "rejected", "accepted", "unreviewed"),
    [(None, "rejected", None, None), ("accepted", "rejected", None, "unreviewed"), ("any", None, None, None)],
)
def test_what_reviews_leave_out(
    wanted: Reviewed | None, rejected: str | None, accepted: str | None, unreviewed: str | None
) -> None:
    reviews: list[Review | None] = ["rejected", "accepted", None]
    assert [excluded_by_review(review, wanted) for review in reviews] == [rejected, accepted, unreviewed]
