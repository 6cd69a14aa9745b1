"""What Ctrl-C, SIGTERM and a closed terminal do during work that must not stop halfway, or be cleaned up after."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["HUNG_UP", "TERMINATED", "defer_signals", "end_on_signals", "ending_signals"]

TERMINATED = 128 + signal.SIGTERM
HUNG_UP = 128 + 1

# SIGHUP comes when the terminal is closed, and does not exist on Windows. SIGBREAK exists only there, for Ctrl-Break;
# SIGTERM never arrives there.
_ENDING_SIGNALS: tuple[signal.Signals, ...] = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)
)
# In which a further signal is taken for a part of the first: some supervisors send two, and people press Ctrl-C twice.
_SECONDS_OF_ONE = 1.0
_SECONDS_UNTIL_AGAIN = 0.01


def ending_signals() -> list[signal.Signals]:
    """The signals that ask this process to end: not those that it was started to ignore, as SIGHUP under `nohup`."""
    return [number for number in _ENDING_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]


@contextmanager
def defer_signals() -> Iterator[None]:
    """Puts Ctrl-C, SIGTERM and the others off until the block ends, when the first that arrived takes effect. Nothing
    puts SIGKILL off. Does nothing outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    before = {number: signal.signal(number, lambda number, _: arrived.append(number)) for number in ending_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if arrived:
            signal.raise_signal(arrived[0])


@contextmanager
def end_on_signals() -> Iterator[None]:
    """Makes Ctrl-C, SIGTERM, SIGHUP and Ctrl-Break end the block as an exception does, so that temporary files are
    removed: KeyboardInterrupt, or SystemExit with the exit code that a shell reports for the signal. What comes within
    a second of the first interrupts no clean-up. One that arrives while Python destroys an object, where it ignores all
    exceptions, takes effect a moment later. Does nothing outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    last = float("-inf")
    number_of_last = 0

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal last, number_of_last
        if time.monotonic() - last < _SECONDS_OF_ONE:
            return
        last, number_of_last = time.monotonic(), number
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(HUNG_UP if number == getattr(signal, "SIGHUP", None) else TERMINATED)

    def repeat(ignored: sys.UnraisableHookArgs) -> None:
        nonlocal last
        if not number_of_last or not isinstance(ignored.exc_value, KeyboardInterrupt | SystemExit):
            hook(ignored)
            return
        last = float("-inf")
        # By another thread, because whatever is raised here is ignored as well.
        again = threading.Timer(_SECONDS_UNTIL_AGAIN, os.kill, (os.getpid(), number_of_last))
        again.daemon = True
        again.start()

    hook = sys.unraisablehook
    if os.name == "posix":
        sys.unraisablehook = repeat
    before = {number: signal.signal(number, end) for number in ending_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        sys.unraisablehook = hook
