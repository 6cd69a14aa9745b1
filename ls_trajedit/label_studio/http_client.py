"""The HTTP client for one server. Whatever it is told, it sends nothing to another."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from label_studio_sdk.core.api_error import ApiError

from ls_trajedit.console import say
from ls_trajedit.label_studio.addresses import check_address, host_of, same_origin, without_credentials
from ls_trajedit.label_studio.failures import readable_body
from ls_trajedit.label_studio.headers import Headers
from ls_trajedit.label_studio.proxy import Proxy, proxy_for
from ls_trajedit.redaction import REDACTED, find_secret, keep_header, keep_secret, redact
from ls_trajedit.traces.errors import DataError, ServerError, SetupError

__all__ = ["OriginClient", "check_environment", "is_token_exchange", "open_http"]

_MOST_REDIRECTS = 20
_READS = ("GET", "HEAD", "OPTIONS")
_SAME_METHOD = (307, 308)
_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")
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


def check_environment(url: str) -> None:
    """Raises SetupError when the environment names a proxy for `url`, or certificates, that no client could use."""
    _transport(url, httpx.Limits()).close()


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
            transport=_transport(str(self._address), limits), trust_env=False, timeout=timeout, follow_redirects=False
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
            if response.next_request is None:
                return _checked_exchange(response)
            request = self._redirected(request, response, response.next_request)
        raise httpx.TooManyRedirects("more redirects than anybody needs", request=request)

    def _redirected(self, request: httpx.Request, response: httpx.Response, next_one: httpx.Request) -> httpx.Request:
        target = next_one.url
        if same_origin(request.url, target):
            if request.method in _READS or response.status_code in _SAME_METHOD:
                return self._again(request, target)
            raise ServerError(
                f"{_shown(self._address)}: the server redirects a request that writes, to {_shown(target)} "
                f"({response.status_code}), so it was not carried out; is the address right?"
            )
        is_upgrade = self._upgraded is None and (request.url.scheme, target.scheme) == ("http", "https")
        if is_upgrade and target.host == request.url.host:
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
        asked = request.url.path.removeprefix(self._address.path.rstrip("/"))
        path = target.path.removesuffix(asked) if asked and target.path.endswith(asked) else ""
        return f"{host_of(target)}{path.rstrip('/')}"

    def _upgrade(self, target: httpx.URL) -> None:
        self._upgraded = target
        self._transport = _transport(str(target), self._limits)
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
            keep_secret("the token", token if isinstance(token, str) else None)


def _checked_exchange(answer: httpx.Response) -> httpx.Response:
    """Raises what the SDK raises when a personal token cannot be exchanged. The SDK itself raises it only when the
    answer is JSON, which a proxy's answer is not."""
    if answer.status_code >= 400 and is_token_exchange(answer.request):
        raise ApiError(status_code=answer.status_code, headers=dict(answer.headers), body=readable_body(answer))
    return answer


def _transport(url: str, limits: httpx.Limits) -> httpx.HTTPTransport:
    _check_certificates_file()
    proxy = proxy_for(url)
    is_secure = url.lower().startswith("https:") or (proxy is not None and proxy.scheme == "https")
    context = _certificates() if is_secure else None
    if proxy is None:
        return httpx.HTTPTransport(verify=context or False, trust_env=False, limits=limits)
    try:
        through = httpx.Proxy(proxy.url, ssl_context=context if proxy.scheme == "https" else None)
        return httpx.HTTPTransport(verify=context or False, trust_env=False, limits=limits, proxy=through)
    except ImportError:
        raise SetupError(
            f"{proxy.variable} names a SOCKS proxy ({proxy.shown}), for which a package is missing; run: pip install "
            f"socksio. Or exempt the server with NO_PROXY={httpx.URL(url).host}"
        ) from None
    except (ValueError, httpx.InvalidURL):
        raise SetupError(_bad_proxy(proxy)) from None


def _bad_proxy(proxy: Proxy) -> str:
    shown = proxy.shown.encode("ascii", "backslashreplace").decode()
    if proxy.scheme in _PROXY_SCHEMES:
        return f"{proxy.variable} is not the address of a proxy ({shown}); write it like http://proxy.example.com:3128"
    return f"{proxy.variable} names a proxy of a kind that is not supported ({shown}); it can be {_kinds()}"


def _kinds() -> str:
    return ", ".join(f"{scheme}://" for scheme in _PROXY_SCHEMES[:-1]) + f" or {_PROXY_SCHEMES[-1]}://"


def _check_certificates_file() -> None:
    """Raises SetupError when SSL_CERT_FILE names nothing. It would only matter with https, but nothing says which of
    the libraries that share the variable needs it next."""
    name = os.environ.get("SSL_CERT_FILE")
    if name and not Path(name).is_file():
        raise SetupError(f"SSL_CERT_FILE names {name}, and there is no such file; correct it, or unset it")


def _certificates() -> ssl.SSLContext:
    try:
        return httpx.create_ssl_context(trust_env=True)
    except (ssl.SSLError, ValueError):
        why = "it holds no certificates (PEM)"
    except OSError as error:
        why = f"it cannot be read: {error.strerror}"
    raise SetupError(f"SSL_CERT_FILE names {os.environ.get('SSL_CERT_FILE')}, but {why}; correct it, or unset it")


def _shown(url: httpx.URL) -> str:
    """The address as it may be shown: without password and query, which may hold secrets."""
    return without_credentials(f"{host_of(url)}{url.path}").rstrip("/")
