"""What Ctrl-C and SIGTERM do during work that must not stop halfway, or that must be cleaned up after."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

__all__ = ["TERMINATED", "defer_signals", "raise_on_sigterm"]

TERMINATED = 128 + signal.SIGTERM


@contextmanager
def defer_signals() -> Iterator[None]:
    """Puts Ctrl-C and SIGTERM off until the block ends, when the first that arrived takes effect. Nothing puts
    SIGKILL off. Does nothing outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda number, _: arrived.append(number)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if arrived:
            signal.raise_signal(arrived[0])


@contextmanager
def raise_on_sigterm() -> Iterator[None]:
    """Makes SIGTERM end the block as an exception does, so that temporary files are removed. The process then ends with
    the exit code that a shell reports for SIGTERM. Does nothing outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(TERMINATED)
