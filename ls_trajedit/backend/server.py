"""Runs the service: listens, speaks HTTP/1.1, and stops on a signal."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import functools
import gc
import ipaddress
import logging
import select
import signal
import socket
import struct
import sys
import time
from typing import cast

import uvicorn
from starlette.types import ASGIApp

from ls_trajedit.backend.connections import Connection, Connections, Limits
from ls_trajedit.signals import ending_signals
from ls_trajedit.traces.errors import SetupError

__all__ = ["allowed_connections", "is_loopback", "listen", "make_server", "run_server", "server_url"]

_log = logging.getLogger(__name__)

_SECONDS_TO_FINISH = 30
# A request of a hundred tasks makes thousands of objects and no cycles. With Python's default of 700 (or 2000), the
# collector would search them a dozen times for nothing.
_OBJECTS_BEFORE_COLLECTION = 50_000
_BACKLOG = 2048
# asyncio accepts as many as this before it looks at any: up to three times as many may be open beyond the limit.
_ACCEPTED_AT_ONCE = 16
_OTHER_FILES = 80 + 3 * _ACCEPTED_AT_ONCE
_SECONDS_TO_CONNECT = 0.1
_SECONDS_TO_ACCEPT = 1
_SO_ATTACH_FILTER = 26
_LIMITS = Limits()


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on `host` and `port`; 0 is any free port. Raises SetupError when that is impossible."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        raise SetupError(f"cannot listen on {host}, port {port}: {_explain(error)}") from None
    # The head and the body of a response are two writes: the second would wait 40 ms until the first is acknowledged.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def allowed_connections(wanted: int) -> int:
    """`wanted`, or as many connections as this process may open files for, whose soft limit is raised for that. Raises
    SetupError when that is none."""
    if sys.platform == "win32":
        return wanted
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    allowed = wanted if soft == resource.RLIM_INFINITY else min(wanted, soft - _OTHER_FILES)
    if allowed < 1:
        raise SetupError(
            f"this process may open only {soft} files, and needs {_OTHER_FILES + 1} or more: raise the limit with "
            "`ulimit -n`, or LimitNOFILE= in systemd"
        )
    return allowed


def server_url(listener: socket.socket) -> str:
    """The address at which `listener` can be reached."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_loopback(listener: socket.socket) -> bool:
    """Whether only this machine can reach `listener`."""
    return ipaddress.ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback


def make_server(app: ASGIApp, limits: Limits = _LIMITS) -> uvicorn.Server:
    """uvicorn, set up to serve `app` within `limits`, with our reason phrases and only our log."""
    connections = Connections(limits)
    return _Server(
        uvicorn.Config(
            app,
            http=cast(type[asyncio.Protocol], functools.partial(Connection, connections)),
            loop="asyncio",
            backlog=_ACCEPTED_AT_ONCE,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_SECONDS_TO_FINISH,
        ),
        connections,
    )


def run_server(app: ASGIApp, listener: socket.socket, limits: Limits = _LIMITS) -> None:
    """Serves `app` within `limits` until a signal asks it to end, then lets the requests under way finish, and returns.
    Only for the main thread: no other gets signals."""
    server = make_server(app, limits)

    # uvicorn repeats the signal once it has stopped, for whatever handler was there before. The default one would turn
    # a clean stop into a death by signal.
    def stop(*_: object) -> None:
        server.should_exit = True

    gc.set_threshold(_OBJECTS_BEFORE_COLLECTION)
    before = {number: signal.signal(number, stop) for number in ending_signals()}
    try:
        _log.info("listening", extra={"fields": {"url": server_url(listener)}})
        server.run(sockets=[listener])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Server(uvicorn.Server):
    """uvicorn, which accepts and ends connections without a reset."""

    def __init__(self, config: uvicorn.Config, connections: Connections) -> None:
        super().__init__(config)
        self._connections = connections

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(_BACKLOG)
        self._watching = asyncio.create_task(self._connections.watch(self.server_state.connections))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        listeners = sockets or []
        self._connections.stopped_at = started = time.monotonic()
        for listener in listeners:
            _admit_no_more(listener)
        # Whoever is connecting gets in, and whoever is in the queue, too: closing a listener resets all of those.
        await asyncio.sleep(_SECONDS_TO_CONNECT)
        rounds = 0
        # What asyncio has accepted is lost, too, if the listener is closed before the next round.
        while rounds < 2 and time.monotonic() < started + _SECONDS_TO_ACCEPT:
            await asyncio.sleep(0)
            rounds = 0 if select.select(listeners, [], [], 0)[0] else rounds + 1
        await super().shutdown(sockets)
        self._watching.cancel()


def _admit_no_more(listener: socket.socket) -> None:
    """Drops every request to connect: the client sends it again after a second, and is refused, or finds the service
    that has taken this one's place."""
    if sys.platform != "linux":
        return
    # A packet filter in the language of the kernel (linux/filter.h): byte 13 of a TCP segment has its flags, 2 is SYN.
    program = struct.pack("HBBI" * 4, *(0x30, 0, 0, 13), *(0x45, 0, 1, 2), *(0x06, 0, 0, 0), *(0x06, 0, 0, 0xFFFFFFFF))
    code = ctypes.create_string_buffer(program, len(program))
    with contextlib.suppress(OSError):  # where containers do not allow it, a few may be reset
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", 4, ctypes.addressof(code)))


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
