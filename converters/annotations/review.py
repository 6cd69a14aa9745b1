"""What reviewers made of an annotation, in editions of Label Studio that have reviews.

An annotation of Label Studio Enterprise carries `reviews`, each with `accepted` (false: rejected) and `created_at`
(the SDK's `AnnotationReview`), and `last_action`, the last thing that happened to it (`AnnotationHistoryActionEnum`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from ls_trajedit.converters.annotations.rules import Reviewed, time_or_earliest
from ls_trajedit.converters.record import Review

__all__ = ["ReviewExclusion", "excluded_by_review", "review_of"]

ReviewExclusion = Literal["rejected", "unreviewed"]
"""Why reviews leave an annotation out: a reviewer rejected it, or only accepted ones are wanted."""

_BY_LAST_ACTION: dict[str, Review] = {
    "accepted": "accepted",
    "fixed_and_accepted": "accepted",
    "rejected": "rejected",
}


def review_of(annotation: Mapping[str, Any]) -> Review | None:
    """What the newest review says, or None for an annotation that nobody reviewed. One that a reviewer fixed and
    accepted is accepted. Where the reviews themselves are not at hand, the last action counts.

    >>> review_of({"reviews": [{"accepted": False, "created_at": "2026-11-21"}, {"accepted": True, "created_at":
    ... "2026-11-22"}]})
    'accepted'
    """
    reviews, action = annotation.get("reviews"), annotation.get("last_action")
    if not reviews and action is None:  # nearly always
        return None
    found = [r for r in reviews if isinstance(r, dict)] if isinstance(reviews, list) else []
    decided = [review for review in found if isinstance(review.get("accepted"), bool)]
    if decided:
        return "accepted" if max(enumerate(decided), key=_age)[1]["accepted"] else "rejected"
    return _BY_LAST_ACTION.get(action) if isinstance(action, str) else None


def excluded_by_review(review: Review | None, wanted: Reviewed | None) -> ReviewExclusion | None:
    """Why an annotation with this review is left out, None when it is not. What a reviewer rejected is left out unless
    reviews do not count (`any`)."""
    if wanted == "any" or review == "accepted":
        return None
    if review == "rejected":
        return "rejected"
    return "unreviewed" if wanted == "accepted" else None


def _age(numbered: tuple[int, Mapping[str, Any]]) -> tuple[datetime, int, int]:
    """Reviews of the same time, or of none, are in the order of their ids, then of the list."""
    position, review = numbered
    number = review.get("id")
    return time_or_earliest(review.get("created_at")), number if isinstance(number, int) else 0, position
