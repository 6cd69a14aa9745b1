"""Retries of what failed in a way that may pass, after a pause that is short and has a limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

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
    for number in range(retries):
        try:
            return ask()
        except BranchFailed as failure:
            if not failure.is_transient:
                raise
            pause = max(min(_FIRST_PAUSE * 2**number, _LONGEST_PAUSE), min(failure.retry_after or 0.0, _LONGEST_ASKED))
            log.say(f"{failure.sentence}; retrying in {pause:g} s")
        stop.sleep(pause)
    return ask()
