"""What a pull leaves for the next one: the tasks as they were read, and how far that got.

It is one SQLite database, `.ls-trajedit/state.sqlite` in the output folder. All that a pull changes in it is one
transaction, which is committed after the output files are in place: whatever ends the pull before that, the state is
that of the pull before.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.label_studio.http_times import Moment, is_plausible
from ls_trajedit.output.folder import PRIVATE
from ls_trajedit.output.inventory import PlacedFile
from ls_trajedit.output.manifest import MANIFEST, WrittenFile, counts_from_json, file_from_json, is_output_name
from ls_trajedit.output.summary import RecordChanges
from ls_trajedit.pull.clocks import Cursor
from ls_trajedit.traces.errors import DataError, SetupError
from ls_trajedit.traces.json_text import parse_json

__all__ = [
    "BLOCK_TASKS",
    "BlockChange",
    "DamagedStateError",
    "LastPull",
    "PullState",
    "StateFiles",
    "has_state",
    "open_state",
    "set_state_aside",
]

# "LsTe": what distinguishes the database from somebody else's.
_APPLICATION = 0x4C735465
# In format 1, each part of `LastPull` was a note of its own, under the name that it has in the JSON now. Before format
# 3, there was nothing of _NEW_TABLES.
_FORMAT = 3
# A message of SQLite's about a damaged database quotes from it, and Python may not be able to decode that.
_FAILURES = (sqlite3.Error, UnicodeError)
_TABLES = """
CREATE TABLE notes (name TEXT PRIMARY KEY, checksum INTEGER NOT NULL, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE tasks (id INTEGER PRIMARY KEY, annotations INTEGER NOT NULL, checksum INTEGER NOT NULL, raw BLOB NOT NULL);
CREATE TABLE records (task INTEGER, annotation INTEGER, digest BLOB NOT NULL, PRIMARY KEY (task, annotation))
    WITHOUT ROWID;
"""
# What the second index finds is `"branch"`, the mark of branches. Both spare reading the tasks themselves.
_NEW_TABLES = """
CREATE TABLE blocks (number INTEGER PRIMARY KEY, view TEXT NOT NULL, checksum INTEGER NOT NULL, value BLOB NOT NULL);
CREATE TABLE branch_facts (task INTEGER PRIMARY KEY, checksum INTEGER NOT NULL, value BLOB NOT NULL);
CREATE INDEX annotations_of_tasks ON tasks (annotations);
CREATE INDEX branches ON tasks (id) WHERE instr(raw, x'226272616e636822') > 0;
"""
BLOCK_TASKS = 8
"""Tasks whose ids differ in nothing but the last three bits are a block, whose number is what the ids have in common.
So a block never has to be split or joined with another one, whatever comes and goes."""
# SQLite keeps to the order of a CROSS JOIN: a range of ids for each stale block.
_TEMPORARY = """
CREATE TEMP TABLE stale (number INTEGER PRIMARY KEY);
CREATE TEMP TABLE fresh (number INTEGER PRIMARY KEY, view TEXT, checksum INTEGER, value BLOB);
CREATE TEMP TABLE written (task INTEGER, annotation INTEGER, digest BLOB);
CREATE INDEX temp.written_key ON written (task, annotation);
CREATE TEMP TABLE listed (id INTEGER PRIMARY KEY, annotations INTEGER);
CREATE TEMP TABLE dropped (id INTEGER PRIMARY KEY);
CREATE TEMP VIEW stale_tasks AS SELECT number, id, checksum, raw
    FROM stale CROSS JOIN tasks ON id BETWEEN number << 3 AND (number << 3) + 7;
CREATE TEMP VIEW stale_records AS SELECT task, annotation
    FROM stale CROSS JOIN records ON task BETWEEN number << 3 AND (number << 3) + 7;
"""
# All of them, also those of which only records are known.
_ALL_STALE = """
DELETE FROM blocks;
DELETE FROM branch_facts;
DELETE FROM fresh;
DELETE FROM written;
INSERT OR IGNORE INTO stale SELECT DISTINCT id >> 3 FROM tasks;
INSERT OR IGNORE INTO stale SELECT DISTINCT task >> 3 FROM records;
"""
# An annotation without an id of its own has one here that others may have too.
_SETTLE_RECORDS = """
DELETE FROM records WHERE (task, annotation) IN (SELECT task, annotation FROM stale_records);
INSERT OR REPLACE INTO records SELECT * FROM written ORDER BY task, annotation;
"""
_SETTLE_BLOCKS = """
DELETE FROM blocks WHERE number IN (SELECT number FROM stale);
INSERT INTO blocks SELECT * FROM fresh WHERE value IS NOT NULL ORDER BY number;
DELETE FROM written;
DELETE FROM fresh;
DELETE FROM stale;
"""
_BLOCKS = "SELECT *, false FROM blocks UNION ALL SELECT *, true FROM fresh ORDER BY 1, 5"
_NEW_RECORDS = "SELECT count(*) FROM written LEFT JOIN records USING (task, annotation) WHERE records.digest IS NULL"
_CHANGED_RECORDS = (
    "SELECT count(*) FROM written JOIN records USING (task, annotation) WHERE written.digest <> records.digest"
)
_REMOVED_RECORDS = (
    "SELECT count(*) FROM stale_records LEFT JOIN written USING (task, annotation) WHERE written.digest IS NULL"
)
_LAST_PULL = "last_pull"


class DamagedStateError(Exception):
    """The state is not a database, or is one that contradicts itself. Nothing is lost: all can be pulled again."""


@dataclass(frozen=True)
class LastPull:
    """What a pull did, for the next one to compare with.

    It read the project with the id `project` and that `title` from `server`, which was Label Studio `release` when the
    files were last written. `made_with` is a hash of everything but the tasks that the output files depend on;
    `counts`, `training` and `files` are what the manifest says, and `placed` is how each file looked when it was put in
    place. `fields` are those that were asked for of each task. `cursor` is None when the server does not tell the time.
    """

    server: str
    project: int
    title: str
    release: str
    made_with: str
    counts: Counts
    training: dict[str, Any] | None
    files: tuple[WrittenFile, ...]
    placed: dict[str, PlacedFile]
    cursor: Cursor | None
    fields: str

    def as_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return {
            "origin": [self.server, self.project],
            "title": self.title,
            "release": self.release,
            "made_with": self.made_with,
            "counts": self.counts.as_json(),
            "training": self.training,
            "files": [asdict(file) for file in self.files],
            "placed": {name: asdict(file) for name, file in self.placed.items()},
            "cursor": self.cursor and _cursor_json(self.cursor),
            "fields": self.fields,
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> LastPull:
        """What `as_json` made `value` of. Raises KeyError, TypeError, ValueError or AttributeError for anything
        else."""
        server, project = value["origin"]
        cursor, training = value.get("cursor"), value.get("training")
        return cls(
            server=_typed(server, str),
            project=_typed(project, int),
            title=_typed(value["title"], str),
            release=_typed(value["release"], str),
            made_with=_typed(value["made_with"], str),
            counts=counts_from_json(value["counts"]),
            training=None if training is None else _typed(training, dict),
            files=tuple(_file(file) for file in value["files"]),
            placed={name: _placed(name, file) for name, file in value["placed"].items()},
            # Before there was more to say, it was the time alone.
            cursor=_cursor(cursor) if isinstance(cursor, dict) else None,
            fields=_typed(value.get("fields", ""), str),
        )


@dataclass(frozen=True)
class BlockChange:
    """A block: what the last pull kept of it and, for a stale one, what this pull makes of it. Each is None where the
    block has no task."""

    before: bytes | None
    now: bytes | None
    is_stale: bool


@dataclass(frozen=True)
class StateFiles:
    """What is in the output files, as the manifest says it, and how the records in them differ from those of the pull
    before."""

    counts: Counts
    training: dict[str, Any] | None
    files: tuple[WrittenFile, ...]
    changes: RecordChanges


class PullState:
    """The state as one pull sees and changes it. `has_changed` says whether any task changed. The blocks of tasks that
    changed are stale until they are settled. Every method raises DamagedStateError when it finds damage, DataError when
    the disk is full, and SetupError when another program has the database open."""

    def __init__(self, connection: sqlite3.Connection, folder: Path) -> None:
        self._connection = connection
        self._folder = folder
        self.has_changed = False
        self._execute_all(_TEMPORARY)

    def commit(self) -> None:
        """Makes the changes last."""
        self._execute("COMMIT")

    def last_pull(self) -> LastPull | None:
        """What the last pull left, or None before the first one."""
        notes = self._notes()
        if not notes:
            return None
        try:
            return LastPull.from_json(notes.get(_LAST_PULL, notes))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
            raise DamagedStateError("what the last pull noted is incomplete") from None

    def put_last_pull(self, last: LastPull) -> None:
        """Notes what this pull did, in place of what the one before noted."""
        text = json.dumps(last.as_json()).encode()
        self._execute("DELETE FROM notes")
        self._execute("INSERT INTO notes VALUES (?, ?, ?)", _LAST_PULL, zlib.crc32(text), text)

    def _notes(self) -> dict[str, Any]:
        notes = self._rows("SELECT name, checksum, value FROM notes")
        return {name: _kept_json(value, checksum, f"the note `{name}`") for name, checksum, value in notes}

    def forget(self) -> None:
        """Drops everything but which records the output files have now, for a pull that starts over."""
        self._execute_all("DELETE FROM notes; DELETE FROM tasks")
        self.forget_blocks()
        self.has_changed = True

    def task_count(self) -> int:
        """How many tasks there are."""
        return int(self._execute("SELECT count(*) FROM tasks").fetchone()[0])

    def check(self) -> None:
        """Reads everything. Raises DamagedStateError when the tables and indexes contradict each other, which single
        questions need not notice."""
        if self._execute("PRAGMA integrity_check(1)").fetchone() != ("ok",):
            raise DamagedStateError("its tables contradict its indexes")

    def raw_tasks(self) -> Iterator[tuple[int, bytes]]:
        """Each task's id and JSON, in order of their ids."""
        return self._sound("SELECT id, checksum, raw FROM tasks ORDER BY id")

    def stale_tasks(self) -> Iterator[tuple[int, bytes]]:
        """The tasks of the stale blocks, as `raw_tasks` gives them."""
        return self._sound("SELECT id, checksum, raw FROM stale_tasks ORDER BY number, id")

    def stale_task_count(self) -> int:
        """How many tasks there are in stale blocks."""
        return int(self._execute("SELECT count(*) FROM stale_tasks").fetchone()[0])

    def marked_tasks(self) -> Iterator[int]:
        """The ids of the tasks in whose JSON the mark of branches stands, in order."""
        statement = "SELECT id FROM tasks WHERE instr(raw, x'226272616e636822') > 0 ORDER BY id"
        return (number for (number,) in self._rows(statement))

    def raw_task(self, number: int) -> bytes | None:
        """The JSON of the task with that id, if there is one."""
        found = self._sound("SELECT id, checksum, raw FROM tasks WHERE id = ?", number)
        return next((raw for _, raw in found), None)

    def _sound(self, statement: str, *values: Any) -> Iterator[tuple[int, bytes]]:
        last = None
        for number, checksum, raw in self._rows(statement, *values):
            if not _is_sound(raw, checksum) or (last is not None and number <= last):
                raise DamagedStateError(f"task {number} is not what was written")
            last = number
            yield number, raw

    def is_as_kept(self, number: int, raw: bytes) -> bool:
        """Whether the task with that id is in the state, with the same JSON."""
        return any(kept == raw for (kept,) in self._rows("SELECT raw FROM tasks WHERE id = ?", number))

    def put_task(self, number: int, raw: bytes, annotations: int) -> None:
        """Keeps the task's JSON, which holds that many annotations, in place of what was kept of it before."""
        if not self.is_as_kept(number, raw):
            row = (number, annotations, zlib.crc32(raw), raw)
            self._execute("INSERT OR REPLACE INTO tasks VALUES (?, ?, ?, ?)", *row)
            self._execute("DELETE FROM branch_facts WHERE task = ?", number)
            self.make_stale([number // BLOCK_TASKS])
            self.has_changed = True

    def keep_only(self, listed: Iterable[tuple[int, int | None]]) -> list[int]:
        """Drops the tasks that are not in `listed`, by id and, where it is known, number of annotations. Returns the
        first and the last id in `listed` that no task has then: two numbers, or none."""
        self._execute_all("DELETE FROM listed; DELETE FROM dropped")
        with self._translate_failures():
            self._connection.executemany("INSERT OR IGNORE INTO listed VALUES (?, ?)", listed)
        dropped = self._execute(
            "INSERT INTO dropped SELECT id FROM tasks WHERE NOT EXISTS (SELECT * FROM listed WHERE "
            "listed.id = tasks.id AND coalesce(listed.annotations = tasks.annotations, true))"
        ).rowcount
        if dropped > 0:
            self._execute("INSERT OR IGNORE INTO stale SELECT id >> 3 FROM dropped")
            self._execute("DELETE FROM tasks WHERE id IN (SELECT id FROM dropped)")
            self._execute("DELETE FROM branch_facts WHERE task IN (SELECT id FROM dropped)")
            self.has_changed = True
        missing = "SELECT min(id), max(id) FROM (SELECT id FROM listed EXCEPT SELECT id FROM tasks)"
        return [number for number in self._execute(missing).fetchone() if number is not None]

    def branch_facts(self, task: int) -> Any:
        """What `put_branch_facts` kept of the task, None when nothing."""
        for checksum, value in self._rows("SELECT checksum, value FROM branch_facts WHERE task = ?", task):
            return _kept_json(value, checksum, f"what was noted of the branch in task {task}")
        return None

    def put_branch_facts(self, task: int, value: bytes) -> None:
        """Keeps JSON about the task until that changes, or everything is converted again."""
        self._execute("INSERT OR REPLACE INTO branch_facts VALUES (?, ?, ?)", task, zlib.crc32(value), value)

    def forget_blocks(self) -> None:
        """Makes every block stale, also those of which only records are known, and leaves nothing that was kept of
        one, or put since, and nothing that is known of branches."""
        self._execute_all(_ALL_STALE)

    def make_stale(self, numbers: Iterable[int]) -> None:
        """Has these blocks converted again."""
        with self._translate_failures():
            self._connection.executemany("INSERT OR IGNORE INTO stale VALUES (?)", ((number,) for number in numbers))

    def has_current_blocks(self) -> bool:
        """Whether any block is as the last pull kept it."""
        current = "SELECT * FROM blocks WHERE number NOT IN (SELECT number FROM stale) LIMIT 1"
        return self._execute(current).fetchone() is not None

    def views(self) -> Iterator[tuple[int, str]]:
        """The number of each block that the last pull kept, with what the branches said about its tasks. They are
        checked when the blocks are."""
        yield from self._rows("SELECT number, view FROM blocks ORDER BY number")

    def put_block(self, number: int, view: str, value: bytes) -> None:
        """Keeps what a stale block became, `value`, and a string for what the branches say about its tasks."""
        self._execute(
            "INSERT INTO fresh VALUES (?, ?, ?, ?)", number, view, _block_checksum(number, view, value), value
        )

    def block_changes(self) -> Iterator[BlockChange]:
        """Each block that the last pull kept or that is stale, in order of their numbers."""
        self._execute("INSERT OR IGNORE INTO fresh SELECT number, '', 0, NULL FROM stale")
        for _, blocks in groupby(self._rows(_BLOCKS), key=itemgetter(0)):
            before, now, is_stale = None, None, False
            for number, view, checksum, value, is_fresh in blocks:
                if is_fresh:
                    now, is_stale = value, True
                elif isinstance(value, bytes) and _block_checksum(number, view, value) == checksum:
                    before = value
                else:
                    raise DamagedStateError(f"block {number} is not what was written")
            yield BlockChange(before, now, is_stale)

    def settle(self) -> RecordChanges:
        """Takes the stale blocks, and the records of their tasks that were noted, in place of what was kept of them.
        Returns how the records differ."""
        changes = self._record_changes()
        if changes != RecordChanges(0, 0, 0):
            self._execute_all(_SETTLE_RECORDS)
        self._execute_all(_SETTLE_BLOCKS)
        return changes

    def note_records(self, records: Iterable[tuple[int, int, bytes]]) -> None:
        """Notes records of stale blocks that the output files have now: task id, annotation id, and a digest of the
        row."""
        with self._translate_failures():
            self._connection.executemany("INSERT INTO written VALUES (?, ?, ?)", records)

    def _record_changes(self) -> RecordChanges:
        counts = (_NEW_RECORDS, _CHANGED_RECORDS, _REMOVED_RECORDS)
        return RecordChanges(*(int(self._execute(count).fetchone()[0]) for count in counts))

    def _execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        with self._translate_failures():
            return self._connection.execute(statement, values)

    def _execute_all(self, statements: str) -> None:
        for statement in _statements(statements):
            self._execute(statement)

    def _rows(self, statement: str, *values: Any) -> Iterator[Any]:
        rows = self._execute(statement, *values)
        while True:
            with self._translate_failures():
                row = rows.fetchone()
            if row is None:
                return
            yield row

    @contextmanager
    def _translate_failures(self) -> Iterator[None]:
        try:
            yield
        except _FAILURES as error:
            raise _explained(error, self._folder) from None


@contextmanager
def open_state(folder: Path) -> Iterator[PullState]:
    """The state in `folder`, with a transaction begun, which is rolled back unless `commit` is called.

    The folder is made when it does not exist. Raises SetupError for the state of a newer ls-trajedit,
    DamagedStateError for what is not a state, and DataError when the disk is full.
    """
    path = _path(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(_connection(path, folder)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
            _check_format(connection, path)
        except _FAILURES as error:
            raise _explained(error, folder) from None
        yield PullState(connection, folder)


def has_state(folder: Path) -> bool:
    """Whether a pull has left a state in `folder`."""
    return _path(folder).exists()


def set_state_aside(folder: Path) -> Path:
    """Renames a damaged state, so that a new one can begin and nothing is lost. Returns its new path."""
    path = _path(folder)
    aside = next(
        name for number in range(1, 1_000_000) if not (name := path.with_suffix(f".damaged-{number}")).exists()
    )
    # What SQLite would replay into the next database of this name.
    with suppress(FileNotFoundError):
        path.with_name(f"{path.name}-journal").rename(aside.with_name(f"{aside.name}-journal"))
    return path.rename(aside)


def _path(folder: Path) -> Path:
    return folder / PRIVATE / "state.sqlite"


def _connection(path: Path, folder: Path) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(path, isolation_level=None)
        # Like F_FULLFSYNC for the other files; it means nothing elsewhere.
        connection.execute("PRAGMA fullfsync = on")
        return connection
    except _FAILURES as error:
        raise _explained(error, folder) from None


_Typed = TypeVar("_Typed")


def _typed(value: Any, type_: type[_Typed]) -> _Typed:
    """`value`, when it has the type. Raises TypeError for any other, which a damaged state can hold."""
    if not isinstance(value, type_):
        raise TypeError
    return value


def _file(value: dict[str, Any]) -> WrittenFile:
    listed = {key: part for key, part in value.items() if key != "tally"}
    return file_from_json(listed | _typed(value["tally"] or {}, dict))


def _placed(name: str, value: dict[str, Any]) -> PlacedFile:
    """Raises ValueError for a file outside the folder: what is named here may be read and removed."""
    if name != MANIFEST and not is_output_name(name):
        raise ValueError
    return PlacedFile(_typed(value["sha256"], str), _typed(value["size"], int), _typed(value["mtime_ns"], int))


def _cursor_json(cursor: Cursor) -> dict[str, Any]:
    return {
        "since": cursor.since.isoformat(),
        "read_at": [cursor.read_at.server.isoformat(), cursor.read_at.own.isoformat()],
        "whole_at": [cursor.whole_at.server.isoformat(), cursor.whole_at.own.isoformat()],
        "pulls": cursor.pulls,
    }


def _cursor(value: dict[str, Any]) -> Cursor:
    return Cursor(
        _time(value["since"]),
        Moment(*map(_time, value["read_at"])),
        Moment(*map(_time, value["whole_at"])),
        _typed(value["pulls"], int),
    )


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if not is_plausible(time):
        raise ValueError
    return time.astimezone(timezone.utc)


def _kept_json(value: Any, checksum: Any, what: str) -> Any:
    if not _is_sound(value, checksum):
        raise DamagedStateError(f"{what} is not what was written")
    try:
        return parse_json(value)
    except ValueError:
        raise DamagedStateError(f"{what} is not JSON") from None


def _block_checksum(number: int, view: str, value: bytes) -> int:
    return zlib.crc32(value, zlib.crc32(f"{number} {view} ".encode()))


def _is_sound(value: Any, checksum: Any) -> bool:
    # What is damaged can be of any type.
    return isinstance(value, bytes) and zlib.crc32(value) == checksum


def _check_format(connection: sqlite3.Connection, path: Path) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = {sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}
    old, new = _statements(_TABLES), _statements(_NEW_TABLES)
    if (application, version, tables) == (0, 0, set()):
        _make(connection, [*old, *new])
        connection.execute(f"PRAGMA application_id = {_APPLICATION}")
    elif application != _APPLICATION:
        raise DamagedStateError("it is not a state of ls-trajedit")
    elif version > _FORMAT:
        raise SetupError(
            f"{path}: was written by a newer ls-trajedit (format {version}, this one knows {_FORMAT}); install that "
            "one, or choose another folder with -o"
        )
    elif version < _FORMAT and tables == set(old):
        _make(connection, new)
    elif tables != {*old, *new}:
        # A view or a trigger under one of the names could make anything of what is read and written.
        raise DamagedStateError("its tables are not those that ls-trajedit makes")


def _statements(text: str) -> list[str]:
    return [statement.strip() for statement in text.split(";") if statement.strip()]


def _make(connection: sqlite3.Connection, statements: list[str]) -> None:
    for statement in statements:
        connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {_FORMAT}")


def _explained(error: Exception, folder: Path) -> Exception:
    code = getattr(error, "sqlite_errorname", "")
    if any(words in str(error) for words in ("full", "disk I/O")) or code.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
        return DataError(f"{folder}: writing failed: {error}; make room or choose another folder")
    if "locked" in str(error):
        return SetupError(
            f"{folder}: another program has the state of the last pull open ({error}); wait until it is done, or "
            "choose another folder with -o"
        )
    if "readonly" in str(error) or "unable to open" in str(error):
        return SetupError(f"{folder}: cannot write there: {error}; choose another folder with -o")
    return DamagedStateError(str(error))
