"""Offers the live diff: to a proxy as a script for Label Studio's pages, to one browser as a user script."""

from __future__ import annotations

import hashlib
import re

from starlette.requests import Request
from starlette.responses import Response

from ls_trajedit.backend.refusal import error_response
from ls_trajedit.backend.routes import Routes
from ls_trajedit.live_diff.script import SCRIPT_PATH, USER_SCRIPT_PATH, live_diff_script, user_script

__all__ = ["live_diff_routes"]

_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?")


def live_diff_routes(label_studio_url: str | None) -> Routes:
    """The routes, open to everybody. The user script is for the pages of the Label Studio at `label_studio_url`, and
    asks for its updates at the address that it was fetched from.

    Raises UsageError when `label_studio_url` is no http or https address.
    """
    if label_studio_url is not None:
        user_script(label_studio_url)

    async def script(request: Request) -> Response:
        return _answer(request, live_diff_script())

    async def for_one_browser(request: Request) -> Response:
        if label_studio_url is None:
            return error_response(404, "start `ls-trajedit serve` with --label-studio-url to have a user script here")
        return _answer(request, user_script(label_studio_url, _own_url(request)))

    return {SCRIPT_PATH: {"GET": script}, USER_SCRIPT_PATH: {"GET": for_one_browser}}


def _answer(request: Request, text: str) -> Response:
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    # Browsers keep it, and ask each time whether there is another. A user script asks from Label Studio's origin.
    headers = {"etag": etag, "cache-control": "no-cache", "access-control-allow-origin": "*"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(text, media_type="text/javascript", headers=headers)


def _own_url(request: Request) -> str | None:
    """The address that this service was asked at; it goes into a script, so nothing but a plain host will do."""
    host = request.headers.get("host", "")
    scheme = "https" if request.headers.get("x-forwarded-proto") == "https" else "http"
    return f"{scheme}://{host}" if _HOST.fullmatch(host) else None
