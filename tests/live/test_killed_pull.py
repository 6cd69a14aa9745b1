"""Pulls that are killed, interrupted or refused: files are whole, old or new, and the next pull puts all in order."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from random import Random

import pytest

from ls_trajedit.demo.local_label_studio import LocalLabelStudio
from ls_trajedit.output.inventory import verify

from .command_line import Person
from .databases import Database
from .killed_pull import PullMark, pull_killed_at
from .label_studio_proxy import LabelStudioProxy, proxy_to
from .living_project import CONFIG, trace
from .project_api import annotate, call, tasks, text_result
from .pulled_files import OUTPUTS, outputs_in, pull_here, pulled_files, times_of_change

SEED = 3
KILLS = 16
SIGNALS = 6
SAID = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}
# So many tasks of such a length that a pull of them takes a while.
TASKS = 250
LENGTH = 6_000
DEADLINE = 60
FIRST = ("step_0__action__corrected", "step_0__action")
NOT_AS_LISTED = "not what the manifest says: {}; pull again, or convert again\n"
NOWHERE = ("nowhere", "step_0__action")


@dataclass
class Pulled:
    """A project that was pulled into `data`, and into `reference` by pulls that nobody disturbs."""

    label_studio: LocalLabelStudio
    database: Database
    proxy: LabelStudioProxy
    person: Person
    number: int
    ids: list[int]
    random: Random

    @property
    def data(self) -> Path:
        return self.person.folder / "data"

    @property
    def reference(self) -> Path:
        return self.person.folder / "reference"

    def change(self) -> None:
        """Two annotations more, so that each output file has to change: a correction, and one that is rejected."""
        for control, original in (FIRST, NOWHERE):
            result = text_result(control, original, f"search({self.random.random()})")
            annotate(self.label_studio, self.random.choice(self.ids), [result])

    def change_and_pull_reference(self) -> tuple[dict[str, bytes], dict[str, bytes]]:
        """The output files as they are, and as they are to be after a change, the first for an hour."""
        self.database.age_tasks(self.number)
        self.change()
        pull_here(self.person, self.number, self.reference)
        old, new = outputs_in(self.data), pulled_files(self.reference)
        assert all(old[name] != new[name] for name in OUTPUTS)
        return old, new

    def start_pull(self, mark: PullMark, *options: str) -> subprocess.Popen[str]:
        """Starts a pull into `data`, and returns when it asks its first question."""
        asked = threading.Event()
        self.proxy.on_request = lambda path: asked.set()
        process = self.person.start("pull", "--project", self.number, *options, environment=mark.environment)
        assert asked.wait(DEADLINE)
        return process

    def check_verify(self, old: dict[str, bytes], new: dict[str, bytes]) -> None:
        """`verify` names the files that are not of the manifest's version, if there are any."""
        found = outputs_in(self.data)
        wanted = new if found["manifest.json"] == new["manifest.json"] else old
        strangers = [name for name in OUTPUTS if found[name] != wanted[name]]
        assert [file.file for file in verify(self.data) if file.problem == "changed"] == strangers

    def check_next_pull(self, new: dict[str, bytes]) -> None:
        pull_here(self.person, self.number, self.data)
        assert pulled_files(self.data) == new

    def check_against_full_pull(self) -> None:
        pull_here(self.person, self.number, self.person.folder / "fresh", full=True)
        assert pulled_files(self.data) == pulled_files(self.person.folder / "fresh")


