"""Starting and stopping, as a person or systemd does it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from typing import TYPE_CHECKING

import pytest
import requests

if TYPE_CHECKING:
    from tests.contract.conftest import StartHost

CONFIG = '<View><Text name="a" value="$steps[0].action"/><TextArea name="a_new" toName="a"/></View>'


def serve(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`ls-trajedit serve` that is expected not to start."""
    return subprocess.run(
        [sys.executable, "-m", "ls_trajedit", "serve", *arguments],
        env={**os.environ, **environment},
        cwd=tempfile.gettempdir(),  # in the repository, Python would take the sources for the package
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_signal_stops_it_with_exit_code_0(start_host: StartHost, number: int) -> None:
    host = start_host("ls-trajedit serve")
    assert host.get("/health").status_code == 200
    assert host.stop(number) == 0
    with pytest.raises(requests.ConnectionError):
        host.get("/health")


def test_a_signal_at_the_very_start_stops_it_too(start_host: StartHost) -> None:
    assert start_host("ls-trajedit serve").stop() == 0


def test_a_request_under_way_is_still_answered(start_host: StartHost) -> None:
    host = start_host("ls-trajedit serve")
    head, tail = b'{"tasks": [{"data": {"steps": [{"acti', f'on": "a"}}]}}}}], "label_config": {CONFIG!r}}}'.encode()
    body = head + tail.replace(b"'", b'"').replace(CONFIG.encode(), CONFIG.replace('"', '\\"').encode())
    address = host.url.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1])), timeout=60) as connection:
        start = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(start.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 100")  # now the service waits for the body
        connection.sendall(head)
        stopped = threading.Thread(target=host.stop)
        stopped.start()
        host.wait_for_line(lambda line: line["event"].startswith("Waiting for connections to close"))
        connection.sendall(body[len(head) :])
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    stopped.join()
    assert answer.startswith(b"HTTP/1.1 200")
    assert b'"from_name":"a_new"' in answer
    assert host.process.returncode == 0


def test_a_taken_port_is_one_plain_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = serve("--port", str(port))
    assert done.returncode == 3
    assert done.stderr == (
        f"ls-trajedit: cannot listen on 127.0.0.1, port {port}: another program uses it; "
        "stop that, or choose another with --port\n"
    )


def test_an_unknown_host_is_one_plain_line() -> None:
    done = serve("--host", "nowhere.invalid", "--port", "0")
    assert done.returncode == 3
    assert done.stderr.startswith("ls-trajedit: cannot listen on nowhere.invalid, port 0: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"BASIC_AUTH_USER": "a", "BASIC_AUTH_PASS": ""}, "BASIC_AUTH_USER is set and BASIC_AUTH_PASS is not"),
        ({"BASIC_AUTH_USER": "", "BASIC_AUTH_PASS": "b"}, "BASIC_AUTH_PASS is set and BASIC_AUTH_USER is not"),
        ({"BASIC_AUTH_USER": "a:b", "BASIC_AUTH_PASS": "c"}, "BASIC_AUTH_USER has a colon in it"),
    ],
)
def test_half_of_the_credentials_is_an_error(environment: dict[str, str], words: str) -> None:
    done = serve("--port", "0", **environment)
    assert done.returncode == 3
    assert done.stderr.startswith(f"ls-trajedit: {words}")
    assert done.stderr.count("\n") == 1


def test_an_open_address_without_authentication_is_warned_about(start_host: StartHost) -> None:
    warned = "".join(start_host("ls-trajedit serve", "--host", "0.0.0.0").lines)
    assert '"level":"warning","event":"anybody who reaches this address can use it' in warned
    credentials = {"BASIC_AUTH_USER": "a", "BASIC_AUTH_PASS": "b"}
    for host in (
        start_host("ls-trajedit serve"),
        start_host("ls-trajedit serve", "--host", "0.0.0.0", **credentials),
    ):
        assert "anybody" not in "".join(host.lines)
