"""Work in other processes: its results in order, its errors here, and no process left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ls_trajedit.output.worker_processes import map_in_processes
from ls_trajedit.traces.errors import DataError, UsageError

PID = "__import__('os').getpid()"


def wait_until(condition: Callable[[], Any]) -> None:
    """Returns when the condition holds; fails when it does not within a minute."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        os.sched_yield()


def has_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("processes", [1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_results_come_in_the_order_of_the_items(processes: int, count: int) -> None:
    assert list(map_in_processes(abs, range(-count, 0), processes)) == list(range(count, 0, -1))


def test_the_work_is_done_in_that_many_other_processes() -> None:
    pids = set(map_in_processes(eval, [PID] * 9, 3))
    assert len(pids) == 3
    assert os.getpid() not in pids


def test_items_and_results_may_be_larger_than_any_pipe() -> None:
    items = [bytes([number]) * (8 << 20) for number in range(5)]
    assert list(map_in_processes(bytes, items, 2)) == items


def test_no_more_items_are_asked_for_than_there_are_processes() -> None:
    asked = 0

    def items() -> Iterator[int]:
        nonlocal asked
        for number in range(100):
            asked += 1
            yield number

    results = map_in_processes(abs, items(), 2)
    for number, _ in zip(range(20), results, strict=False):
        assert asked <= number + 3
    results.close()  # type: ignore[attr-defined]


def test_what_the_function_raises_is_raised_here_after_what_came_before() -> None:
    results = map_in_processes(int, ["1", "2", "three", "4", "nope"], 2)
    assert [next(results), next(results)] == [1, 2]
    with pytest.raises(ValueError, match="'three'") as error:
        next(results)
    assert "in _answer" in str(error.value.__cause__), "where it happened is shown too"


def test_an_error_of_ours_keeps_its_class_and_its_message() -> None:
    text = "exec('from ls_trajedit.traces.errors import UsageError; raise UsageError(\"user 3\")')"
    with pytest.raises(UsageError) as error:
        list(map_in_processes(eval, [text], 1))
    assert str(error.value) == "user 3"


def test_an_error_that_cannot_travel_arrives_as_its_text() -> None:
    text = "exec('class Odd(Exception):\\n  pass\\nraise Odd(5)')"
    with pytest.raises(RuntimeError, match="Odd: 5"):
        list(map_in_processes(eval, [text], 1))


def test_an_error_in_the_items_comes_after_the_results_of_those_before() -> None:
    def items() -> Iterator[str]:
        yield from ("1", "2", "3")
        raise OSError("cut off")

    results = map_in_processes(int, items(), 2)
    assert [next(results) for _ in range(3)] == [1, 2, 3]
    with pytest.raises(OSError, match="cut off"):
        next(results)


def test_an_error_in_an_item_is_raised_before_one_in_the_items_after_it() -> None:
    def items() -> Iterator[str]:
        yield "nope"
        raise OSError("cut off")

    with pytest.raises(ValueError, match="nope"):
        list(map_in_processes(int, items(), 2))


@pytest.mark.parametrize("while_busy", [False, True])
def test_a_process_that_is_killed_is_an_error_that_says_so(while_busy: bool) -> None:
    def items() -> Iterator[str]:
        yield PID
        yield "__import__('signal').pause()" if while_busy else "1"
        yield "1"

    results = map_in_processes(eval, items(), 1)
    os.kill(next(results), signal.SIGKILL)
    with pytest.raises(DataError, match=r"a worker process was killed by SIGKILL; it may have been short of memory"):
        list(results)


def test_a_process_that_ends_by_itself_is_an_error_too() -> None:
    with pytest.raises(DataError, match="a worker process ended with 3"):
        list(map_in_processes(eval, ["__import__('os')._exit(3)", "1", "1"], 1))


@pytest.mark.parametrize("how", ["used up", "closed", "error"])
def test_no_process_is_left_when_the_results_are_no_longer_wanted(how: str) -> None:
    last = {"used up": [], "closed": [PID] * 5, "error": ["nope", PID, PID]}[how]
    results = map_in_processes(eval, [PID, PID, *last], 2)
    pids = {next(results), next(results)}
    if how == "closed":
        results.close()  # type: ignore[attr-defined]
    elif how == "error":
        with pytest.raises(NameError):
            next(results)
    else:
        assert list(results) == []
    assert all(map(has_gone, pids))


ENDLESS = """
import itertools
from ls_trajedit.output.worker_processes import map_in_processes
for pid in map_in_processes(eval, itertools.repeat("__import__('os').getpid()"), 2):
    print(pid, flush=True)
"""


def endless() -> subprocess.Popen[str]:
    """A process that prints the ids of its workers for ever."""
    return subprocess.Popen(
        [sys.executable, "-c", ENDLESS],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_the_processes_end_when_the_one_that_started_them_is_killed() -> None:
    with endless() as process:
        assert process.stdout is not None
        pids = {int(process.stdout.readline()) for _ in range(2)}
        assert len(pids) == 2
        process.kill()
        # Both streams end when nobody holds them any more, the workers included.
        _, errors = process.communicate(timeout=60)
        assert errors == ""
    assert process.returncode == -signal.SIGKILL


def test_ctrl_c_shows_nothing_of_the_processes() -> None:
    with endless() as process:
        assert process.stdout is not None
        pids = {int(process.stdout.readline()) for _ in range(2)}
        for pid in pids:
            os.kill(pid, signal.SIGINT)
        process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert errors.count("Traceback") == errors.count("KeyboardInterrupt") == 1, "that of the script itself"
    wait_until(lambda: all(map(has_gone, pids)))


def test_modules_are_found_where_this_process_finds_them_and_not_in_the_current_folder(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pickle.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    assert list(map_in_processes(abs, [-1], 1)) == [1]
