"""Clocks that are wrong, the server's or ours: whatever is changed is seen by the next pull, and when they are right or
wrong all the time, a pull with nothing new still asks three things."""

from __future__ import annotations

import json
import sqlite3
import zlib
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from .hostile_label_studio import corrected
from .puller import Puller

DAY = timedelta(days=1)
CHEAP = ["project", "changed", "drafts"]


@pytest.fixture
def puller(puller: Puller) -> Puller:
    """Somebody who has pulled three tasks, two of them corrected, twenty minutes ago by both clocks."""
    puller.pull_some_corrected(3)
    return puller


def wait(puller: Puller, amount: timedelta) -> None:
    """Lets time pass, by both clocks."""
    puller.label_studio.now += amount


def set_server(puller: Puller, amount: timedelta) -> None:
    """Sets the server's clock, and not ours."""
    puller.label_studio.now += amount
    puller.own_clock_ahead -= amount


def change(puller: Puller, text: str) -> None:
    puller.label_studio.change_annotation(1, 0, result=[corrected(text)])


def pull_and_see(puller: Puller, text: str) -> None:
    ran = puller.pull()
    assert ran.exit_code == 0
    assert puller.completions()[0] == text, ran.err
    assert "up to date" not in ran.out


@pytest.mark.parametrize("ahead", [timedelta(minutes=10), timedelta(hours=1), DAY, 400 * DAY, -DAY, -400 * DAY])
@pytest.mark.parametrize("later", [timedelta(minutes=1), timedelta(hours=5), DAY, 3 * DAY])
def test_a_server_whose_clock_is_wrong_for_one_pull_hides_no_change(
    puller: Puller, ahead: timedelta, later: timedelta
) -> None:
    set_server(puller, ahead)
    change(puller, "while it was wrong")
    pull_and_see(puller, "while it was wrong")
    set_server(puller, -ahead)
    wait(puller, timedelta(minutes=1))
    change(puller, "when it was right again")
    wait(puller, later)
    pull_and_see(puller, "when it was right again")
    # What was changed while it was wrong has that date for ever, and hides nothing either.
    for number in range(3):
        wait(puller, timedelta(minutes=1))
        change(puller, f"later {number}")
        wait(puller, DAY)
        pull_and_see(puller, f"later {number}")


def test_a_server_whose_clock_is_set_back_for_good_hides_no_change(puller: Puller) -> None:
    set_server(puller, -400 * DAY)
    change(puller, "first")
    wait(puller, DAY)
    ran = puller.pull()
    assert (ran.exit_code, puller.completions()[0]) == (0, "first")
    assert ran.err == (
        "project 12: since the last pull, Label Studio's clock went back by 398 days and this machine's on by 24 "
        "hours: one of them was set, so changes may bear any time, and everything is read again\n"
    )
    for number in range(3):
        change(puller, f"later {number}")
        wait(puller, DAY)
        pull_and_see(puller, f"later {number}")
    wait(puller, DAY)
    quiet = puller.pull()
    assert (quiet.err, quiet.asked) == ("", CHEAP)


@pytest.mark.parametrize("amount", [timedelta(minutes=-1), -DAY, DAY, -400 * DAY, 400 * DAY])
def test_our_own_clock_may_be_the_wrong_one(puller: Puller, amount: timedelta) -> None:
    puller.own_clock_ahead += amount
    change(puller, "while ours was wrong")
    wait(puller, DAY)
    pull_and_see(puller, "while ours was wrong")
    puller.own_clock_ahead -= amount
    change(puller, "when ours was right again")
    wait(puller, DAY)
    pull_and_see(puller, "when ours was right again")


@pytest.mark.parametrize("amount", [-400 * DAY, -DAY, timedelta(hours=-1), timedelta(hours=1), DAY, 400 * DAY])
def test_a_clock_of_ours_that_is_always_wrong_costs_nothing(puller: Puller, amount: timedelta) -> None:
    puller.own_clock_ahead += amount
    wait(puller, DAY)
    puller.pull()
    for _ in range(3):
        wait(puller, DAY)
        quiet = puller.pull()
        assert (quiet.err, quiet.asked, quiet.out[:10]) == ("", CHEAP, "up to date")