@pytest.fixture
def pulled(label_studio: LocalLabelStudio, database: Database, tmp_path: Path) -> Iterator[Pulled]:
    body = {"title": "Killed", "label_config": CONFIG}
    number = call(label_studio, "POST", "/api/projects", json=body)["id"]
    imported = [{"data": trace(task, "serach()" * (LENGTH // 8))} for task in range(TASKS)]
    call(label_studio, "POST", f"/api/projects/{number}/import", json=imported)
    ids = [task["id"] for task in tasks(label_studio, number)]
    with proxy_to(label_studio) as proxy:
        person = replace(Person.at(tmp_path, label_studio), url=proxy.url)
        scene = Pulled(label_studio, database, proxy, person, number, ids, Random(SEED))
        for folder in (scene.data, scene.reference):
            pull_here(person, number, folder)
        yield scene


def wait_until_gone(mark: PullMark) -> None:
    deadline = time.monotonic() + DEADLINE
    while left := mark.processes():
        assert time.monotonic() < deadline, left


def check_whole(found: dict[str, bytes], old: dict[str, bytes], new: dict[str, bytes]) -> None:
    for name, content in found.items():
        assert content in (old[name], new[name]), name
        for document in content.splitlines() if name.endswith(".jsonl") else [content]:
            json.loads(document)


def length_of_pull(pulled: Pulled, *options: str) -> float:
    """The seconds from a pull's first question to its end."""
    pulled.change_and_pull_reference()
    process = pulled.start_pull(PullMark("measured"), *options)
    begun = time.monotonic()
    process.communicate(timeout=DEADLINE)
    assert process.returncode == 0
    return time.monotonic() - begun


def stop_at(process: subprocess.Popen[str], moment: float, number: signal.Signals) -> tuple[int, str]:
    """Sends the signal after `moment` seconds, unless the process has ended by then. Returns its exit code and what
    it wrote to standard error."""
    try:
        _, stderr = process.communicate(timeout=moment)
    except subprocess.TimeoutExpired:
        process.send_signal(number)
        _, stderr = process.communicate(timeout=DEADLINE)
    return process.returncode, stderr


def test_a_pull_killed_at_any_moment_leaves_whole_files_and_the_next_one_completes_them(pulled: Pulled) -> None:
    kinds = [(options, length_of_pull(pulled, *options)) for options in ((), ("--full",))]
    killed = 0
    for turn, (options, seconds) in zip(range(KILLS), cycle(kinds), strict=False):
        mark = PullMark(f"{pulled.number}-{turn}")
        old, new = pulled.change_and_pull_reference()
        process = pulled.start_pull(mark, *options)
        moment = pulled.random.uniform(0, seconds)
        status, _ = stop_at(process, moment, signal.SIGKILL)
        killed += status == -signal.SIGKILL
        with told(f"seed {SEED}, turn {turn}, pull {options} killed after {moment:.4f} of {seconds:.4f} s"):
            wait_until_gone(mark)
            check_whole(outputs_in(pulled.data), old, new)
            pulled.check_verify(old, new)
            pulled.check_next_pull(new)
    assert killed > 0
    pulled.check_against_full_pull()


def test_a_pull_killed_between_two_renames_is_recognised_by_verify_and_completed_by_the_next(pulled: Pulled) -> None:
    # Before each of the five renames; after the last, before the state is advanced; and before it has cleared up.
    for step in range(len(OUTPUTS) + 2):
        old, new = pulled.change_and_pull_reference()
        pull_killed_at(step, pulled.person, pulled.number, pulled.data)
        renamed = OUTPUTS[:step]
        with told(f"killed before step {step}"):
            assert outputs_in(pulled.data) == {name: (new if name in renamed else old)[name] for name in OUTPUTS}
            pulled.check_verify(old, new)
            is_mixed = 0 < len(renamed) < len(OUTPUTS)
            said = pulled.person.run("verify", "data", status=5 if is_mixed else 0).stderr
            assert said == (f"ls-trajedit: data: {NOT_AS_LISTED.format(', '.join(renamed))}" if is_mixed else "")
            pulled.check_next_pull(new)
    pulled.check_against_full_pull()


def test_a_pull_that_is_told_to_end_has_changed_everything_or_nothing(pulled: Pulled) -> None:
    seconds = length_of_pull(pulled, "--full")
    stopped = 0
    for turn, number in zip(range(SIGNALS), cycle((signal.SIGINT, signal.SIGTERM)), strict=False):
        mark = PullMark(f"{pulled.number}-{turn}")
        old, new = pulled.change_and_pull_reference()
        before = times_of_change(pulled.data), state_of(pulled)
        process = pulled.start_pull(mark, "--full")
        moment = pulled.random.uniform(0, seconds)
        status, stderr = stop_at(process, moment, number)
        with told(f"seed {SEED}, turn {turn}, {number.name} after {moment:.4f} of {seconds:.4f} s: {status} {stderr}"):
            # A signal ends Python by itself when it is about to end anyway, and SIGTERM before there is anything to
            # clear up. A shell gives the same code to that.
            assert status in (0, -number, 128 + number)
            assert stderr in ("", f"ls-trajedit: {SAID[number]}\n")
            found = pulled_files(pulled.data)
            if found == old:
                assert status != 0
                assert (times_of_change(pulled.data), state_of(pulled)) == before
                stopped += 1
            else:
                assert found == new
            wait_until_gone(mark)
            pulled.check_next_pull(new)
    assert stopped > 0
    pulled.check_against_full_pull()


def test_ctrl_c_a_wrong_token_and_a_dead_server_change_nothing_and_a_second_pull_is_refused(pulled: Pulled) -> None:
    old, new = pulled.change_and_pull_reference()
    before = times_of_change(pulled.data), state_of(pulled)
    person, pull = pulled.person, ("pull", "--project", pulled.number)

    with held_at_tasks(pulled) as reached:
        process = person.start(*pull, "--full")
        assert reached.wait(DEADLINE)
        for command in (pull, (*pull, "--full"), (*pull, "--check")):
            refused = replace(person, url=pulled.proxy.url).run(*command, status=3)
            assert "data: another ls-trajedit is writing there; wait until it is done" in refused.stderr
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=DEADLINE)
        assert (process.returncode, stdout, stderr) == (130, "", "ls-trajedit: interrupted\n")
    assert pulled_files(pulled.data) == old

    mistyped = replace(person, token="0" * len(person.token)).run(*pull, status=3)
    assert "does not accept the token (401)" in mistyped.stderr
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
    dead = replace(person, url=nobody).run(*pull, "--max-wait", 0, status=4)
    assert f"{nobody}: nothing listens there" in dead.stderr

    assert (pulled_files(pulled.data), times_of_change(pulled.data), state_of(pulled)) == (old, *before)
    person.run(*pull)
    assert pulled_files(pulled.data) == new


def state_of(pulled: Pulled) -> bytes:
    """What the last pull left for the next."""
    return (pulled.data / ".ls-trajedit" / "state.sqlite").read_bytes()


@contextmanager
def held_at_tasks(pulled: Pulled) -> Iterator[threading.Event]:
    """Answers no request for tasks within the block. Gives what tells that there was one."""
    reached, opened = threading.Event(), threading.Event()

    def hold(path: str) -> None:
        if path.startswith("/api/tasks"):
            reached.set()
            opened.wait()
            raise ConnectionAbortedError

    pulled.proxy.on_request = hold
    try:
        yield reached
    finally:
        pulled.proxy.on_request = lambda path: None
        opened.set()


@contextmanager
def told(what: str) -> Iterator[None]:
    """Adds to a failure what was done."""
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"{what}: {error}") from error
