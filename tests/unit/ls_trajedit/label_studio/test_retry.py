"""Asking once more."""

from __future__ import annotations

import pytest

from ls_trajedit.label_studio.retry import TransientError, retry
from ls_trajedit.traces.errors import RefusedError, ServerError


class Clock:
    """A clock that moves only when somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("tenacity.time", clock)
    monkeypatch.setattr("tenacity.nap.time", clock)
    return clock


class Asked:
    """Gives or raises one thing after the other, and counts how often it was asked."""

    def __init__(self, *given: Exception | str) -> None:
        self.given = list(given)
        self.times = 0

    def __call__(self) -> str:
        self.times += 1
        answer = self.given.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_an_answer_is_an_answer(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    assert retry(Asked("yes"), 60) == "yes"
    assert (clock.pauses, capsys.readouterr().err) == ([], "")


def test_a_hiccup_is_told_with_the_pause_that_follows(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    assert retry(Asked(TransientError(ServerError("it is busy"), 41.6), "yes"), 60) == "yes"
    assert clock.pauses == [41.6]
    assert capsys.readouterr().err == "it is busy\n  trying again in 42 s (Ctrl-C stops it)\n"


def test_another_error_ends_it(clock: Clock) -> None:
    asked = Asked(TransientError(ServerError("busy")), RefusedError("no"), "yes")
    with pytest.raises(RefusedError, match="no"):
        retry(asked, 600)
    assert asked.times == 2


def test_the_last_error_is_what_is_raised_when_there_is_no_more_time(clock: Clock) -> None:
    asked = Asked(TransientError(ServerError("first"), 40), TransientError(ServerError("last"), 40), "yes")
    with pytest.raises(ServerError, match="last"):
        retry(asked, 60)
    assert clock.pauses == [40]


def test_ctrl_c_ends_a_pause(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(clock, "sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        retry(Asked(TransientError(ServerError("busy")), "yes"), 60)
