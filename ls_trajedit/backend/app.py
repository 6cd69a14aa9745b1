"""The service: Label Studio's protocol for ML backends, as a Starlette application."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ls_trajedit import __version__
from ls_trajedit.backend import MODEL_VERSION
from ls_trajedit.backend.answers import (
    Answer,
    answer_predict,
    answer_setup,
    answer_validate,
    answer_versions,
    answer_webhook,
)
from ls_trajedit.backend.basic_auth import Credentials, require_basic_auth
from ls_trajedit.backend.metrics import CONTENT_TYPE, Metrics
from ls_trajedit.backend.openapi import openapi_document
from ls_trajedit.backend.refusal import BadRequestError, error_response
from ls_trajedit.backend.request_body import read_body
from ls_trajedit.backend.request_log import log_requests, note
from ls_trajedit.label_config.json_text import json_line

__all__ = ["DEFAULT_MAX_BODY", "create_app"]

DEFAULT_MAX_BODY = 100 * 1024 * 1024
# Python runs one thread at a time: more of them make no prediction faster, and the event loop slower.
_THREADS = 4

_Endpoint = Callable[[Request], Awaitable[Response]]


def create_app(credentials: Credentials | None = None, max_body: int = DEFAULT_MAX_BODY) -> Starlette:
    """The service as an ASGI application. With `credentials`, every route wants them. A body of more than `max_body`
    bytes is refused with 413."""
    metrics = Metrics()
    threads = ThreadPoolExecutor(_THREADS, "ls-trajedit")
    document = json_line(openapi_document(has_auth=credentials is not None))

    def post(answer: Callable[[bytes], Answer]) -> _Endpoint:
        # The event loop stays free for `/health`, which Label Studio gives one second.
        async def endpoint(request: Request) -> Response:
            body = await read_body(request, max_body)
            given = await asyncio.get_running_loop().run_in_executor(threads, answer, body)
            if given.tasks is not None:
                note(request.scope, tasks=given.tasks, unreadable=given.unreadable)
                metrics.count_tasks(given.tasks, given.unreadable)
            return Response(given.content, media_type="application/json")

        return endpoint

    async def health(request: Request) -> Response:
        return _json({"status": "UP", "model_version": MODEL_VERSION, "version": __version__})

    post_versions = post(answer_versions)

    async def versions(request: Request) -> Response:
        return await post_versions(request) if request.method == "POST" else _json({"versions": [MODEL_VERSION]})

    async def show_metrics(request: Request) -> Response:
        return Response(metrics.as_text(), headers={"content-type": CONTENT_TYPE})

    async def show_openapi(request: Request) -> Response:
        return Response(document, media_type="application/json")

    routes = [
        Route("/", health, methods=["GET"]),
        Route("/health", health, methods=["GET"]),
        Route("/setup", post(answer_setup), methods=["POST"]),
        Route("/predict", post(answer_predict), methods=["POST"]),
        Route("/webhook", post(answer_webhook), methods=["POST"]),
        Route("/validate", post(answer_validate), methods=["POST"]),
        Route("/versions", versions, methods=["GET", "POST"]),
        Route("/metrics", show_metrics, methods=["GET"]),
        Route("/openapi.json", show_openapi, methods=["GET"]),
    ]
    middleware = [Middleware(log_requests, metrics=metrics, paths={route.path for route in routes})]
    if credentials is not None:
        middleware.append(Middleware(require_basic_auth, credentials=credentials))
    app = Starlette(
        routes=routes,
        middleware=middleware,
        exception_handlers={HTTPException: _http_error, BadRequestError: _bad_request},
    )
    app.router.redirect_slashes = False
    return app


def _json(value: Any) -> Response:
    return Response(json_line(value), media_type="application/json")


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = error.detail
    if error.status_code == 404:
        message = "there is nothing at this address"
    elif error.status_code == 405:
        message = f"{request.method} is not for this address"
    return error_response(error.status_code, message, error.headers)


async def _bad_request(request: Request, error: Exception) -> Response:
    return error_response(400, str(error))
