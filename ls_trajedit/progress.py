"""The progress of a run, on standard error: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ls_trajedit.console import is_terminal, say, shown, terminal

__all__ = ["Progress", "show_progress"]

Progress = Callable[[int, "int | None"], None]
"""Called with the number of tasks that are done and, once it is known, the number of all tasks."""

_SECONDS_BETWEEN_LINES = 30.0


@contextmanager
def show_progress(doing: str) -> Iterator[Progress]:
    """The function to call with the progress of what the run is `doing`, such as "pulling project 12"."""
    if not is_terminal():
        yield _lines(doing)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=terminal(), transient=True) as bar:
        task = bar.add_task(shown(doing), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _lines(doing: str) -> Progress:
    last = time.monotonic()

    def report(done: int, total: int | None) -> None:
        nonlocal last
        if time.monotonic() - last >= _SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            say(f"{doing}: {done:,}{'' if total is None else f' of {total:,}'} tasks")

    return report
