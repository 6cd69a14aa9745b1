"""Runs many branches, several at a time."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ls_trajedit.branches.agent import Agent, AgentRequest, BranchFailed, Continuation
from ls_trajedit.branches.log import BranchLog
from ls_trajedit.branches.stop import Stop, Stopped
from ls_trajedit.signals import defer_signals

__all__ = ["BranchFailure", "Continued", "Outcome", "run_branches"]

# For those that read the end of what was killed. Who waits for something that cannot be ended, such as the name of a
# host, ends with the process.
_SECONDS_TO_END = 3.0


@dataclass(frozen=True)
class Continued:
    """A branch that its agent has continued. `log` is the log of the branch, if anything was written to it."""

    request: AgentRequest
    continuation: Continuation
    log: Path | None


@dataclass(frozen=True)
class BranchFailure:
    """A branch that failed, and why."""

    request: AgentRequest
    failure: BranchFailed
    log: Path | None


Outcome = Continued | BranchFailure


@contextmanager
def run_branches(agent: Agent, requests: Iterable[AgentRequest], jobs: int, logs: Path) -> Iterator[Iterator[Outcome]]:
    """Asks the agent to continue each request, `jobs` at a time, and gives each outcome as it comes. The next request
    is taken from `requests` when a job is free for it, by another thread than this one. Each branch that has something
    to say gets a log of its own in the folder `logs`.

    When the block ends before all outcomes were taken, by an exception or a signal, everything that runs is killed.
    What iterating over `requests` raises, and what the agent raises other than BranchFailed, is raised here.
    """
    stop = Stop()
    outcomes: queue.SimpleQueue[Outcome | BaseException | None] = queue.SimpleQueue()
    source = _Shared(requests)
    workers = [
        threading.Thread(target=_work, args=(agent, source, logs, stop, outcomes), daemon=True) for _ in range(jobs)
    ]
    try:
        for worker in workers:
            worker.start()
        yield _taken(outcomes, len(workers))
    finally:
        # What was started before a second signal is ended all the same.
        with defer_signals():
            stop()
        deadline = time.monotonic() + _SECONDS_TO_END
        for worker in workers:
            if worker.ident is not None:
                worker.join(max(0.0, deadline - time.monotonic()))


class _Shared:
    """An iterator that several threads may share."""

    def __init__(self, requests: Iterable[AgentRequest]) -> None:
        self._requests = iter(requests)
        self._lock = threading.Lock()

    def next(self) -> AgentRequest | None:
        with self._lock:
            return next(self._requests, None)


def _work(
    agent: Agent, source: _Shared, logs: Path, stop: Stop, outcomes: queue.SimpleQueue[Outcome | BaseException | None]
) -> None:
    try:
        while (request := source.next()) is not None:
            stop.check()
            outcomes.put(_outcome(agent, request, logs, stop))
    except Stopped:
        pass
    except BaseException as error:  # raised where the outcomes are taken
        outcomes.put(error)
    outcomes.put(None)


def _outcome(agent: Agent, request: AgentRequest, logs: Path, stop: Stop) -> Outcome:
    with BranchLog(logs, request.id) as log:
        try:
            continuation = agent(request, log, stop)
        except BranchFailed as failure:
            log.say(f"failed ({failure.reason}): {failure.sentence}")
            return BranchFailure(request, failure, log.path)
        return Continued(request, continuation, log.path if log.is_written else None)


def _taken(outcomes: queue.SimpleQueue[Outcome | BaseException | None], workers: int) -> Iterator[Outcome]:
    while workers:
        match outcomes.get():
            case None:
                workers -= 1
            case BaseException() as error:
                raise error
            case outcome:
                yield outcome
