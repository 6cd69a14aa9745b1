"""A pull that cannot be finished: it ends with the right code, and the files of the last pull stay as they were."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from ls_trajedit.local_label_studio import LocalLabelStudio

from .command_line import Person, read_json, write_traces
from .project_api import annotate, tasks, text_result

PAGE = 100


class Gate:
    """A way to Label Studio that can be shut: then requests for tasks behind the first page stay without an answer."""

    def __init__(self) -> None:
        self.url = ""
        self.shut = False
        self.reached = threading.Event()
        self.opened = threading.Event()


@contextmanager
def gate_to(label_studio: LocalLabelStudio) -> Iterator[Gate]:
    gate = Gate()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            behind_first_page = self.path.startswith("/api/tasks") and "%22value%22%3A%200%7D" not in self.path
            if gate.shut and behind_first_page:
                gate.reached.set()
                gate.opened.wait()
                return
            headers = {"Authorization": self.headers["Authorization"]}
            answer = requests.get(label_studio.url + self.path, headers=headers, timeout=60)
            self.send_response(answer.status_code)
            self.send_header("Content-Type", answer.headers["Content-Type"])
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        gate.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield gate
        finally:
            gate.opened.set()
            server.shutdown()
            thread.join()


@pytest.fixture
def pulled(label_studio: LocalLabelStudio, tmp_path: Path) -> tuple[Person, int]:
    """Somebody who has pulled a project of more than one page, in which there is one annotation more since."""
    person = Person.at(tmp_path, label_studio)
    traces = [{"id": number, "steps": [{"action": "serach()"}]} for number in range(PAGE + 1)]
    project = person.push(write_traces(tmp_path / "traces.jsonl", traces), "--title", "Interrupted")
    corrected = text_result("step_0__action__corrected", "step_0__action", "search()")
    first, *_, last = tasks(label_studio, project)
    annotate(label_studio, first["id"], [corrected])
    person.run("pull", "--project", project)
    annotate(label_studio, last["id"], [corrected])
    return person, project


def files_in(folder: Path) -> dict[str, bytes]:
    """Every file in the folder, however deep."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_ctrl_c_a_wrong_token_and_a_dead_server_leave_the_files_of_the_last_pull_alone(
    label_studio: LocalLabelStudio, pulled: tuple[Person, int]
) -> None:
    person, project = pulled
    data = person.folder / "data"
    before = files_in(data)
    assert "trajectory_corrections.json" in before

    with gate_to(label_studio) as gate:
        gate.shut = True
        process = replace(person, url=gate.url).start("pull", "--project", project)
        assert gate.reached.wait(60)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
        assert (process.returncode, stdout, stderr) == (130, "", "ls-trajedit: interrupted\n")
    assert files_in(data) == before
    assert [path for path in data.iterdir() if path.is_dir()] == []

    mistyped = "0" * len(person.token)
    refused = replace(person, token=mistyped).run("pull", "--project", project, status=3)
    assert "does not take the token (401)" in refused.stderr
    assert files_in(data) == before

    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
    dead = replace(person, url=nobody).run("pull", "--project", project, status=4)
    assert f"{nobody}: nothing listens there" in dead.stderr
    assert files_in(data) == before

    # What those would have written: the same folder, whole again, with one record more.
    person.run("pull", "--project", project)
    assert read_json(data / "trajectory_corrections.json")["n_edited"] == 2
