"""The HTTP client for one server. Whatever it is told, it sends nothing to another."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
from label_studio_sdk.core.api_error import ApiError

from ls_trajedit import __version__
from ls_trajedit.console import say
from ls_trajedit.label_studio.addresses import (
    check_address,
    host_of,
    redirect_target,
    same_origin,
    without_credentials,
)
from ls_trajedit.label_studio.answers import ACCEPTED_ENCODING, LOCATION
from ls_trajedit.label_studio.failures import not_label_studio, readable_body
from ls_trajedit.label_studio.headers import Headers, can_be_token
from ls_trajedit.label_studio.transport import make_transport
from ls_trajedit.redaction import REDACTED, find_secret, keep_header, keep_token, redact
from ls_trajedit.traces.errors import DataError, ServerError

__all__ = ["OriginClient", "is_token_exchange", "open_http"]

_MOST_REDIRECTS = 20
_READS = ("GET", "HEAD", "OPTIONS")
_SAME_METHOD = (307, 308)
# A cache in between must not say what the project was like when somebody else asked.
_OWN_HEADERS = {
    "Accept-Encoding": ACCEPTED_ENCODING,
    "Cache-Control": "no-cache",
    "User-Agent": f"ls-trajedit/{__version__}",
}
_LONGEST_SHOWN = 200
_EXCHANGE = "/api/token/refresh/"
# Of the body of an error, a sentence is shown.
_LONGEST_ERROR = 100_000


def open_http(
    url: str, headers: Headers = (), timeout: float | httpx.Timeout = 20, limits: httpx.Limits | None = None
) -> OriginClient:
    """A client for the server at `url`, through the proxy that the environment names, with `headers` on each request.

    Raises UsageError when `url` is not an address, and SetupError when it holds a password, or when the environment
    names a proxy or certificates that cannot be used.
    """
    check_address(url)
    return OriginClient(url, headers, timeout, limits or httpx.Limits())


class OriginClient(httpx.Client):
    """Sends requests to the server at `url` only. When that redirects from http to https on the same host, all
    requests, the first one again and those that write, go to the https address from then on, and `announce` is
    called with a sentence that says so. Redirects on the same server are followed by requests that read. Any other
    redirect is a ServerError that says where it leads.

    In the body of an error, secrets and the values of `headers` are redacted: some servers show the whole request. Any
    other answer that holds a secret is a DataError.
    """

    def __init__(self, url: str, headers: Headers, timeout: float | httpx.Timeout, limits: httpx.Limits) -> None:
        self.announce: Callable[[str], None] = say
        self._address = httpx.URL(url)
        self._headers_to_add = headers
        for name, value in headers:
            keep_header(name, value)
        self._limits = limits
        self._upgraded: httpx.URL | None = None
        super().__init__(
            transport=make_transport(str(self._address), limits),
            headers=_OWN_HEADERS,
            trust_env=False,
            timeout=timeout,
            follow_redirects=False,
        )

    @property
    def address(self) -> str:
        """The address to which requests go: the given one, or that with https where it redirects to it."""
        found = self._address if self._upgraded is None else self._at_https(self._address)
        return str(found).rstrip("/")

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Sends the request and follows the redirects that may be followed."""
        options["follow_redirects"] = False
        if self._upgraded is not None and request.url.scheme == "http":
            request = self._again(request, self._at_https(request.url))
        for _ in range(_MOST_REDIRECTS):
            for name, value in self._headers_to_add:
                request.headers[name] = value
            response = self._without_secrets(super().send(request, **options))
            if LOCATION not in response.extensions:
                return _checked_exchange(response)
            request = self._redirected(request, response.status_code, response.extensions[LOCATION])
        raise httpx.TooManyRedirects("more redirects than anybody needs", request=request)

    def _redirected(self, request: httpx.Request, status: int, location: str) -> httpx.Request:
        target = redirect_target(request.url, location)
        if target is None:
            raise ServerError(
                f"{_shown(self._address)}: the server redirects ({status}) to something that is not an address, so "
                "nothing was sent there; look at the proxy in front of the server"
            )
        if same_origin(request.url, target):
            if request.method in _READS or status in _SAME_METHOD:
                return self._again(request, target)
            raise ServerError(
                f"{_shown(self._address)}: the server redirects a request that writes, to {_shown(target)} "
                f"({status}), so it was not carried out; is the address right?"
            )
        is_upgrade = self._upgraded is None and (request.url.scheme, target.scheme) == ("http", "https")
        if is_upgrade and target.raw_host == request.url.raw_host:
            self._upgrade(target)
            return self._again(request, self._at_https(request.url))
        raise ServerError(
            f"{_shown(self._address)}: the server redirects to {_shown(target)}, and nothing is sent to another server "
            f"than the one that was named. If Label Studio is there, give --url {self._moved_to(request, target)}; if "
            "something in front of it asks for a login, --header may satisfy that"
        )

    def _moved_to(self, request: httpx.Request, target: httpx.URL) -> str:
        """The address whose Label Studio has at `target` what `request` asked the given one for. It has a path when
        that stands before the one that was asked for."""
        asked = _path(request.url).removeprefix(_path(self._address).rstrip("/"))
        path = _path(target).removesuffix(asked) if asked and _path(target).endswith(asked) else ""
        return _cut(f"{host_of(target)}{path.rstrip('/')}")

    def _upgrade(self, target: httpx.URL) -> None:
        self._upgraded = target
        self._transport = make_transport(str(target), self._limits)
        self.announce(
            f"{_shown(self._address)} redirects to https, so all requests go to {without_credentials(self.address)}; "
            "give that address (--url or LABEL_STUDIO_URL)"
        )

    def _at_https(self, url: httpx.URL) -> httpx.URL:
        assert self._upgraded is not None
        return url.copy_with(scheme="https", port=self._upgraded.port)

    def _again(self, request: httpx.Request, url: httpx.URL) -> httpx.Request:
        """The same request, for `url`."""
        headers = [(name, value) for name, value in request.headers.multi_items() if name.lower() != "host"]
        return httpx.Request(
            request.method, url, headers=headers, content=request.read(), extensions=dict(request.extensions)
        )

    def _without_secrets(self, response: httpx.Response) -> httpx.Response:
        """The response, redacted when it is an error. Raises DataError when it is another answer that holds a secret,
        but for the one that brings a new token, which is kept."""
        if response.status_code >= 400:
            return self._redacted(response)
        response.read()
        if is_token_exchange(response.request):
            _keep_tokens(readable_body(response))
        elif found := find_secret(response.content):
            raise DataError(
                f"{_shown(self._address)}: the answer to {response.request.method} {response.request.url.path} holds "
                f"{found}, so nothing of it was kept. Replace that secret by a new one, and remove it where it stands"
            )
        return response

    def _redacted(self, response: httpx.Response) -> httpx.Response:
        response.read()
        text = response.text[:_LONGEST_ERROR]
        for _, value in self._headers_to_add:
            text = text.replace(value, REDACTED).replace(json.dumps(value)[1:-1], REDACTED)
        text = redact(text)
        if text == response.text:
            return response
        dropped = ("content-encoding", "content-length", "transfer-encoding")
        headers = [(name, value) for name, value in response.headers.multi_items() if name.lower() not in dropped]
        content = text.encode(response.encoding or "utf-8", "replace")
        return httpx.Response(response.status_code, headers=headers, content=content, request=response.request)


