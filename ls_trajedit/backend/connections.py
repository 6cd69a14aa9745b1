"""One connection, and what all connections of a server may take.

uvicorn speaks HTTP/1.1, but it waits for the rest of a head or a body for ever, accepts more connections than it may
open files, and closes a connection whose client may be sending, which resets it. So its protocol is extended here.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import logging
import re
from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ls_trajedit.backend.log import REFUSED_WITH
from ls_trajedit.backend.requests import REASON_HEADER, error_body, reason_phrase

__all__ = ["Connection", "Connections", "Limits"]

_log = logging.getLogger(__name__)

_LONGEST_HEAD = 64 * 1024
# Nobody sends so many requests without waiting for an answer, and each takes some kilobytes until it is answered.
_LONGEST_PIPELINE = 16
_SECONDS_BETWEEN_CHECKS = 0.1
_SECONDS_BETWEEN_REPORTS = 1.0
_REASON = re.compile(rb"\r\n%b: ([^\r\n]*)\r\n" % REASON_HEADER.encode())
_HEAD = re.compile(rb"HTTP/1\.1 [2-5]\d\d ")
_IS_LAST = b"\r\nconnection: close\r\n"


@dataclass(frozen=True)
class Limits:
    """What clients may take. Times are in seconds."""

    connections: int = 1000
    """How many may be open. One more takes the place of the one whose client has been silent longest; if all are being
    answered, it is refused with 503."""
    head: float = 20
    """For a head, from its first byte, or from the start of the connection."""
    idle: float = 75
    """Between two requests. nginx closes its own side after 60, so it never meets a connection that is being closed."""
    transfer: float = 30
    """For a body to come and for an answer to be taken, and a second more for each `rate` bytes."""
    rate: int = 10_000
    linger: float = 10
    """For the client to close a connection after us. What it still sends is dropped, but not reset: a reset can destroy
    the answer that it has not read yet."""
    drain: float = 0.5
    """Before a connection without a request is closed when the server stops: one may be on its way."""


class Connections:
    """The connections of one server."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.stopped_at: float | None = None
        self.waiting: OrderedDict[Connection, None] = OrderedDict()
        """Those whose client has to do something, in the order in which each last did."""
        self.ended: Counter[str] = Counter()
        """How many were ended for a reason that is the client's, since the last report."""

    async def watch(self, connections: set[Any]) -> None:
        """Ends those of `connections` that take too long, and logs how many, until it is cancelled."""
        loop = asyncio.get_running_loop()
        reported = loop.time()
        while True:
            await asyncio.sleep(_SECONDS_BETWEEN_CHECKS)
            now = loop.time()
            for connection in tuple(connections):
                connection.check(now)
            if self.ended and now >= reported + _SECONDS_BETWEEN_REPORTS:
                # Not a line for each: an attack is thousands of them.
                fields = {"open": len(connections), **self.ended}
                _log.warning("connections were ended", extra={"fields": fields})
                self.ended.clear()
                reported = now


class _Phase(enum.Enum):
    """What a connection is waiting for."""

    HEAD = "the rest of a head"
    IDLE = "the next request"
    BODY = "the rest of a body"
    ANSWER = "the application"
    LINGER = "the client's end of the connection"


