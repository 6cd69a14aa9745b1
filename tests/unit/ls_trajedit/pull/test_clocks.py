"""Since when changes have to be read, by clocks of which any may be wrong. Times are written as hours of one day."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from ls_trajedit.label_studio.http_times import Moment
from ls_trajedit.pull.clocks import Cursor, Since, next_cursor, since_when


def at(hours: float) -> datetime:
    return datetime(2026, 11, 22, tzinfo=timezone.utc) + timedelta(hours=hours)


def moment(server: float, own: float) -> Moment:
    return Moment(at(server), at(own))


def pulled(server: float, own: float) -> Cursor:
    """What a first pull leaves."""
    found = next_cursor(None, Since(None), moment(server, own))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("server", "own", "since"),
    [
        # Both clocks agree, or ours is ahead: fifteen minutes before the server's time.
        (12, 12, 11.75),
        (12, 12 + 24 * 400, 11.75),
        # The server's, or that of a proxy, is ahead of ours, which may be the right one.
        (12.5, 12, 11.75),
        (35, 12, 11.75),
        # By more than a day: ours is wrong.
        (12, -13, 11.75),
    ],
)
def test_a_pull_leaves_the_time_from_which_on_it_may_have_missed_something(
    server: float, own: float, since: float
) -> None:
    assert pulled(server, own).since == at(since)


@pytest.mark.parametrize(
    ("server", "own", "since"),
    [
        # A day later by both clocks.
        (36, 36, 11.75),
        # The server's is ten minutes behind where it should be, as that of a second server can be: looked back further.
        (12 - 1 / 6, 12, 11.75 - 1 / 6),
        # An hour behind, as the `Date` of a cache can be, and an hour ahead.
        (35, 36, 10.75),
        (37, 36, 10.75),
        # The server's went a day ahead, or back by 400 days; and ours did.
        (60, 36, None),
        (36 - 24 * 400, 36, None),
        (36, 60, None),
        (36, 36 - 24 * 400, None),
        # Both went back: nothing tells how long it has been.
        (11, 11, None),
        # A month later, everything is read again.
        (12 + 24 * 31, 12 + 24 * 31, None),
    ],
)
def test_the_next_pull_looks_back_as_far_as_the_clocks_have_moved_apart(
    server: float, own: float, since: float | None
) -> None:
    found = since_when(pulled(12, 12), moment(server, own))
    assert found.time == (None if since is None else at(since))


def test_a_clock_that_is_wrong_all_the_time_costs_nothing() -> None:
    """A constant difference, in either direction and of any size, is none between two pulls."""
    for ahead in (-24 * 400, -24, -1, 0, 1, 24, 24 * 400):
        last = pulled(12, 12 + ahead)
        found = since_when(last, moment(36, 36 + ahead))
        assert found == Since(last.since)
        assert last.since >= at(12 - 24.25)


def test_it_is_said_when_more_is_read_than_usual() -> None:
    assert since_when(pulled(12, 12), moment(36.2, 36)).why == ""
    assert since_when(pulled(12, 12), moment(35, 36)).why == (
        "since the last pull, Label Studio's clock went on by 23 hours and this machine's on by 24 hours: what changed "
        "up to 60 minutes earlier is read again, too"
    )
    assert since_when(pulled(12, 12), moment(12 - 24 * 400, 36)).why == (
        "since the last pull, Label Studio's clock went back by 400 days and this machine's on by 24 hours: one of "
        "them was set, so changes may bear any time, and everything is read again"
    )


def test_without_a_time_everything_is_read_and_the_last_time_is_kept() -> None:
    last = pulled(12, 12)
    assert since_when(last, None) == Since(None)
    assert since_when(None, moment(12, 12)) == Since(None)
    assert next_cursor(last, Since(None), None) == last
    assert next_cursor(None, Since(None), None) is None


def test_whatever_the_clocks_say_everything_is_read_after_500_pulls() -> None:
    """Clocks that stand still, or always begin with the same time."""
    last, read = pulled(12, 12), 0
    for _ in range(501):
        since = since_when(last, moment(12, 12))
        read += since.time is None
        found = next_cursor(last, since, moment(12, 12))
        assert found is not None
        last = found
    assert read == 1
