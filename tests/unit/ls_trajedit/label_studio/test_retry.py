"""Which failures are transient, and retries after them."""

from __future__ import annotations

import socket
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import httpx
import pytest

from ls_trajedit.label_studio.retry import (
    TransientError,
    retry,
    transient_from_body,
    transient_from_no_answer,
    transient_from_status,
)
from ls_trajedit.traces.errors import RefusedError, ServerError, UsageError


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


def test_an_answer_is_returned_without_a_retry(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    assert retry(Asked("yes"), 60) == "yes"
    assert (clock.pauses, capsys.readouterr().err) == ([], "")


def test_a_transient_error_is_reported_with_the_wait_that_follows(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    assert retry(Asked(TransientError(ServerError("it is busy"), 41.6), "yes"), 60) == "yes"
    assert clock.pauses == [41.6]
    assert capsys.readouterr().err == "it is busy\n  retrying in 42 s (Ctrl-C to stop)\n"


def test_any_other_error_ends_the_retries(clock: Clock) -> None:
    asked = Asked(TransientError(ServerError("busy")), RefusedError("no"), "yes")
    with pytest.raises(RefusedError, match="no"):
        retry(asked, 600)
    assert asked.times == 2


def test_the_last_failure_is_raised_when_there_is_no_time_left(clock: Clock) -> None:
    asked = Asked(TransientError(ServerError("first"), 40), TransientError(ServerError("last"), 40), "yes")
    with pytest.raises(ServerError, match="last"):
        retry(asked, 60)
    assert clock.pauses == [40]


def test_ctrl_c_ends_a_wait(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(clock, "sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        retry(Asked(TransientError(ServerError("busy")), "yes"), 60)


FAILURE = ServerError("the message for a person")


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("has_answered", [False, True])
def test_a_status_about_the_moment_is_transient(status: int, has_answered: bool) -> None:
    transient = transient_from_status(FAILURE, status, {}, has_answered)
    assert transient is not None
    assert (transient.failure, transient.retry_after) == (FAILURE, None)


@pytest.mark.parametrize("status", [404, 501, 505])
def test_a_status_about_the_address_is_transient_only_after_a_proper_answer(status: int) -> None:
    assert transient_from_status(FAILURE, status, {}, has_answered=False) is None
    assert transient_from_status(FAILURE, status, {}, has_answered=True) is not None


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_is_not_transient(status: int) -> None:
    assert transient_from_status(RefusedError("no"), status, {}, has_answered=True) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("0", 0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("9" * 400, 100_000_000),
    ],
)
def test_retry_after_in_seconds_or_nothing(value: str, seconds: float | None) -> None:
    transient = transient_from_status(FAILURE, 503, {"retry-after": value}, has_answered=True)
    assert transient is not None
    assert transient.retry_after == seconds


@pytest.mark.parametrize(("hours", "least", "most"), [(2, 3600, 7200), (-2, 0, 0)])
def test_retry_after_as_a_date(hours: int, least: float, most: float) -> None:
    value = format_datetime(datetime.now(timezone.utc) + timedelta(hours=hours), usegmt=True)
    transient = transient_from_status(FAILURE, 429, {"retry-after": value}, has_answered=True)
    assert transient is not None
    assert transient.retry_after is not None
    assert least <= transient.retry_after <= most


@pytest.mark.parametrize(
    "cause",
    [
        httpx.ConnectTimeout(""),
        httpx.ReadTimeout(""),
        httpx.ConnectError("refused"),
        httpx.ReadError(""),
        httpx.RemoteProtocolError("peer closed connection"),
    ],
)
def test_a_broken_connection_is_transient(cause: httpx.RequestError) -> None:
    assert transient_from_no_answer(FAILURE, cause, has_answered=False) is not None


def test_a_name_or_certificate_that_never_worked_is_not_transient() -> None:
    no_name = httpx.ConnectError("Name or service not known")
    no_name.__cause__ = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    for cause in (no_name, httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED]")):
        assert transient_from_no_answer(FAILURE, cause, has_answered=False) is None
        assert transient_from_no_answer(FAILURE, cause, has_answered=True) is not None


@pytest.mark.parametrize("cause", [httpx.TooManyRedirects(""), httpx.ProxyError("403 Forbidden")])
def test_endless_redirects_and_a_proxy_that_refuses_are_not_transient(cause: httpx.RequestError) -> None:
    assert transient_from_no_answer(FAILURE, cause, has_answered=True) is None


def test_a_malformed_address_is_not_transient() -> None:
    assert (
        transient_from_no_answer(UsageError("not an address"), httpx.UnsupportedProtocol(""), has_answered=True) is None
    )


@pytest.mark.parametrize(
    ("body", "at_first", "later"),
    [('{"tasks": [{"id', True, True), (" [1, ", True, True), ("<html>", False, True), ("", False, True)],
)
def test_a_body_that_is_cut_off_is_transient_and_a_web_page_only_after_a_proper_answer(
    body: str, at_first: bool, later: bool
) -> None:
    assert (transient_from_body(FAILURE, body, has_answered=False) is not None) == at_first
    assert (transient_from_body(FAILURE, body, has_answered=True) is not None) == later
