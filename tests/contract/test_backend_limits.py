"""What clients may take of the service: connections, time, and lines of its log."""

from __future__ import annotations

import json
import logging
import queue
import select
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack
from logging.handlers import QueueHandler
from typing import TYPE_CHECKING, Any

import pytest
import requests

from ls_trajedit.backend import answers
from ls_trajedit.backend.app import create_app
from ls_trajedit.backend.basic_auth import Credentials
from ls_trajedit.backend.connections import Limits
from tests.contract.raw_http import all_of, connect, one_answer

if TYPE_CHECKING:
    from tests.contract.conftest import ServeHere, StartHost

CONFIG = '<View><Text name="a" value="$steps[0].action"/><TextArea name="a_new" toName="a"/></View>'
HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
LAST_HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
WEBHOOK = b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
TOO_SLOW = {"error": "the request takes too long to come"}


def has_news(connection: socket.socket, seconds: float = 0) -> bool:
    return bool(select.select([connection], [], [], seconds)[0])


def is_ended(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionError:  # something had not been read yet
        return True


def is_refusal(answer: bytes, status: int) -> bool:
    """Whether the answer is a whole refusal with its reason in the status line, in JSON and in the header, and the last
    on its connection."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *fields = head.split(b"\r\n")
    reason = json.loads(body)["error"].encode()
    return first == b"HTTP/1.1 %d %b" % (status, reason) and {
        b"connection: close",
        b"x-reason: " + reason,
        b"content-type: application/json",
        b"content-length: %d" % len(body),
    } <= set(fields)


class Records:
    """What the service logs that runs in this process."""

    def __init__(self) -> None:
        self.coming: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
        self._seen: list[logging.LogRecord] = []

    def wait_for(self, event: str) -> dict[str, Any]:
        """The fields of the first line about `event`."""
        while not (found := [record for record in self._seen if record.getMessage() == event]):
            self._seen.append(self.coming.get(timeout=60))
        return dict(found[0].__dict__["fields"])


@pytest.fixture
def records(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Records:
    records = Records()
    monkeypatch.setattr(logging.getLogger("ls_trajedit"), "handlers", [QueueHandler(records.coming)])
    caplog.set_level(logging.INFO, "ls_trajedit")
    return records


# Time


@pytest.mark.parametrize("start", [b"", HEALTH], ids=["nothing", "between two requests"])
def test_a_connection_without_a_request_is_closed_in_silence(serve_here: ServeHere, start: bytes) -> None:
    with connect(serve_here(create_app(), Limits(head=1, idle=1))) as connection:
        connection.sendall(start)
        assert all_of(connection).count(b"HTTP/1.1 ") == start.count(b"HTTP/1.1")


def test_a_head_that_comes_bit_by_bit_is_a_408(serve_here: ServeHere) -> None:
    with connect(serve_here(create_app(), Limits(head=1))) as connection:
        connection.sendall(HEALTH[:-2] + b"X-Slow: ")
        while not has_news(connection, 0.01):
            connection.sendall(b"x")
        answer = all_of(connection)
    assert is_refusal(answer, 408)
    assert json.loads(answer.partition(b"\r\n\r\n")[2]) == TOO_SLOW


def test_a_second_head_has_its_own_time(serve_here: ServeHere) -> None:
    with connect(serve_here(create_app(), Limits(head=1))) as connection:
        connection.sendall(HEALTH + HEALTH[:10])
        answer = all_of(connection)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert is_refusal(answer[answer.index(b"HTTP/1.1 408") :], 408)


def test_a_body_that_does_not_come_is_a_408_in_the_answer_the_log_and_the_metrics(
    serve_here: ServeHere, records: Records
) -> None:
    url = serve_here(create_app(), Limits(transfer=0.3))
    with connect(url) as connection:
        connection.sendall(WEBHOOK + b"{")
        assert is_refusal(all_of(connection), 408)
    line = records.wait_for("request")
    assert (line["path"], line["status"], line["bytes_in"]) == ("/webhook", 408, 1)
    assert records.wait_for("connections were ended")["late"] == 1
    counted = 'ls_trajedit_requests_total{method="POST",path="/webhook",status="408"} 1.0\n'
    assert counted in requests.get(f"{url}/metrics", timeout=60).text


def test_a_body_may_take_as_long_as_its_length_allows(serve_here: ServeHere) -> None:
    """After 0.3 seconds, who has sent nothing is refused; 900 bytes at one a second have 900 seconds more."""
    url = serve_here(create_app(), Limits(transfer=0.3, rate=1))
    with connect(url) as slow, connect(url) as silent:
        slow.sendall(WEBHOOK + b'{"more": "' + b"x" * 890)
        silent.sendall(WEBHOOK)
        assert is_refusal(all_of(silent), 408)
        slow.sendall(b"x" * 98 + b'"}' + LAST_HEALTH)
        answer = all_of(slow)
    assert [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"200", b"200"]


def test_an_answer_that_is_not_taken_is_given_up(serve_here: ServeHere, records: Records) -> None:
    tasks = [{"data": {"steps": [{"action": "x" * 100_000}]}}] * 200
    body = json.dumps({"tasks": tasks, "label_config": CONFIG}).encode()
    with connect(serve_here(create_app(), Limits(transfer=2, rate=10**9))) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        assert records.wait_for("connections were ended")["late"] == 1
        assert connection.recv(15) == b"HTTP/1.1 200 OK"
        try:
            answer = all_of(connection)
        except ConnectionError:
            return
    assert len(answer) < 200 * 100_000


# What is not read


@pytest.mark.parametrize("more", [b"Content-Length: 100000000000", b"Transfer-Encoding: chunked"])
@pytest.mark.parametrize("expect", [b"", b"Expect: 100-continue\r\n"])
def test_without_the_password_the_answer_waits_for_no_body_and_is_the_last(
    serve_here: ServeHere, more: bytes, expect: bytes
) -> None:
    app = create_app(Credentials("a", "b"))
    with connect(serve_here(app, Limits(linger=0.3))) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\n%b%b\r\n\r\n" % (expect, more))
        answer = one_answer(connection)
        assert answer.startswith(b"HTTP/1.1 401 ")
        assert b"\r\nconnection: close\r\n" in answer
        with pytest.raises(ConnectionError):  # what still comes is dropped for a moment only
            connection.sendall(b"x" * 10**9)


def test_a_short_request_without_the_password_keeps_its_connection(serve_here: ServeHere) -> None:
    with connect(serve_here(create_app(Credentials("a", "b")))) as connection:
        connection.sendall(WEBHOOK + b"x" * 1000 + LAST_HEALTH)
        assert all_of(connection).count(b"HTTP/1.1 401 ") == 2


def test_who_sends_too_much_reads_why(serve_here: ServeHere) -> None:
    """Without a reset, which would come before the answer is read."""
    url = serve_here(create_app(max_body=1_000_000))
    for _ in range(5):
        answer = requests.post(f"{url}/predict", data=b"x" * 20_000_000, timeout=60)
        assert answer.status_code == 413
        assert answer.headers["connection"] == "close"


def test_hundreds_of_requests_at_once_are_not_kept(serve_here: ServeHere) -> None:
    with connect(serve_here(create_app())) as connection:
        connection.sendall(HEALTH * 500)
        assert all_of(connection).count(b"HTTP/1.1 200 OK") == 17


def test_large_bodies_share_the_memory_and_leave_small_ones_theirs(serve_here: ServeHere) -> None:
    """Two MB for all, the first 262,144 bytes of each not counted: 637,856 of 900,000 are. That is room for three."""
    url = serve_here(create_app(max_body=1_000_000))
    start = b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 900001\r\n\r\n" + b'"' + b"x" * 899_999
    with ExitStack() as stack:
        four = [stack.enter_context(connect(url)) for _ in range(4)]
        for connection in four:
            connection.sendall(start)
        (refused,), _, _ = select.select(four, [], [], 60)
        assert is_refusal(all_of(refused), 503)
        assert requests.post(f"{url}/webhook", json={"more": "x" * 200_000}, timeout=60).status_code == 200
        four.remove(refused)
        for connection in four:
            connection.sendall(b'"')
            assert one_answer(connection).startswith(b"HTTP/1.1 400 the body is JSON, but not an object\r\n")
    with connect(url) as connection:
        connection.sendall(start + b'"')
        assert one_answer(connection).startswith(b"HTTP/1.1 400 ")


def test_large_answers_share_the_memory_until_they_are_taken(serve_here: ServeHere) -> None:
    """An empty prediction has 44 characters and a comma: 300,000 of them are 13.5 MB, and there is room for 15."""
    url = serve_here(create_app(max_body=5_000_000))
    body = b'{"label_config": %b, "tasks": [%b0]}' % (json.dumps(CONFIG).encode(), b"0," * 299_999)
    with connect(url) as first:
        first.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        start = first.recv(100)
        second = requests.post(f"{url}/predict", data=body, timeout=60)
        assert (second.status_code, second.json()) == (
            503,
            {"error": "too many large requests at once, try again later"},
        )
        assert requests.post(f"{url}/predict", json={"label_config": CONFIG, "tasks": [0] * 5000}, timeout=60).ok
        answer = one_answer(first, start)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    third = requests.post(f"{url}/predict", data=body, timeout=60)
    assert len(third.json()["results"]) == 300_000


# Number


def test_the_connection_that_has_been_silent_longest_makes_room(serve_here: ServeHere) -> None:
    url = serve_here(create_app(), Limits(connections=4))
    with ExitStack() as stack:
        idle = [stack.enter_context(connect(url)) for _ in range(4)]
        for connection in (*idle, idle[0]):  # so that the first is the one that spoke last
            connection.sendall(HEALTH)
            assert one_answer(connection).startswith(b"HTTP/1.1 200")
        assert requests.get(f"{url}/health", timeout=60).status_code == 200
        assert idle[1].recv(1) == b""
        for connection in (idle[2], idle[3], idle[0]):
            connection.sendall(HEALTH)
            assert one_answer(connection).startswith(b"HTTP/1.1 200")


def test_a_request_that_is_being_answered_makes_no_room(
    serve_here: ServeHere, monkeypatch: pytest.MonkeyPatch, records: Records
) -> None:
    finish, started = threading.Event(), threading.Semaphore(0)

    def slow(*given: Any) -> Any:
        started.release()
        finish.wait(60)
        return predict_tasks(*given)

    predict_tasks = answers.predict_tasks
    monkeypatch.setattr(answers, "predict_tasks", slow)
    url = serve_here(create_app(), Limits(connections=2))
    body = json.dumps({"tasks": [1], "label_config": CONFIG, "more": "x" * 1_000_000}).encode()
    long_request = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with connect(url) as one, connect(url) as other:
        for connection in (one, other):
            connection.sendall(long_request)
            assert started.acquire(timeout=60)
        try:
            for _ in range(5):
                with connect(url) as third:
                    assert is_refusal(all_of(third), 503)
        finally:
            finish.set()
        for connection in (one, other):
            assert one_answer(connection).startswith(b"HTTP/1.1 200")
    assert records.wait_for("connections were ended")["refused"] >= 1


def test_it_lives_with_few_files_and_many_connections(start_host: StartHost) -> None:
    """160 files are 32 connections and 128 for all else. Of 300 that say nothing, each makes room for a later one."""
    host = start_host("ls-trajedit serve", open_files=160)
    assert any('"max_connections":32' in line for line in host.lines)
    assert any("the limit of open files allows only 32 connections" in line for line in host.lines)
    with ExitStack() as stack:
        idle = []
        for _ in range(300):
            idle.append(stack.enter_context(connect(host.url)))
            idle[-1].sendall(b"GET /")
        for _ in range(20):
            assert host.get("/health").status_code == 200
        for connection in idle[:200]:
            assert is_ended(connection)
        host.wait_for_line(lambda line: line["event"] == "connections were ended" and line["open"] <= 33)
    assert host.stop() == 0
    log = "".join(host.lines)
    assert all(json.loads(line)["level"] in ("info", "warning") for line in host.lines)
    assert "out of system resource" not in log
    assert log.count("connections were ended") <= 10


def test_too_few_files_are_one_plain_line() -> None:
    command = [
        "sh",
        "-c",
        'ulimit -n 100 && exec "$@"',
        "sh",
        sys.executable,
        "-m",
        "ls_trajedit",
        "serve",
        "--port",
        "0",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tempfile.gettempdir(), timeout=120)
    assert done.returncode == 3
    assert done.stderr == (
        "ls-trajedit: this process may open only 100 files, and needs 129 or more: "
        "raise the limit with `ulimit -n`, or LimitNOFILE= in systemd\n"
    )


def test_thousands_of_bad_requests_are_a_few_lines(start_host: StartHost) -> None:
    host = start_host("ls-trajedit serve")
    before = len(host.lines)
    for _ in range(1000):
        with connect(host.url) as connection:
            connection.sendall(b"\x16\x03\x01\x02\x00\x01")
            assert is_refusal(all_of(connection), 400)
    counted = 0
    while counted < 1000:
        counted += host.wait_for_line(lambda line: line["event"] == "connections were ended")["malformed"]
    assert counted == 1000
    # One a second, however long it takes.
    assert len(host.lines) - before < 200
