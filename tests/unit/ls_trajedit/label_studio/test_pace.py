"""An answer has to come at a pace. The clock of these tests goes on only while they wait for something."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator
from typing import Any

import httpcore
import pytest

from ls_trajedit.label_studio.pace import PacedBackend, SlowAnswerError


class Line(httpcore.NetworkStream):
    """A connection on which each part of an answer comes after some seconds."""

    def __init__(self, parts: Iterator[tuple[float, bytes]]) -> None:
        self.now = 0.0
        self._parts = parts

    def monotonic(self) -> float:
        return self.now

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        seconds, part = next(self._parts)
        if timeout is not None and seconds > timeout:
            self.now += timeout
            raise httpcore.ReadTimeout
        self.now += seconds
        return part

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        pass

    def close(self) -> None:
        pass

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return self

    def get_extra_info(self, info: str) -> Any:
        return None


class Network(httpcore.NetworkBackend):
    def __init__(self, line: Line) -> None:
        self._line = line

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        return self._line


def parts(first: float, seconds: float, size: int) -> Iterator[tuple[float, bytes]]:
    """A byte after `first` seconds, and from then on so many bytes every few seconds."""
    yield first, b"H"
    while True:
        yield seconds, b"x" * size


def reading(monkeypatch: pytest.MonkeyPatch, line: Line, *, secure: bool = False) -> httpcore.NetworkStream:
    monkeypatch.setattr("ls_trajedit.label_studio.pace.monotonic", line.monotonic)
    stream = PacedBackend(Network(line)).connect_tcp("ls.test", 80)
    if secure:
        stream = stream.start_tls(ssl.create_default_context())
    stream.write(b"GET / HTTP/1.1\r\n\r\n")
    return stream


def read_all(stream: httpcore.NetworkStream) -> None:
    while True:
        stream.read(65_536, 120)


@pytest.mark.parametrize("secure", [False, True])
def test_a_byte_each_half_second_is_too_slow_after_half_a_minute(monkeypatch: pytest.MonkeyPatch, secure: bool) -> None:
    line = Line(parts(100, 0.5, 1))
    stream = reading(monkeypatch, line, secure=secure)
    with pytest.raises(SlowAnswerError, match="61 bytes in 30 s"):
        read_all(stream)
    # 100 s for the first byte, and 30 s and 60 bytes since.
    assert 130 <= line.now <= 131


def test_so_is_one_that_begins_and_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(parts(1, 1_000, 1))
    stream = reading(monkeypatch, line)
    stream.read(65_536, 120)
    with pytest.raises(SlowAnswerError, match="1 bytes in 30 s"):
        stream.read(65_536, 120)
    assert line.now == pytest.approx(31.001)


def test_a_line_of_two_kilobytes_a_second_is_slow_and_honest(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(parts(100, 1, 2_000))
    stream = reading(monkeypatch, line)
    for _ in range(3_000):
        stream.read(65_536, 120)
    assert line.now > 3_000


def test_an_hour_is_the_end_at_any_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(parts(0, 1, 65_536))
    stream = reading(monkeypatch, line)
    with pytest.raises(SlowAnswerError, match="in 3600 s"):
        read_all(stream)
    assert line.now == 3_600


def test_before_the_first_byte_it_is_the_time_of_a_read_that_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = reading(monkeypatch, Line(parts(121, 1, 1)))
    with pytest.raises(httpcore.ReadTimeout):
        stream.read(65_536, 120)


def test_the_next_request_has_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection to a proxy is asked for another one first."""
    line = Line(parts(1, 20, 1))
    stream = reading(monkeypatch, line)
    for _ in range(20):
        stream.read(65_536, 120)
        stream.write(b"GET / HTTP/1.1\r\n\r\n")
    assert line.now == 381
