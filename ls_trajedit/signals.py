"""What Ctrl-C and SIGTERM do during work that must not stop halfway, or that must be cleaned up after."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

__all__ = ["ENDING_SIGNALS", "TERMINATED", "defer_signals", "raise_on_sigterm"]

TERMINATED = 128 + signal.SIGTERM

ENDING_SIGNALS: tuple[signal.Signals, ...] = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)
)
"""What asks a process to end. SIGBREAK exists on Windows alone, for Ctrl-Break; SIGTERM never arrives there."""


@contextmanager
def defer_signals() -> Iterator[None]:
    """Puts Ctrl-C, SIGTERM and Ctrl-Break off until the block ends, when the first that arrived takes effect. Nothing
    puts SIGKILL off. Does nothing outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    before = {number: signal.signal(number, lambda number, _: arrived.append(number)) for number in ENDING_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if arrived:
            signal.raise_signal(arrived[0])


@contextmanager
def raise_on_sigterm() -> Iterator[None]:
    """Makes SIGTERM and Ctrl-Break end the block as an exception does, so that temporary files are removed. The process
    then ends with the exit code that a shell reports for SIGTERM. Does nothing outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # Ctrl-C raises KeyboardInterrupt as it is.
    before = {number: signal.signal(number, _end) for number in ENDING_SIGNALS if number != signal.SIGINT}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(TERMINATED)