def test_both_clocks_set_back_hide_no_change(puller: Puller) -> None:
    """They are one clock when Label Studio runs on this machine."""
    wait(puller, -DAY)
    change(puller, "after that")
    wait(puller, timedelta(minutes=1))
    pull_and_see(puller, "after that")


@pytest.mark.parametrize("first", [timedelta(0), timedelta(hours=-1), timedelta(minutes=10)])
@pytest.mark.parametrize("second", [timedelta(0), timedelta(hours=-1), timedelta(minutes=10), timedelta(minutes=-10)])
def test_the_date_of_a_cache_or_of_another_server_hides_no_change(
    puller: Puller, first: timedelta, second: timedelta
) -> None:
    """An hour old, or ten minutes off, as with two servers behind one address."""
    puller.label_studio.date_ahead = first
    wait(puller, DAY)
    puller.pull()
    # The server that dates this change may be ten minutes behind the one that told the time.
    for behind in (timedelta(0), timedelta(minutes=10)):
        wait(puller, timedelta(minutes=1))
        puller.label_studio.now -= behind
        change(puller, f"{behind} behind")
        puller.label_studio.now += behind
        puller.label_studio.date_ahead = second
        wait(puller, timedelta(minutes=1))
        pull_and_see(puller, f"{behind} behind")
        puller.label_studio.date_ahead = first
        puller.pull()


@pytest.mark.parametrize(
    "date",
    [
        "",
        "soon",
        "Fri, 31 Dec 10000 23:59:59 GMT",
        "Sun, 22 Nov 2026 12:00:00 +9999",
        "-1",
        "1e308",
        "Sun, 22 Nov 99999999999999999999 12:00:00 GMT",
        "Sun, 22 Nov 2026 99:99:99 GMT",
    ],
)
def test_a_pull_without_a_time_reads_everything_and_the_next_one_need_not(puller: Puller, date: str) -> None:
    puller.label_studio.date = date
    change(puller, "changed")
    ran = puller.pull()
    assert (ran.exit_code, ran.err, ran.asked) == (0, "", ["project", "tasks", "version", "drafts"])
    assert puller.completions()[0] == "changed"
    puller.label_studio.date = None
    change(puller, "changed again")
    wait(puller, DAY)
    ran = puller.pull()
    assert (ran.asked, puller.completions()[0]) == (["project", "changed", "version", "drafts"], "changed again")
    wait(puller, DAY)
    assert puller.pull().asked == CHEAP


def test_a_date_without_a_zone_is_one_in_utc(puller: Puller) -> None:
    puller.label_studio.date = puller.label_studio.now.strftime("%a, %d %b %Y %H:%M:%S -0000")
    assert puller.pull().asked == CHEAP


def test_nightly_pulls_of_a_month_ask_three_things_and_then_everything_once(puller: Puller) -> None:
    asked: list[Any] = []
    for _ in range(40):
        wait(puller, DAY)
        asked.append(puller.pull().asked)
    # The first pull was 20 minutes before.
    assert [number for number, kinds in enumerate(asked) if kinds != CHEAP] == [29]
    assert asked[29] == ["project", "tasks", "drafts"]


def test_a_check_does_not_say_up_to_date_when_a_clock_hides_changes(puller: Puller) -> None:
    assert puller.pull("--check").exit_code == 0
    set_server(puller, -DAY)
    change(puller, "hidden")
    assert puller.pull("--check").exit_code == 1


def test_a_state_of_the_version_before_is_read_whole_once(puller: Puller) -> None:
    """It has no clock to compare with, and that pull may have been one with a wrong clock."""
    with closing(sqlite3.connect(puller.folder / ".ls-trajedit" / "state.sqlite", isolation_level=None)) as connection:
        ((value,),) = connection.execute("SELECT value FROM notes").fetchall()
        note = json.loads(value)
        note["cursor"] = "2027-11-22T12:00:00+00:00"
        raw = json.dumps(note).encode()
        connection.execute("UPDATE notes SET checksum = ?, value = ?", (zlib.crc32(raw), raw))
    change(puller, "changed")
    ran = puller.pull()
    assert (ran.exit_code, ran.err, ran.asked[1]) == (0, "", "tasks")
    assert puller.completions()[0] == "changed"
    wait(puller, DAY)
    assert puller.pull().asked == CHEAP
