"""A server that sends too much, too slowly, or without an end: one sentence, and everything stays as it was."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from .hostile_label_studio import BACKEND, PROJECT, corrected
from .misbehaviour import changed_page, wire, with_body
from .puller import Puller, Ran
from .reply import Fault, Reply, json_reply

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
PULL = ("pull", "--project", str(PROJECT), "-o", "data", "--annotators", "email", "--max-wait", "2")
COMMANDS: dict[tuple[str, ...], str] = {
    PULL: "project users changed drafts",
    ("push", "traces.jsonl", "--project", str(PROJECT)): "whoami project imports data summary backends",
    ("doctor", "--project", str(PROJECT)): "version whoami project data backends versions",
}


@pytest.fixture
def puller(puller: Puller, monkeypatch: pytest.MonkeyPatch) -> Puller:
    """Somebody who has pulled five tasks, two of them corrected, before one was changed."""
    monkeypatch.setattr("label_studio_sdk.core.http_client.time", puller.clock)
    trace = {"id": "t9", "task_description": "Find it.", "steps": [{"action": "look"}]}
    puller.folder.parent.joinpath("traces.jsonl").write_text(json.dumps(trace), encoding="utf-8")
    tasks = puller.pull_some_corrected(5)
    puller.label_studio.backends = [BACKEND]
    puller.label_studio.change_annotation(tasks[0], 0, result=[corrected("better still")])
    return puller


@pytest.fixture
def ends(puller: Puller) -> Callable[..., Ran]:
    """Runs a command that ends with one of these exit codes, leaves everything as it was, and works when the server
    does."""

    def run(*command: str, codes: tuple[int, ...] = (4,)) -> Ran:
        files = {path: path.read_bytes() for path in puller.folder.rglob("*") if path.is_file()}
        ran = puller.run(*command)
        assert ran.exit_code in codes, ran
        assert {path: path.read_bytes() for path in puller.folder.rglob("*") if path.is_file()} == files
        puller.label_studio.heal()
        assert puller.run(*PULL).exit_code == 0
        assert puller.completions()[0] == "better still"
        return ran

    return run


@cache
def packed(mebibytes: int) -> bytes:
    pack = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    return b"".join(pack.compress(b" " * (1 << 20)) for _ in range(mebibytes)) + pack.flush()


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_1_mb_that_unpacks_to_1_gb_is_refused_wherever_it_comes(
    puller: Puller, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setattr("ls_trajedit.label_studio.answers._MOST_BYTES_OF_TASKS", 40 << 20)
    monkeypatch.setattr("ls_trajedit.label_studio.answers._MOST_BYTES", 4 << 20)
    bomb = with_body(packed(1_200), Content_Encoding="gzip")
    before = puller.outputs()
    for kind in COMMANDS[command].split():
        puller.label_studio.misbehave(bomb, on=kind, times=20)
        ran = puller.run(*command)
        puller.label_studio.heal()
        assert kind in ran.asked
        said = ran.out if command[0] == "doctor" else ran.err
        assert ran.exit_code in (3, 4), kind
        limit = 40 if kind in ("changed", "drafts", "data") else 4
        assert f"is too large to be read: more than {limit} MiB" in said, kind
    assert puller.outputs() == before


def test_a_page_that_is_too_large_is_asked_for_again_with_fewer_tasks(
    puller: Puller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project of large tasks: a hundred of them are more than an answer may hold, and each is not."""
    monkeypatch.setattr("ls_trajedit.label_studio.answers._MOST_BYTES_OF_TASKS", 100_000)
    for number in range(30):
        task = puller.label_studio.add_task()
        puller.label_studio.tasks[task]["data"]["recording"] = "x" * 8_000
        puller.label_studio.annotate(task, corrected(f"large {number}"))
    assert puller.run(*PULL, "--full").exit_code == 0
    assert puller.completions()[2:] == [f"large {number}" for number in range(30)]


def test_a_task_that_is_too_large_alone_ends_the_pull(ends: Callable[..., Ran], puller: Puller) -> None:
    puller.label_studio.misbehave(with_body(packed(300), Content_Encoding="gzip"), on="changed", times=20)
    ran = ends(*PULL)
    # A hundred tasks, ten, one.
    assert ran.asked.count("changed") == 3
    assert ran.err == (
        f"ls-trajedit: {puller.label_studio.url}: the answer while reading the tasks of project 12 is too large to be "
        "read: more than 256 MiB\n"
    )


SLOW: dict[str, bytes] = {
    "a status": b"H",
    "a head": HEAD + b"X-A: a",
    "a body": HEAD + b"Content-Length: 100\r\n\r\n{",
    "a chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n64\r\n{",
    "a body of no length": HEAD + b"\r\n{",
}


