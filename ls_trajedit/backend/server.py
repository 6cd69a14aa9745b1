"""Runs the service: takes the address, serves, and stops when it is told to."""

from __future__ import annotations

import errno
import gc
import ipaddress
import logging
import signal
import socket

import uvicorn
from starlette.types import ASGIApp

from ls_trajedit.backend.http_protocol import ReasonProtocol
from ls_trajedit.traces.errors import SetupError

__all__ = ["is_loopback", "listen", "make_server", "run_server", "server_url"]

_log = logging.getLogger(__name__)

_SECONDS_TO_FINISH = 30
# A request of a hundred tasks makes thousands of objects and no cycles. With Python's default of 700 (or 2000), the
# collector would look through them a dozen times for nothing.
_OBJECTS_BEFORE_COLLECTION = 50_000


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on `host` and `port`; 0 is any free port. Raises SetupError when that cannot be."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        raise SetupError(f"cannot listen on {host}, port {port}: {_explain(error)}") from None
    # An answer's head and body are two writes: the second would wait 40 ms until the first is acknowledged.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def server_url(listener: socket.socket) -> str:
    """The address that `listener` is reached at."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_loopback(listener: socket.socket) -> bool:
    """Whether only this machine can reach `listener`."""
    return ipaddress.ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback


def make_server(app: ASGIApp) -> uvicorn.Server:
    """uvicorn, set up for `app`: with our reason phrases, and with no log but ours."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=ReasonProtocol,
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
    """Serves `app` until SIGTERM or SIGINT, then lets the requests under way finish, and returns. For the main
    thread: signals reach no other."""
    server = make_server(app)

    # uvicorn repeats the signal once it has stopped, for whatever handler was there before: the default one would
    # turn a clean stop into a death by signal.
    def stop(*_: object) -> None:
        server.should_exit = True

    gc.set_threshold(_OBJECTS_BEFORE_COLLECTION)
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        _log.info("listening", extra={"fields": {"url": server_url(listener)}})
        server.run(sockets=[listener])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _explain(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "there is no such host"
    reasons = {
        errno.EADDRINUSE: "another program uses it; stop that, or choose another with --port",
        errno.EACCES: "no permission; ports below 1024 are for root",
        errno.EADDRNOTAVAIL: "this machine does not have that address",
    }
    return reasons.get(error.errno or 0, error.strerror or str(error))
