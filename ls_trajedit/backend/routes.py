"""Which request is answered by what: by its path, then by its method."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ls_trajedit.backend.refusal import BadRequestError, error_response

__all__ = ["Endpoint", "Routes", "answer_by_route"]

Endpoint = Callable[[Request], Awaitable[Response]]
Routes = Mapping[str, Mapping[str, Endpoint]]
"""For each path, what answers which method. HEAD is answered as GET is."""


def answer_by_route(routes: Routes) -> ASGIApp:
    """An ASGI application that answers with `routes`, and with 404 and 405 what they do not have. A BadRequestError
    of an endpoint becomes a 400, an HTTPException what it says."""

    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        response = await _answer(routes, Request(scope, receive))
        await response(scope, receive, send)

    return routed


async def _answer(routes: Routes, request: Request) -> Response:
    methods = routes.get(request.scope["path"])
    if methods is None:
        return error_response(404, "there is nothing at this address")
    method = request.method
    endpoint = methods.get("GET" if method == "HEAD" else method)
    if endpoint is None:
        allowed = [*methods, *(["HEAD"] if "GET" in methods else [])]
        return error_response(405, f"{method} is not for this address", {"allow": ", ".join(allowed)})
    try:
        return await endpoint(request)
    except BadRequestError as error:
        return error_response(400, str(error))
    except HTTPException as error:
        return error_response(error.status_code, error.detail)
