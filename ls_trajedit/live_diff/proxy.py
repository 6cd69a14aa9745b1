"""Label Studio with the live diff in its pages, for the demo; elsewhere a proxy such as nginx does this."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

import httpx
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ls_trajedit.live_diff.script import SCRIPT_PATH, live_diff_script

__all__ = ["live_diff_proxy"]

_TAG = f'<script src="{SCRIPT_PATH}" defer></script></head>'.encode()
# Headers about one connection, not about what goes through it.
_HOP_BY_HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
# So that the tag can be inserted without decompressing the page.
_UNCOMPRESSED = {"accept-encoding": "identity"}
_SECONDS = 300


def live_diff_proxy(label_studio_url: str) -> ASGIApp:
    """An ASGI application that passes every request on to the Label Studio at `label_studio_url`, and inserts the live
    diff into every page that comes back. A Label Studio under a path (`https://host/labeling`) has that path in all its
    links, so it has the same path here."""
    host = httpx.URL(label_studio_url).copy_with(raw_path=b"/")
    client = httpx.AsyncClient(base_url=host, headers=_UNCOMPRESSED, timeout=_SECONDS, trust_env=False)

    async def proxied(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if request.url.path == SCRIPT_PATH:
            response: Response = Response(live_diff_script(), media_type="text/javascript")
        else:
            response = await _passed_on(client, request)
        await response(scope, receive, send)

    return proxied


async def _passed_on(client: httpx.AsyncClient, request: Request) -> Response:
    headers = _without(request.headers.raw, _HOP_BY_HOP | {"accept-encoding"})
    path = request.scope["raw_path"].partition(b"?")[0] + b"?" + request.scope["query_string"]
    # Read as a whole, because Django's own server does not understand a chunked body.
    body = await request.body()
    asked = client.build_request(
        request.method, httpx.URL(path.decode("ascii").rstrip("?")), headers=headers, content=body or None
    )
    try:
        answer = await client.send(asked, stream=True)
    except httpx.RequestError:
        return Response("Label Studio does not answer", status_code=502, media_type="text/plain")
    if answer.headers.get("content-type", "").startswith("text/html"):
        content = (await answer.aread()).replace(b"</head>", _TAG, 1)
        response = Response(content, answer.status_code)
    else:
        response = StreamingResponse(_streamed(answer), answer.status_code)
    own = {"content-length"} if response.headers.get("content-length") else set()
    response.raw_headers[:0] = _without(answer.headers.raw, _HOP_BY_HOP | own)
    return response


async def _streamed(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    finally:
        await answer.aclose()


def _without(headers: Iterable[tuple[bytes, bytes]], names: set[str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower(), value) for name, value in headers if name.lower().decode("latin-1") not in names]