def is_token_exchange(request: httpx.Request) -> bool:
    """Whether the request exchanges a personal token for the access token that other requests need."""
    return request.url.path.endswith(_EXCHANGE)


def _keep_tokens(answer: Any) -> None:
    if isinstance(answer, dict):
        for name in ("access", "refresh"):
            token = answer.get(name)
            keep_token("the token", token if isinstance(token, str) else None)


def _checked_exchange(answer: httpx.Response) -> httpx.Response:
    """Raises what the SDK raises when a personal token cannot be exchanged. The SDK itself raises it only when the
    answer is JSON, which a proxy's answer is not. Raises ServerError when what came for it fits no header."""
    if is_token_exchange(answer.request):
        if not answer.is_success:
            raise ApiError(status_code=answer.status_code, headers=dict(answer.headers), body=readable_body(answer))
        found = readable_body(answer)
        token = found.get("access") if isinstance(found, dict) else None
        if isinstance(token, str) and not can_be_token(token):
            raise not_label_studio(host_of(answer.request.url), "exchanging the personal token")
    return answer


def _shown(url: httpx.URL) -> str:
    """The address as it may be shown: without password and query, which may hold secrets, and of what it can be put
    together from in ASCII."""
    return _cut(without_credentials(f"{host_of(url)}{_path(url)}").rstrip("/"))


def _path(url: httpx.URL) -> str:
    """The path as it is sent, with percent signs: decoded, it may hold anything."""
    return url.raw_path.partition(b"?")[0].decode("ascii")


def _cut(text: str) -> str:
    text = redact(text)
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"
