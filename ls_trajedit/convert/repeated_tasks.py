"""Brings the places of each task together, when an export holds a task more than once."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import count, groupby
from pathlib import Path

from ls_trajedit.converters.annotations.duplicates import task_key
from ls_trajedit.converters.chunk import RawTask, parsed_task
from ls_trajedit.traces.errors import DataError
from ls_trajedit.traces.json_text import RawJson

__all__ = ["joined_tasks"]

# `first` is the number of the place in which the task is for the first time.
_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE keys (key TEXT PRIMARY KEY, first INTEGER) WITHOUT ROWID;
CREATE TABLE places (first INTEGER, number INTEGER, place TEXT, raw BLOB, PRIMARY KEY (first, number)) WITHOUT ROWID;
BEGIN;
"""


def joined_tasks(raw_tasks: Iterable[RawTask], temporary: Path) -> Iterator[RawTask]:
    """The same tasks, each with all of its places, in the order of their first ones. What has no `task_key`, or is not
    a task at all, comes at once.

    Tasks are kept in a file in `temporary`, a folder inside the output folder; in memory is one of them. Raises what
    iterating over `raw_tasks` raises, and DataError when writing fails.
    """
    # Whoever reads the tasks twice may not be done with the first time.
    path = next(path for number in count() if not (path := temporary / f"places{number}.sqlite").exists())
    with closing(sqlite3.connect(path, isolation_level=None)) as places:
        try:
            places.executescript(_TABLES)
            for number, task in enumerate(raw_tasks):
                key = _key(task)
                if key is None:
                    yield task
                    continue
                places.execute("INSERT OR IGNORE INTO keys VALUES (?, ?)", (key, number))
                places.execute(
                    "INSERT INTO places SELECT first, ?, ?, ? FROM keys WHERE key = ?",
                    (number, task.place, task.json.raw, key),
                )
            rows = places.execute("SELECT first, place, raw FROM places ORDER BY first, number")
            for _, group in groupby(rows, key=lambda row: row[0]):
                first, *others = (RawTask(place, RawJson(raw)) for _, place, raw in group)
                yield first._replace(again=tuple(others))
        except sqlite3.Error as error:
            folder = temporary.parent
            raise DataError(f"{folder}: writing failed: {error}; make room or choose another folder") from None


def _key(task: RawTask) -> str | None:
    try:
        key = task_key(parsed_task(task))
    except DataError:
        return None
    return None if key is None else json.dumps(key)
