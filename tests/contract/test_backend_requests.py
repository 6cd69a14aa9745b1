"""How much of a request the service reads."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.contract.conftest import Host, StartHost

MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def one_megabyte(start_shared_host: StartHost) -> Host:
    return start_shared_host("ls-trajedit serve", "--max-body", "1")


def chunks(size: int) -> Iterator[bytes]:
    """`size` bytes of JSON, sent without Content-Length."""
    yield b'{"x": "'
    for _ in range((size - 9) // 1000):
        yield b"x" * 1000
    yield b"x" * ((size - 9) % 1000) + b'"}'


@pytest.mark.parametrize("path", ["/setup", "/predict", "/webhook", "/validate", "/versions"])
def test_a_larger_body_is_a_413(one_megabyte: Host, path: str) -> None:
    for body in (b"x" * (MEGABYTE + 1), chunks(MEGABYTE + 1)):
        answer = one_megabyte.request("POST", path, data=body)
        assert answer.status_code == 413
        assert "larger than 1048576 bytes" in answer.json()["error"]
        assert "larger than 1048576 bytes" in answer.reason


def test_a_body_of_exactly_that_size_is_read(one_megabyte: Host) -> None:
    assert one_megabyte.request("POST", "/webhook", data=b'{"x": "' + b"x" * (MEGABYTE - 9) + b'"}').status_code == 200
    assert one_megabyte.request("POST", "/webhook", data=chunks(MEGABYTE)).status_code == 200


def test_a_declared_length_is_refused_before_anything_comes(one_megabyte: Host) -> None:
    address = one_megabyte.url.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1])), timeout=60) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 413 the body is larger than 1048576 bytes")


def test_a_false_length_is_not_a_server_error(one_megabyte: Host) -> None:
    address = one_megabyte.url.removeprefix("http://").split(":")
    for length in (b"-1", b"1e9", b"\xb2", b""):
        with socket.create_connection((address[0], int(address[1])), timeout=60) as connection:
            connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: " + length + b"\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 400 ")


def test_a_client_that_leaves_is_not_a_server_error(start_host: StartHost) -> None:
    host = start_host("ls-trajedit serve")
    address = host.url.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1])), timeout=60) as connection:
        connection.sendall(b'POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"tasks": ')
    line = host.wait_for_line(lambda line: line["event"] == "request")
    assert (line["path"], line["status"], line["level"]) == ("/predict", 499, "info")
    assert host.get("/health").status_code == 200


def test_the_default_is_a_hundred_megabytes(start_host: StartHost) -> None:
    host = start_host("ls-trajedit serve")
    body = b'{"x": "' + b"x" * (100 * MEGABYTE - 9) + b'"}'
    assert host.request("POST", "/webhook", data=body).status_code == 200
    assert host.request("POST", "/webhook", data=body + b" ").status_code == 413