class Connection(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it, within the limits of `connections`, and with the `x-reason` header of a refusal in
    its status line: the only part of a refusal that Label Studio shows.

    A request that is answered before its body has come (401, 413) is not read any further. A head of more than 64 kB is
    refused: unlike h11, httptools would collect it without limit.
    """

    def __init__(self, connections: Connections, **options: Any) -> None:
        super().__init__(**options)
        self._all = connections
        self._phase = _Phase.HEAD
        self._since = 0.0
        self._received = 0
        self._head_size = 0
        self._is_in_head = False
        self._keeps_alive = False
        self._is_malformed = False
        # Of what was written: since when the client has been taking it, how much that is, and how much was left at the
        # last check.
        self._written_since = 0.0
        self._written = 0
        self._unsent = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        wrapped = _Transport(cast(asyncio.Transport, transport), self)
        super().connection_made(cast(asyncio.Transport, wrapped))
        self._wait_for(_Phase.HEAD)
        self._take_a_place()

    def connection_lost(self, exc: Exception | None) -> None:
        self._all.waiting.pop(self, None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_malformed or self.transport.is_closing():
            self._drop(len(data))
            return
        if self._phase is _Phase.IDLE:
            self._wait_for(_Phase.HEAD)
        elif self._phase is not _Phase.ANSWER:
            self._all.waiting.move_to_end(self)
        self._head_size += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # There is nothing to upgrade to. httptools does not read on, so this is the last request.
            self.cycle.keep_alive = False
        except httptools.HttpParserError:
            self._refuse_malformed("this is not a request in HTTP/1.1")
        else:
            if self._head_size > _LONGEST_HEAD:
                self._refuse_malformed("the head of the request is too long")

    def on_message_begin(self) -> None:
        self._is_in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        super().on_headers_complete()
        if len(self.pipeline) >= _LONGEST_PIPELINE:
            raise ValueError("too many requests at once")
        # Until all of it has been read, an answer is the last one on the connection.
        self._keeps_alive, self.cycle.keep_alive = self.cycle.keep_alive, False
        if self._phase is _Phase.HEAD:
            self._wait_for(_Phase.BODY)

    def on_body(self, body: bytes) -> None:
        self._received += len(body)
        self._head_size = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._head_size = 0
        super().on_message_complete()
        if not self.cycle.response_started:
            self.cycle.keep_alive = self._keeps_alive and self._all.stopped_at is None
        if self._phase is _Phase.BODY:
            self._wait_for(_Phase.ANSWER)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._unset_keepalive_if_required()  # `check` has the time of that
        if self.transport.is_closing():
            return
        if not self.cycle.response_complete:  # the next one had come before the answer to this one
            self._wait_for(_Phase.BODY if self.cycle.more_body else _Phase.ANSWER)
        else:
            self._wait_for(_Phase.HEAD if self._is_in_head else _Phase.IDLE)

    def shutdown(self) -> None:
        """Makes the answer under way the last one. A connection without a request is ended by `check`: a request may be
        on its way."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False

    def check(self, now: float) -> None:
        """Ends the connection when its client takes too long."""
        limits = self._all.limits
        unsent = self.transport.get_write_buffer_size()
        if unsent:
            if now > self._written_since + limits.transfer + (self._written - unsent) / limits.rate:
                self._abort("late")
            elif unsent < self._unsent and self in self._all.waiting:
                self._all.waiting.move_to_end(self)
            self._since = now
        elif self._phase is not _Phase.ANSWER and now > self._deadline():
            self._end_late()
        self._unsent = unsent

    def is_last_answer(self) -> bool:
        """Whether the answer that is about to be written is the last one on the connection."""
        return not self.pipeline and self.cycle is not None and not self.cycle.keep_alive

    def written(self, size: int) -> None:
        """Called by the transport for everything that is written to it."""
        if not self.transport.get_write_buffer_size():
            self._written_since, self._written = self.loop.time(), 0
        self._written += size

    def closing(self) -> None:
        """Called by the transport when nothing more will be written to it."""
        self.flow.resume_reading()
        self._wait_for(_Phase.LINGER)
        self._all.waiting.move_to_end(self, last=False)

    def _wait_for(self, phase: _Phase) -> None:
        self._phase, self._since, self._received = phase, self.loop.time(), 0
        self._all.waiting.pop(self, None)
        if phase is not _Phase.ANSWER:
            self._all.waiting[self] = None

    def _drop(self, size: int) -> None:
        """Counts what comes after the last request. The rest of a good one may be long, and its client reads the answer
        only after that."""
        self._received += size
        if self._is_malformed and self._received > _LONGEST_HEAD:
            self.transport.abort()

    def _take_a_place(self) -> None:
        allowed = self._all.limits.connections
        if len(self.connections) <= allowed:
            return
        answered = len(self.connections) - len(self._all.waiting)
        longest = next(iter(self._all.waiting))
        if longest is not self:
            longest._abort("dropped")
        if answered >= allowed:
            self._refuse(503, "too many requests at once, try again later", "refused")

    def _deadline(self) -> float:
        limits, stopped_at = self._all.limits, self._all.stopped_at
        if self._phase is _Phase.BODY:
            return self._since + limits.transfer + self._received / limits.rate
        seconds = {_Phase.HEAD: limits.head, _Phase.IDLE: limits.idle, _Phase.LINGER: limits.linger}[self._phase]
        if stopped_at is None:
            return self._since + seconds
        return min(self._since + seconds, max(self._since, stopped_at) + limits.drain)

    def _end_late(self) -> None:
        if self._phase is _Phase.LINGER:
            self.transport.abort()
        elif self._is_in_head or self._phase is _Phase.BODY:
            self._refuse_what_came(408, "the request takes too long to come", "late")
        else:
            if self._phase is _Phase.HEAD:
                self._all.ended["late"] += 1
            self.transport.close()

    def _refuse_malformed(self, message: str) -> None:
        self._is_malformed = True
        if self._phase is _Phase.ANSWER:  # for the request before, which is good; its answer is the last one
            self._all.ended["malformed"] += 1
            self.cycle.keep_alive = False
        else:
            self._refuse_what_came(400, message, "malformed")

    def _refuse_what_came(self, status: int, message: str, reason: str) -> None:
        """Refuses the request whose head or body is coming."""
        if self._phase is _Phase.BODY:
            if self.cycle.response_started:
                self._abort(reason)
                return
            self.cycle.scope["state"][REFUSED_WITH] = status
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._refuse(status, message, reason)

    def _refuse(self, status: int, message: str, reason: str) -> None:
        """Answers in the application's place, and ends the connection."""
        self._all.ended[reason] += 1
        body, phrase = error_body(message), reason_phrase(message).encode()
        fields = [
            *self.server_state.default_headers,
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (REASON_HEADER.encode(), phrase),
            (b"connection", b"close"),
        ]
        head = b"".join(b"%b: %b\r\n" % field for field in fields)
        self.transport.write(b"HTTP/1.1 %d %b\r\n%b\r\n%b" % (status, phrase, head, body))
        self.transport.close()

    def _abort(self, reason: str) -> None:
        self._all.ended[reason] += 1
        self._all.waiting.pop(self, None)
        self.connections.discard(self)
        self.transport.abort()


class _Transport:
    """The transport of `connection`. uvicorn writes the head of an answer in one piece; JSON or text follows.

    To close it sends the client the end, and reads on until the client does the same. Closed at once, with something
    unread, it would be reset.
    """

    def __init__(self, transport: asyncio.Transport, connection: Connection) -> None:
        self._transport = transport
        self._connection = connection
        self._is_ending = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        return self._is_ending or self._transport.is_closing()

    def write(self, data: bytes) -> None:
        self._connection.written(len(data))
        self._transport.write(_completed(data, self._connection.is_last_answer()) if _HEAD.match(data) else data)

    def close(self) -> None:
        if not self.is_closing():
            self._is_ending = True
            self._connection.closing()
            with contextlib.suppress(OSError):  # the client has just reset it
                self._transport.write_eof()


def _completed(head: bytes, is_last: bool) -> bytes:
    """The head of an answer with its reason in the status line, and with what uvicorn says only since 0.53: that it is
    the last answer."""
    if is_last and _IS_LAST not in head:
        head = head[:-4] + _IS_LAST + head[-2:]
    reason = _REASON.search(head)
    return head if reason is None else head[:13] + reason[1] + head[head.index(b"\r\n") :]
