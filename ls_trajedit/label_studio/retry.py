"""Asks once more when a server hiccups, with longer and longer pauses, and says so on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_before_delay, wait_random_exponential

from ls_trajedit.traces.errors import ServerError

__all__ = ["TransientError", "retry"]

T = TypeVar("T")

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0


class TransientError(Exception):
    """A failure that may pass. `error` is what a person is told when it does not, `retry_after` the seconds that the
    server asks for, if it does."""

    def __init__(self, error: ServerError, retry_after: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.retry_after = retry_after


def retry(ask: Callable[[], T], max_wait: float) -> T:
    """What `ask` returns. Each TransientError that it raises is reported on standard error and followed by another
    attempt, until the next one would come later than `max_wait` seconds after the first; then its error is raised.

    Pauses grow from one second to a minute, at random below that, so that many jobs do not come back at once; what
    the server asks for is waited for in any case.
    """
    try:
        return Retrying(
            retry=retry_if_exception_type(TransientError),
            wait=_pause,
            stop=stop_before_delay(max_wait),
            before_sleep=_tell,
            reraise=True,
        )(ask)
    except TransientError as hiccup:
        raise hiccup.error from None


_backoff = wait_random_exponential(multiplier=_FIRST_PAUSE, max=_LONGEST_PAUSE)


def _pause(state: RetryCallState) -> float:
    return max(_backoff(state), _hiccup(state).retry_after or 0.0)


def _tell(state: RetryCallState) -> None:
    sys.stderr.write(f"{_hiccup(state)}\n  trying again in {state.upcoming_sleep:.0f} s (Ctrl-C stops it)\n")
    sys.stderr.flush()


def _hiccup(state: RetryCallState) -> TransientError:
    hiccup = state.outcome and state.outcome.exception()
    assert isinstance(hiccup, TransientError)
    return hiccup
