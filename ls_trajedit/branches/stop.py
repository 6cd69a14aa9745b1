"""The end of a run for several threads at a time: what they have running is ended at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Stop", "Stopped"]


class Stopped(Exception):  # noqa: N818 - the run was told to end; nothing failed
    """The run was stopped while something was under way."""


class Stop:
    """Tells whoever works for a run that it ends. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._endings: dict[object, Callable[[], None]] = {}

    def __call__(self) -> None:
        """Ends what is running, and whatever begins later. It is safe to call it twice."""
        with self._lock:
            self._event.set()
            endings = list(self._endings.values())
        for end in endings:
            end()

    @contextmanager
    def ending(self, end: Callable[[], None]) -> Iterator[None]:
        """Has `end` called, by another thread, when the run stops before the block ends; at once if it has stopped.
        Then the block ends with Stopped, whatever else it raises."""
        key = object()
        with self._lock:
            self._endings[key] = end
            is_late = self._event.is_set()
        try:
            if is_late:
                end()
                raise Stopped
            yield
        except Exception:  # whatever ending a connection or a program makes of what waits for it
            self.check()
            raise
        finally:
            with self._lock:
                del self._endings[key]
        self.check()

    def check(self) -> None:
        """Raises Stopped when the run has stopped."""
        if self._event.is_set():
            raise Stopped

    def sleep(self, seconds: float) -> None:
        """Waits so long. Raises Stopped as soon as the run stops."""
        if self._event.wait(seconds):
            raise Stopped