@pytest.mark.parametrize("begins", SLOW)
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_an_answer_that_begins_and_does_not_go_on_is_given_up(
    puller: Puller, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], begins: str
) -> None:
    monkeypatch.setattr("ls_trajedit.label_studio.pace._GRACE", 0.05)

    def begin_and_hang(_: Reply) -> Reply:
        return Reply(0, wire=SLOW[begins], hangs=True)

    puller.label_studio.misbehave(begin_and_hang, on="project", times=200)
    ran = puller.run(*command, *(["--max-wait", "2"] if command[0] != "doctor" else []))
    said = ran.out if command[0] == "doctor" else ran.err
    assert ran.exit_code in (3, 4)
    assert "the answer while reading project 12 comes too slowly" in said


def task(number: int, **more: Any) -> dict[str, Any]:
    return {"id": number, "project": PROJECT, "data": {"id": f"t{number}", "steps": []}, "annotations": [], **more}


@pytest.mark.parametrize(("total", "pages"), [(200, 11), (1_000_000, 1)])
@pytest.mark.parametrize(("kind", "arguments"), [("tasks", ("--full",)), ("changed", ())])
def test_pages_without_end_end_a_thousand_tasks_after_what_was_counted(
    puller: Puller, ends: Callable[..., Ran], kind: str, arguments: tuple[str, ...], total: int, pages: int
) -> None:
    """The project has five tasks, so that 1,005 may come: what somebody imports in the meantime."""
    asked = 0

    def endless(_: Reply) -> Reply:
        nonlocal asked
        first = 100 + 100 * asked
        asked += 1
        return json_reply({"tasks": [task(number) for number in range(first, first + 100)], "total": total})

    puller.label_studio.misbehave(endless, on=kind, times=10_000)
    ran = ends(*PULL, *arguments, codes=(5,))
    assert asked == pages
    so_far = 100 * pages
    assert f"Label Studio counted 5 tasks and returns more ({so_far} so far, {total} to come)" in ran.err


def test_a_project_that_grows_while_it_is_read_is_read(puller: Puller) -> None:
    """By as many tasks as somebody imports meanwhile."""
    for _ in range(150):
        puller.label_studio.add_task()

    def import_some() -> None:
        for _ in range(400):
            puller.label_studio.add_task()

    for nth in (1, 2):
        puller.label_studio.meanwhile(import_some, on="tasks", nth=nth)
    assert puller.run(*PULL, "--full").exit_code == 0
    assert puller.read("manifest.json")["counts"]["tasks"] == 955


MORE: dict[str, Fault] = {
    "more tasks than were asked for": changed_page(lambda tasks, _: ([task(number) for number in range(1, 500)], 499)),
    "the same id twice": changed_page(lambda tasks, total: (tasks + tasks, total + 1)),
    "ids that go down": changed_page(lambda tasks, _: ([task(9), task(8)], 2)),
    "the id before the first": changed_page(lambda tasks, _: ([task(0)], 1)),
    "fewer than nothing": changed_page(lambda tasks, _: (tasks, -1)),
    "more than anybody has": changed_page(lambda tasks, _: (tasks, 2**63)),
    "always one more": changed_page(lambda tasks, total: (tasks, len(tasks) + 1)),
}


@pytest.mark.parametrize("more", MORE)
@pytest.mark.parametrize(("kind", "arguments"), [("changed", ()), ("tasks", ("--full",))])
def test_a_page_with_other_tasks_than_were_asked_for_ends_the_pull(
    puller: Puller, ends: Callable[..., Ran], more: str, kind: str, arguments: tuple[str, ...]
) -> None:
    puller.label_studio.misbehave(MORE[more], on=kind, times=50)
    ran = ends(*PULL, *arguments, codes=(4, 5))
    assert len(ran.asked) < 15


def test_a_list_without_end_where_an_object_should_be_is_not_read_to_its_end(
    puller: Puller, ends: Callable[..., Ran]
) -> None:
    endless = HEAD + b"\r\n[" + b'{"id":1},' * 5_000_000
    puller.label_studio.misbehave(wire(endless), on="project", times=3)
    assert "is too large to be read: more than 32 MiB" in ends(*PULL).err


def test_an_import_that_never_says_the_same_twice_is_waited_for_a_day(
    puller: Puller, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = puller.clock
    monkeypatch.setattr("ls_trajedit.label_studio.imports.time", clock)
    monkeypatch.setattr("ls_trajedit.label_studio.imports._LONGEST_PAUSE", 3_600)
    number = 0

    def another(_: Reply) -> Reply:
        nonlocal number
        number += 1
        return json_reply({"results": [{"id": number, "status": "created"}]})

    puller.label_studio.misbehave(another, on="imports", times=100_000)
    ran = puller.run("push", "traces.jsonl", "--project", str(PROJECT), "--max-wait", "60")
    assert ran.exit_code == 4
    assert 86_000 < clock.now < 86_500


@pytest.mark.parametrize("value", ["nan", "inf"])
@pytest.mark.parametrize("command", [PULL[:5], ("push", "traces.jsonl", "--project", str(PROJECT))])
def test_a_time_to_wait_is_a_number_of_seconds(puller: Puller, command: tuple[str, ...], value: str) -> None:
    ran = puller.run(*command, "--max-wait", value)
    assert (ran.exit_code, ran.asked) == (2, [])
