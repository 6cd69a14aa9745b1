"""The service stops while clients use it: each request is answered, or never got in."""

from __future__ import annotations

import json
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from ls_trajedit.backend.app import create_app
from ls_trajedit.backend.connections import Limits
from ls_trajedit.backend.server import listen, make_server, server_url
from tests.contract.raw_http import all_of, connect, one_answer

if TYPE_CHECKING:
    from tests.contract.conftest import StartHost

CONFIG = '<View><Text name="a" value="$steps[0].action"/><TextArea name="a_new" toName="a"/></View>'
BODY = json.dumps({"tasks": [{"data": {"steps": [{"action": "x" * 500}]}}] * 5, "label_config": CONFIG}).encode()
PREDICT = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


def ask_until_refused(url: str, keeps_alive: bool, outcomes: Counter[str], answered: Callable[[], object]) -> None:
    """Asks for predictions until no connection can be made, one connection a request or as many requests as it takes,
    and counts how each connection and each request ended."""
    while True:
        try:
            connection = connect(url)
        except ConnectionRefusedError:
            outcomes["refused"] += 1
            return
        except OSError as error:
            outcomes[f"not connected: {error!r}"] += 1
            return
        with connection:
            is_last = False
            while not is_last:
                try:
                    connection.sendall(PREDICT)
                    answer = one_answer(connection)
                except (OSError, EOFError) as error:
                    outcomes[f"not answered: {error!r}"] += 1
                    break
                outcomes[answer[:15].decode()] += 1
                answered()
                is_last = not keeps_alive or b"\r\nconnection: close\r\n" in answer


@pytest.mark.parametrize("run", range(3))
def test_nothing_is_reset_and_each_request_is_answered(start_host: StartHost, run: int) -> None:
    host = start_host("ls-trajedit serve")
    outcomes: Counter[str] = Counter()
    under_way = threading.Semaphore(0)
    clients = [
        threading.Thread(target=ask_until_refused, args=(host.url, bool(number % 2), outcomes, under_way.release))
        for number in range(16)
    ]
    for client in clients:
        client.start()
    for _ in range(200):
        assert under_way.acquire(timeout=60)
    assert host.stop() == 0
    for client in clients:
        client.join()
    assert outcomes.keys() == {"refused", "HTTP/1.1 200 OK"}, run
    assert outcomes["refused"] == len(clients)


def accepts_connections(url: str) -> bool:
    try:
        connect(url).close()
    except ConnectionRefusedError:
        return False
    return True


def test_each_connection_that_was_accepted_gets_its_answer() -> None:
    """Three stops, each while connections are made as fast as possible."""
    for _ in range(3):
        listener = listen("127.0.0.1", 0)
        server = make_server(create_app())
        service = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        service.start()
        outcomes: Counter[str] = Counter()
        under_way = threading.Semaphore(0)
        given = (server_url(listener), False, outcomes, under_way.release)
        clients = [threading.Thread(target=ask_until_refused, args=given) for _ in range(8)]
        for client in clients:
            client.start()
        for _ in range(50):
            assert under_way.acquire(timeout=60)
        server.should_exit = True
        for thread in (*clients, service):
            thread.join()
        assert outcomes.keys() == {"refused", "HTTP/1.1 200 OK"}


@contextmanager
def stopping(limits: Limits, start: bytes) -> Iterator[socket.socket]:
    """A connection on which `start` was sent to a service that has been told to stop since, and accepts no other."""
    listener = listen("127.0.0.1", 0)
    url = server_url(listener)
    server = make_server(create_app(), limits)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        with connect(url) as connection:
            connection.sendall(HEALTH)
            assert one_answer(connection).startswith(b"HTTP/1.1 200 OK\r\n")
            connection.sendall(start)
            server.should_exit = True
            while accepts_connections(url):
                pass
            yield connection
    finally:
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize("already", [0, 10], ids=["none of it", "half of its head"])
def test_a_request_that_comes_meanwhile_is_answered_and_the_last(already: int) -> None:
    with stopping(Limits(drain=60), HEALTH[:already]) as connection:
        connection.sendall(HEALTH[already:])
        answer = all_of(connection)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nconnection: close\r\n" in answer


def test_a_connection_without_a_request_is_ended_and_not_reset() -> None:
    with stopping(Limits(drain=0.2), b"") as connection:
        assert connection.recv(1) == b""
        connection.sendall(HEALTH)


def test_a_head_that_does_not_come_is_a_408() -> None:
    with stopping(Limits(drain=0.2), HEALTH[:10]) as connection:
        assert all_of(connection).startswith(b"HTTP/1.1 408 ")
