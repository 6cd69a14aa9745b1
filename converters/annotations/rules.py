"""Which annotations are read, and how records name the annotator: the choices that the command line offers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Literal

from ls_trajedit.converters.record import RejectedAnnotation, RejectReason
from ls_trajedit.traces.read_options import NO_OPTIONS, ReadOptions

__all__ = [
    "UNKNOWN_ANNOTATOR",
    "AnnotatorNames",
    "GroundTruth",
    "ReadingRules",
    "Reviewed",
    "Untouched",
    "annotator_identity",
    "annotator_name",
    "is_address",
    "is_wanted",
    "parse_time",
    "time_or_earliest",
    "users_without_address",
]

AnnotatorNames = Literal["id", "email", "hash"]
GroundTruth = Literal["include", "only", "exclude"]
Reviewed = Literal["accepted", "any"]
Untouched = Literal["reject", "accept"]

UNKNOWN_ANNOTATOR = "unknown"
"""The name of everybody of whom an annotation says nothing: more than one person, perhaps."""

_NO_ADDRESS = "user-"
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_EARLIEST = datetime.min.replace(tzinfo=timezone.utc)


@dataclass(frozen=True, kw_only=True)
class ReadingRules:
    """`since` (inclusive) and `until` (exclusive) apply to an annotation's last change. `require_reason` rejects edits
    without one, `strict_tools` rejects corrected calls that do not fit the declared tool. `reviewed` reads only what a
    reviewer accepted, or lets reviews count for nothing; None leaves out what a reviewer rejected. `untouched` is for
    texts that a prediction put into a box, that nobody touched, and that differ from the trace. `emails` holds the
    addresses of the server's users by id, for exports that give only ids. `read_options` say how conversations are read
    that somebody imported as they were recorded."""

    annotators: AnnotatorNames = "id"
    ground_truth: GroundTruth = "include"
    since: datetime | None = None
    until: datetime | None = None
    require_reason: bool = False
    strict_tools: bool = False
    reviewed: Reviewed | None = None
    untouched: Untouched = "reject"
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


def time_or_earliest(value: Any) -> datetime:
    """The time in `value`, as `parse_time` reads it; the earliest there is for anything else, so that whatever has a
    time is newer."""
    try:
        return parse_time(str(value))
    except ValueError:
        return _EARLIEST


def annotator_name(completed_by: Any, rules: ReadingRules) -> str:
    """How a record names the annotator. `completed_by` is a user's id, or an object with `id`, `email` or both.

    An e-mail address is a text with an `@`: of a user who has left, Label Studio gives the word `Deleted` instead, or
    nothing. A user whose address is asked for and not known is called `user-5`, so that all who left stay apart.
    Somebody without an id is called by the address, whatever the rules say.

    A user's hash is the same in every pull. It hides the user from readers of the files, but not from somebody who
    knows the ids and tries them all.
    """
    number, email = _user(completed_by)
    person = email if number is None else str(number)
    if person is None:
        return UNKNOWN_ANNOTATOR
    if rules.annotators == "hash":
        return hashlib.sha256(f"label-studio-user:{person}".encode("utf-8", "surrogatepass")).hexdigest()[:12]
    if rules.annotators == "email" and number is not None:
        known = rules.emails.get(number) if isinstance(number, int) else None
        return email or (known if is_address(known) else None) or f"{_NO_ADDRESS}{person}"
    return person


def annotator_identity(completed_by: Any) -> str | None:
    """What tells the annotator from every other, whatever records call them; None when nothing is known. Two users with
    one address are two."""
    number, email = _user(completed_by)
    return email if number is None else str(number)


def users_without_address(names: Iterable[str]) -> list[str]:
    """The ids of the users among `names`, annotators named by their addresses, whose address is not known."""
    return [name.removeprefix(_NO_ADDRESS) for name in names if name.startswith(_NO_ADDRESS) and not is_address(name)]


def is_address(value: Any) -> bool:
    """Whether `value` is an e-mail address, and not what stands in its place."""
    return isinstance(value, str) and "@" in value


def _user(completed_by: Any) -> tuple[int | str | None, str | None]:
    """The user's id and address, as far as `completed_by` has them."""
    if type(completed_by) is int:  # nearly always
        return completed_by, None
    person = completed_by if isinstance(completed_by, dict) else {"id": completed_by}
    number, email = person.get("id"), person.get("email")
    if isinstance(number, bool) or not isinstance(number, int | str) or number == "":
        number = None
    elif is_address(number):
        number, email = None, number
    elif isinstance(number, str) and _NUMBER.fullmatch(number):
        number = int(number)
    return number, email if is_address(email) else None
