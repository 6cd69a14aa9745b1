"""What a pull keeps for the next one."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

import pytest

from ls_trajedit.converters.annotations.counts import Counts
from ls_trajedit.converters.branch_scan import MARK
from ls_trajedit.label_studio.http_times import Moment
from ls_trajedit.output.inventory import PlacedFile
from ls_trajedit.output.manifest import WrittenFile
from ls_trajedit.output.summary import RecordChanges
from ls_trajedit.pull.clocks import Cursor
from ls_trajedit.pull.state import DamagedStateError, LastPull, PullState, has_state, open_state, set_state_aside
from ls_trajedit.traces.errors import SetupError

NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
TALLY = {"characters": 9, "left_out": {"no change": 2}}
LAST = LastPull(
    server="http://h",
    project=12,
    title="Agents \ud800 é",
    release="1.23.2",
    made_with="ab" * 32,
    counts=Counts(3, 1, Counter(edited=2), Counter(), Counter({"action": 2}), {"7": Counter(edited=2)}),
    training={"formats": ["trl-dpo"]},
    files=(WrittenFile("trl/dpo.jsonl", 2, "cd" * 32, TALLY), WrittenFile("rejects.jsonl", 0, "ef" * 32)),
    placed={"trl/dpo.jsonl": PlacedFile("cd" * 32, 7, 8), "manifest.json": PlacedFile("ab" * 32, 9, 10)},
    cursor=Cursor(NOON, Moment(NOON, NOON), Moment(NOON, NOON), pulls=3),
    fields="id,data",
)


def kept(folder: Path, *tasks: tuple[int, bytes]) -> None:
    with open_state(folder) as state:
        for number, raw in tasks:
            state.put_task(number, raw, 1)
        state.commit()


def test_tasks_come_back_in_order_of_their_ids_and_never_twice(tmp_path: Path) -> None:
    kept(tmp_path, (7, b"seven"), (3, b"three"), (7, b"seven again"))
    with open_state(tmp_path) as state:
        assert list(state.raw_tasks()) == [(3, b"three"), (7, b"seven again")]
        assert state.task_count() == 2


def test_what_is_not_committed_was_never_there(tmp_path: Path) -> None:
    kept(tmp_path, (1, b"one"))
    with open_state(tmp_path) as state:
        state.put_task(2, b"two", 0)
        state.put_last_pull(LAST)
    with open_state(tmp_path) as state:
        assert list(state.raw_tasks()) == [(1, b"one")]
        assert state.last_pull() is None


def test_only_another_task_is_a_change(tmp_path: Path) -> None:
    kept(tmp_path, (1, b"one"))
    with open_state(tmp_path) as state:
        state.put_task(1, b"one", 1)
        assert not state.has_changed
        assert state.keep_only([(1, 1)]) == []
        assert not state.has_changed
        state.put_task(1, b"other", 1)
        assert state.has_changed


def test_what_is_not_listed_goes_and_what_is_missing_is_named(tmp_path: Path) -> None:
    kept(tmp_path, *((number, b"x") for number in range(1, 6)))
    with open_state(tmp_path) as state:
        assert state.keep_only([(2, 1), (4, None), (6, 0), (8, 1), (9, 1)]) == [6, 9]
        assert [number for number, _ in state.raw_tasks()] == [2, 4]
        assert state.has_changed


def test_a_task_with_another_number_of_annotations_is_missing(tmp_path: Path) -> None:
    kept(tmp_path, (1, b"one"), (2, b"two"))
    with open_state(tmp_path) as state:
        assert state.keep_only([(1, 1), (2, 5)]) == [2, 2]


def noted(state: PullState, *records: tuple[int, int, bytes]) -> RecordChanges:
    state.forget_blocks()
    state.note_records(records)
    return state.settle()


def test_records_are_compared_with_those_of_the_pull_before(tmp_path: Path) -> None:
    with open_state(tmp_path) as state:
        assert noted(state, (1, 1, b"a"), (1, 2, b"b"), (2, 3, b"c")) == RecordChanges(3, 0, 0)
        state.commit()
    with open_state(tmp_path) as state:
        assert noted(state, (1, 1, b"a"), (2, 3, b"C"), (2, 4, b"d"), (3, 5, b"e")) == RecordChanges(2, 1, 1)
        state.commit()
    with open_state(tmp_path) as state:
        assert noted(state) == RecordChanges(0, 0, 4)


def test_to_start_over_forgets_the_tasks_and_not_what_the_files_hold(tmp_path: Path) -> None:
    with open_state(tmp_path) as state:
        state.put_task(1, b"one", 1)
        state.put_last_pull(LAST)
        noted(state, (1, 1, b"a"))
        state.commit()
    with open_state(tmp_path) as state:
        state.forget()
        assert state.has_changed
        assert (state.task_count(), state.last_pull()) == (0, None)
        assert noted(state, (1, 1, b"b")) == RecordChanges(0, 1, 0)


@pytest.mark.parametrize("last", [LAST, replace(LAST, training=None, cursor=None, files=(), placed={})])
def test_what_a_pull_did_comes_back_in_the_next_one(tmp_path: Path, last: LastPull) -> None:
    for each in (replace(LAST, title="an earlier one"), last):
        with open_state(tmp_path) as state:
            state.put_last_pull(each)
            state.commit()
    with open_state(tmp_path) as state:
        found = state.last_pull()
    assert found is not None
    assert found.as_json() == last.as_json()
    assert replace(found, counts=last.counts) == last


def edit_database(folder: Path, *statements: str) -> None:
    """What somebody else does to the state."""
    with closing(sqlite3.connect(folder / ".ls-trajedit" / "state.sqlite", isolation_level=None)) as somebody:
        for statement in statements:
            somebody.execute(statement)


def test_notes_that_are_not_what_was_written_are_damage(tmp_path: Path) -> None:
    with open_state(tmp_path) as state:
        state.put_last_pull(LAST)
        state.commit()
    edit_database(tmp_path, "UPDATE notes SET value = CAST(replace(value, 'Agents', 'agents') AS BLOB)")
    with open_state(tmp_path) as state, pytest.raises(DamagedStateError, match="`last_pull` is not what was written"):
        state.last_pull()


def test_notes_of_which_some_are_missing_are_damage(tmp_path: Path) -> None:
    with open_state(tmp_path) as state:
        state.put_last_pull(LAST)
        state.commit()
    edit_database(tmp_path, "UPDATE notes SET name = 'title'")
    with open_state(tmp_path) as state, pytest.raises(DamagedStateError, match="incomplete"):
        state.last_pull()


def test_whether_there_is_a_state_is_seen_without_making_one(tmp_path: Path) -> None:
    assert not has_state(tmp_path / "data")
    assert not (tmp_path / "data").exists()
    kept(tmp_path)
    assert has_state(tmp_path)


def test_a_state_that_is_set_aside_takes_its_journal_along(tmp_path: Path) -> None:
    kept(tmp_path, (1, b"one"))
    journal = tmp_path / ".ls-trajedit" / "state.sqlite-journal"
    journal.write_bytes(b"what SQLite would replay into the next database of that name")
    aside = set_state_aside(tmp_path)
    assert aside.name == "state.damaged-1"
    assert {path.name for path in aside.parent.iterdir()} == {"state.damaged-1", "state.damaged-1-journal"}
    assert not has_state(tmp_path)


def test_a_state_that_somebody_reads_is_not_a_damaged_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a backup, or a curious person."""
    kept(tmp_path, (1, b"one"))
    monkeypatch.setattr("ls_trajedit.pull.state.sqlite3.connect", partial(sqlite3.connect, timeout=0))
    with closing(sqlite3.connect(tmp_path / ".ls-trajedit" / "state.sqlite")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM tasks").fetchall()
        with open_state(tmp_path) as state:
            state.put_task(2, b"two", 0)
            with pytest.raises(SetupError, match="another program has the state of the last pull open"):
                state.commit()


def test_a_task_that_is_not_what_was_written_is_damage(tmp_path: Path) -> None:
    kept(tmp_path, (1, b"one"))
    edit_database(tmp_path, "UPDATE tasks SET raw = 'text'")
    with open_state(tmp_path) as state, pytest.raises(DamagedStateError, match="task 1 is not what was written"):
        list(state.raw_tasks())


def settled(folder: Path, *tasks: int) -> None:
    """A state in which the blocks of these tasks were converted."""
    with open_state(folder) as state:
        for number in tasks:
            state.put_task(number, b"task %d" % number, 1)
        for block in sorted({number // 8 for number in tasks}):
            state.put_block(block, "", b"block %d" % block)
        state.settle()
        state.commit()


def changes(state: PullState) -> list[tuple[bytes | None, bytes | None, bool]]:
    return [(change.before, change.now, change.is_stale) for change in state.block_changes()]


def test_a_task_that_is_put_or_dropped_makes_its_block_stale(tmp_path: Path) -> None:
    settled(tmp_path, 7, 8, 15, 16, 24)
    with open_state(tmp_path) as state:
        state.put_task(8, b"task 8", 1)
        assert list(state.stale_tasks()) == []
        state.put_task(15, b"changed", 1)
        state.put_task(33, b"new", 1)
        state.keep_only([(number, None) for number in (7, 8, 15, 24, 33)])
        assert list(state.stale_tasks()) == [(8, b"task 8"), (15, b"changed"), (33, b"new")]
        assert state.stale_task_count() == 3
        state.put_block(1, "", b"block 1 again")
        state.put_block(4, "", b"block 4")
        assert changes(state) == [
            (b"block 0", None, False),
            (b"block 1", b"block 1 again", True),
            (b"block 2", None, True),
            (b"block 3", None, False),
            (None, b"block 4", True),
        ]
        state.settle()
        state.commit()
    with open_state(tmp_path) as state:
        kept = [b"block 0", b"block 1 again", b"block 3", b"block 4"]
        assert changes(state) == [(value, None, False) for value in kept]


def test_blocks_are_forgotten_with_what_was_put_since(tmp_path: Path) -> None:
    settled(tmp_path, 1, 9)
    with open_state(tmp_path) as state:
        assert state.has_current_blocks()
        state.put_task(1, b"changed", 1)
        state.put_block(0, "", b"again")
        state.note_records([(1, 1, b"a")])
        assert state.has_current_blocks()
        state.forget_blocks()
        assert not state.has_current_blocks()
        assert changes(state) == [(None, None, True), (None, None, True)]
        assert state.settle() == RecordChanges(0, 0, 0)


def test_only_records_of_stale_blocks_are_replaced(tmp_path: Path) -> None:
    with open_state(tmp_path) as state:
        assert noted(state, (1, 1, b"a"), (8, 2, b"b"), (9, 3, b"c"), (15, 4, b"d"), (16, 5, b"e")) == RecordChanges(
            5, 0, 0
        )
        state.make_stale([1])
        state.note_records([(8, 2, b"B"), (10, 6, b"f")])
        assert state.settle() == RecordChanges(1, 1, 2)
        assert noted(state, (1, 1, b"a"), (8, 2, b"B"), (10, 6, b"f"), (16, 5, b"e")) == RecordChanges(0, 0, 0)


def test_the_tasks_with_the_mark_of_branches_are_known(tmp_path: Path) -> None:
    with open_state(tmp_path) as state:
        for number, raw in enumerate((b"none", b"a " + MARK, MARK + b" b", b'"branches"')):
            state.put_task(number, raw, 0)
        assert list(state.marked_tasks()) == [1, 2]
        state.put_task(2, b"none any more", 0)
        assert list(state.marked_tasks()) == [1]


@pytest.mark.parametrize("change", ["value = x'00'", "view = 'x'", "checksum = 1", "number = 7", "value = 'text'"])
def test_a_block_that_is_not_what_was_written_is_damage(tmp_path: Path, change: str) -> None:
    settled(tmp_path, 1, 9)
    edit_database(tmp_path, f"UPDATE blocks SET {change} WHERE number = 0")
    with open_state(tmp_path) as state, pytest.raises(DamagedStateError, match="is not what was written"):
        list(state.block_changes())


def test_no_task_is_read_to_count_them_or_to_find_what_is_gone(tmp_path: Path) -> None:
    """Reading an index costs a few bytes a task, reading the tasks all that they hold."""
    kept(tmp_path, (1, b"one"))
    with closing(sqlite3.connect(tmp_path / ".ls-trajedit" / "state.sqlite")) as somebody:
        for statement in ("SELECT count(*) FROM tasks", "SELECT id FROM tasks WHERE annotations + id > 3"):
            ((*_, plan),) = somebody.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
            assert "COVERING INDEX" in plan
