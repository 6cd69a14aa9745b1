"""The index of the branches in a state, of which most is known from the pulls before."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ls_trajedit.converters.annotations.rules import ReadingRules
from ls_trajedit.converters.branch_index import BranchIndex
from ls_trajedit.converters.branch_scan import branches_among, index_from
from ls_trajedit.label_config.read_config import read_config
from ls_trajedit.pull.branches import block_views, index_of_state, raw_task
from ls_trajedit.pull.state import DamagedStateError, PullState, open_state
from ls_trajedit.traces.json_text import json_line
from tests.support.branches import OPTIONS, PLAIN_CONFIG, annotation, branch_of_plain, plain_parent, typed

SCHEMA = read_config(PLAIN_CONFIG, OPTIONS)
RULES = ReadingRules()
PARENT = plain_parent()
OPEN = branch_of_plain(PARENT, task=6)
JUDGED = branch_of_plain(PARENT, annotation(9), task=20)
OTHER = plain_parent(annotation(30, typed("step_0__action", "get(key='z')")), task=40)
ORPHAN = branch_of_plain(plain_parent(task=41), annotation(31), task=42)
NO_BRANCH = {**plain_parent(task=50), "note": {"branch": 1}}
TASKS = (PARENT, OPEN, JUDGED, OTHER, ORPHAN, NO_BRANCH)


def put(state: PullState, *tasks: dict[str, Any]) -> None:
    for task in tasks:
        state.put_task(task["id"], json_line(task), len(task["annotations"]))


@pytest.fixture
def state(tmp_path: Path) -> Iterator[PullState]:
    with open_state(tmp_path) as state:
        yield state


def expected(*tasks: dict[str, Any], rules: ReadingRules = RULES) -> BranchIndex:
    """The index made of all tasks at once."""
    raw = [raw_task(task["id"], json_line(task)) for task in tasks]
    return index_from(branches_among(raw), raw, SCHEMA, rules)


def test_the_index_is_that_of_all_tasks_also_the_second_time(state: PullState) -> None:
    put(state, *TASKS)
    for _ in range(2):
        index = index_of_state(state, SCHEMA, RULES)
        assert index == expected(*TASKS)
    assert index is not None
    assert index.superseded == {(1, 42)}
    assert {key for key, _ in index.regenerated} == {(1, 5)}


def test_no_branch_is_no_index(state: PullState) -> None:
    put(state, PARENT, NO_BRANCH)
    assert index_of_state(state, SCHEMA, RULES) is None


@pytest.mark.parametrize(
    "changed",
    [
        plain_parent(annotation(8, typed("step_0__action", "get(key='x')"))),
        plain_parent(annotation(8), annotation(10, typed("step_0__action", "get(key='a')"))),
        branch_of_plain(PARENT, task=20),
        branch_of_plain(PARENT, annotation(11), task=6),
        {**JUDGED, "data": PARENT["data"]},
        plain_parent(task=20),
        plain_parent(task=41),
    ],
)
def test_a_task_that_changed_is_looked_at_again(state: PullState, changed: dict[str, Any]) -> None:
    put(state, *TASKS)
    index_of_state(state, SCHEMA, RULES)
    put(state, changed)
    now = [task for task in TASKS if task["id"] != changed["id"]]
    assert index_of_state(state, SCHEMA, RULES) == expected(*sorted([*now, changed], key=lambda task: int(task["id"])))


def test_a_task_that_goes_is_forgotten(state: PullState) -> None:
    put(state, *TASKS)
    index_of_state(state, SCHEMA, RULES)
    state.keep_only((task["id"], None) for task in TASKS if task is not PARENT)
    index = index_of_state(state, SCHEMA, RULES)
    assert index is not None
    assert index.superseded == {(1, 6), (1, 20), (1, 42)}


def test_rules_that_leave_annotations_out_need_all_to_be_forgotten(state: PullState) -> None:
    rules = ReadingRules(ground_truth="only")
    put(state, *TASKS)
    index_of_state(state, SCHEMA, RULES)
    state.forget_blocks()
    assert index_of_state(state, SCHEMA, rules) == expected(*TASKS, rules=rules)
    assert expected(*TASKS, rules=rules) != expected(*TASKS)


def test_a_view_is_what_the_index_says_of_the_tasks_of_a_block(state: PullState) -> None:
    put(state, *TASKS)
    index = index_of_state(state, SCHEMA, RULES)
    views, other = block_views(index)
    # Block 0 has the parent, 5 the branch whose correction is not there.
    assert views.keys() == {0, 5}
    assert block_views(None) == ({}, "")
    assert other not in ("", *views.values())
    without = block_views(expected(PARENT, OPEN, OTHER, NO_BRANCH))
    assert without == ({}, other)


@pytest.mark.parametrize(
    "value",
    [
        *(7, [], {}, [1, 2, 3, 4], [1, 2, 3, 4, 5, 6], [None, None, None, None, False]),
        *([1, 20, None, [[9]], False], [1, 20, None, [[9, 7]], False], [1, 20, None, [[[], "x"]], False]),
        *([1, 20, {}, None, False], [1, 20, {"parent": {}, "round": 2}, None, False], [1, 20, None, None, 1]),
        *([1.5, 20, None, None, False], [True, 20, None, None, False], [1, 20, None, 7, False]),
    ],
)
def test_facts_of_another_form_are_damage(tmp_path: Path, value: Any) -> None:
    with open_state(tmp_path) as state:
        put(state, *TASKS)
        index_of_state(state, SCHEMA, RULES)
        state.commit()
    raw = json_line(value)
    with closing(sqlite3.connect(tmp_path / ".ls-trajedit" / "state.sqlite", isolation_level=None)) as somebody:
        somebody.execute("UPDATE branch_facts SET checksum = ?, value = ? WHERE task = 20", (zlib.crc32(raw), raw))
    with open_state(tmp_path) as state, pytest.raises(DamagedStateError, match="noted of the branch in task 20"):
        index_of_state(state, SCHEMA, RULES)
