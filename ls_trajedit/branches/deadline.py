"""Connections on which everything has to be over at one time, and which another thread can end."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import httpcore

__all__ = ["DeadlineBackend"]


class DeadlineBackend(httpcore.NetworkBackend):
    """Makes connections that `inner` makes, and on which nothing takes longer than until `deadline`, a time of
    `time.monotonic`. The time limits of httpx are for one read each, so that a server which sends a byte each second
    is never too slow for them."""

    def __init__(self, inner: httpcore.NetworkBackend, deadline: float) -> None:
        self._inner = inner
        self._deadline = deadline
        self._streams: list[httpcore.NetworkStream] = []

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to the host."""
        left = self.seconds_left(httpcore.ConnectTimeout)
        return self.bounded(self._inner.connect_tcp(host, port, left, local_address, socket_options))

    def bounded(self, stream: httpcore.NetworkStream) -> httpcore.NetworkStream:
        """The connection, within the bound."""
        self._streams.append(stream)
        return _DeadlineStream(stream, self)

    def seconds_left(self, error: type[httpcore.TimeoutException]) -> float:
        """Until the deadline. Raises `error` after it."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise error
        return left

    def end(self) -> None:
        """Ends the connections, also for a thread that waits for one of them, and lets no other begin."""
        self._deadline = float("-inf")
        for stream in list(self._streams):
            with suppress(OSError):
                stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)


class _DeadlineStream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, backend: DeadlineBackend) -> None:
        self._inner = inner
        self._backend = backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._backend.seconds_left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._backend.seconds_left(httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._backend.seconds_left(httpcore.ConnectTimeout)
        return self._backend.bounded(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
