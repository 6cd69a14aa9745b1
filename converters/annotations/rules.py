"""Which annotations are read, and how records name the annotator: the choices that the command line offers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Literal

from ls_trajedit.converters.record import RejectedAnnotation, RejectReason
from ls_trajedit.traces.errors import UsageError
from ls_trajedit.traces.readers.base import NO_OPTIONS, ReadOptions

__all__ = ["AnnotatorNames", "GroundTruth", "ReadingRules", "annotator_name", "is_wanted", "parse_time"]

AnnotatorNames = Literal["id", "email", "hash"]
GroundTruth = Literal["include", "only", "exclude"]

UNKNOWN_ANNOTATOR = "unknown"


@dataclass(frozen=True, kw_only=True)
class ReadingRules:
    """`since` (inclusive) and `until` (exclusive) apply to an annotation's last change. `require_reason` rejects edits
    without one, `strict_tools` rejects corrected calls that do not fit the declared tool. `emails` holds the addresses
    of the server's users by id, for exports that give only ids. `read_options` say how conversations are read that
    somebody imported as they were recorded."""

    annotators: AnnotatorNames = "id"
    ground_truth: GroundTruth = "include"
    since: datetime | None = None
    until: datetime | None = None
    require_reason: bool = False
    strict_tools: bool = False
    emails: Mapping[int, str] = field(default_factory=dict)
    read_options: ReadOptions = NO_OPTIONS


def is_wanted(annotation: Mapping[str, Any], rules: ReadingRules) -> bool:
    """Whether the annotation passes the rules on ground truth and time.

    Raises RejectedAnnotation when a rule needs a time and the annotation has none.
    """
    if rules.ground_truth != "include" and bool(annotation.get("ground_truth")) != (rules.ground_truth == "only"):
        return False
    if rules.since is None and rules.until is None:
        return True
    try:
        changed = parse_time(str(annotation.get("updated_at") or annotation.get("created_at")))
    except ValueError:
        raise RejectedAnnotation(RejectReason.NO_TIME, "neither `updated_at` nor `created_at` is a time") from None
    return (rules.since is None or changed >= rules.since) and (rules.until is None or changed < rules.until)


def parse_time(text: str) -> datetime:
    """The ISO 8601 date or time in `text`, in UTC unless it says otherwise. Raises ValueError for anything else.

    >>> parse_time("2026-11-22").isoformat()
    '2026-11-22T00:00:00+00:00'
    """
    time = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith(("Z", "z")) else text)
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)


def annotator_name(completed_by: Any, rules: ReadingRules) -> str:
    """How a record names the annotator. `completed_by` is a user's id, or an object with `id` and `email`.

    A user's hash is the same in every pull. It hides the user from readers of the files, but not from somebody who
    knows the ids and tries them all. Raises UsageError when the rules ask for an address that is not known.
    """
    person = completed_by if isinstance(completed_by, dict) else {"id": completed_by}
    number = person.get("id")
    if not isinstance(number, int | str):
        return UNKNOWN_ANNOTATOR
    if rules.annotators == "hash":
        return hashlib.sha256(f"label-studio-user:{number}".encode("utf-8", "surrogatepass")).hexdigest()[:12]
    if rules.annotators == "email":
        email = person.get("email") or (rules.emails.get(number) if isinstance(number, int) else None)
        if not email:
            raise UsageError(f"the e-mail address of user {number} is not known here; use --annotators id or hash")
        return str(email)
    return str(number)
