"""Tasks and annotations that are in the input more than once."""

from __future__ import annotations

from typing import Any

import pytest

from ls_trajedit.converters.annotations.duplicates import (
    JoinedTasks,
    SeenTasks,
    TaskKey,
    join_tasks,
    task_key,
    without_duplicates,
)

OLD, NEW = "2026-11-22T12:00:00Z", "2026-11-22T14:00:00+01:00"  # an hour apart


def place(*annotations: Any, data: Any = "a", **more: Any) -> dict[str, Any]:
    return {"id": 1, "project": 1, "data": {"steps": [data]}, "annotations": list(annotations), **more}


def note(number: Any, says: str = "x", **more: Any) -> dict[str, Any]:
    return {"id": number, "result": [says], **more}


def found(joined: JoinedTasks) -> list[tuple[Any, list[Any]]]:
    return [(t["data"]["steps"][0], [(a["id"], a["result"][0]) for a in t["annotations"]]) for t in joined.tasks]


@pytest.mark.parametrize(
    ("task", "key"),
    [
        ({"id": 5}, (None, 5)),
        ({"id": 5, "project": 2}, (2, 5)),
        ({"id": "5", "project": None}, (None, "5")),
        ({}, None),
        ({"id": None}, None),
        ({"id": True}, None),
        ({"id": [5]}, None),
        ({"id": 5, "project": {"id": 1}}, (None, 5)),
    ],
)
def test_a_task_is_known_by_project_and_id(task: dict[str, Any], key: TaskKey | None) -> None:
    assert task_key(task) == key


def test_every_key_is_seen_once() -> None:
    seen = SeenTasks()
    keys: list[TaskKey] = [(p, n) for p in (None, 1, 2, "1") for n in (0, 1, 511, 512, 2**70, -1, -512, "1")]
    assert [seen.add(key) for key in keys] == [False] * len(keys)
    assert [seen.add(key) for key in keys] == [True] * len(keys)
    assert not seen.add((1, 2))


def test_a_task_without_duplicates_is_left_as_it_is() -> None:
    task = place(note(1), note(2))
    assert without_duplicates(task) == JoinedTasks([task], 1, 0)
    nameless = place({"result": []}, {"result": []}, 5, None)
    assert without_duplicates(nameless).tasks[0]["annotations"] == nameless["annotations"]


def test_the_newest_of_an_annotation_that_is_there_twice_in_one_task() -> None:
    joined = without_duplicates(place(note(9, "new", updated_at=NEW), note(8), note(9, "old", updated_at=OLD)))
    assert found(joined) == [("a", [(9, "new"), (8, "x")])]
    assert joined.duplicates == 1


def test_of_equally_new_ones_that_of_the_task_that_was_changed_last_then_the_last() -> None:
    first = place(note(9, "first", updated_at=OLD), updated_at=NEW)
    last = place(note(9, "last", updated_at=OLD), updated_at=OLD)
    assert found(join_tasks([first, last])) == [("a", [(9, "first")])]
    assert found(join_tasks([place(note(9, "first")), place(note(9, "last"))])) == [("a", [(9, "last")])]


def test_the_last_of_equally_new_ones_is_the_last_that_was_read_whatever_the_data_beside_it() -> None:
    before = place(data="a")
    assert found(join_tasks([before, place(note(9, "first"), data="b"), place(note(9, "last"), data="a")])) == [
        ("a", [(9, "last")])
    ]
    same = [place(note(9), data="b"), place(note(9), data="a")]
    assert found(join_tasks([before, *same])) == [("b", [(9, "x")])]


def test_the_annotations_of_all_places_belong_to_one_task() -> None:
    joined = join_tasks([place(note(9)), place(note(9), note(10)), place(note(11)), place()])
    assert found(joined) == [("a", [(9, "x"), (10, "x"), (11, "x")])]
    assert (joined.n_tasks, joined.duplicates) == (1, 1)


def test_tasks_that_were_made_at_different_times_are_of_two_servers() -> None:
    joined = join_tasks([place(note(9), created_at=OLD), place(note(9, "y"), created_at=NEW)])
    assert found(joined) == [("a", [(9, "x")]), ("a", [(9, "y")])]
    assert (joined.n_tasks, joined.duplicates) == (2, 0)


def test_annotations_with_one_id_and_other_marks_are_two() -> None:
    two = [place(note(9, unique_id="u1")), place(note(9, unique_id="u2"))]
    assert join_tasks(two).duplicates == 0
    two = [place(note(9, created_at=OLD)), place(note(9, created_at=NEW))]
    assert join_tasks(two).duplicates == 0
    one = [place(note(9, unique_id="u1", created_at=OLD)), place(note(9, unique_id="u1", created_at=NEW))]
    assert join_tasks(one).duplicates == 1


def test_an_annotation_goes_with_the_data_that_it_was_made_on() -> None:
    # The data was changed after annotation 9, which did not change; annotation 10 was made on the new data.
    before = place(note(9, updated_at=OLD), data="a", updated_at=OLD)
    after = place(note(9, updated_at=OLD), note(10, updated_at=NEW), data="b", updated_at=NEW)
    joined = join_tasks([after, before])
    assert found(joined) == [("b", [(10, "x")]), ("a", [(9, "x")])]
    assert (joined.n_tasks, joined.duplicates) == (1, 1)
    # Annotation 9 was corrected again afterwards: nothing goes with the old data any more.
    again = place(note(9, "y", updated_at=NEW), data="b", updated_at=NEW)
    assert found(join_tasks([before, again])) == [("b", [(9, "y")])]
    # Without times, each goes with its own.
    assert found(join_tasks([place(note(9, "x")), place(note(9, "y"), data="b")])) == [("b", [(9, "y")])]
    assert found(join_tasks([place(data="a"), place(data="b")])) == [("b", [])]


def test_what_the_place_that_counts_does_not_say_another_one_says() -> None:
    """An export has the prediction that was shown, and drafts; target storage, which comes later here, has neither."""
    shown = {"id": 3, "result": ["x"]}
    exported = place(note(1, updated_at=OLD, prediction=shown, lead_time=5), drafts=[9], updated_at=OLD)
    stored = place(note(1, updated_at=OLD, lead_time=6), updated_at=NEW)
    joined = join_tasks([exported, stored])
    assert [(task["drafts"], task["updated_at"]) for task in joined.tasks] == [([9], NEW)]
    assert joined.tasks[0]["annotations"] == [
        {"id": 1, "result": ["x"], "updated_at": OLD, "lead_time": 6, "prediction": shown}
    ]


def test_an_older_state_of_an_annotation_adds_nothing_to_the_newer_one() -> None:
    older = place(note(1, "older", updated_at=OLD, prediction={"id": 3}))
    newer = place(note(1, "newer", updated_at="2026-11-23T12:00:00Z"))
    joined = join_tasks([newer, older])
    assert joined.tasks[0]["annotations"] == [note(1, "newer", updated_at="2026-11-23T12:00:00Z")]
    assert joined.duplicates == 1
