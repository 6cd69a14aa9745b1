"""Retries of what failed in a way that may pass, after a pause that is short and has a limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from ls_trajedit.branches.agent import BranchFailed
from ls_trajedit.branches.log import BranchLog
from ls_trajedit.branches.stop import Stop

__all__ = ["attempt"]

T = TypeVar("T")

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 10.0
# However long a server asks for.
_LONGEST_ASKED = 60.0


def attempt(ask: Callable[[], T], retries: int, log: BranchLog, stop: Stop) -> T:
    """What `ask` returns. A transient BranchFailed is written to the log and followed by a retry, at most `retries`
    times; then it is raised, as any other is at once. The pauses double, from one second to ten, and are not shorter
    than what a server asks for, up to a minute. Raises Stopped when the run stops meanwhile."""

    def report(state: RetryCallState) -> None:
        log.say(f"{_failure(state).sentence}; retrying in {state.upcoming_sleep:g} s")

    return Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, BranchFailed) and error.is_transient),
        wait=_wait,
        stop=stop_after_attempt(retries + 1),
        before_sleep=report,
        sleep=stop.sleep,
        reraise=True,
    )(ask)


def _wait(state: RetryCallState) -> float:
    backoff: float = min(_FIRST_PAUSE * 2 ** min(state.attempt_number - 1, 10), _LONGEST_PAUSE)
    return max(backoff, min(_failure(state).retry_after or 0.0, _LONGEST_ASKED))


def _failure(state: RetryCallState) -> BranchFailed:
    error = state.outcome and state.outcome.exception()
    assert isinstance(error, BranchFailed)
    return error
