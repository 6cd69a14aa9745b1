"""Which failures of a server are transient, and retries after them with exponential backoff.

Some failures only look transient: a wrong address gives "no such host" or somebody's web page for ever. They count as
transient only when the server has answered properly before.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import TypeVar

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_before_delay, wait_random_exponential

from ls_trajedit.console import say
from ls_trajedit.label_studio.failures import TooLargeAnswerError, causes
from ls_trajedit.label_studio.http_times import retry_after
from ls_trajedit.traces.errors import ServerError, TrajeditError

__all__ = [
    "TransientError",
    "retry",
    "transient_from_body",
    "transient_from_no_answer",
    "transient_from_status",
]

T = TypeVar("T")

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
_TRANSIENT_STATUSES = (408, 409, 425, 429, 500, 502, 503, 504)


class TransientError(Exception):
    """A failure that may pass. `failure` is what to raise when it does not, `retry_after` the number of seconds for
    which the server asks, if any."""

    def __init__(self, failure: ServerError, retry_after: float | None = None) -> None:
        super().__init__(str(failure))
        self.failure = failure
        self.retry_after = retry_after


def retry(ask: Callable[[], T], max_wait: float) -> T:
    """What `ask` returns. Each TransientError that it raises is reported on standard error and followed by a retry,
    until the next one would be later than `max_wait` seconds after the first attempt; then its failure is raised.

    The backoff is random, with a limit that grows from one second to a minute, so that many jobs do not return at the
    same time. It is never shorter than what the server asks for.
    """
    try:
        return Retrying(
            retry=retry_if_exception_type(TransientError),
            wait=_wait,
            stop=stop_before_delay(max_wait),
            before_sleep=_report,
            reraise=True,
        )(ask)
    except TransientError as error:
        raise error.failure from None


_backoff = wait_random_exponential(multiplier=_FIRST_PAUSE, max=_LONGEST_PAUSE)


def _wait(state: RetryCallState) -> float:
    return max(_backoff(state), _last_error(state).retry_after or 0.0)


def _report(state: RetryCallState) -> None:
    say(str(_last_error(state)))
    say(f"  retrying in {state.upcoming_sleep:.0f} s (Ctrl-C to stop)")


def _last_error(state: RetryCallState) -> TransientError:
    error = state.outcome and state.outcome.exception()
    assert isinstance(error, TransientError)
    return error


def transient_from_status(
    failure: TrajeditError, status: int, headers: Mapping[str, str], has_answered: bool
) -> TransientError | None:
    """The TransientError for an answer with this HTTP `status`, or None when a retry would not help."""
    if not isinstance(failure, ServerError):
        return None
    if status in _TRANSIENT_STATUSES or has_answered:
        return TransientError(failure, retry_after(headers.get("retry-after", "")))
    return None


def transient_from_no_answer(failure: TrajeditError, cause: Exception, has_answered: bool) -> TransientError | None:
    """The TransientError for a request that got no answer, or an incomplete one; None when a retry would not help."""
    if not isinstance(failure, ServerError) or isinstance(failure, TooLargeAnswerError):
        return None
    if isinstance(cause, httpx.TooManyRedirects | httpx.ProxyError):
        return None
    never_worked = any(isinstance(c, socket.gaierror) for c in causes(cause)) or "SSL" in str(cause)
    return None if never_worked and not has_answered else TransientError(failure)


def transient_from_body(failure: ServerError, body: str, has_answered: bool) -> TransientError | None:
    """The TransientError for a `body` that is not JSON: cut off, or a proxy's page about maintenance; None when a retry
    would not help."""
    return TransientError(failure) if has_answered or body.lstrip().startswith(("{", "[")) else None
