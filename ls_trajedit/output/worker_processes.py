"""Runs a function over many items in several processes; the results come in the order of the items.

Not with concurrent.futures: each of its processes holds the write end of the queue that it reads, so none ever sees its
end, and all live on when the process that started them is killed. Not with multiprocessing: each of its processes would
import the command line again, which takes longer than most of the work. Here each process has a pipe of its own from
the one that started it, and ends when that pipe does, whatever ended it.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
import subprocess
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from typing import Any, BinaryIO, TypeVar, cast

from ls_trajedit.traces.errors import DataError

__all__ = ["map_in_processes", "run_worker"]

Item = TypeVar("Item")
Result = TypeVar("Result")

# The modules must be found where this process found them, before the first import looks into the current folder.
_START = (
    "import sys; sys.path[:] = sys.argv[1:]; from ls_trajedit.output.worker_processes import run_worker; run_worker()"
)

_LENGTH = struct.Struct("=Q")
# With the usual 64 kB, the two ends would wait for each other several times for each item.
_PIPE_BYTES = 1 << 20


def map_in_processes(function: Callable[[Item], Result], items: Iterable[Item], processes: int) -> Iterator[Result]:
    """What `function` returns for each of `items`, in their order, computed in that many processes.

    At most `processes` items are in flight. `function`, items and results are sent with pickle. The processes end when
    the iterator does, when it is closed, and when this process ends for whatever reason; Ctrl-C does not reach them.

    Raises what `function` raises for the first item for which it raises, what iterating over `items` raises as soon
    as the items before are done, and DataError when a process is killed from outside.
    """
    with ExitStack() as stack:
        workers = [stack.enter_context(_Worker(function)) for _ in range(processes)]
        idle, busy = deque(workers), deque[_Worker]()
        source = iter(items)
        failure: Exception | None = None
        while True:
            try:
                item = next(source)
            except StopIteration:
                break
            except Exception as error:  # raised below, after the results before it
                failure = error
                break
            done: list[Result] = []
            if not idle:
                done.append(busy[0].answer())
                idle.append(busy.popleft())
            # The worker gets its next item before its result is looked at, so that it need not wait for that.
            idle[0].give(item)
            busy.append(idle.popleft())
            yield from done
        while busy:
            yield busy.popleft().answer()
        if failure is not None:
            raise failure


class _Worker:
    """A process that computes a result for each item that it is given, one at a time."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - this very Python, and no shell
            [sys.executable, "-c", _START, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pipesize=_PIPE_BYTES,
            # Ctrl-C goes to every process of the session or, on Windows, of the group.
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        self._items = cast(BinaryIO, self._process.stdin)
        self._answers = cast(BinaryIO, self._process.stdout)
        self._function = function

    def __enter__(self) -> _Worker:
        self.give(self._function)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._answers.close()
        with suppress(OSError):
            self._items.close()

    def give(self, item: object) -> None:
        try:
            _send(item, self._items)
        except OSError:  # BrokenPipeError, and on Windows also "invalid argument"
            raise self._death() from None

    def answer(self) -> Any:
        try:
            result, error, trace = _receive(self._answers)
        except (EOFError, pickle.UnpicklingError):
            raise self._death() from None
        if error is not None:
            raise error from _InWorkerProcess(trace)
        return result

    def _death(self) -> DataError:
        code = self._process.wait()
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        return DataError(f"a worker process {how}; it may have been short of memory, so free some and try again")


class _InWorkerProcess(Exception):  # noqa: N818 - the cause of an error, not an error
    """Shows where in the worker process an error came from."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def _send(value: object, pipe: BinaryIO) -> None:
    """Sends `value` in one piece: pickle itself writes many small ones, each of which wakes the receiver."""
    raw = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    pipe.write(_LENGTH.pack(len(raw)))
    pipe.write(raw)
    pipe.flush()


def _receive(pipe: BinaryIO) -> Any:
    """What was sent. Raises EOFError when the sender has gone."""
    head = pipe.read(_LENGTH.size)
    raw = pipe.read(*_LENGTH.unpack(head)) if len(head) == _LENGTH.size else b""
    return pickle.loads(raw)  # noqa: S301 - from our own process


def run_worker() -> None:
    """What a worker process does: it computes results until no item is left, or nobody is left to send one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    items, answers = sys.stdin.buffer, sys.stdout.buffer
    with suppress(EOFError, OSError, pickle.UnpicklingError):
        function = _receive(items)
        while True:
            _send(_answer(function, _receive(items)), answers)
    # Nobody is left to read what may be in a buffer.
    os._exit(0)


def _answer(function: Callable[[Any], Any], item: object) -> tuple[Any, Exception | None, str]:
    try:
        return function(item), None, ""
    except Exception as error:
        trace = traceback.format_exc()
        try:
            pickle.loads(pickle.dumps(error))  # noqa: S301 - what was just made
        except Exception:
            error = RuntimeError(f"{type(error).__name__}: {error}")
        return None, error, trace
