"""How slowly an answer may come: at no pace at which a pull would wait for days."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from time import monotonic
from typing import Any

import httpcore
import httpx

__all__ = ["PacedBackend", "SlowAnswerError"]

# From its first byte on, an answer may take half a minute, and a second more for each 1,000 bytes that have come.
_GRACE = 30.0
_BYTES_A_SECOND = 1_000
# However fast it comes, there is an end.
_LONGEST = 3_600.0


class SlowAnswerError(httpx.TransportError):
    """An answer has begun, and comes more slowly than any honest line sends it."""


class PacedBackend(httpcore.NetworkBackend):
    """Makes connections on which an answer has to come at a pace. The time limits of httpx are for one read each, so
    that a server which sends a byte each half second is never too slow for them."""

    def __init__(self, inner: httpcore.NetworkBackend) -> None:
        self._inner = inner

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to the host."""
        return _PacedStream(self._inner.connect_tcp(host, port, timeout, local_address, socket_options), _Pace())


class _Pace:
    """Since when the answer to the last request is coming, and how much of it has come."""

    def __init__(self) -> None:
        self._begun: float | None = None
        self._received = 0

    def request_sent(self) -> None:
        self._begun = None
        self._received = 0

    def seconds_left(self) -> float | None:
        """None before the first byte, for which a server may need the time that a read has."""
        if self._begun is None:
            return None
        allowed = min(_LONGEST, _GRACE + self._received / _BYTES_A_SECOND)
        left = self._begun + allowed - monotonic()
        if left <= 0:
            raise SlowAnswerError(f"{self._received} bytes in {allowed:.0f} s")
        return left

    def note(self, received: int) -> None:
        if self._begun is None:
            self._begun = monotonic()
        self._received += received


class _PacedStream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, pace: _Pace) -> None:
        self._inner = inner
        self._pace = pace

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self._pace.seconds_left()
        is_pressed = left is not None and (timeout is None or left < timeout)
        try:
            received = self._inner.read(max_bytes, left if is_pressed else timeout)
        except httpcore.ReadTimeout:
            self._pace.seconds_left()  # raises when it was the pace that was too slow
            raise
        self._pace.note(len(received))
        return received

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, timeout)
        self._pace.request_sent()

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _PacedStream(self._inner.start_tls(ssl_context, server_hostname, timeout), self._pace)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
