"""What the service does with a connection, byte by byte."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

from tests.contract.raw_http import all_of, connect, one_answer

if TYPE_CHECKING:
    from tests.contract.conftest import Host

HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n"
WEBHOOK = b"POST /webhook HTTP/1.1\r\nHost: x\r\n"


def is_cut_off(connection: socket.socket, start: bytes, more: bytes) -> bool:
    """Whether the service ends the connection while `more` is sent again and again."""
    try:
        connection.sendall(start)
        for _ in range(20_000):
            connection.sendall(more)
    except ConnectionError:
        return True
    return False


@pytest.mark.parametrize(
    ("request_head", "status_line"),
    [
        (b"POST /setup HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", b"HTTP/1.1 400 `schema` is missing"),
        (b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 404 there is nothing at this address"),
        (b"GET /setup HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 405 GET is not allowed at this address"),
        (HEALTH + b"\r\n", b"HTTP/1.1 200 OK"),
        (b"BREW /setup HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 400 this is not a request in HTTP/1.1"),
        (b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 400 this is not a request in HTTP/1.1"),
        (b"\x16\x03\x01\x02\x00\x01", b"HTTP/1.1 400 this is not a request in HTTP/1.1"),
    ],
    ids=["no schema", "unknown address", "wrong method", "ok", "not a method of HTTP", "blank in the address", "TLS"],
)
def test_the_status_line_says_why(service: Host, request_head: bytes, status_line: bytes) -> None:
    with connect(service.url) as connection:
        connection.sendall(request_head)
        assert one_answer(connection).split(b"\r\n")[0] == status_line


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c"])
def test_a_request_that_wants_another_protocol_is_answered_in_this_one(service: Host, protocol: bytes) -> None:
    with connect(service.url) as connection:
        connection.sendall(HEALTH + b"Connection: Upgrade\r\nUpgrade: " + protocol + b"\r\n\r\n")
        answer = all_of(connection)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nconnection: close\r\n" in answer


def test_the_request_before_a_bad_one_is_answered(service: Host) -> None:
    with connect(service.url) as connection:
        connection.sendall(HEALTH + b"\r\n" + b"\x16\x03\x01")
        answer = all_of(connection)
    assert answer.count(b"HTTP/1.1 ") == answer.count(b"HTTP/1.1 200 OK\r\n") == 1
    assert b"\r\nconnection: close\r\n" in answer


def test_many_requests_come_over_one_connection(service: Host) -> None:
    padding = b"X-Padding: " + b"x" * 1000 + b"\r\n"
    with connect(service.url) as connection:
        for _ in range(100):
            connection.sendall(HEALTH + padding + b"\r\n")
            assert one_answer(connection).startswith(b"HTTP/1.1 200 OK\r\n")


def test_requests_sent_at_once_are_answered_one_after_another(service: Host) -> None:
    setup = b"POST /setup HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
    with connect(service.url) as connection:
        connection.sendall(HEALTH + b"\r\n" + setup + HEALTH + b"Connection: close\r\n\r\n")
        answer = all_of(connection)
    lines = [line for line in answer.split(b"\r\n") if b"HTTP/1.1 " in line]
    assert [line.partition(b"HTTP/1.1 ")[2][:3] for line in lines] == [b"200", b"400", b"200"]


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (HEALTH + b"X-Long: ", b"x" * 1000),
        (HEALTH, b"X-Short: x\r\n" * 100),
        (b"GET /health?", b"x" * 1000),
        (WEBHOOK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", b"X-Trailer: x\r\n" * 100),
    ],
    ids=["one header", "many headers", "address", "trailers"],
)
def test_an_endless_head_is_not_read(service: Host, start: bytes, more: bytes) -> None:
    with connect(service.url) as connection:
        assert is_cut_off(connection, start, more)
    assert service.get("/health").status_code == 200


def test_a_long_head_is_a_400(service: Host) -> None:
    with connect(service.url) as connection:
        connection.sendall(HEALTH + b"X-Long: " + b"x" * 70_000)
        head, _, body = one_answer(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 the head of the request is too long\r\n")
    assert b"\r\nconnection: close" in head
    assert json.loads(body) == {"error": "the head of the request is too long"}
