"""The service: Label Studio's protocol for ML backends, as an ASGI application."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ls_trajedit import __version__
from ls_trajedit.backend.answers import (
    Reply,
    answer_predict,
    answer_setup,
    answer_validate,
    answer_versions,
    answer_webhook,
)
from ls_trajedit.backend.basic_auth import Credentials, require_basic_auth
from ls_trajedit.backend.log import log_requests, note
from ls_trajedit.backend.memory import SHORT, share_memory
from ls_trajedit.backend.metrics import Metrics
from ls_trajedit.backend.model_version import MODEL_VERSION
from ls_trajedit.backend.openapi import PROBE_PATH, openapi_document
from ls_trajedit.backend.requests import BadRequestError, error_response, read_body
from ls_trajedit.live_diff.script import SCRIPT_PATH, USER_SCRIPT_PATH, live_diff_script, user_script
from ls_trajedit.traces.json_text import json_line

__all__ = ["DEFAULT_MAX_BODY", "create_app"]

DEFAULT_MAX_BODY = 100 * 1024 * 1024
# Python runs one thread at a time: more of them would not make predictions faster, but the event loop slower.
_THREADS = 4
# A request as short as SHORT is answered in a few milliseconds. Handing a small one to a thread, and its reply back,
# takes longer than answering it.
# What is short and may have a Repeater, spelled in whatever way JSON allows, may take longer.
_MAY_REPEAT = re.compile(rb"(?i)repeater|\\u00")
# Long bodies, and long answers, have this many times `max_body` together.
_BODIES = 2
_ANSWERS = 3
_PLAIN_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")
_PLAIN_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*")

_Endpoint = Callable[[Request], Awaitable[Response]]
# For each path, the endpoint of each method. HEAD is answered like GET.
_Routes = Mapping[str, Mapping[str, _Endpoint]]


def create_app(
    credentials: Credentials | None = None,
    max_body: int = DEFAULT_MAX_BODY,
    label_studio_url: str | None = None,
) -> ASGIApp:
    """The service as an ASGI application. With `credentials`, every route asks for them, except those of the live diff,
    which browsers fetch, and the probe for whatever runs the service: they hold nothing secret. A body of more than
    `max_body` bytes is refused with 413, and with 503 when others take too much memory. The user script is for the
    pages of the Label Studio at `label_studio_url`; without that address there is no user script.

    Raises UsageError when `label_studio_url` is not an http or https address.
    """
    metrics = Metrics()
    protected = _protocol_routes(metrics, max_body, has_auth=credentials is not None)
    public = {PROBE_PATH: {"GET": _probe}, **_live_diff_routes(label_studio_url)}
    routes = {**protected, **public}
    app = share_memory(_answer_by_route(routes), _BODIES * max_body, _ANSWERS * max_body)
    if credentials is not None:
        app = require_basic_auth(app, credentials, public)
    return log_requests(app, metrics, routes)


def _protocol_routes(metrics: Metrics, max_body: int, has_auth: bool) -> _Routes:
    """What Label Studio asks for, and what describes and measures the service itself."""
    threads = ThreadPoolExecutor(_THREADS, "ls-trajedit")
    document = json_line(openapi_document(has_auth))

    def post(answer: Callable[[bytes], Reply]) -> _Endpoint:
        async def endpoint(request: Request) -> Response:
            body = await read_body(request, max_body)
            if len(body) <= SHORT and not _MAY_REPEAT.search(body):
                reply = answer(body)
            else:  # the event loop stays free for `/health`, which Label Studio gives one second
                reply = await asyncio.get_running_loop().run_in_executor(threads, answer, body)
            if reply.tasks is not None:
                note(request.scope, tasks=reply.tasks, unreadable=reply.unreadable)
                metrics.count_tasks(reply.tasks, reply.unreadable)
            return Response(reply.content, media_type="application/json")

        return endpoint

    async def health(request: Request) -> Response:
        return _json({"status": "UP", "model_version": MODEL_VERSION, "version": __version__})

    async def versions(request: Request) -> Response:
        return _json({"versions": [MODEL_VERSION]})

    async def show_metrics(request: Request) -> Response:
        content, content_type = metrics.exposition(request.headers.get("accept", ""))
        return Response(content, headers={"content-type": content_type})

    async def show_openapi(request: Request) -> Response:
        return Response(document, media_type="application/json")

    return {
        "/": {"GET": health},
        "/health": {"GET": health},
        "/setup": {"POST": post(answer_setup)},
        "/predict": {"POST": post(partial(answer_predict, most=_ANSWERS * max_body))},
        "/webhook": {"POST": post(answer_webhook)},
        "/validate": {"POST": post(answer_validate)},
        "/versions": {"GET": versions, "POST": post(answer_versions)},
        "/metrics": {"GET": show_metrics},
        "/openapi.json": {"GET": show_openapi},
    }


async def _probe(request: Request) -> Response:
    return _json({"status": "UP"})


def _live_diff_routes(label_studio_url: str | None) -> _Routes:
    """The live diff, open to everybody: as a script that a proxy puts into Label Studio's pages, and as a user script
    for one browser, which looks for updates at the address that it was fetched from."""
    if label_studio_url is not None:
        user_script(label_studio_url)

    async def script(request: Request) -> Response:
        return _script(request, live_diff_script())

    async def for_one_browser(request: Request) -> Response:
        if label_studio_url is None:
            return error_response(404, "start `ls-trajedit serve` with --label-studio-url to get a user script here")
        return _script(request, user_script(label_studio_url, _own_url(request)))

    return {SCRIPT_PATH: {"GET": script}, USER_SCRIPT_PATH: {"GET": for_one_browser}}


def _script(request: Request, text: str) -> Response:
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    # Browsers keep it, and ask each time whether it has changed. A user script asks from Label Studio's origin.
    headers = {"etag": etag, "cache-control": "no-cache", "access-control-allow-origin": "*"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(text, media_type="text/javascript", headers=headers)


def _own_url(request: Request) -> str | None:
    """The address at which this service was reached, or None when it is not a plain host and path: it goes into a
    script. A proxy that takes a path off the address says so in `X-Forwarded-Prefix`."""
    host = request.headers.get("host", "")
    path = request.headers.get("x-forwarded-prefix", "").rstrip("/")
    scheme = "https" if request.headers.get("x-forwarded-proto") == "https" else "http"
    return f"{scheme}://{host}{path}" if _PLAIN_HOST.fullmatch(host) and _PLAIN_PATH.fullmatch(path) else None


def _answer_by_route(routes: _Routes) -> ASGIApp:
    """An ASGI application with these routes, and 404 and 405 for everything else. A BadRequestError of an endpoint
    becomes its status, an HTTPException the one that it names."""

    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        response = await _answer(routes, Request(scope, receive))
        await response(scope, receive, send)

    return routed


async def _answer(routes: _Routes, request: Request) -> Response:
    methods = routes.get(request.scope["path"])
    if methods is None:
        return error_response(404, "there is nothing at this address")
    method = request.method
    endpoint = methods.get("GET" if method == "HEAD" else method)
    if endpoint is None:
        allowed = [*methods, *(["HEAD"] if "GET" in methods else [])]
        return error_response(405, f"{method} is not allowed at this address", {"allow": ", ".join(allowed)})
    try:
        return await endpoint(request)
    except BadRequestError as error:
        return error_response(error.status, str(error))
    except HTTPException as error:
        return error_response(error.status_code, error.detail)


def _json(value: Any) -> Response:
    return Response(json_line(value), media_type="application/json")
