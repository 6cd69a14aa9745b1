"""HTTP byte by byte, for what no client library sends."""

from __future__ import annotations

import socket

__all__ = ["all_of", "connect", "one_answer"]


def connect(url: str) -> socket.socket:
    """A connection to the service at `url`, a context manager that closes it."""
    name, port = url.removeprefix("http://").split(":")
    return socket.create_connection((name, int(port)), timeout=60)


def one_answer(connection: socket.socket, answer: bytes = b"") -> bytes:
    """The next answer on a connection that stays open, which begins with `answer`."""
    while b"\r\n\r\n" not in answer:
        answer += _some(connection, 1)
    received = bytearray(answer)
    length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    length += answer.index(b"\r\n\r\n") + 4
    while len(received) < length:
        received += _some(connection, length - len(received))
    return bytes(received)


def all_of(connection: socket.socket) -> bytes:
    """What comes until the service ends the connection."""
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
    return received


def _some(connection: socket.socket, size: int) -> bytes:
    chunk = connection.recv(size)
    if not chunk:
        raise EOFError("the connection ended before the answer did")
    return chunk
