"""Since when changes have to be read, when any clock may be wrong.

A change bears the time of the server's clock, and the `Date` of an answer tells that clock or that of a proxy. Where a
server's clock is put forward and back, or is put back for good, what is changed afterwards is dated before what was
read already. That shows when, between two pulls, the server's clock went on by another time than this machine's. Which
of the two is wrong does not matter: whatever was changed in between is dated within that difference.

Both clocks may jump by the same time, most of all where they are one, and a clock may be wrong only between two pulls.
So everything is read now and then, whatever the clocks say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ls_trajedit.label_studio.http_times import Moment
from ls_trajedit.plural import plural

__all__ = ["LOOKBACK", "Cursor", "Since", "next_cursor", "since_when"]

LOOKBACK = timedelta(minutes=15)
"""A change is dated when it is made, but can be seen only when its transaction ends, which can be minutes later; and
the clocks of servers that answer by turns may be minutes apart. So each pull asks again for the last minutes before the
one before it began."""

# Clocks that are further apart than this are not slow, or told by a cache: one of them was set.
_JUMP = timedelta(hours=2)
# How far this machine's clock may be behind the server's and yet be the right one.
_DAY = timedelta(days=1)
_WHOLE_AFTER = timedelta(days=30)
_WHOLE_AFTER_PULLS = 500
_UNITS = ((1440, "day"), (60, "hour"), (1, "minute"))


@dataclass(frozen=True)
class Cursor:
    """How far a pull got: what changed at `since` or later, by the server's clock, it may not have seen. It began at
    `read_at`; `whole_at` is when the last one began that read everything, `pulls` ago."""

    since: datetime
    read_at: Moment
    whole_at: Moment
    pulls: int


@dataclass(frozen=True)
class Since:
    """What a pull has to read: what changed at `time` or later, everything when that is None. `why` is a sentence for
    somebody who wonders, empty in the usual case."""

    time: datetime | None
    why: str = ""


def since_when(last: Cursor | None, now: Moment | None) -> Since:
    """What has to be read at `now`, which is None when the server does not tell the time, after a pull that left
    `last`."""
    if last is None or now is None:
        return Since(None)
    by_server = now.server - last.read_at.server
    by_own = now.own - last.read_at.own
    apart = abs(by_server - by_own)
    went = f"since the last pull, Label Studio's clock went {_went(by_server)} and this machine's {_went(by_own)}"
    # Where this machine's clock was put back, it cannot tell how far the server's was.
    if by_own < -LOOKBACK or apart > _JUMP:
        return Since(None, f"{went}: one of them was set, so changes may bear any time, and everything is read again")
    if _is_whole_due(last, now):
        return Since(None, "everything is read again, as it is every 30 days")
    if apart <= LOOKBACK:
        return Since(last.since - apart)
    return Since(last.since - apart, f"{went}: what changed up to {_span(apart)} earlier is read again, too")


def next_cursor(last: Cursor | None, since: Since, now: Moment | None) -> Cursor | None:
    """What a pull that began at `now` and has read what changed `since` leaves for the next one."""
    if now is None:
        return last
    # The `Date` may be that of a proxy, whose clock is ahead of Label Studio's. Where this machine's clock is behind,
    # that is the safer one, unless it is so far behind that it is certainly wrong.
    ahead = now.server - now.own
    behind = ahead if timedelta(0) < ahead <= _DAY else timedelta(0)
    time = now.server - behind - LOOKBACK
    if last is None or since.time is None:
        return Cursor(time, now, whole_at=now, pulls=0)
    return replace(last, since=time, read_at=now, pulls=last.pulls + 1)


def _is_whole_due(last: Cursor, now: Moment) -> bool:
    waited = max(now.server - last.whole_at.server, now.own - last.whole_at.own)
    return waited > _WHOLE_AFTER or last.pulls >= _WHOLE_AFTER_PULLS


def _went(span: timedelta) -> str:
    """How a clock went.

    >>> _went(timedelta(days=-400, hours=3)), _went(timedelta(minutes=90))
    ('back by 399 days', 'on by 90 minutes')
    """
    return f"{'back' if span < timedelta(0) else 'on'} by {_span(abs(span))}"


def _span(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    size, noun = next((size, noun) for size, noun in _UNITS if minutes >= 3 * size or size == 1)
    number = minutes // size
    return f"{number} {plural(number, noun)}"
