"""The times in an answer's head, of which a server may say anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

__all__ = ["Moment", "http_date", "is_plausible", "own_time", "retry_after"]

_YEARS = range(1970, 9000)
# Longer than anybody waits, and not too long for the clocks of operating systems.
_LONGEST_PAUSE = 10**8


@dataclass(frozen=True)
class Moment:
    """When an answer came: by the server's clock, and by that of this machine."""

    server: datetime
    own: datetime


def own_time() -> datetime:
    """The time by this machine's clock, in UTC."""
    return datetime.now(timezone.utc)


def http_date(value: str) -> datetime | None:
    """The time in UTC that a `Date` names (RFC 9110), or None when it names none.

    >>> http_date("Sun, 22 Nov 2026 12:00:00 GMT")
    datetime.datetime(2026, 11, 22, 12, 0, tzinfo=datetime.timezone.utc)
    >>> http_date("Fri, 01 Jan 10000 00:00:00 GMT")
    """
    try:
        found = parsedate_to_datetime(value)
    except (ValueError, TypeError, LookupError, OverflowError):
        return None
    # Without a timezone it is UTC (RFC 5322).
    aware = found.replace(tzinfo=timezone.utc) if found.tzinfo is None else found
    return aware.astimezone(timezone.utc) if is_plausible(aware) else None


def is_plausible(time: datetime) -> bool:
    """Whether the time has a timezone, and is far enough from the first and the last one that there is to count from
    it in both directions."""
    return time.tzinfo is not None and time.year in _YEARS


def retry_after(value: str) -> int | None:
    """The whole seconds for which a `Retry-After` asks, which holds seconds or a time (RFC 9110); None when it holds
    neither.

    >>> retry_after("97"), retry_after("-5"), retry_after("9" * 400), retry_after("soon")
    (97, None, 100000000, None)
    """
    digits = value.strip()
    if digits.isascii() and digits.isdecimal():
        return int(digits) if len(digits.lstrip("0")) <= len(str(_LONGEST_PAUSE)) - 1 else _LONGEST_PAUSE
    named = http_date(value)
    if named is None:
        return None
    seconds = (named - own_time()).total_seconds()
    return max(0, min(_LONGEST_PAUSE, round(seconds)))
