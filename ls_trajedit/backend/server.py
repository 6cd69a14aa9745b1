"""Runs the service: listens, speaks HTTP/1.1, and stops on a signal."""

from __future__ import annotations

import asyncio
import errno
import gc
import ipaddress
import logging
import re
import signal
import socket
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ls_trajedit.backend.requests import REASON_HEADER
from ls_trajedit.signals import ENDING_SIGNALS
from ls_trajedit.traces.errors import SetupError

__all__ = ["is_loopback", "listen", "make_server", "run_server", "server_url"]

_log = logging.getLogger(__name__)

_SECONDS_TO_FINISH = 30
# A request of a hundred tasks makes thousands of objects and no cycles. With Python's default of 700 (or 2000), the
# collector would search them a dozen times for nothing.
_OBJECTS_BEFORE_COLLECTION = 50_000
_LONGEST_HEAD = 64 * 1024
_REASON = re.compile(rb"\r\n%b: ([^\r\n]*)\r\n" % REASON_HEADER.encode())
_REFUSAL = re.compile(rb"HTTP/1\.1 [45]\d\d ")


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on `host` and `port`; 0 is any free port. Raises SetupError when that is impossible."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        raise SetupError(f"cannot listen on {host}, port {port}: {_explain(error)}") from None
    # The head and the body of a response are two writes: the second would wait 40 ms until the first is acknowledged.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def server_url(listener: socket.socket) -> str:
    """The address at which `listener` can be reached."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_loopback(listener: socket.socket) -> bool:
    """Whether only this machine can reach `listener`."""
    return ipaddress.ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback


def make_server(app: ASGIApp) -> uvicorn.Server:
    """uvicorn, set up to serve `app`, with our reason phrases and only our log."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=_ReasonProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_SECONDS_TO_FINISH,
        )
    )


def run_server(app: ASGIApp, listener: socket.socket) -> None:
    """Serves `app` until a signal asks it to end, then lets the requests under way finish, and returns. Only for the
    main thread: no other gets signals."""
    server = make_server(app)

    # uvicorn repeats the signal once it has stopped, for whatever handler was there before. The default one would turn
    # a clean stop into a death by signal.
    def stop(*_: object) -> None:
        server.should_exit = True

    gc.set_threshold(_OBJECTS_BEFORE_COLLECTION)
    before = {number: signal.signal(number, stop) for number in ENDING_SIGNALS}
    try:
        _log.info("listening", extra={"fields": {"url": server_url(listener)}})
        server.run(sockets=[listener])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _ReasonProtocol(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it, with the `x-reason` header of a refusal in its status line: the only part of a
    refusal that Label Studio shows.

    A request head of more than 64 kB is refused: unlike h11, httptools would collect it without limit.
    """

    _head_size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, _ReasonTransport(cast(asyncio.Transport, transport))))

    def data_received(self, data: bytes) -> None:
        self._head_size += len(data)
        super().data_received(data)
        if self._head_size > _LONGEST_HEAD and not self.transport.is_closing():
            self.send_400_response("The head of the request is too long.")

    def on_body(self, body: bytes) -> None:
        self._head_size = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._head_size = 0
        super().on_message_complete()


class _ReasonTransport:
    """A connection. uvicorn writes the head of a response in one piece; JSON or text follows."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        self._transport.write(_with_reason(data) if _REFUSAL.match(data) else data)


def _with_reason(head: bytes) -> bytes:
    reason = _REASON.search(head)
    if reason is None:
        return head
    status, rest = head[:13], head[head.index(b"\r\n") :]
    return status + reason[1] + rest


def _explain(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "there is no such host"
    reasons = {
        errno.EADDRINUSE: "another program uses it; stop that, or choose another with --port",
        errno.EACCES: "no permission; ports below 1024 are for root, and Windows keeps some for itself: choose another "
        "with --port",
        errno.EADDRNOTAVAIL: "this machine does not have that address",
    }
    return reasons.get(error.errno or 0, error.strerror or str(error))
