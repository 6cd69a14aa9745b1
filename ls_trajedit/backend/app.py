"""The service: Label Studio's protocol for ML backends, as an ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

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
from ls_trajedit.backend.live_diff_routes import live_diff_routes
from ls_trajedit.backend.log import log_requests, note
from ls_trajedit.backend.metrics import CONTENT_TYPE, Metrics
from ls_trajedit.backend.openapi import openapi_document
from ls_trajedit.backend.requests import read_body
from ls_trajedit.backend.routes import Endpoint, Routes, answer_by_route
from ls_trajedit.traces.json_text import json_line

__all__ = ["DEFAULT_MAX_BODY", "create_app"]

DEFAULT_MAX_BODY = 100 * 1024 * 1024
# Python runs one thread at a time: more of them make no prediction faster, and the event loop slower.
_THREADS = 4
# A request as short as this is answered in a few milliseconds. To hand a small one to a thread, and its answer back,
# takes longer than to answer it.
_SHORT_BODY = 256 * 1024


def create_app(
    credentials: Credentials | None = None,
    max_body: int = DEFAULT_MAX_BODY,
    label_studio_url: str | None = None,
) -> ASGIApp:
    """The service as an ASGI application. With `credentials`, every route wants them, except the live diff's: browsers
    fetch that, and there is nothing secret in it. A body of more than `max_body` bytes is refused with 413. The user
    script is for the pages of the Label Studio at `label_studio_url`; without one there is no user script.

    Raises UsageError when `label_studio_url` is no http or https address.
    """
    metrics = Metrics()
    threads = ThreadPoolExecutor(_THREADS, "ls-trajedit")
    document = json_line(openapi_document(has_auth=credentials is not None))

    def post(answer: Callable[[bytes], Answer]) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            body = await read_body(request, max_body)
            if len(body) <= _SHORT_BODY:
                given = answer(body)
            else:  # the event loop stays free for `/health`, which Label Studio gives one second
                given = await asyncio.get_running_loop().run_in_executor(threads, answer, body)
            if given.tasks is not None:
                note(request.scope, tasks=given.tasks, unreadable=given.unreadable)
                metrics.count_tasks(given.tasks, given.unreadable)
            return Response(given.content, media_type="application/json")

        return endpoint

    async def health(request: Request) -> Response:
        return _json({"status": "UP", "model_version": MODEL_VERSION, "version": __version__})

    async def versions(request: Request) -> Response:
        return _json({"versions": [MODEL_VERSION]})

    async def show_metrics(request: Request) -> Response:
        return Response(metrics.as_text(), headers={"content-type": CONTENT_TYPE})

    async def show_openapi(request: Request) -> Response:
        return Response(document, media_type="application/json")

    routes: Routes = {
        "/": {"GET": health},
        "/health": {"GET": health},
        "/setup": {"POST": post(answer_setup)},
        "/predict": {"POST": post(answer_predict)},
        "/webhook": {"POST": post(answer_webhook)},
        "/validate": {"POST": post(answer_validate)},
        "/versions": {"GET": versions, "POST": post(answer_versions)},
        "/metrics": {"GET": show_metrics},
        "/openapi.json": {"GET": show_openapi},
    }
    public = live_diff_routes(label_studio_url)
    app = answer_by_route({**routes, **public})
    if credentials is not None:
        app = require_basic_auth(app, credentials, public)
    return log_requests(app, metrics, {**routes, **public})


def _json(value: Any) -> Response:
    return Response(json_line(value), media_type="application/json")
