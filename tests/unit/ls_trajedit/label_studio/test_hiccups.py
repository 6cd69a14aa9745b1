"""Which failures may pass."""

from __future__ import annotations

import socket
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import httpx
import pytest

from ls_trajedit.label_studio.hiccups import transient_of_answer, transient_of_body, transient_of_no_answer
from ls_trajedit.traces.errors import RefusedError, ServerError, UsageError

ERROR = ServerError("what a person is told")


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("has_answered", [False, True])
def test_a_status_that_speaks_of_now_may_pass(status: int, has_answered: bool) -> None:
    hiccup = transient_of_answer(ERROR, status, {}, has_answered)
    assert hiccup is not None
    assert (hiccup.error, hiccup.retry_after) == (ERROR, None)


@pytest.mark.parametrize("status", [404, 501, 505])
def test_a_status_that_speaks_of_the_address_may_pass_where_there_was_an_answer_before(status: int) -> None:
    assert transient_of_answer(ERROR, status, {}, has_answered=False) is None
    assert transient_of_answer(ERROR, status, {}, has_answered=True) is not None


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_no_does_not_pass(status: int) -> None:
    assert transient_of_answer(RefusedError("no"), status, {}, has_answered=True) is None


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
        ("9" * 400, float("inf")),
    ],
)
def test_retry_after_in_seconds_or_nothing(value: str, seconds: float | None) -> None:
    hiccup = transient_of_answer(ERROR, 503, {"retry-after": value}, has_answered=True)
    assert hiccup is not None
    assert hiccup.retry_after == seconds


@pytest.mark.parametrize(("hours", "least", "most"), [(2, 3600, 7200), (-2, 0, 0)])
def test_retry_after_as_a_date(hours: int, least: float, most: float) -> None:
    value = format_datetime(datetime.now(timezone.utc) + timedelta(hours=hours), usegmt=True)
    hiccup = transient_of_answer(ERROR, 429, {"retry-after": value}, has_answered=True)
    assert hiccup is not None
    assert hiccup.retry_after is not None
    assert least <= hiccup.retry_after <= most


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
def test_a_broken_way_may_pass(cause: httpx.RequestError) -> None:
    assert transient_of_no_answer(ERROR, cause, has_answered=False) is not None


def test_a_name_and_a_certificate_that_never_worked_do_not_pass() -> None:
    no_name = httpx.ConnectError("Name or service not known")
    no_name.__cause__ = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    for cause in (no_name, httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED]")):
        assert transient_of_no_answer(ERROR, cause, has_answered=False) is None
        assert transient_of_no_answer(ERROR, cause, has_answered=True) is not None


@pytest.mark.parametrize("cause", [httpx.TooManyRedirects(""), httpx.ProxyError("403 Forbidden")])
def test_a_way_that_is_wrong_does_not_become_right(cause: httpx.RequestError) -> None:
    assert transient_of_no_answer(ERROR, cause, has_answered=True) is None


def test_what_is_no_address_does_not_become_one() -> None:
    assert transient_of_no_answer(UsageError("no address"), httpx.UnsupportedProtocol(""), has_answered=True) is None


@pytest.mark.parametrize(
    ("body", "at_first", "later"),
    [('{"tasks": [{"id', True, True), (" [1, ", True, True), ("<html>", False, True), ("", False, True)],
)
def test_a_body_that_is_cut_off_may_pass_and_a_web_page_where_there_was_an_answer_before(
    body: str, at_first: bool, later: bool
) -> None:
    assert (transient_of_body(ERROR, body, has_answered=False) is not None) == at_first
    assert (transient_of_body(ERROR, body, has_answered=True) is not None) == later
