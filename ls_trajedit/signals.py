"""What Ctrl-C and SIGTERM do while files are written."""

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
    """Lets Ctrl-C and SIGTERM wait until the end of the block. (A kernel's SIGKILL waits for nobody.)"""
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
    """Lets SIGTERM end the block like an exception, so that what was begun is cleared up; the process then ends with
    the exit code that a shell gives to a SIGTERM."""
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
