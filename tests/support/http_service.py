"""A real HTTP server for one test: an application in a thread, on a free port."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

__all__ = ["Seen", "Service", "serve"]

Answer = Callable[[Request, bytes], Response | Awaitable[Response]]


@dataclass(frozen=True)
class Seen:
    """A request that came."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Service:
    """The running server, and what it has been asked."""

    url: str
    seen: list[Seen] = field(default_factory=list)


@contextmanager
def serve(answer: Answer) -> Iterator[Service]:
    """Answers every request with what `answer` makes of it, which may take its time: it is cut off at the end."""
    listener = socket.create_server(("127.0.0.1", 0))
    service = Service(f"http://127.0.0.1:{listener.getsockname()[1]}")

    async def respond(request: Request) -> Response:
        body = await request.body()
        service.seen.append(Seen(request.method, request.url.path, request.url.query, dict(request.headers), body))
        found = answer(request, body)
        return found if isinstance(found, Response) else await found

    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
    app = Starlette(routes=[Route("/{path:path}", respond, methods=methods)])
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.005)
        yield service
    finally:
        server.should_exit = server.force_exit = True
        thread.join(60)
        listener.close()
